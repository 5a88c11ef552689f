//! `GET /api/visitor`: the visitors of a site with their scores, and one of them with all that is known (Ghost ID contract,
//! 2.1).
//!
//! A range says which visitors are listed; what is told of each is of all they did until its end, so that a person has the
//! same score in every range.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::future::{try_join, try_join3};
use serde_json::{Value, json};

use crate::calendar::{EARLIEST_MS, LATEST_MS, Range};
use crate::domain::click_id::EventId;
use crate::domain::high_value::HighValue;
use crate::domain::{session, site::Site};
use crate::plan::Bots;
use crate::table::{Cell, Table};
use crate::warehouse::audience::{ActivityRow, AudienceRow, Order, Seen};
use crate::warehouse::session::{SessionRow, SiteScope};
use crate::warehouse::visitor::TouchRow;
use crate::web::error::{ApiError, quoted};
use crate::web::instant;
use crate::web::meter::Meter;
use crate::web::params::{IntegerRule, Params};
use crate::web::state::App;

use super::person::{Person, some};
use super::sections::{Part, Sections};
use super::site;

/// Rows where `limit` does not say otherwise, and the most; who asks for more gets these.
const SHOWN: i64 = 50;
const MOST: i64 = 500;
const LIMIT: IntegerRule<'_> = IntegerRule {
    label: "limit",
    min: 1,
    too_small: "limit must be at least 1.",
    max: i64::MAX,
    too_big: "limit is too big.",
};
const PAGE: IntegerRule<'_> = IntegerRule {
    label: "page",
    min: 1,
    too_small: "page must be at least 1.",
    max: 100_000,
    too_big: "page must be at most 100000.",
};

const COLUMNS: [&str; 25] = [
    "ghost_vid",
    "identified_user_id",
    "score",
    "score_label",
    "hot",
    "session_count",
    "pageview_count",
    "event_count",
    "duration_seconds",
    "high_value_views",
    "first_seen",
    "last_seen",
    "country",
    "region",
    "city",
    "lat",
    "lon",
    "device_type",
    "browser",
    "os",
    "page",
    "referrer",
    "clicks",
    "is_bot",
    "bot_name",
];

/// Answers one call of the list, or of a profile where `ghost_vid` names somebody.
pub(super) async fn list(
    State(app): State<App>,
    meter: Meter,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let site = site::asked(&app, &meter, &headers, &params).await?;
    if let Some(ghost_vid) = params.text("ghost_vid") {
        return show(&app, &site, ghost_vid, &headers, &params).await;
    }
    let (scope, range) = (site::scope_of(&site), site::span(&app, &params)?.range);
    let bots = params.one_of("filter", &[("bot", Bots::Only)])?.unwrap_or(Bots::Exclude);
    let orders = [("last_seen", Order::Recent), ("score", Order::Score)];
    let order = params.one_of("sort", &orders)?.unwrap_or(Order::Recent);
    let limit = limit(&params)?;
    let page = params.integer("page", PAGE)?.unwrap_or(1).cast_unsigned();
    let writing = site::writing(&headers, &params, "visitors")?;
    let high_value = HighValue::new(site.settings.high_value_pages.as_deref());
    let seen = Seen { scope, range, bots, high_value: &high_value };
    let (visitors, overview) = try_join(
        app.analytics.audience(seen, order, limit, (page - 1) * limit),
        app.analytics.site_overview(scope, range, bots),
    )
    .await?;
    let ids: Vec<u64> = visitors.iter().map(|row| row.visitor).collect();
    let clicks = clicks(&app, scope, range.end_ms(), &ids).await?;
    let mut table = Table::new(&COLUMNS);
    for row in &visitors {
        table.push(cells(row, clicks.get(&row.visitor).copied().unwrap_or(0)));
    }
    Sections::default()
        .with("visitors", Part::Rows(table))
        .with("total", Part::Value(Value::from(overview.visitors)))
        .with("time_range", Part::Value(Value::from(site::range_name(&params))))
        .answer("visitors", &params, &writing)
}

/// Answers one call of a profile whose path names the visitor.
pub(super) async fn profile(
    State(app): State<App>,
    meter: Meter,
    headers: HeaderMap,
    params: Params,
    ghost_vid: Path<String>,
) -> Result<Response, ApiError> {
    let site = site::asked(&app, &meter, &headers, &params).await?;
    show(&app, &site, &ghost_vid, &headers, &params).await
}

fn limit(params: &Params) -> Result<u64, ApiError> {
    Ok(params.integer("limit", LIMIT)?.unwrap_or(SHOWN).min(MOST).cast_unsigned())
}

/// Clicks on links of the site until an instant.
async fn clicks(app: &App, scope: SiteScope, end_ms: i64, visitors: &[u64]) -> Result<HashMap<u64, u64>, ApiError> {
    let so_far = Range::new(EARLIEST_MS, end_ms).map_err(|_| ApiError::Internal)?;
    let rows = app.analytics.clicks_of(scope, so_far, visitors).await?;
    Ok(rows.iter().map(|row| (row.visitor, row.clicks)).collect())
}

fn cells(row: &AudienceRow, clicks: u64) -> Vec<Cell> {
    let person = Person::new(row);
    vec![
        Cell::from(person.ghost_vid()),
        person.user_id(),
        Cell::from(person.score()),
        Cell::from(person.score_label()),
        Cell::from(person.is_hot()),
        Cell::from(row.sessions),
        Cell::from(row.pageviews),
        Cell::from(row.events),
        Cell::from(row.spent_ms / 1_000),
        Cell::from(row.high_value_views),
        Cell::from(instant::format(row.first_ms)),
        Cell::from(instant::format(row.last_ms)),
        Cell::from(person.country()),
        person.region(),
        person.city(),
        person.latitude(),
        person.longitude(),
        Cell::from(person.device()),
        person.browser(),
        person.os(),
        person.page(),
        person.referrer(),
        Cell::from(clicks),
        Cell::from(person.is_robot()),
        person.bot(),
    ]
}

/// What is known of one visitor.
pub(super) struct Known {
    /// What they did.
    pub row: AudienceRow,
    /// Clicks on links of the site.
    pub clicks: u64,
    /// How they first came.
    pub first_touch: TouchRow,
    /// How they last came, other than directly where they ever did.
    pub last_touch: TouchRow,
    /// Their last sessions, newest first.
    pub sessions: Vec<SessionRow>,
    /// Their last events, newest first.
    pub events: Vec<ActivityRow>,
}

/// What is known of a visitor of a site, with at most `limit` of their sessions and of their events.
///
/// # Errors
/// [`ApiError::NotFound`] for somebody whom the site has never seen.
pub(super) async fn known(app: &App, site: &Site, ghost_vid: &str, limit: u64) -> Result<Known, ApiError> {
    let missing = || ApiError::NotFound(format!("Visitor not found. ghost_vid: {}", quoted(ghost_vid)));
    let visitor = site::parse_visitor_id(ghost_vid).ok_or_else(missing)?;
    let scope = site::scope_of(site);
    let range = Range::new(EARLIEST_MS, LATEST_MS).map_err(|_| ApiError::Internal)?;
    let high_value = HighValue::new(site.settings.high_value_pages.as_deref());
    let seen = |bots| Seen { scope, range, bots, high_value: &high_value };
    let (kept, human) = try_join(
        app.analytics.visitors(scope, &[visitor]),
        app.analytics.one_of_audience(seen(Bots::Exclude), visitor),
    )
    .await?;
    let kept = kept.into_iter().next();
    let (row, bots) = match (human, &kept) {
        (Some(row), _) => (row, Bots::Exclude),
        // Who followed a link and never saw a page has done nothing on the site.
        (None, Some(kept)) => {
            let (first_ms, last_ms) = (kept.first_seen_ms, kept.last_seen_ms);
            (AudienceRow { visitor, first_ms, last_ms, ..AudienceRow::default() }, Bots::Exclude)
        }
        (None, None) => {
            let robot = app.analytics.one_of_audience(seen(Bots::Only), visitor).await?;
            (robot.ok_or_else(missing)?, Bots::Only)
        }
    };
    let (sessions, events, clicks) = try_join3(
        app.analytics.sessions(scope, range, Some(visitor), limit, 0),
        app.analytics.activity(scope, range, bots, Some(visitor), limit),
        app.analytics.clicks_of(scope, range, &[visitor]),
    )
    .await?;
    let (first_touch, last_touch) = kept.map(|kept| (kept.first_touch, kept.last_touch)).unwrap_or_default();
    // Who always came directly came so the last time too.
    let last_touch = if last_touch.channel.is_empty() { first_touch.clone() } else { last_touch };
    let clicks = clicks.first().map_or(0, |row| row.clicks);
    Ok(Known { row, clicks, first_touch, last_touch, sessions, events })
}

async fn show(
    app: &App,
    site: &Site,
    ghost_vid: &str,
    headers: &HeaderMap,
    params: &Params,
) -> Result<Response, ApiError> {
    let limit = limit(params)?;
    let writing = site::writing(headers, params, "visitor")?;
    let known = known(app, site, ghost_vid, limit).await?;
    known.sections(app, true, true).answer("events", params, &writing)
}

impl Known {
    /// As one object. The journey is how the visitor came and the sessions since.
    pub(super) fn sections(&self, app: &App, journey: bool, events: bool) -> Sections {
        let mut visitor = Table::new(&COLUMNS);
        visitor.push(cells(&self.row, self.clicks));
        let mut sections = Sections::default().with("visitor", Part::Row(visitor));
        if journey {
            let touch = |touch: &TouchRow| {
                let mut table = Table::new(&TOUCH_COLUMNS);
                table.push(touch_cells(app, touch));
                Part::Row(table)
            };
            sections = sections
                .with("first_touch", touch(&self.first_touch))
                .with("last_touch", touch(&self.last_touch))
                .with("sessions", Part::Rows(self.session_table(app)));
        }
        if events {
            let (value, table) = self.event_parts();
            sections = sections.with("events", Part::Shaped(value, table));
        }
        sections
    }

    fn session_table(&self, app: &App) -> Table {
        let mut table = Table::new(&[
            "session_id",
            "started_at",
            "ended_at",
            "duration_seconds",
            "event_count",
            "pageview_count",
            "entry_page",
            "exit_page",
            "referrer",
            "channel",
            "country",
            "city",
            "device_type",
            "browser",
            "os",
        ]);
        for session in &self.sessions {
            table.push(vec![
                Cell::from(session::public_id(&app.clicks, EventId(session.first_event))),
                Cell::from(instant::format(session.started_ms)),
                Cell::from(instant::format(session.ended_ms)),
                Cell::from((session.ended_ms - session.started_ms) / 1_000),
                Cell::from(session.events),
                Cell::from(session.pageviews),
                some(&session.entry_page),
                some(&session.exit_page),
                some(&session.referrer_url),
                Cell::from(session.channel.as_str()),
                Cell::from(site::country_name(&session.country)),
                some(&session.city),
                Cell::from(session.device.to_lowercase()),
                some(&session.browser),
                some(site::os_name(&session.os)),
            ]);
        }
        table
    }

    fn event_parts(&self) -> (Value, Table) {
        let mut table = Table::new(&["timestamp", "type", "event_name", "page", "page_title", "props"]);
        let mut shaped = Vec::with_capacity(self.events.len());
        for event in &self.events {
            let at = instant::format(event.at_ms);
            shaped.push(json!({
                "timestamp": at,
                "type": event.event_type,
                "event_name": event.event_name,
                "page": event.page,
                "page_title": event.page_title,
                "props": site::props(&event.metadata),
            }));
            let texts = [&at, &event.event_type, &event.event_name, &event.page, &event.page_title, &event.metadata];
            table.push(texts.map(|text| Cell::from(text.as_str())).to_vec());
        }
        (Value::Array(shaped), table)
    }
}

const TOUCH_COLUMNS: [&str; 9] =
    ["channel", "referrer", "source", "medium", "campaign", "term", "content", "page", "click_id"];

fn touch_cells(app: &App, touch: &TouchRow) -> Vec<Cell> {
    let texts = [
        &touch.channel,
        &touch.referrer_url,
        &touch.utm_source,
        &touch.utm_medium,
        &touch.utm_campaign,
        &touch.utm_term,
        &touch.utm_content,
        &touch.page,
    ];
    let click = Some(touch.click_event_id).filter(|id| *id != 0).map(|id| app.clicks.public(EventId(id)));
    texts.into_iter().map(|text| some(text)).chain([Cell::from(click)]).collect()
}
