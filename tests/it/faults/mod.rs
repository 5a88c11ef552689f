//! What the program survives, with real processes: it and its engines are killed, frozen, cut off from their disk and
//! stopped under load, and afterwards every event that was answered is counted, once.
//!
//! Bounded as it stands; `LINKTRAIL_FAULT_ROUNDS=20` makes it twenty rounds for each that is killed.

mod allowances;
mod audit;
mod backlog;
pub mod client;
mod clock;
mod damage;
mod dead_hooks;
mod disk;
pub mod home;
mod kills;
mod ledger;
mod load;
mod nodes;
mod outages;
pub mod process;
mod report;
mod rounds;
mod slow;
mod small_disk;
mod stop;
