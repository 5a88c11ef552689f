//! Addresses that belong to nobody in particular.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address (canonical) can be somewhere: not private, local, reserved or made for documents.
pub fn has_place(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => v4_has_place(address),
        IpAddr::V6(address) => v6_has_place(address),
    }
}

fn v4_has_place(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    !(first == 0
        || first >= 240
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        // Shared by carriers behind their own translation.
        || (first == 100 && second & 0xC0 == 64)
        // Benchmarks, and IETF protocol assignments.
        || (first == 198 && second & 0xFE == 18)
        || (first == 192 && second == 0 && third == 0))
}

fn v6_has_place(address: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3; documents use 2001:db8::/32 and 3fff::/20 of it.
    let [first, second, ..] = address.segments();
    first & 0xE000 == 0x2000 && !(first == 0x2001 && second == 0x0DB8) && !(first == 0x3FFF && second & 0xF000 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nowhere() {
        for nowhere in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "64:ff9b::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
        ] {
            assert!(!has_place(nowhere.parse().unwrap()), "{nowhere}");
        }
        for somewhere in ["1.1.1.1", "100.128.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1", "2a02::1", "2001:4860::1"]
        {
            assert!(has_place(somewhere.parse().unwrap()), "{somewhere}");
        }
    }
}
