//! Dub's endpoints for tags and folders, over HTTP.

mod folders;
mod tags;
mod world;
