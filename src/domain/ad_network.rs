//! Which ad network sent a visit: networks put an id of their own for each click into the address.
//!
//! `clickhouse/0005_ad_network.sql` says the same of stored clicks; a test below holds the two together.

/// Parameters of the visit's query, in lower case, and the network that adds each. An id says that the network led here,
/// not that it was paid: Meta marks its users' own posts too.
pub const CLICK_IDS: &[(&str, &str)] = &[
    ("gclid", "Google"),
    ("gbraid", "Google"),
    ("wbraid", "Google"),
    ("dclid", "Google"),
    ("fbclid", "Meta"),
    ("msclkid", "Microsoft"),
    ("ttclid", "TikTok"),
    ("li_fat_id", "LinkedIn"),
    ("twclid", "X"),
    ("rdt_cid", "Reddit"),
    ("sccid", "Snapchat"),
    ("epik", "Pinterest"),
    ("yclid", "Yandex"),
    ("qclid", "Quora"),
    ("tblci", "Taboola"),
    ("dicbo", "Outbrain"),
];

/// The network whose click id stands first in a query, if it is not blank; empty when there is none. Names are matched
/// without regard to the case of ASCII letters.
pub fn ad_network(params: &str) -> &'static str {
    let named = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let known = CLICK_IDS.iter().find(|(id, _)| !value.is_empty() && name.eq_ignore_ascii_case(id));
        known.map(|(_, network)| *network)
    };
    params.split('&').find_map(named).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_click_id_tells() {
        for (params, network) in [
            ("", ""),
            ("utm_source=google", ""),
            ("gclid=1", "Google"),
            ("x=1&ScCid=a", "Snapchat"),
            ("fbclid=&gclid=1", "Google"),
            ("fbclid=a&gclid=1", "Meta"),
            ("notgclid=1&gclid", ""),
            ("a=gclid=1", ""),
            ("LI_FAT_ID==", "LinkedIn"),
        ] {
            assert_eq!(ad_network(params), network, "{params}");
        }
    }

    #[test]
    fn the_stored_column_knows_the_same_ids() {
        let text = include_str!("../../clickhouse/0005_ad_network.sql");
        let list = |values: Vec<&str>| format!("['{}']", values.join("', '"));
        assert!(text.contains(&list(CLICK_IDS.iter().map(|(id, _)| *id).collect())), "ids");
        assert!(text.contains(&list(CLICK_IDS.iter().map(|(_, network)| *network).collect())), "networks");
        let pattern = CLICK_IDS.iter().map(|(id, _)| *id).collect::<Vec<_>>().join("|");
        assert!(text.contains(&format!("'(?i)(?:^|&)({pattern})=[^&]'")), "pattern");
    }
}
