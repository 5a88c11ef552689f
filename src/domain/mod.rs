//! What the product talks about: no I/O, no HTTP, no SQL.

pub mod click_id;
pub mod country;
pub mod currency;
pub mod customer;
pub mod destination;
pub mod dimension;
pub mod domain_fields;
pub mod event;
pub mod exclusion;
pub mod exclusion_text;
pub mod hit;
pub mod id;
pub mod link;
pub mod made_up_name;
pub mod password;
pub mod patch;
pub mod platform;
pub mod principal;
pub mod rotation;
pub mod session;
pub mod site;
pub mod slug;
pub mod tag;
pub mod user;
pub mod webhook;
pub mod workspace;
