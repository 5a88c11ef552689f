//! Ghost ID's links: as published, who may do what, and where they live.

mod clicks;
mod home;
mod published;
mod refusals;
