//! `GET /events`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use axum::response::Response;
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::click_id::EventId;
use crate::domain::dimension::Dimension;
use crate::domain::event::{Event, EventKind};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::plan::{From, Order, Page, Request, Shape, build};
use crate::table::Cell;
use crate::warehouse::event::EventRow;
use crate::web::answer::{self, Record, Writing};
use crate::web::error::{ApiError, quoted};
use crate::web::instant;
use crate::web::params::{IntegerRule, Params};
use crate::web::state::App;

use super::params;
use super::reading;
use super::shape_link::{LinkContext, short_link};
use super::stream;

/// The furthest page; beyond it `startingAfter` is the way.
const PAGE: IntegerRule<'_> = IntegerRule {
    label: "Page",
    min: 1,
    too_small: "Page must be greater than 0.",
    max: 1_000_000,
    too_big: "Page is too big (cannot be more than 1000000), use startingAfter instead.",
};
/// Events on a page (Dub contract, sections 1 and 5).
const LIMIT: IntegerRule<'_> = IntegerRule {
    label: "Limit",
    min: 1,
    too_small: "Page size must be greater than 0.",
    max: 1_000,
    too_big: "Max page size is 1000.",
};

/// Answers one call.
///
/// # Errors
/// The first parameter that is wrong; a store that does not answer.
pub async fn answer(app: &App, workspace: WorkspaceId, params: &Params, accept: &str) -> Result<Response, ApiError> {
    params::check_event(params, "Invalid option: expected one of \"clicks\"")?;
    let page = params.integer("page", PAGE)?.unwrap_or(1).cast_unsigned();
    let limit = params.integer("limit", LIMIT)?.unwrap_or(100).cast_unsigned();
    params.one_of("sortBy", &[("timestamp", ())])?;
    let order = order(params)?;
    let said = params::read(params, accept)?;
    let span = reading::span(app, workspace, &said).await?;
    let from = match params.text("startingAfter") {
        Some(_) if page > 1 => {
            let message = "You cannot use both page and startingAfter at the same time.";
            return Err(ApiError::invalid("custom", "startingAfter", message));
        }
        Some(id) => after(app, workspace, id).await?,
        None => From::Offset((page - 1) * limit),
    };
    let link = reading::named_link(app, workspace, &said).await?;
    reading::check_folder(app, workspace, &said).await?;
    let query = build(Request {
        workspace,
        kind: EventKind::Click,
        range: span.range,
        counting: said.counting,
        filters: said.filters,
        link,
        root: said.root,
        shape: Shape::Events { order, page: Page { limit, from } },
    });
    let writing = Writing {
        format: said.format,
        spreadsheet_safe: said.spreadsheet_safe,
        file_name: reading::file_name(app, "events", &said.zone),
    };
    let app_of_chunks = app.clone();
    let chunks = app.analytics.events(query).then(move |chunk| {
        let app = app_of_chunks.clone();
        async move { shown(&app, workspace, chunk?).await }
    });
    answer::stream(chunks, &writing).await
}

/// Puts the links to a chunk of events.
async fn shown(app: &App, workspace: WorkspaceId, events: Vec<EventRow>) -> Result<Vec<Shown>, ApiError> {
    let mut ids: Vec<LinkId> = events.iter().map(|event| LinkId(event.link_id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let links = app.analytics.links(workspace, &ids).await?;
    let context = LinkContext::of(app, workspace, &links).await?;
    let mut known = HashMap::with_capacity(links.len());
    for link in &links {
        let object = serde_json::to_value(context.object(app, link)).map_err(|error| {
            tracing::error!(%error, "link cannot be encoded");
            ApiError::Internal
        })?;
        let short_link = short_link(app, &link.domain, &link.slug);
        let of = LinkOfEvents { domain: link.domain.clone(), slug: link.slug.clone(), short_link, object };
        known.insert(link.id, Arc::new(of));
    }
    Ok(events
        .into_iter()
        .map(|event| Shown {
            click_id: app.clicks.public(EventId(event.event_id)),
            timestamp: instant::format(event.at_ms),
            link: known.get(&LinkId(event.link_id)).cloned().unwrap_or_default(),
            event,
        })
        .collect())
}

/// The `click` of an event that was just stored.
pub(super) fn click(app: &App, event: &Event) -> Value {
    let shown = Shown {
        click_id: app.clicks.public(event.id),
        timestamp: instant::format(event.at_ms),
        link: Arc::default(),
        event: EventRow::from(event),
    };
    shown.click()
}

/// Events that were just stored, each as the list of its kind shows it.
///
/// # Errors
/// When a store does not answer.
pub(super) async fn live(app: &App, workspace: WorkspaceId, events: &[Event]) -> Result<Vec<Value>, ApiError> {
    let shown = shown(app, workspace, events.iter().map(EventRow::from).collect()).await?;
    let value = |(shown, event): (Shown, &Event)| match event.kind {
        EventKind::Click => serde_json::to_value(shown.json()).map_err(|_| ApiError::Internal),
        _ => Ok(stream::other(app, event, &shown.link.object)),
    };
    shown.into_iter().zip(events).map(value).collect()
}

/// `sortOrder`, or the deprecated `order`, which counts when it is `asc` (Dub contract, section 5).
fn order(params: &Params) -> Result<Order, ApiError> {
    let ascending = |name| params.one_of(name, &[("asc", true), ("desc", false)]);
    let (old, new) = (ascending("order")?, ascending("sortOrder")?);
    Ok(if old == Some(true) || new == Some(true) { Order::Ascending } else { Order::Descending })
}

async fn after(app: &App, workspace: WorkspaceId, click: &str) -> Result<From, ApiError> {
    let unknown = || {
        let message = format!("Invalid cursor: the provided ID does not exist. Given: {}", quoted(click));
        ApiError::invalid("custom", "startingAfter", message)
    };
    let id = app.clicks.parse(click).ok_or_else(unknown)?;
    let at_ms = app.analytics.event_time_ms(workspace, id).await?.ok_or_else(unknown)?;
    Ok(From::After { at_ms, id })
}

/// A link as the events of a chunk share it.
#[derive(Debug, Default)]
struct LinkOfEvents {
    domain: String,
    slug: String,
    short_link: String,
    object: Value,
}

/// An event as Dub shows it.
#[derive(Debug)]
struct Shown {
    event: EventRow,
    click_id: String,
    timestamp: String,
    link: Arc<LinkOfEvents>,
}

impl Shown {
    /// A dimension with its label where it is unknown. A continent has none in Dub.
    fn text(value: &str, dimension: Dimension) -> &str {
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

impl Shown {
    /// The `click` of an event.
    fn click(&self) -> Value {
        let event = &self.event;
        json!({
            "id": self.click_id,
            "timestamp": self.timestamp,
            "url": event.url,
            "country": Self::text(&event.country, Dimension::Country),
            "city": Self::text(&event.city, Dimension::City),
            "region": self.region(),
            "continent": Self::text(&event.continent, Dimension::Continent),
            "device": Self::text(&event.device, Dimension::Device),
            "browser": Self::text(&event.browser, Dimension::Browser),
            "os": Self::text(&event.os, Dimension::Os),
            "ua": event.user_agent,
            "trigger": event.trigger,
            "referer": Self::text(&event.referrer_host, Dimension::Referrer),
            "refererUrl": Self::text(&event.referrer_url, Dimension::ReferrerUrl),
            "qr": event.trigger == "qr",
            "ip": "",
            "bot": if event.bot.is_empty() { Value::Null } else { Value::from(event.bot.as_str()) },
        })
    }
}

impl Record for Shown {
    fn columns() -> Vec<Cow<'static, str>> {
        [
            "event",
            "timestamp",
            "click_id",
            "link_id",
            "domain",
            "key",
            "short_link",
            "url",
            "continent",
            "country",
            "region",
            "city",
            "device",
            "browser",
            "os",
            "trigger",
            "referer",
            "referer_url",
            "utm_source",
            "utm_medium",
            "utm_campaign",
            "utm_term",
            "utm_content",
            "bot",
            "user_agent",
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
            &LinkId(event.link_id).to_string(),
            &self.link.domain,
            &self.link.slug,
            &self.link.short_link,
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
            "click": self.click(),
            "link": self.link.object,
            // Deprecated by Dub, demanded by its models (Dub contract, 5.1).
            "click_id": self.click_id,
            "link_id": LinkId(event.link_id).to_string(),
            "domain": self.link.domain,
            "key": self.link.slug,
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
