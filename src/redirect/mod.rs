//! The hot path: host and slug to a decision.
//!
//! What always holds:
//! - With a warm cache nothing here does I/O for a link without a limit of clicks, and nothing is locked for longer than a look-up.
//! - [`decide`] is a function of a prepared [`Target`], a [`Visit`] with its [`Visitor`], and the present; it has no
//!   effects, and asks of the visitor only what the link's answer depends on.
//! - A `Location` is one line of printable ASCII of a known scheme, at most [`MAX_LOCATION_BYTES`] long.
//! - A visit may name its own destination (`redir_url`), but only on a host of the link's owner: one that the link leads to
//!   anyway, or one of its workspace's list. Everywhere else a short domain would lend its good name to whoever asks.
//! - Of the clicks that a link allows not one more is given away, however many ask at once and on however many nodes: they
//!   are counted by an [`AllowanceStore`], which only visits of such links wait for.
//! - A store that does not answer is [`Unresolved::Unavailable`], never "not found".

mod allowance;
mod cache;
mod click_param;
mod decision;
mod destination;
mod extras;
mod forward;
mod hosts;
mod interstitial;
mod letter;
mod manners;
mod resolver;
mod rules;
mod shelf;
mod slug;
mod source;
mod target;
mod variants;
mod visitor;

pub use allowance::{AllowanceStore, Allowances, Limit, Taken};
pub use cache::CacheLimits;
pub use click_param::with_click_id;
pub use decision::{Click, Decision, Inspection, Redirect, Visit, decide};
pub use destination::{Destination, MAX_LOCATION_BYTES};
pub use extras::{Extras, Shown};
pub use forward::VisitQuery;
pub use hosts::{Place, host_name};
pub use interstitial::Interstitial;
pub use manners::Manners;
pub use resolver::{Resolver, ResolverOptions, Unresolved};
pub use slug::{MAX_SLUG_CHARS, counted, inspected, slug_of};
pub use source::{BoxFuture, FoundLink, LinkPlace, LinkSource, Unavailable};
pub use target::Target;
pub use visitor::{System, Visitor};
