//! The clicks of limited links: counted in Postgres, begun from what ClickHouse holds.

use std::time::Duration;

use tokio::time::timeout;

use crate::analytics::Analytics;
use crate::calendar::{EARLIEST_MS, LATEST_MS, Range};
use crate::catalog::{Allowance, Catalog};
use crate::domain::event::EventKind;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::filter::Sense;
use crate::ingest::Ingest;
use crate::plan::{Bots, Condition, Counting, Query, Shape, Source};
use crate::redirect::{AllowanceStore, BoxFuture, Taken, Unavailable};

/// How long the first visit of a link that was just limited waits for its clicks so far. Longer than a visitor does: the
/// next one finds them counted.
const COUNT_LIMIT: Duration = Duration::from_secs(10);

/// Counts the clicks of limited links.
///
/// A limit that is set on a link counts the clicks by humans that it has, which are stored; until they could be counted
/// nobody is sent on, so that no outage gives clicks away. Links that were limited when they were made never need this.
pub struct CountedAllowances {
    catalog: Catalog,
    analytics: Analytics,
    ingest: Ingest,
}

impl CountedAllowances {
    /// Over these stores; clicks that still wait in the spool of `ingest` are waited for.
    pub fn new(catalog: Catalog, analytics: Analytics, ingest: Ingest) -> Self {
        Self { catalog, analytics, ingest }
    }

    async fn ask(&self, workspace: WorkspaceId, link: LinkId, wanted: u64) -> Result<Allowance, Unavailable> {
        self.catalog.take_clicks(workspace, link, wanted).await.map_err(|error| {
            tracing::warn!(%error, "the clicks of a limited link cannot be counted");
            Unavailable
        })
    }

    /// Counts the clicks so far and notes them.
    async fn begin(&self, workspace: WorkspaceId, link: LinkId) -> Result<(), Unavailable> {
        let clicks = timeout(COUNT_LIMIT, async {
            self.ingest.flushed().await;
            self.clicks_so_far(workspace, link).await
        });
        let clicks = clicks.await.unwrap_or(Err(Unavailable))?;
        self.catalog.note_clicks(workspace, link, clicks).await.map_err(|error| {
            tracing::warn!(%error, "the clicks of a limited link cannot be noted");
            Unavailable
        })
    }

    /// Clicks by humans, repeats included.
    async fn clicks_so_far(&self, workspace: WorkspaceId, link: LinkId) -> Result<u64, Unavailable> {
        let query = Query {
            workspace,
            kind: EventKind::Click,
            range: Range::new(EARLIEST_MS, LATEST_MS).map_err(|_| Unavailable)?,
            counting: Counting { bots: Bots::Exclude, repeats: true, unique: false },
            conditions: vec![Condition::Links { sense: Sense::Is, ids: vec![link] }],
            links: Vec::new(),
            shape: Shape::Total,
            money: None,
            source: Source::Events,
        };
        self.analytics.total_for_visit(query).await.map_err(|error| {
            tracing::warn!(%error, "the clicks of a link that was limited cannot be counted");
            Unavailable
        })
    }
}

impl AllowanceStore for CountedAllowances {
    fn take(&self, workspace: WorkspaceId, link: LinkId, wanted: u64) -> BoxFuture<'_, Result<Taken, Unavailable>> {
        Box::pin(async move {
            let mut allowance = self.ask(workspace, link, wanted).await?;
            if allowance == Allowance::Uncounted {
                self.begin(workspace, link).await?;
                allowance = self.ask(workspace, link, wanted).await?;
            }
            match allowance {
                Allowance::Limited { granted, left } => Ok(Taken { granted, left }),
                // Lifted a moment ago.
                Allowance::Unlimited => Ok(Taken { granted: wanted, left: true }),
                Allowance::Uncounted => Err(Unavailable),
            }
        })
    }
}
