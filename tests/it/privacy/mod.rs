//! What is not kept: by age, by name, by wish.

mod addresses;
mod erasure;
mod retention;
mod scene;
