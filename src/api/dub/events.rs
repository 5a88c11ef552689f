//! `GET /events`.

use std::borrow::Cow;

use axum::response::Response;
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::{Value, json};

use crate::analytics::{self, EventRecord};
use crate::domain::click_id::{ClickKey, EventId};
use crate::domain::dimension::Dimension;
use crate::domain::event::EventKind;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::plan::{From, Order, Page, Request, Shape, build};
use crate::table::Cell;
use crate::warehouse::event::EventRow;
use crate::web::answer::{self, Record, Writing};
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::state::App;

use super::params::{self, given};
use super::shape::{link_json, short_link};

/// Events on a page at most (Dub contract, section 5).
const MAX_LIMIT: u64 = 1_000;
/// The furthest page; beyond it `startingAfter` is the way.
const MAX_PAGE: u64 = 1_000_000;

/// Answers one call.
///
/// # Errors
/// The first parameter that is wrong; a store that does not answer.
pub async fn answer(app: &App, workspace: WorkspaceId, params: &Params, accept: &str) -> Result<Response, ApiError> {
    params::check_event(params, "Invalid option: expected one of \"clicks\"")?;
    let page = params::whole_number(params, "page", "Page", 1, MAX_PAGE)?;
    let limit = params::whole_number(params, "limit", "Page size", 100, MAX_LIMIT)?;
    if let Some(other) = given(params, "sortBy").filter(|by| *by != "timestamp") {
        return Err(params::not_among("sortBy", &["timestamp"], other));
    }
    let order = order(params)?;
    let reading = params::read(params, accept)?;
    let span = super::span(app, workspace, &reading).await?;
    let from = match given(params, "startingAfter") {
        Some(_) if page > 1 => {
            let message = "You cannot use both page and startingAfter at the same time.";
            return Err(ApiError::invalid("custom", "startingAfter", message));
        }
        Some(id) => after(app, workspace, id).await?,
        None => From::Offset((page - 1) * limit),
    };
    let link = super::named_link(app, workspace, &reading).await?;
    let query = build(Request {
        workspace,
        kind: EventKind::Click,
        range: span.range,
        counting: reading.counting,
        filters: reading.filters,
        link,
        root: reading.root,
        shape: Shape::Events { order, page: Page { limit, from } },
    });
    let writing = Writing {
        format: reading.format,
        spreadsheet_safe: reading.spreadsheet_safe,
        file_name: super::file_name(app, "events", &reading.zone),
    };
    let shown = app.clone();
    let chunks = app.analytics.events(query).map(move |chunk: Result<_, analytics::Error>| {
        chunk.map(|events| events.into_iter().map(|record| Shown::new(&shown, record)).collect::<Vec<_>>())
    });
    answer::stream(chunks, &writing).await
}

/// `sortOrder`, or the deprecated `order`, which counts when it is `asc` (Dub contract, section 5).
fn order(params: &Params) -> Result<Order, ApiError> {
    let mut order = Order::Descending;
    for name in ["order", "sortOrder"] {
        match given(params, name) {
            None | Some("desc") => {}
            Some("asc") => order = Order::Ascending,
            Some(other) => return Err(params::not_among(name, &["asc", "desc"], other)),
        }
    }
    Ok(order)
}

async fn after(app: &App, workspace: WorkspaceId, click: &str) -> Result<From, ApiError> {
    let unknown = || {
        ApiError::invalid("custom", "startingAfter", "Invalid cursor: the provided ID does not exist.")
    };
    let id = app.clicks.parse(click).ok_or_else(unknown)?;
    let at_ms = app.analytics.event_time_ms(workspace, id).await?.ok_or_else(unknown)?;
    Ok(From::After { at_ms, id })
}

/// An event as Dub shows it.
struct Shown {
    event: EventRow,
    link_id: String,
    domain: String,
    slug: String,
    short_link: String,
    link: Value,
    click_id: String,
    timestamp: String,
}

impl Shown {
    fn new(app: &App, record: EventRecord) -> Self {
        let keys: &ClickKey = &app.clicks;
        let (link, domain, slug, short) = match record.link.as_deref() {
            Some((link, counters)) => (
                link_json(app, link, counters),
                link.domain.clone(),
                link.slug.clone(),
                short_link(app, link),
            ),
            None => (Value::Null, String::new(), String::new(), String::new()),
        };
        Self {
            link_id: LinkId(record.event.link_id).to_string(),
            click_id: keys.public(EventId(record.event.event_id)),
            timestamp: super::iso_time(record.event.at_ms),
            event: record.event,
            link,
            domain,
            slug,
            short_link: short,
        }
    }

    /// A dimension with its label where it is unknown. A continent has none in Dub.
    fn text<'a>(value: &'a str, dimension: Dimension) -> &'a str {
        match (value, dimension) {
            ("", Dimension::Continent) => "",
            ("", _) => dimension.info().blank.label(),
            _ => value,
        }
    }

    fn region(&self) -> Cow<'_, str> {
        match (self.event.country.as_str(), self.event.region.as_str()) {
            ("", "") => Cow::Borrowed(Dimension::Region.info().blank.label()),
            (country, "") => Cow::Owned(format!("{country}-Unknown")),
            (_, region) => Cow::Borrowed(region),
        }
    }
}

impl Record for Shown {
    fn columns() -> Vec<Cow<'static, str>> {
        [
            "event", "timestamp", "click_id", "link_id", "domain", "key", "short_link", "url", "continent", "country",
            "region", "city", "device", "browser", "os", "trigger", "referer", "referer_url", "utm_source", "utm_medium",
            "utm_campaign", "utm_term", "utm_content", "bot", "user_agent",
        ]
        .map(Cow::Borrowed)
        .to_vec()
    }

    fn row(&self) -> Vec<Cell> {
        let event = &self.event;
        [
            "click",
            &self.timestamp,
            &self.click_id,
            &self.link_id,
            &self.domain,
            &self.slug,
            &self.short_link,
            &event.url,
            &event.continent,
            Self::text(&event.country, Dimension::Country),
            &self.region(),
            Self::text(&event.city, Dimension::City),
            Self::text(&event.device, Dimension::Device),
            Self::text(&event.browser, Dimension::Browser),
            Self::text(&event.os, Dimension::Os),
            Self::text(&event.trigger, Dimension::Trigger),
            Self::text(&event.referrer_host, Dimension::Referrer),
            Self::text(&event.referrer_url, Dimension::ReferrerUrl),
            &event.utm_source,
            &event.utm_medium,
            &event.utm_campaign,
            &event.utm_term,
            &event.utm_content,
            &event.bot,
            &event.user_agent,
        ]
        .map(Cell::from)
        .to_vec()
    }

    fn json(&self) -> impl Serialize {
        let event = &self.event;
        let continent = Self::text(&event.continent, Dimension::Continent);
        let country = Self::text(&event.country, Dimension::Country);
        let city = Self::text(&event.city, Dimension::City);
        let device = Self::text(&event.device, Dimension::Device);
        let browser = Self::text(&event.browser, Dimension::Browser);
        let os = Self::text(&event.os, Dimension::Os);
        let qr = event.trigger == "qr";
        json!({
            "event": "click",
            "timestamp": self.timestamp,
            "click": {
                "id": self.click_id,
                "timestamp": self.timestamp,
                "url": event.url,
                "country": country,
                "city": city,
                "region": self.region(),
                "continent": continent,
                "device": device,
                "browser": browser,
                "os": os,
                "ua": event.user_agent,
                "trigger": event.trigger,
                "referer": Self::text(&event.referrer_host, Dimension::Referrer),
                "refererUrl": Self::text(&event.referrer_url, Dimension::ReferrerUrl),
                "qr": qr,
                "ip": "",
                "bot": if event.bot.is_empty() { Value::Null } else { Value::from(event.bot.as_str()) },
            },
            "link": self.link,
            // Deprecated by Dub, demanded by its models (Dub contract, 5.1).
            "click_id": self.click_id,
            "link_id": self.link_id,
            "domain": self.domain,
            "key": self.slug,
            "url": event.url,
            "continent": continent,
            "country": country,
            "city": city,
            "device": device,
            "browser": browser,
            "os": os,
            "qr": u8::from(qr),
            "ip": "",
        })
    }
}
