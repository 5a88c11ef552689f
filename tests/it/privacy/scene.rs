//! Stores with events in them, and looks into every table.

use linktrail::catalog::Catalog;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Event, EventKind, PageEvent};
use linktrail::domain::id::{LinkId, SiteId, WorkspaceId};
use linktrail::warehouse::Warehouse;
use secrecy::SecretString;

use crate::world;

/// 2026-11-21T10:20:30Z
pub const NOW_MS: i64 = 1_795_256_430_000;
pub const DAY_MS: i64 = 86_400_000;

pub struct Scene {
    pub catalog: Catalog,
    pub warehouse: Warehouse,
    pub clickhouse: clickhouse::Client,
    sequence: u64,
}

impl Scene {
    pub async fn new(test: &str) -> Self {
        let catalog = Catalog::connect(&SecretString::from(world::database_url(test).await), 4).unwrap();
        catalog.migrate().await.unwrap();
        let urls = world::clickhouse(test).await;
        let warehouse = world::warehouse_at(&urls);
        warehouse.migrate().await.unwrap();
        Self { catalog, warehouse, clickhouse: world::clickhouse_client(&urls.writer), sequence: 0 }
    }

    /// Stores a click and a pageview at each of these times; the visitor is a new one each time unless named.
    pub async fn store(&mut self, workspace: WorkspaceId, times: &[i64], visitor: Option<u64>) {
        for &at_ms in times {
            let link = LinkId(self.sequence % 3 + 1);
            let click = Event { kind: EventKind::Click, link, ..self.event(workspace, at_ms, visitor) };
            let page = PageEvent { page: "/".into(), ..PageEvent::default() };
            let page = Event {
                kind: EventKind::Pageview,
                site: SiteId(1),
                page: Some(Box::new(page)),
                ..self.event(workspace, at_ms, visitor)
            };
            self.insert(&[click, page]).await;
        }
    }

    /// The bare bones of the next event.
    pub fn event(&mut self, workspace: WorkspaceId, at_ms: i64, visitor: Option<u64>) -> Event {
        self.sequence += 1;
        let visitor = visitor.unwrap_or(1_000_000 + self.sequence);
        Event { workspace, at_ms, visitor, id: EventId::new(1, self.sequence), ..Event::default() }
    }

    /// Stores events of one month.
    pub async fn insert(&self, events: &[Event]) {
        let token = format!("test-{}", events[0].id.0);
        self.warehouse.insert(&token, events).await.unwrap();
    }

    /// One number.
    pub async fn number(&self, question: &str) -> u64 {
        self.clickhouse.query(question).fetch_one().await.unwrap()
    }

    /// Times of all events of a workspace, sorted.
    pub async fn times(&self, workspace: WorkspaceId) -> Vec<i64> {
        let question = "SELECT toUnixTimestamp64Milli(timestamp) FROM events WHERE workspace_id = ? ORDER BY timestamp";
        self.clickhouse.query(question).bind(workspace.0).fetch_all().await.unwrap()
    }

    /// Groups of the rollup that differ from the events, over everything.
    pub async fn drift(&self) -> u64 {
        self.number(
            "SELECT count() FROM (SELECT 1 FROM (
                SELECT workspace_id, kind, toStartOfFifteenMinutes(timestamp) AS slot, link_id, bot, repeat,
                    toUInt16(bitShiftRight(event_id, 48)) AS node, toInt64(1) AS n FROM events
                UNION ALL
                SELECT workspace_id, kind, slot, link_id, bot, repeat, node, -toInt64(events) AS n FROM events_15m
            ) GROUP BY workspace_id, kind, slot, link_id, bot, repeat, node HAVING sum(n) != 0)",
        )
        .await
    }
}
