//! What is not kept: by age, by name, by wish.

mod retention;
mod scene;
