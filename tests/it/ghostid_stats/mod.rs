//! Ghost ID's reads of sites and their visitors, over HTTP against both stores.

mod audience;
mod profile;
mod scene;
