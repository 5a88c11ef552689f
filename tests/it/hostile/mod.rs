//! Bad input over real connections to a whole server. What always holds: never a 5xx, always the API's own error where a
//! handler answers, never another workspace's row, and the server goes on.

mod fuzz;
mod injection;
mod limits;
pub mod running;
mod streams;
mod words;
