//! `{short url}.stats`: the clicks of a link in total, for everyone, where its owner shows them (Linkly contract, 1.3). A link
//! with a password or past its time still has them; one that nobody may see has none, and looks as if it were not there.

use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use axum::response::Response;
use moka::future::Cache;

use super::front::host;
use super::outcome::Outcome;
use super::{Caller, Recorder, Visits};
use crate::analytics::Analytics;
use crate::calendar::Range;
use crate::calendar::range::{EARLIEST_MS, LATEST_MS};
use crate::domain::event::EventKind;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::plan::{Bots, Counting, Request, Shape, build};
use crate::redirect::{BoxFuture, Place, Target, Unresolved, counted, host_name};
use crate::table::Cell;
use crate::web::page::{Page, statistics};

/// How old a total may be that is shown. However many ask, the store is asked once in this time.
const KEPT: Duration = Duration::from_secs(5);
/// Totals that are kept.
const MOST: u64 = 10_000;

/// The store of clicks does not answer. Who asks it logs the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clicks cannot be counted")]
pub struct Uncountable;

/// Counts clicks.
pub trait Totals: Send + Sync + 'static {
    /// All clicks that a link ever had, robots' and repeated ones included.
    fn total(&self, workspace: WorkspaceId, link: LinkId) -> BoxFuture<'_, Result<u64, Uncountable>>;
}

/// Totals of the warehouse, each kept for a few seconds.
pub struct KeptTotals {
    analytics: Analytics,
    kept: Cache<(WorkspaceId, LinkId), u64>,
}

impl KeptTotals {
    /// Over these analytics.
    pub fn new(analytics: Analytics) -> Self {
        Self { analytics, kept: Cache::builder().max_capacity(MOST).time_to_live(KEPT).build() }
    }

    async fn count(&self, workspace: WorkspaceId, link: LinkId) -> Result<u64, Uncountable> {
        let range = Range::new(EARLIEST_MS, LATEST_MS).map_err(|_| Uncountable)?;
        let query = build(Request {
            workspace,
            kind: EventKind::Click,
            range,
            counting: Counting { bots: Bots::Include, repeats: true, unique: false },
            filters: Vec::new(),
            link: Some(link),
            root: None,
            shape: Shape::Total,
        });
        let table = self.analytics.run(query).await.map_err(|error| {
            tracing::warn!(%error, "public statistics cannot be counted");
            Uncountable
        })?;
        match table.rows.first().map(Vec::as_slice) {
            Some([Cell::Int(total)]) => Ok((*total).unsigned_abs()),
            _ => Ok(0),
        }
    }
}

impl Totals for KeptTotals {
    fn total(&self, workspace: WorkspaceId, link: LinkId) -> BoxFuture<'_, Result<u64, Uncountable>> {
        let count = self.kept.try_get_with((workspace, link), self.count(workspace, link));
        // The pointer is shared by all who waited for this answer.
        Box::pin(async move { count.await.map_err(|shared: Arc<Uncountable>| *shared) })
    }
}

impl<R: Recorder> Visits<R> {
    /// The answer where no link is: the public statistics of the link before `.stats`, or nothing.
    pub(super) async fn statistics(&self, place: Place, caller: Caller, request: &Parts) -> Response {
        let path = request.uri.path();
        let Some(path) = counted(path) else { return self.nothing(Outcome::NotFound, request) };
        let target = match self.services.resolver.resolve(place, path, caller.address).await {
            Ok(Some(target)) if is_public(&target, caller.now_ms) => target,
            Ok(_) => return self.nothing(Outcome::NotFound, request),
            Err(Unresolved::TooManyMisses) => return self.page(Outcome::Limited, Page::TooMany),
            Err(Unresolved::Unavailable) => return self.page(Outcome::Unavailable, Page::Unavailable),
        };
        match self.services.totals.total(target.workspace, target.link).await {
            Ok(clicks) => {
                self.outcomes.count(Outcome::Statistics);
                statistics::page(&format!("{}{path}", host_name(host(request))), clicks)
            }
            Err(Uncountable) => self.page(Outcome::Unavailable, Page::Unavailable),
        }
    }
}

fn is_public(target: &Target, now_ms: i64) -> bool {
    let has_begun = target.starts_at_ms.is_none_or(|starts_at_ms| starts_at_ms <= now_ms);
    let is_there = target.destination.is_some() && !target.disabled && has_begun;
    is_there && target.extras.as_ref().is_some_and(|extras| extras.public_statistics)
}
