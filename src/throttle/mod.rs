//! How much one asker may ask: budgets that fill again with time, misses and tries in a window, places for so much at once.
//!
//! Everything here is in memory, bounded, and this node's own: with several nodes each counts for itself.

mod admission;
mod budget;
mod misses;
mod tries;
mod turns;

use std::net::{IpAddr, Ipv6Addr};

pub use admission::{Admission, AdmissionOptions, Permit, Refusal};
pub use budget::{Budget, Standing};
pub use misses::Misses;
pub use tries::{Tries, Try};
pub use turns::{Bounds, Crowd};

/// The addresses that count as one client: one subscriber usually has a whole IPv6 /64.
pub fn client_group(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        },
    }
}
