//! THE service for what comes of clicks: leads and sales, from whichever surface they are reported, and the customers
//! behind them.
//!
//! What always holds:
//! - a lead or a sale carries the dimensions of its click, its own time, and of a sale its own currency;
//! - it is answered when it is on disk;
//! - a call that names what it reports (a lead by customer and event name, a sale by its invoice) is recorded once, however
//!   often and from however many sides it comes; a call that failed has taken no name, so the next try is a first one. A
//!   call that was cut off between the disk and the catalog's commit leaves an event behind; the next try repeats it under
//!   the same hash within the hour, and the drain stores that as a repeat, which does not count.

mod clicks;
mod failure;
mod lead;
mod posted;
mod record;
mod sale;
mod told;
mod totals;

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::calendar::Clock;
use crate::catalog::Catalog;
use crate::domain::click_id::{ClickKey, EventId};
use crate::domain::customer::{Customer, Profile};
use crate::domain::id::{CustomerId, WorkspaceId};
use crate::enrich::Enricher;
use crate::ingest::Ingest;
use crate::warehouse::Warehouse;
use crate::warehouse::conversion::ClickFacts;

pub use failure::Error;
pub use lead::{LeadOutcome, LeadRecord, NewLead};
pub use posted::{NewPosted, Posted};
pub use record::event_key;
pub use sale::{NewSale, SaleRecord};
pub use totals::Totals;

type Result<T> = std::result::Result<T, Error>;

/// How long a name is remembered (Dub contract, 6.3 and 6.4).
const NAMED_FOR_MS: i64 = 7 * 86_400_000;
/// Clicks kept in memory, and how long: what is not asked for again soon is rarely asked for again.
const KEPT_CLICKS: u64 = 10_000;
const CLICK_KEPT_FOR: Duration = Duration::from_secs(300);

/// What the service works with.
#[derive(Clone)]
pub struct Parts {
    /// Postgres.
    pub catalog: Catalog,
    /// ClickHouse.
    pub warehouse: Warehouse,
    /// Takes the events.
    pub ingest: Ingest,
    /// Tells places by addresses.
    pub enricher: Arc<Enricher>,
    /// Reads click ids.
    pub clicks: ClickKey,
    /// The present.
    pub clock: Clock,
}

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Conversions {
    parts: Parts,
    known_clicks: Cache<(WorkspaceId, EventId), Arc<ClickFacts>>,
}

/// A customer as an answer shows it, and as the answer is remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownCustomer {
    /// Our id.
    pub id: CustomerId,
    /// All else.
    pub profile: Profile,
}

impl From<Customer> for ShownCustomer {
    fn from(customer: Customer) -> Self {
        Self { id: customer.id, profile: customer.profile }
    }
}

impl Conversions {
    /// A service with nothing in memory.
    pub fn new(parts: Parts) -> Self {
        let known_clicks = Cache::builder().max_capacity(KEPT_CLICKS).time_to_live(CLICK_KEPT_FOR).build();
        Self { parts, known_clicks }
    }
}
