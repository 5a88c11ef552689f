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

/// Currencies whose smallest unit is the whole one, and those that have three decimal places (ISO 4217).
const NO_PLACES: [&str; 16] =
    ["bif", "clp", "djf", "gnf", "isk", "jpy", "kmf", "krw", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"];
const THREE_PLACES: [&str; 7] = ["bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"];

/// Signs that stand for one currency alone. Every other amount comes with its code.
const SIGNS: [(&str, &str); 7] =
    [("usd", "$"), ("eur", "€"), ("gbp", "£"), ("jpy", "¥"), ("inr", "₹"), ("krw", "₩"), ("ils", "₪")];

/// An amount in the smallest unit, as a plain number in its currency's own decimal places: `12.34`, `1580`, `1.500`, `-0.05`.
pub fn decimal(amount: i64, code: &str) -> String {
    let places = places(&code.to_ascii_lowercase());
    let unit = 10_u64.pow(places);
    let (whole, part) = (amount.unsigned_abs() / unit, amount.unsigned_abs() % unit);
    let minus = if amount < 0 { "-" } else { "" };
    match places {
        0 => format!("{minus}{whole}"),
        _ => format!("{minus}{whole}.{part:0width$}", width = places as usize),
    }
}

/// Decimal places of a currency by its code in lower case.
fn places(code: &str) -> u32 {
    match code {
        code if NO_PLACES.contains(&code) => 0,
        code if THREE_PLACES.contains(&code) => 3,
        _ => 2,
    }
}

/// An amount in the smallest unit, in its currency's own decimal places: `$12.34`, `¥1580`, `KWD 1.500`, `-€0.05`.
pub fn money(amount: i64, code: &str) -> String {
    let code = code.to_ascii_lowercase();
    let sign = match SIGNS.iter().find(|(known, _)| *known == code) {
        Some((_, sign)) => (*sign).to_owned(),
        None => code.to_ascii_uppercase() + " ",
    };
    match decimal(amount, &code).strip_prefix('-') {
        Some(number) => format!("-{sign}{number}"),
        None => sign + &decimal(amount, &code),
    }
}

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
    fn money_has_its_currencys_places() {
        for (amount, code, text) in [
            (1234, "usd", "$12.34"),
            (5, "USD", "$0.05"),
            (0, "usd", "$0.00"),
            (-5, "eur", "-€0.05"),
            (1580, "jpy", "¥1580"),
            (-1, "krw", "-₩1"),
            (1500, "kwd", "KWD 1.500"),
            (1234, "chf", "CHF 12.34"),
            (100, "xof", "XOF 100"),
            (i64::MIN, "usd", "-$92233720368547758.08"),
        ] {
            assert_eq!(money(amount, code), text);
        }
        for code in NO_PLACES.iter().chain(&THREE_PLACES).chain(SIGNS.iter().map(|(code, _)| code)) {
            assert!(CODES.contains(code), "{code}");
        }
    }

    #[test]
    fn plain_numbers_have_them_too() {
        for (amount, code, text) in [
            (1_945_200, "usd", "19452.00"),
            (-5, "EUR", "-0.05"),
            (1580, "jpy", "1580"),
            (0, "kwd", "0.000"),
            (7, "", "0.07"),
        ] {
            assert_eq!(decimal(amount, code), text);
        }
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
