//! What the surfaces share.

pub mod answer;
pub mod body;
pub mod caller;
pub mod client;
pub mod client_clicks;
pub mod cookie;
pub mod error;
pub mod explain;
pub mod form;
pub mod in_path;
pub mod instant;
pub mod kept_answers;
pub mod limits;
pub mod listing;
pub mod meter;
pub mod page;
pub mod params;
pub mod places;
pub mod recent_visits;
pub mod short_link;
pub mod state;
mod streamed;
pub mod streams;
pub mod uniques;
pub mod whole;
