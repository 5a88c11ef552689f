//! Country -> continent, for geo files that do not say.

/// Continents with their countries: ISO 3166-1 alpha-2 and the user-assigned `XK`.
const CONTINENTS: &[(&str, &str)] = &[
    (
        "AF",
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU MW MZ NA NE NG \
         RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW",
    ),
    ("AN", "AQ BV GS HM TF"),
    (
        "AS",
        "AE AF AM AZ BD BH BN BT CC CN CX CY GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO MV MY NP OM \
         PH PK PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE",
    ),
    (
        "EU",
        "AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV MC MD ME MK MT NL \
         NO PL PT RO RS RU SE SI SJ SK SM UA VA XK",
    ),
    (
        "NA",
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM PR SV SX TC TT US \
         VC VG VI",
    ),
    ("OC", "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS"),
    ("SA", "AR BO BR CL CO EC FK GF GY PE PY SR UY VE"),
];

/// For each pair of letters: 0 for no country, otherwise 1 and the place in [`CONTINENTS`].
const TABLE: [u8; 26 * 26] = table();

const fn table() -> [u8; 26 * 26] {
    let mut table = [0; 26 * 26];
    let mut place = 0;
    while place < CONTINENTS.len() {
        let codes = CONTINENTS[place].1.as_bytes();
        let mut at = 0;
        while at < codes.len() {
            table[(codes[at] - b'A') as usize * 26 + (codes[at + 1] - b'A') as usize] = place as u8 + 1;
            at += 3;
        }
        place += 1;
    }
    table
}

/// The continent of a country (alpha-2, upper case); empty when there is no such country.
pub fn continent(country: &str) -> &'static str {
    let &[first @ b'A'..=b'Z', second @ b'A'..=b'Z'] = country.as_bytes() else { return "" };
    match TABLE[usize::from(first - b'A') * 26 + usize::from(second - b'A')] {
        0 => "",
        place => CONTINENTS[usize::from(place) - 1].0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_one_continent() {
        let all: Vec<&str> = CONTINENTS.iter().flat_map(|(_, codes)| codes.split(' ')).collect();
        let mut once = all.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), all.len());
        // ISO 3166-1 has 249, and Kosovo.
        assert_eq!(all.len(), 250);
        for (name, codes) in CONTINENTS {
            for code in codes.split(' ') {
                assert_eq!(continent(code), *name, "{code}");
            }
        }
    }

    #[test]
    fn anything_else_has_none() {
        for odd in ["", "U", "us", "USA", "ZZ", "T1", "é"] {
            assert_eq!(continent(odd), "", "{odd}");
        }
    }
}
