//! The click's id in the address that a visitor is sent to, for links whose owner wants to know what came of their clicks.
//! The destination hands it back with a lead or a sale.
//!
//! `dub_id=<click id>` comes last in the query; where the destination says `dub_client_reference_id=1`, that parameter
//! becomes `client_reference_id=dub_id_<click id>` instead. An id that the address carries already, also one that a visit
//! brought along, gives way.

use bytes::Bytes;
use http::HeaderValue;

use super::destination::{Growing, MAX_LOCATION_BYTES, Parts};
use super::forward::pairs;

const PARAMETER: &str = "dub_id";
const REFERENCE: &[u8] = b"dub_client_reference_id";
const REFERENCE_BECOMES: &str = "client_reference_id";

/// The address with the click's id; `None` when it becomes too long for that.
pub fn with_click_id(location: &HeaderValue, click: &str) -> Option<HeaderValue> {
    let address = location.to_str().ok()?;
    let parts = Parts::of(address);
    let query = parts.query.unwrap_or_default();
    let mut growing = Growing::base(parts, query.len() + 64);
    let by_reference = pairs(query).any(|pair| *pair.key == *REFERENCE);
    let mut is_named = false;
    for pair in pairs(query) {
        if *pair.key == *REFERENCE {
            if !is_named {
                growing.add(REFERENCE_BECOMES, &format!("{PARAMETER}_{click}"));
            }
            is_named = true;
        } else if *pair.key != *PARAMETER.as_bytes() && !(by_reference && *pair.key == *REFERENCE_BECOMES.as_bytes()) {
            growing.add_written(pair.written);
        }
    }
    if !is_named {
        growing.add(PARAMETER, click);
    }
    let address = growing.finish();
    (address.len() <= MAX_LOCATION_BYTES).then(|| HeaderValue::from_maybe_shared(Bytes::from(address)).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_the_id() {
        for (address, expected) in [
            ("https://e.com", Some("https://e.com?dub_id=abc")),
            ("https://e.com/?a=1&b#top", Some("https://e.com/?a=1&b&dub_id=abc#top")),
            ("https://e.com/?dub_id=old&a=%20", Some("https://e.com/?a=%20&dub_id=abc")),
            ("https://e.com/?dub_client_reference_id=1&a=1", Some("https://e.com/?client_reference_id=dub_id_abc&a=1")),
            (
                "https://e.com/?client_reference_id=x&dub_client_reference_id=1&client%5Freference_id=y&dub_client_reference_id",
                Some("https://e.com/?client_reference_id=dub_id_abc"),
            ),
            ("https://e.com/?client_reference_id=x", Some("https://e.com/?client_reference_id=x&dub_id=abc")),
        ] {
            let location = with_click_id(&HeaderValue::from_static(address), "abc");
            assert_eq!(location.as_ref().map(|location| location.to_str().unwrap()), expected, "{address}");
        }
        let long = format!("https://e.com/{}", "x".repeat(MAX_LOCATION_BYTES - 14));
        assert_eq!(with_click_id(&HeaderValue::from_str(&long).unwrap(), "abc"), None);
    }
}
