//! `/api/v1/analytics/export`: every click that is asked for, streamed in constant memory. CSV by default, since browsers open
//! the link; `format` or `Accept` may say JSON or TSV. `sortOrder` is desc (newest first, default) or asc.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use async_stream::try_stream;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::Stream;
use serde::Serialize;

use super::analytics::accept;
use super::asked::Asked;
use super::caller::Asker;
use crate::domain::click_id::EventId;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::encode::{Format, RowObject};
use crate::plan::{Order, Query, Shape};
use crate::table::Cell;
use crate::warehouse::event::EventRow;
use crate::web::answer::{self, Record, Writing};
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::params::Params;
use crate::web::places::Place;
use crate::web::short_link::short_link;
use crate::web::state::App;
use crate::web::uniques;

/// Links that are remembered while an export runs.
const MOST_LINKS: usize = 10_000;

static COLUMNS: [Cow<'static, str>; 22] = [
    Cow::Borrowed("timestamp"),
    Cow::Borrowed("clickId"),
    Cow::Borrowed("linkId"),
    Cow::Borrowed("shortCode"),
    Cow::Borrowed("domain"),
    Cow::Borrowed("shortUrl"),
    Cow::Borrowed("url"),
    Cow::Borrowed("continent"),
    Cow::Borrowed("country"),
    Cow::Borrowed("region"),
    Cow::Borrowed("city"),
    Cow::Borrowed("device"),
    Cow::Borrowed("browser"),
    Cow::Borrowed("os"),
    Cow::Borrowed("referrer"),
    Cow::Borrowed("trigger"),
    Cow::Borrowed("bot"),
    Cow::Borrowed("utmSource"),
    Cow::Borrowed("utmMedium"),
    Cow::Borrowed("utmCampaign"),
    Cow::Borrowed("utmTerm"),
    Cow::Borrowed("utmContent"),
];

/// Answers one call.
pub(super) async fn answer(
    State(app): State<App>,
    Asker(caller): Asker,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require("analytics.read")?;
    let order = [("desc", Order::Descending), ("asc", Order::Ascending)];
    let order = params.one_of("sortOrder", &order)?.unwrap_or(Order::Descending);
    let writing = Writing {
        format: params.one_of("format", &Format::NAMES)?.unwrap_or_else(|| preferred(accept(&headers))),
        // A file for people, unless they say otherwise.
        spreadsheet_safe: params.boolean("spreadsheetSafe")?.unwrap_or(true),
        file_name: "clicks_export".to_owned(),
    };
    let asked = Asked::read(&app, caller.workspace, &params).await?;
    let place = app.exports.take(caller.workspace)?;
    let rows = rows(app.clone(), asked.query(Shape::Total), order, place);
    let response = answer::stream(&COLUMNS, rows, &writing).await?;
    uniques::say(&app, caller.workspace, asked.counting().unique, response).await
}

/// CSV, unless the caller asks for another form by name.
fn preferred(accept: &str) -> Format {
    match Format::from_accept(accept) {
        Format::Json if !accept.to_ascii_lowercase().contains("json") => Format::Csv,
        format => format,
    }
}

/// A link as its clicks show it.
#[derive(Default)]
struct Named {
    slug: String,
    domain: String,
    short_url: String,
}

/// The clicks in chunks, each with its link.
fn rows(
    app: App,
    query: Query,
    order: Order,
    place: Place,
) -> impl Stream<Item = Result<Vec<Row>, ApiError>> + Send + 'static {
    try_stream! {
        // Given back when the export ends, whichever way.
        let _place = place;
        let workspace = query.workspace;
        let mut links: HashMap<LinkId, Arc<Named>> = HashMap::new();
        for await events in app.analytics.all_events(query, order) {
            let events = events?;
            learn(&app, workspace, &mut links, &events).await?;
            let row = |event: EventRow| {
                let link = links.get(&LinkId(event.link_id)).cloned().unwrap_or_default();
                row(app.clicks.public(EventId(event.event_id)), &event, &link)
            };
            yield events.into_iter().map(row).collect();
        }
    }
}

/// Looks up those links of the events that are not yet known.
async fn learn(
    app: &App,
    workspace: WorkspaceId,
    links: &mut HashMap<LinkId, Arc<Named>>,
    events: &[EventRow],
) -> Result<(), ApiError> {
    if links.len() > MOST_LINKS {
        links.clear();
    }
    let mut wanted: Vec<LinkId> = events.iter().map(|event| LinkId(event.link_id)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.retain(|id| !links.contains_key(id));
    for link in app.analytics.links(workspace, &wanted).await? {
        let short_url = short_link(app, &link.domain, &link.slug);
        links.insert(link.id, Arc::new(Named { slug: link.slug, domain: link.domain, short_url }));
    }
    Ok(())
}

/// One click in the order of the columns; what is not known is empty.
struct Row(Vec<Cell>);

fn row(click_id: String, event: &EventRow, link: &Named) -> Row {
    let known = |text: &str| if text.is_empty() { Cell::Null } else { Cell::from(text) };
    Row(vec![
        Cell::from(instant::format(event.at_ms)),
        Cell::from(click_id),
        Cell::from(LinkId(event.link_id).cuid()),
        known(&link.slug),
        known(&link.domain),
        known(&link.short_url),
        known(&event.url),
        known(&event.continent),
        known(&event.country),
        known(&event.region),
        known(&event.city),
        known(&event.device),
        known(&event.browser),
        known(&event.os),
        known(&event.referrer_host),
        known(&event.trigger),
        known(&event.bot),
        known(&event.utm_source),
        known(&event.utm_medium),
        known(&event.utm_campaign),
        known(&event.utm_term),
        known(&event.utm_content),
    ])
}

impl Record for Row {
    fn row(&self) -> Vec<Cell> {
        self.0.clone()
    }

    fn json(&self) -> impl Serialize {
        RowObject { columns: &COLUMNS, row: &self.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_its_cell() {
        assert_eq!(row(String::new(), &EventRow::default(), &Named::default()).0.len(), COLUMNS.len());
        for (accept, format) in [
            ("", Format::Csv),
            ("text/html, */*", Format::Csv),
            ("application/json", Format::Json),
            ("text/tab-separated-values", Format::Tsv),
        ] {
            assert_eq!(preferred(accept), format, "{accept}");
        }
    }
}
