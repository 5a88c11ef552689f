//! `GET /api/link-analytics`: clicks on the links of a site, one by one and by what they have in common (Ghost ID's "Links
//! API").
//!
//! A click keeps the campaign and the source that it was recorded with, whatever the link has now.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::TryStreamExt;
use futures_util::future::{try_join, try_join5};
use serde_json::Value;

use crate::analytics::Analytics;
use crate::calendar::{Range, Zone};
use crate::domain::dimension::Dimension;
use crate::domain::event::{Coordinates, EventKind};
use crate::domain::id::LinkId;
use crate::domain::site::{Site, link_place};
use crate::enrich::geo::region_name;
use crate::filter::{Field, Filter, List};
use crate::plan::{From, LinkCondition, Order, Page, Query, Request, Shape, build};
use crate::table::{Cell, Table};
use crate::warehouse::count::PlaceRow;
use crate::warehouse::event::EventRow;
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::params::Params;
use crate::web::state::App;

use super::caller::Caller;
use super::person::some;
use super::sections::{Part, Sections};
use super::{link_counts, link_shape, site};

/// Clicks that are shown one by one.
const SHOWN: u64 = 500;

/// Answers one call. Humans' clicks count, second ones too, unless `bots`, `repeats` and `unique` say otherwise; days are those
/// of `timezone` (default UTC), and every day of a bounded range is there. What has no city, campaign or source is left out of
/// their breakdowns unless `includeUnknown=true`.
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let site = caller.site(&app, params.text("siteId"), "analytics.read").await?;
    let (span, zone) = site::span_named(&app, &params, "range", "7d")?;
    let is_bounded = site::is_bounded(&params, "range");
    let unknown = params.boolean("includeUnknown")?.unwrap_or(false);
    let query = query(&site, &params, span.range)?;
    let buckets = site::days(&app, site.workspace, span.range, &zone, is_bounded).await?;
    let writing = site::writing(&headers, &params, "link-analytics")?;

    let analytics = &app.analytics;
    let query = analytics.with_links(query).await?;
    let groups = |by, unknown| {
        let shape = Shape::Groups { by, unknown, limit: None };
        analytics.run(Query { shape, ..query.clone() })
    };
    let counted = try_join5(
        groups(Dimension::Country, true),
        groups(Dimension::UtmCampaign, unknown),
        groups(Dimension::UtmSource, unknown),
        analytics.places(query.clone(), unknown),
        analytics.run(Query { shape: Shape::Series(buckets), ..query.clone() }),
    );
    let (clicks, (countries, campaigns, sources, places, days)) = try_join(newest(analytics, &query), counted).await?;
    let slugs = slugs(&app, &site, &clicks).await?;

    let mut click_table = Table::new(&CLICK_COLUMNS);
    for click in &clicks {
        click_table.push(click_cells(click, &slugs));
    }
    let (by_day, total) = day_table(&days, &zone, is_bounded);
    Sections::default()
        .with("clicks", Part::Rows(click_table))
        .with("byCountry", Part::Rows(group_table("country", &countries, |code| Cell::from(site::country_name(code)))))
        .with("byCity", Part::Rows(place_table(&places)))
        .with("byCampaign", Part::Rows(group_table("campaign", &campaigns, some)))
        .with("bySource", Part::Rows(group_table("source", &sources, some)))
        .with("byDay", Part::Rows(by_day))
        .with("total", Part::Value(Value::from(total)))
        .answer("clicks", &params, &writing)
}

fn query(site: &Site, params: &Params, range: Range) -> Result<Query, ApiError> {
    let mut filters = Vec::new();
    for (name, dimension) in [("campaign", Dimension::UtmCampaign), ("source", Dimension::UtmSource)] {
        if let Some(value) = params.text_within(name, 500)? {
            filters.push(Filter::Among { field: Field::Dimension(dimension), list: List::of([value]) });
        }
    }
    let mut query = build(Request {
        workspace: site.workspace,
        kind: EventKind::Click,
        range,
        counting: link_counts::counting(params)?,
        filters,
        link: None,
        root: None,
        shape: Shape::Total,
    });
    query.links.push(LinkCondition::Site(site.id));
    if let Some(slug) = params.text_within("slug", 500)? {
        query.links.push(LinkCondition::Slug(link_place(&site.slug, slug).to_lowercase()));
    }
    Ok(query)
}

/// The newest clicks, newest first.
async fn newest(analytics: &Analytics, query: &Query) -> Result<Vec<EventRow>, crate::analytics::Error> {
    let page = Page { limit: SHOWN, from: From::Offset(0) };
    let shape = Shape::Events { order: Order::Descending, page };
    let chunks: Vec<Vec<EventRow>> = analytics.events(Query { shape, ..query.clone() }).try_collect().await?;
    Ok(chunks.into_iter().flatten().collect())
}

/// The slugs of the clicks' links within the site, as they are now.
async fn slugs(app: &App, site: &Site, clicks: &[EventRow]) -> Result<HashMap<u64, String>, ApiError> {
    let mut ids: Vec<LinkId> = clicks.iter().map(|click| LinkId(click.link_id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let links = app.analytics.links(site.workspace, &ids).await?;
    Ok(links.iter().map(|link| (link.id.0, link_shape::slug(site, link).to_owned())).collect())
}

const CLICK_COLUMNS: [&str; 12] = [
    "id",
    "ghost_vid",
    "slug",
    "campaign",
    "source",
    "country",
    "city",
    "lat",
    "lon",
    "device_type",
    "browser",
    "created_at",
];

fn click_cells(click: &EventRow, slugs: &HashMap<u64, String>) -> Vec<Cell> {
    let degrees = Coordinates { latitude: click.latitude, longitude: click.longitude }.degrees();
    vec![
        Cell::from(click.event_id.to_string()),
        Cell::from(site::visitor_id(click.visitor)),
        Cell::from(slugs.get(&click.link_id).cloned()),
        Cell::from(click.utm_campaign.as_str()),
        Cell::from(click.utm_source.as_str()),
        Cell::from(site::country_name(&click.country)),
        some(&click.city),
        Cell::from(degrees.map(|(latitude, _)| latitude)),
        Cell::from(degrees.map(|(_, longitude)| longitude)),
        Cell::from(click.device.to_lowercase()),
        some(&click.browser),
        Cell::from(instant::format(click.at_ms)),
    ]
}

/// A value and how many clicks have it.
fn group_table(name: &'static str, groups: &Table, shown: impl Fn(&str) -> Cell) -> Table {
    let mut table = Table::new(&[name, "clicks"]);
    for row in &groups.rows {
        if let [Cell::Text(value), count] = row.as_slice() {
            table.push(vec![shown(value), count.clone()]);
        }
    }
    table
}

fn place_table(places: &[PlaceRow]) -> Table {
    let mut table = Table::new(&["city", "country", "clicks", "lat", "lon", "region"]);
    for place in places {
        let degrees = Coordinates { latitude: place.latitude, longitude: place.longitude }.degrees();
        table.push(vec![
            some(&place.city),
            Cell::from(site::country_name(&place.country)),
            Cell::from(place.counted),
            Cell::from(degrees.map(|(latitude, _)| latitude)),
            Cell::from(degrees.map(|(_, longitude)| longitude)),
            some(region_name(&place.region)),
        ]);
    }
    table
}

/// Clicks by day, and all of them together. Of all time only the days that have some are shown.
fn day_table(days: &Table, zone: &Zone, is_bounded: bool) -> (Table, i64) {
    let mut table = Table::new(&["date", "clicks"]);
    let mut total = 0;
    for row in &days.rows {
        let [Cell::Int(start_ms), Cell::Int(count)] = row.as_slice() else { continue };
        total += count;
        if is_bounded || *count > 0 {
            table.push(vec![Cell::from(zone.day_at(*start_ms).to_string()), Cell::from(*count)]);
        }
    }
    (table, total)
}
