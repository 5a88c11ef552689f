//! What customers spent. It is asked of the events each time, so that it is exact whatever ended in between; a sale shows up
//! when the drain has stored it, within a second or two.

use std::collections::HashMap;

use super::{Conversions, Result};
use crate::domain::currency::Takings;
use crate::domain::id::{CustomerId, WorkspaceId};

/// What a customer spent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sums by currency.
    pub takings: Takings,
    /// Time of the first sale in milliseconds.
    pub first_sale_ms: Option<i64>,
}

impl Conversions {
    /// What each of these customers spent, or each of the workspace's; who spent nothing is left out.
    pub async fn totals(
        &self,
        workspace: WorkspaceId,
        customers: Option<&[CustomerId]>,
    ) -> Result<HashMap<CustomerId, Totals>> {
        let mut totals: HashMap<CustomerId, Totals> = HashMap::new();
        for row in self.parts.warehouse.customer_sales(workspace, customers).await? {
            let of = totals.entry(CustomerId(row.of)).or_default();
            of.takings.add(&row.currency, row.sales, row.amount);
            of.first_sale_ms = Some(of.first_sale_ms.map_or(row.first_ms, |first| first.min(row.first_ms)));
        }
        Ok(totals)
    }
}
