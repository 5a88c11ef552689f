//! Which addresses may be told of what happens: those of the public Internet, and those that the operator allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

/// Bytes of a target's address at most.
pub const MAX_URL_BYTES: usize = 2_048;

/// What is nobody's on the public Internet (the registries of special-purpose addresses of IANA).
const SPECIAL_V4: &[([u8; 4], u8)] = &[
    ([0, 0, 0, 0], 8),       // this host on this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // shared, behind the provider's own translation
    ([127, 0, 0, 0], 8),     // loopback
    ([169, 254, 0, 0], 16),  // link-local, where clouds keep their metadata
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 31, 196, 0], 24), // AS112
    ([192, 52, 193, 0], 24), // AMT
    ([192, 88, 99, 0], 24),  // 6to4 relays
    ([192, 168, 0, 0], 16),  // private
    ([192, 175, 48, 0], 24), // AS112
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([240, 0, 0, 0], 4),     // reserved, broadcast
];

/// Of IPv6 only global unicast, 2000::/3, is public at all; these parts of it are not.
const SPECIAL_V6: &[([u16; 8], u8)] = &[
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments: Teredo, benchmarks, ORCHID, AMT
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4: holds an IPv4 address
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), // AS112
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// Whether an address is one of the public Internet.
pub fn is_public(address: IpAddr) -> bool {
    // `::ffff:10.0.0.1` is 10.0.0.1.
    match address.to_canonical() {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|(network, bits)| {
            (address.to_bits() ^ Ipv4Addr::from(*network).to_bits()) >> (32 - u32::from(*bits)) == 0
        }),
        IpAddr::V6(address) => {
            let is_global_unicast = address.to_bits() >> 125 == 0b001;
            is_global_unicast
                && !SPECIAL_V6.iter().any(|(network, bits)| {
                    (address.to_bits() ^ Ipv6Addr::from(*network).to_bits()) >> (128 - u32::from(*bits)) == 0
                })
        }
    }
}

/// Why a target may not be told anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No address at all.
    #[error("it is not a URL such as https://example.com/hook")]
    Malformed,
    /// Longer than [`MAX_URL_BYTES`].
    #[error("it has {0} bytes, at most 2048 are allowed")]
    TooLong(usize),
    /// Neither `http` nor `https`.
    #[error("its scheme is {0}, allowed are http and https")]
    Scheme(String),
    /// A name and a password in the address, which would be sent in clear and shown in lists.
    #[error("it holds a user name or a password")]
    Credentials,
    /// An address that is nobody's on the public Internet.
    #[error("it leads to an address that is not public")]
    Private,
}

/// Which targets are allowed.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Networks that are allowed although they are not public.
    pub allowed: Vec<IpNet>,
}

impl Policy {
    /// Whether this address may be connected to.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.allowed.iter().any(|network| network.contains(&address))
    }

    /// What can be said of a target before its name is looked up. A URL's parser knows `0x7f.1`, `2130706433` and
    /// `[::ffff:127.0.0.1]` for the addresses that they are.
    ///
    /// # Errors
    /// Why it is not allowed.
    pub fn check(&self, text: &str) -> Result<Url, TargetError> {
        if text.len() > MAX_URL_BYTES {
            return Err(TargetError::TooLong(text.len()));
        }
        let url = Url::parse(text).map_err(|_| TargetError::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetError::Scheme(url.scheme().chars().take(20).collect()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        let literal = match url.host().ok_or(TargetError::Malformed)? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        };
        match literal {
            Some(address) if !self.allows(address) => Err(TargetError::Private),
            _ => Ok(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_special_range_is_refused_from_its_first_to_its_last_address() {
        let ranges = [
            ("0.0.0.0", "0.255.255.255", Some("1.0.0.0")),
            ("10.0.0.0", "10.255.255.255", Some("11.0.0.0")),
            ("100.64.0.0", "100.127.255.255", Some("100.128.0.0")),
            ("127.0.0.0", "127.255.255.255", Some("128.0.0.0")),
            ("169.254.0.0", "169.254.255.255", Some("169.255.0.0")),
            ("172.16.0.0", "172.31.255.255", Some("172.32.0.0")),
            ("192.0.0.0", "192.0.0.255", Some("192.0.1.0")),
            ("192.0.2.0", "192.0.2.255", Some("192.0.3.0")),
            ("192.88.99.0", "192.88.99.255", Some("192.88.100.0")),
            ("192.168.0.0", "192.168.255.255", Some("192.169.0.0")),
            ("198.18.0.0", "198.19.255.255", Some("198.20.0.0")),
            ("198.51.100.0", "198.51.100.255", Some("198.51.101.0")),
            ("203.0.113.0", "203.0.113.255", Some("203.0.114.0")),
            ("224.0.0.0", "239.255.255.255", None),
            ("240.0.0.0", "255.255.255.255", None),
            ("::", "::1", None),
            ("::ffff:10.0.0.0", "::ffff:10.255.255.255", Some("::ffff:11.0.0.0")),
            ("::ffff:127.0.0.1", "::ffff:127.0.0.1", Some("::ffff:128.0.0.1")),
            // An IPv4 address at the end of a deprecated form, behind NAT64 and behind 6to4.
            ("::127.0.0.1", "::127.0.0.1", None),
            ("64:ff9b::7f00:1", "64:ff9b::ffff:ffff", None),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", None),
            ("2002:7f00:1::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2003::")),
            ("100::", "100::ffff:ffff:ffff:ffff", None),
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:200::")),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:db9::")),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Some("3fff:1000::")),
            ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
            ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ];
        for (first, last, beyond) in ranges {
            for inside in [first, last] {
                assert!(!is_public(inside.parse().unwrap()), "{inside}");
            }
            if let Some(beyond) = beyond {
                assert!(is_public(beyond.parse().unwrap()), "{beyond}");
            }
        }
        for public in ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn no_spelling_of_an_address_gets_through() {
        let policy = Policy::default();
        for private in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://017700000001/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://0/",
            "http://１２７.０.０.１/",
            "http://127.0.0.1./",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/latest/meta-data",
            "http://[::]/",
            "http://169.254.169.254/",
            "https://10.0.0.1:8443/x",
            "http:\\\\192.168.0.1\\",
        ] {
            assert_eq!(policy.check(private), Err(TargetError::Private), "{private}");
        }
        for (text, expected) in [
            ("ftp://example.com/", TargetError::Scheme("ftp".to_owned())),
            ("file:///etc/passwd", TargetError::Scheme("file".to_owned())),
            ("javascript:alert(1)", TargetError::Scheme("javascript".to_owned())),
            ("example.com", TargetError::Malformed),
            ("http://", TargetError::Malformed),
            ("", TargetError::Malformed),
            ("https://a:b@example.com/", TargetError::Credentials),
            ("https://a@example.com/", TargetError::Credentials),
        ] {
            assert_eq!(policy.check(text), Err(expected), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL_BYTES));
        assert_eq!(policy.check(&long), Err(TargetError::TooLong(long.len())));
        assert!(policy.check("https://hooks.example.com/a?b=c").is_ok());
        assert!(policy.check("http://8.8.8.8/").is_ok());
    }

    #[test]
    fn what_the_operator_allows_is_allowed_and_no_more() {
        let policy = Policy { allowed: vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()] };
        assert!(policy.check("http://127.0.0.1:9000/").is_ok());
        assert!(policy.check("http://[::ffff:127.0.0.1]/").is_ok());
        assert!(policy.check("http://[fd00::1]/").is_ok());
        assert!(policy.check("http://10.0.0.1/").is_err());
        assert!(policy.check("http://[fe80::1]/").is_err());
    }

    proptest! {
        #[test]
        fn a_mapped_address_is_as_public_as_itself(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(is_public(IpAddr::V4(address)), is_public(IpAddr::V6(address.to_ipv6_mapped())));
        }

        #[test]
        fn any_text_is_answered(text in "(https?://)?.{0,60}") {
            let _ = Policy::default().check(&text);
        }
    }
}
