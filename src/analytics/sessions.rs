//! Sessions and visitors of a site.

use crate::calendar::Range;
use crate::domain::click_id::EventId;
use crate::domain::session::split;
use crate::plan::Bots;
use crate::warehouse::session::{self, AnchorRow, OverviewRow, SessionRow, SiteScope, StepRow};
use crate::warehouse::visitor::{self, VisitorRow};

use super::{Analytics, Error};

/// How far around an event its session is looked for at first, in milliseconds: six hours.
const AROUND_MS: i64 = 6 * 3_600_000;

impl Analytics {
    /// The sessions of a site that began in a range, newest first: everybody's, or one visitor's.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or the query costs more than it may.
    pub async fn sessions(
        &self,
        scope: SiteScope,
        range: Range,
        visitor: Option<u64>,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<SessionRow>, Error> {
        Ok(self.warehouse.collect(&session::sessions(scope, range, visitor, limit, offset)).await?)
    }

    /// The events of the session that an event of the site belongs to, in order, and who it was; `None` when the site has
    /// no such event.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or the query costs more than it may.
    pub async fn session(&self, scope: SiteScope, event: EventId) -> Result<Option<(u64, Vec<StepRow>)>, Error> {
        let anchors: Vec<AnchorRow> = self.warehouse.collect(&session::anchor(scope, event)).await?;
        let Some(AnchorRow { visitor, session, at_ms }) = anchors.first().copied() else { return Ok(None) };
        let mut around_ms = AROUND_MS;
        loop {
            let (from, to) = (at_ms.saturating_sub(around_ms), at_ms.saturating_add(around_ms));
            // The ends were put in this order.
            let Ok(range) = Range::new(from, to) else { return Ok(None) };
            let steps: Vec<StepRow> = self.warehouse.collect(&session::steps(scope, visitor, session, range)).await?;
            let whole = whole_session(&steps, session, event, from, to);
            // What touches the edge may go on beyond it.
            if let Some(found) = whole.filter(|found| found.certain || reaches_all(range)) {
                return Ok(Some((visitor, steps[found.steps].to_vec())));
            }
            if reaches_all(range) {
                return Ok(None);
            }
            around_ms = around_ms.saturating_mul(8);
        }
    }

    /// What is kept of these visitors of a site, in the order of their numbers.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn visitors(&self, scope: SiteScope, visitors: &[u64]) -> Result<Vec<VisitorRow>, Error> {
        if visitors.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.warehouse.collect(&visitor::visitors(scope, visitors)).await?)
    }

    /// Visitors, sessions, pageviews and events of a site in a range.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or the query costs more than it may.
    pub async fn site_overview(&self, scope: SiteScope, range: Range, bots: Bots) -> Result<OverviewRow, Error> {
        let rows: Vec<OverviewRow> = self.warehouse.collect(&session::overview(scope, range, bots)).await?;
        Ok(rows.first().copied().unwrap_or_default())
    }
}

/// Whether a range holds every instant that an event can have.
fn reaches_all(range: Range) -> bool {
    range.start_ms() == crate::calendar::EARLIEST_MS && range.end_ms() == crate::calendar::LATEST_MS
}

struct Found {
    steps: std::ops::Range<usize>,
    /// Nothing that was not looked at can belong to it.
    certain: bool,
}

fn whole_session(steps: &[StepRow], session: u64, event: EventId, from_ms: i64, to_ms: i64) -> Option<Found> {
    if session != 0 {
        // A named session has no silence to end it: only looking everywhere is certain.
        return Some(Found { steps: 0..steps.len(), certain: false });
    }
    let times: Vec<i64> = steps.iter().map(|step| step.at_ms).collect();
    let place = steps.iter().position(|step| step.event_id == event.0)?;
    let steps = split(&times).into_iter().find(|session| session.contains(&place))?;
    let silence = crate::domain::session::SILENCE_MS;
    let certain = times[steps.start] - from_ms >= silence && to_ms - times[steps.end - 1] >= silence;
    Some(Found { steps, certain })
}
