//! `/analytics` over clicks, leads and sales: every grouping, as Dub shows it.

mod groupings;
mod metrics;
mod paths;
mod scene;
