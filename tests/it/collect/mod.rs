//! Collection over HTTP: what is recorded, dropped and refused, and what is answered.

mod answers;
mod drops;
mod events;
mod outage;
mod pictures;
mod refusals;
mod world;
