//! The only code that knows clocks and calendars.
//!
//! [`Zone`] is the authority for local time: whoever needs a local day, an hour's start or an offset asks it, and the
//! stores are given instants and bucket edges only. Instants are milliseconds since 1970-01-01T00:00:00Z; ranges are
//! half-open.
//!
//! The way of a question: [`Interval`] or two [`Bound`]s, with a [`Zone`] and the present -> [`Span`] (a [`Range`] and
//! the [`Bucket`] it is cut into) -> [`Buckets`].

pub mod bound;
pub mod bucket;
pub mod clock;
pub mod instant;
pub mod interval;
mod quote;
pub mod range;
pub mod spine;
mod tzdata;
pub mod zone;

pub use bound::{BadBound, Bound};
pub use bucket::{Bucket, UnknownBucket, label};
pub use clock::Clock;
pub use instant::rfc3339;
pub use interval::{Interval, Span, UnknownInterval};
pub use range::{EARLIEST_MS, LATEST_MS, Range, Reversed, clamp_ms};
pub use spine::{Buckets, TooManyBuckets};
pub use zone::{UnknownZone, Zone, tzdata_version};
