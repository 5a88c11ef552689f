//! Names of subdivisions -> ISO 3166-2.
//!
//! The flat geo files call a region `California`; answers and filters want `US-CA`. A name that no table knows is kept
//! behind its country (`HK-Kowloon`), so that nothing is lost and nothing is guessed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::LazyLock;

/// Codes and names, with where they come from.
const NAMES: &str = include_str!("regions.txt");

/// Words that one source writes and another leaves out.
const GENERIC: &[&str] = &[
    "ad",
    "al",
    "an",
    "ar",
    "area",
    "as",
    "ash",
    "at",
    "autonomous",
    "canton",
    "capital",
    "city",
    "council",
    "county",
    "de",
    "del",
    "department",
    "district",
    "division",
    "do",
    "el",
    "emirate",
    "federal",
    "governorate",
    "gu",
    "island",
    "islands",
    "krai",
    "kray",
    "la",
    "le",
    "municipality",
    "oblast",
    "of",
    "parish",
    "prefecture",
    "province",
    "raion",
    "rayon",
    "region",
    "republic",
    "sheng",
    "shi",
    "si",
    "state",
    "territory",
    "the",
    "voivodeship",
];

/// The region as it is stored: `US-CA`; `US-Name` for a name without a known code; empty for an empty name.
pub fn region(country: &str, name: &str) -> String {
    if country.is_empty() || name.is_empty() {
        return String::new();
    }
    match CODES.get(country, name) {
        Some(code) => code.to_owned(),
        None => [country, "-", name].concat(),
    }
}

/// The English name of a region's code: `US-TX` is Texas. What stands behind the country where no table knows the code, which
/// is a name already where none was known for it.
pub fn region_name(code: &str) -> &str {
    let behind = code.split_once('-').map_or(code, |(_, behind)| behind);
    English::of(code).unwrap_or(behind)
}

/// Code -> English name.
struct English(HashMap<&'static str, &'static str>);

impl English {
    fn of(code: &str) -> Option<&'static str> {
        static NAMES_OF: LazyLock<English> = LazyLock::new(English::read);
        NAMES_OF.0.get(code).copied()
    }

    /// The lines that win hold what geo files write; the plain ones, which come later, the English names.
    fn read() -> Self {
        let mut names = HashMap::with_capacity(8_192);
        for line in NAMES.lines().filter(|line| !line.starts_with('#')) {
            let Some((code, listed)) = line.trim_start_matches('!').split_once(' ') else { continue };
            names.insert(code, listed.split_once('|').map_or(listed, |(first, _)| first));
        }
        Self(names)
    }
}

/// Country and folded name -> code.
struct Codes {
    exact: HashMap<String, &'static str>,
    loose: HashMap<String, Loose>,
}

/// A name without its generic words.
struct Loose {
    /// Nothing when several codes share what is left.
    code: Option<&'static str>,
    /// From a line that wins.
    wins: bool,
}

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::read(NAMES));

impl Codes {
    fn read(text: &'static str) -> Self {
        let mut codes = Self { exact: HashMap::with_capacity(8_192), loose: HashMap::with_capacity(8_192) };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (wins, line) = match line.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, line),
            };
            let Some((code, names)) = line.split_once(' ') else { continue };
            let Some((country, _)) = code.split_once('-') else { continue };
            for name in names.split('|') {
                codes.add(code, country, name, wins);
            }
        }
        codes
    }

    /// The lines that win come first, so that what is there already stays.
    fn add(&mut self, code: &'static str, country: &str, name: &str, wins: bool) {
        let exact = key(country, name);
        match self.loose.entry(without_generic(&exact)) {
            Entry::Vacant(place) => {
                place.insert(Loose { code: Some(code), wins });
            }
            Entry::Occupied(mut known) => {
                if !known.get().wins && known.get().code != Some(code) {
                    known.get_mut().code = None;
                }
            }
        }
        self.exact.entry(exact).or_insert(code);
    }

    fn get(&self, country: &str, name: &str) -> Option<&'static str> {
        let exact = key(country, name);
        if let Some(code) = self.exact.get(&exact) {
            return Some(code);
        }
        let loose = without_generic(&exact);
        self.exact.get(&loose).copied().or_else(|| self.loose.get(&loose)?.code)
    }
}

/// Country, then the name in lower-case ASCII letters and digits, words parted by one space.
fn key(country: &str, name: &str) -> String {
    let mut key = String::with_capacity(country.len() + name.len() + 8);
    key.push_str(country);
    let mut pause = true;
    for letter in name.chars() {
        let plain = fold(letter);
        if plain.is_empty() {
            // An apostrophe does not part words.
            pause |= !matches!(letter, '\'' | '’' | '‘' | 'ʻ' | '`');
            continue;
        }
        if std::mem::take(&mut pause) {
            key.push(' ');
        }
        key.push_str(plain);
    }
    key
}

/// A [`key`] without its generic words; unchanged when it has no others.
fn without_generic(key: &str) -> String {
    let mut words = key.split(' ');
    let country = words.next().unwrap_or_default();
    let mut loose = String::with_capacity(key.len());
    loose.push_str(country);
    for word in words.filter(|word| GENERIC.binary_search(word).is_err()) {
        loose.push(' ');
        loose.push_str(word);
    }
    if loose.len() == country.len() { key.to_owned() } else { loose }
}

/// The plain lower-case letters for a letter of the Latin script, or a digit; empty for anything else.
fn fold(letter: char) -> &'static str {
    const PLAIN: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
    if let Some(place) = letter.to_digit(36) {
        let place = place as usize;
        return &PLAIN[place..=place];
    }
    let lower = letter.to_lowercase().next().unwrap_or(letter);
    match lower {
        'à'..='å'
        | 'ā'
        | 'ă'
        | 'ą'
        | 'ǎ'
        | 'ə'
        | 'ạ'
        | 'ả'
        | 'ấ'
        | 'ầ'
        | 'ẩ'
        | 'ẫ'
        | 'ậ'
        | 'ắ'
        | 'ằ'
        | 'ẳ'
        | 'ẵ'
        | 'ặ' => "a",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' | 'ḍ' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ẹ' | 'ẻ' | 'ẽ' | 'ế' | 'ề' | 'ể' | 'ễ' | 'ệ' => {
            "e"
        }
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' | 'ḩ' | 'ḥ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'ỉ' | 'ị' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö'
        | 'ø'
        | 'ō'
        | 'ŏ'
        | 'ő'
        | 'ơ'
        | 'ọ'
        | 'ỏ'
        | 'ố'
        | 'ồ'
        | 'ổ'
        | 'ỗ'
        | 'ộ'
        | 'ớ'
        | 'ờ'
        | 'ở'
        | 'ỡ'
        | 'ợ' => "o",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' | 'ṣ' => "s",
        'ţ' | 'ť' | 'ŧ' | 'ț' | 'ṭ' => "t",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' | 'ụ' | 'ủ' | 'ứ' | 'ừ' | 'ử' | 'ữ' | 'ự' => {
            "u"
        }
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' | 'ỳ' | 'ỵ' | 'ỷ' | 'ỹ' => "y",
        'ź' | 'ż' | 'ž' | 'ẕ' | 'ẓ' => "z",
        'æ' => "ae",
        'œ' => "oe",
        'ß' => "ss",
        'þ' => "th",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_have_names() {
        for (code, name) in [
            ("US-TX", "Texas"),
            ("DE-BY", "Bavaria"),
            ("HK-Kowloon", "Kowloon"),
            ("US-ZZ", "ZZ"),
            ("AR-C", region_name("AR-C")),
            ("", ""),
        ] {
            assert_eq!(region_name(code), name, "{code}");
        }
    }

    #[test]
    fn known_names() {
        for (country, name, expected) in [
            ("US", "California", "US-CA"),
            ("US", "District of Columbia", "US-DC"),
            ("GB", "England", "GB-ENG"),
            ("DE", "Bavaria", "DE-BY"),
            ("DE", "Baden-Wurttemberg", "DE-BW"),
            ("DE", "Land Berlin", "DE-Land Berlin"),
            ("FR", "Ile-de-France", "FR-IDF"),
            ("FR", "Île-de-France", "FR-IDF"),
            ("JP", "Tokyo", "JP-13"),
            ("BR", "Sao Paulo", "BR-SP"),
            ("BR", "São Paulo", "BR-SP"),
            ("RU", "Moscow", "RU-MOW"),
            ("RU", "Moscow Oblast", "RU-MOS"),
            ("UA", "Kharkiv", "UA-63"),
            ("UA", "Kharkiv Oblast", "UA-63"),
            ("KR", "Gyeonggi-do", "KR-41"),
            ("IR", "Tehran", "IR-23"),
            ("ES", "Madrid", "ES-MD"),
            ("NO", "Akershus", "NO-32"),
            ("PE", "Lima Province", "PE-LMA"),
            ("MX", "Mexico", "MX-MEX"),
            ("GE", "T'bilisi", "GE-TB"),
        ] {
            assert_eq!(region(country, name), expected, "{name}");
        }
    }

    #[test]
    fn unknown_names_are_kept_and_nothing_stays_nothing() {
        assert_eq!(region("HK", "Kowloon"), "HK-Kowloon");
        assert_eq!(region("US", "Nowhere"), "US-Nowhere");
        assert_eq!(region("US", ""), "");
        assert_eq!(region("", "California"), "");
    }

    #[test]
    fn every_line_of_the_table_is_well_formed_and_found_under_its_own_country() {
        let lines = NAMES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut count = 0;
        for line in lines {
            let (code, names) = line.trim_start_matches('!').split_once(' ').expect(line);
            let (country, part) = code.split_once('-').expect(line);
            assert!(country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_uppercase()), "{line}");
            assert!(
                (1..=3).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_alphanumeric()),
                "{line}"
            );
            for name in names.split('|') {
                assert!(!name.trim().is_empty() && name.trim() == name, "{line}");
                let found = region(country, name);
                // A name of two levels means one of them; what wins is always found.
                assert!(found.starts_with(country), "{line}: {found}");
                if line.starts_with('!') {
                    assert_eq!(found, code, "{line}");
                }
            }
            count += 1;
        }
        assert!(count > 5_000, "{count}");
    }

    #[test]
    fn generic_words_are_sorted() {
        assert!(GENERIC.is_sorted());
    }

    proptest! {
        #[test]
        fn any_name_is_answered(country in "[A-Z]{2}", name in ".{0,60}") {
            let found = region(&country, &name);
            prop_assert_eq!(found.is_empty(), name.is_empty());
        }
    }
}
