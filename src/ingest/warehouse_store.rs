//! ClickHouse as the drain sees it.

use super::store::{EventStore, RecentClick, Sameness, StoreError};
use crate::domain::click_id::EventId;
use crate::domain::event::Event;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::warehouse::batch::statement_prefix;
use crate::warehouse::{self, Warehouse};

impl From<warehouse::Error> for StoreError {
    fn from(error: warehouse::Error) -> Self {
        Self { disposition: error.disposition(), message: error.to_string() }
    }
}

impl EventStore for Warehouse {
    async fn insert(&self, token: &str, events: &[Event]) -> Result<(), StoreError> {
        Ok(Self::insert(self, token, events).await?)
    }

    async fn stored(&self, first: EventId, last: EventId, start_ms: i64, end_ms: i64) -> Result<u64, StoreError> {
        self.end_statements(&statement_prefix(first.node())).await?;
        Ok(Self::stored(self, first, last, start_ms, end_ms).await?)
    }

    async fn reconcile(&self, node: u16, start_ms: i64, end_ms: i64) -> Result<(), StoreError> {
        self.end_statements(&statement_prefix(node)).await?;
        Ok(Self::reconcile(self, node, start_ms, end_ms).await?)
    }

    async fn recent(
        &self,
        sameness: Sameness,
        before: EventId,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<RecentClick>, StoreError> {
        let rows = match sameness {
            Sameness::Click => self.recent_clicks(before, start_ms, end_ms).await?,
            Sameness::Name => self.recent_names(before, start_ms, end_ms).await?,
        };
        Ok(rows
            .into_iter()
            .map(|row| RecentClick {
                workspace: WorkspaceId(row.workspace_id),
                link: LinkId(row.link_id),
                visitor: row.visitor,
                at_ms: row.at_ms,
            })
            .collect())
    }
}
