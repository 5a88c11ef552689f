//! Dub's endpoints for links, tags, folders and domains, over HTTP.

mod bulk;
mod domains;
mod folders;
mod forms;
mod lists;
mod tags;
mod upsert;
mod world;
