//! Brevr's API over HTTP, against both stores (Brevr contract, section 3).

mod analytics;
mod bulk;
mod dns;
mod domains;
mod holdings;
mod hostile;
mod limits;
mod links;
mod lists;
mod patches;
mod tenants;
mod world;
