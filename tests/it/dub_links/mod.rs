//! Dub's endpoints for links, tags and folders, over HTTP.

mod bulk;
mod folders;
mod lists;
mod tags;
mod upsert;
mod world;
