//! Currencies: the codes of ISO 4217. Amounts are whole numbers of a currency's smallest unit and are never converted.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// Codes of ISO 4217 in order, funds and metals left out; with those that were replaced lately and go on in use.
const CODES: [&str; 160] = [
    "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt", "bgn", "bhd", "bif",
    "bmd", "bnd", "bob", "brl", "bsd", "btn", "bwp", "byn", "bzd", "cad", "cdf", "chf", "clp", "cny", "cop", "crc",
    "cup", "cve", "czk", "djf", "dkk", "dop", "dzd", "egp", "ern", "etb", "eur", "fjd", "fkp", "gbp", "gel", "ghs",
    "gip", "gmd", "gnf", "gtq", "gyd", "hkd", "hnl", "hrk", "htg", "huf", "idr", "ils", "inr", "iqd", "irr", "isk",
    "jmd", "jod", "jpy", "kes", "kgs", "khr", "kmf", "kpw", "krw", "kwd", "kyd", "kzt", "lak", "lbp", "lkr", "lrd",
    "lsl", "lyd", "mad", "mdl", "mga", "mkd", "mmk", "mnt", "mop", "mru", "mur", "mvr", "mwk", "mxn", "myr", "mzn",
    "nad", "ngn", "nio", "nok", "npr", "nzd", "omr", "pab", "pen", "pgk", "php", "pkr", "pln", "pyg", "qar", "ron",
    "rsd", "rub", "rwf", "sar", "sbd", "scr", "sdg", "sek", "sgd", "shp", "sle", "sll", "sos", "srd", "ssp", "stn",
    "svc", "syp", "szl", "thb", "tjs", "tmt", "tnd", "top", "try", "ttd", "twd", "tzs", "uah", "ugx", "usd", "uyu",
    "uzs", "ved", "ves", "vnd", "vuv", "wst", "xaf", "xcd", "xcg", "xof", "xpf", "yer", "zar", "zmw", "zwg", "zwl",
];

/// A currency by its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Currency(&'static str);

impl Currency {
    /// US dollars.
    pub const USD: Self = Self("usd");

    /// The currency of a code in any case; `None` for what is none.
    pub fn parse(code: &str) -> Option<Self> {
        let code = code.trim();
        CODES.iter().find(|known| known.eq_ignore_ascii_case(code)).copied().map(Self)
    }

    /// The code, lower case.
    pub fn code(self) -> &'static str {
        self.0
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::parse(&code).ok_or_else(|| D::Error::custom(format!("{code} is no currency")))
    }
}

/// Sums of sales. Different currencies are never added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Takings {
    by_currency: BTreeMap<String, (u64, i64)>,
}

impl Takings {
    /// Adds sales of one currency: how many, and their sum in the smallest unit.
    pub fn add(&mut self, currency: &str, sales: u64, amount: i64) {
        let sum = self.by_currency.entry(currency.to_owned()).or_default();
        *sum = (sum.0.saturating_add(sales), sum.1.saturating_add(amount));
    }

    /// How many sales, in whatever currency.
    pub fn sales(&self) -> u64 {
        self.by_currency.values().map(|(sales, _)| sales).sum()
    }

    /// The sum of one currency, for where there is room for one number: of that with the most sales, of equals the first by
    /// its code. 0 without sales.
    pub fn main_amount(&self) -> i64 {
        let most = self.by_currency.values().rev().max_by_key(|(sales, _)| *sales);
        most.map_or(0, |(_, amount)| *amount)
    }

    /// The sum of each currency.
    pub fn amounts(&self) -> BTreeMap<&str, i64> {
        self.by_currency.iter().map(|(currency, (_, amount))| (currency.as_str(), *amount)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_known_in_any_case_and_nothing_else() {
        for (text, code) in [
            ("usd", Some("usd")),
            ("EUR", Some("eur")),
            (" jpy ", Some("jpy")),
            ("Kwd", Some("kwd")),
            ("zwg", Some("zwg")),
            ("", None),
            ("us", None),
            ("usdt", None),
            ("xyz", None),
            ("€", None),
            ("xxx", None),
        ] {
            assert_eq!(Currency::parse(text).map(Currency::code), code, "{text}");
        }
        assert!(CODES.is_sorted() && CODES.iter().all(|code| code.len() == 3));
    }

    #[test]
    fn currencies_are_not_added_up() {
        let mut takings = Takings::default();
        assert_eq!((takings.sales(), takings.main_amount()), (0, 0));
        takings.add("usd", 1, 500);
        takings.add("eur", 2, 300);
        takings.add("eur", 1, -100);
        assert_eq!((takings.sales(), takings.main_amount()), (4, 200));
        assert_eq!(takings.amounts(), BTreeMap::from([("eur", 200), ("usd", 500)]));
        takings.add("usd", 2, 1);
        assert_eq!(takings.main_amount(), 200, "of equals the first by code");
    }
}
