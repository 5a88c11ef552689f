//! The only code that knows clocks and calendars.

pub mod clock;

pub use clock::Clock;
