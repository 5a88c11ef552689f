//! What the program survives, with real processes: it and its engines are killed, frozen, cut off from their disk and
//! stopped under load, and afterwards every visit that was answered is counted.

mod client;
mod home;
mod kills;
mod ledger;
mod limits;
mod nodes;
mod outages;
mod process;
mod stop;
