//! Ghost ID's reads of sites and their visitors, over HTTP against both stores.

mod audience;
mod link_clicks;
mod profile;
mod revenue;
mod scene;
mod seed;
mod sites;
mod webhook;
