//! ClickHouse as the drain sees it.

use std::ops::Range;

use super::store::{EventStore, PackedEvents, RecentClick, Sameness, StoreError};
use crate::domain::click_id::EventId;
use crate::domain::event::Event;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::warehouse::batch::statement_prefix;
use crate::warehouse::insert::EventColumns;
use crate::warehouse::{self, Warehouse};

impl From<warehouse::Error> for StoreError {
    fn from(error: warehouse::Error) -> Self {
        Self { disposition: error.disposition(), message: error.to_string() }
    }
}

impl PackedEvents for EventColumns {
    fn add(&mut self, events: &[Event]) {
        Self::add(self, events);
    }

    fn shrink(&mut self) {
        Self::shrink(self);
    }

    fn len(&self) -> usize {
        self.keys().len()
    }

    fn key(&self, place: usize) -> (EventId, i64) {
        self.keys()[place]
    }

    fn part(&self, range: Range<usize>) -> Self {
        Self::part(self, range)
    }
}

impl EventStore for Warehouse {
    type Packed = EventColumns;

    async fn insert(&self, token: &str, events: &EventColumns) -> Result<(), StoreError> {
        Ok(self.insert_columns(token, events).await?)
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
