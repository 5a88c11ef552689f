//! Why a lead or a sale was not recorded. Nothing was, and the same call may be made again.

use crate::ingest::Refused;
use crate::{catalog, warehouse};

/// Why a lead or a sale was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No click id of ours, or the workspace has no such click.
    #[error("no click {0}")]
    NoClick(String),
    /// The click's link is gone or switched off.
    #[error("no link for click {0}")]
    NoLink(String),
    /// No click id, and no customer of this external id that has one.
    #[error("neither a click nor a known customer")]
    NoCustomer(String),
    /// The customer has no such lead.
    #[error("customer {external_id} has no lead")]
    NoLead {
        /// The customer.
        external_id: String,
        /// The name of the lead that was asked for.
        name: Option<String>,
    },
    /// The click is on disk but not yet stored.
    #[error("the click is not stored yet")]
    Late,
    /// The spool does not take the event.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What was remembered cannot be read.
    #[error("a remembered answer cannot be read: {0}")]
    Memory(#[from] serde_json::Error),
    /// Postgres.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// ClickHouse.
    #[error(transparent)]
    Warehouse(#[from] warehouse::Error),
}
