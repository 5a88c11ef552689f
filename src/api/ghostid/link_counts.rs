//! Clicks of links as this surface counts them: by humans, every one, unless the caller asks otherwise.

use std::collections::HashMap;

use crate::analytics::EVENTS;
use crate::calendar::{Interval, Range, Zone};
use crate::domain::dimension::Dimension;
use crate::domain::event::EventKind;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::filter::Sense;
use crate::plan::{Bots, Condition, Counting, Request, Shape, build};
use crate::table::Cell;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::state::App;

/// What a list shows of a link. Days are those of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clicks {
    pub total: u64,
    pub today: u64,
    /// Milliseconds since the epoch.
    pub last_ms: Option<i64>,
}

/// Which clicks count: `bots` (exclude, include, only), `unique` (false), `repeats` (include, exclude).
pub(super) fn counting(params: &Params) -> Result<Counting, ApiError> {
    let bots = [
        ("exclude", Bots::Exclude),
        ("include", Bots::Include),
        ("only", Bots::Only),
        ("false", Bots::Exclude),
        ("true", Bots::Include),
    ];
    Ok(Counting {
        bots: params.one_of("bots", &bots)?.unwrap_or(Bots::Exclude),
        repeats: params.one_of("repeats", &[("include", true), ("exclude", false)])?.unwrap_or(true),
        unique: params.boolean("unique")?.unwrap_or(false),
    })
}

/// The clicks of these links; one without any is left out.
pub(super) async fn of(
    app: &App,
    workspace: WorkspaceId,
    links: &[LinkId],
    counting: Counting,
) -> Result<HashMap<LinkId, Clicks>, ApiError> {
    let now_ms = app.clock.now_ms();
    let rows = app.analytics.link_clicks(workspace, Some(links), now_ms).await?;
    let counted = rows.into_iter().map(|(link, row)| {
        let (clicks, humans) = (row.clicks, row.humans);
        let (total, today, last_ms) = match counting.bots {
            Bots::Exclude => (humans.total, humans.today, row.last_human_ms),
            Bots::Include => (clicks.total, clicks.today, row.last_ms),
            Bots::Only => (clicks.total - humans.total, clicks.today - humans.today, row.last_robot_ms),
        };
        (link, Clicks { total, today, last_ms })
    });
    let mut counted: HashMap<LinkId, Clicks> = counted.filter(|(_, clicks)| clicks.total > 0).collect();
    if counting.repeats && !counting.unique {
        return Ok(counted);
    }
    let zone = Zone::utc();
    let ever = Interval::All.resolve(now_ms, &zone, 0).range;
    let day = zone.day_at(now_ms);
    let today = Range::new(zone.day_start_ms(day), zone.day_end_ms(day)).map_err(|_| ApiError::Internal)?;
    let (ever, today) = futures_util::future::try_join(
        grouped(app, workspace, links, counting, ever),
        grouped(app, workspace, links, counting, today),
    )
    .await?;
    for (link, clicks) in &mut counted {
        clicks.total = ever.get(link).copied().unwrap_or_default();
        clicks.today = today.get(link).copied().unwrap_or_default();
    }
    counted.retain(|_, clicks| clicks.total > 0);
    Ok(counted)
}

async fn grouped(
    app: &App,
    workspace: WorkspaceId,
    links: &[LinkId],
    counting: Counting,
    range: Range,
) -> Result<HashMap<LinkId, u64>, ApiError> {
    let mut query = build(Request {
        workspace,
        kind: EventKind::Click,
        range,
        counting,
        filters: Vec::new(),
        link: None,
        root: None,
        shape: Shape::Groups { by: Dimension::Link, unknown: false, limit: None },
    });
    query.conditions.push(Condition::Links { sense: Sense::Is, ids: links.to_vec() });
    let table = app.analytics.run(query).await?;
    debug_assert_eq!(table.columns.get(1).map(AsRef::as_ref), Some(EVENTS));
    let read = |row: &Vec<Cell>| match row.as_slice() {
        [Cell::Text(link), Cell::Int(count)] => Some((LinkId(link.parse().ok()?), count.unsigned_abs())),
        _ => None,
    };
    Ok(table.rows.iter().filter_map(read).collect())
}
