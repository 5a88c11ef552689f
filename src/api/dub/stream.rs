//! `GET /events/stream`: events as they are stored, as server-sent events, under the filters of `GET /events`.
//!
//! Each message is what `/events` shows of the event, with its public id as `id`. A client that reads too slowly misses
//! events and is told how many by a message `lagged`; nobody waits for it. A comment every 15 seconds keeps the line open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::event_shape::Shown;
use super::{events, params, reading};
use crate::calendar::Range;
use crate::domain::event::{Event, EventKind};
use crate::domain::id::WorkspaceId;
use crate::encode::dub::metadata;
use crate::filter::Filter;
use crate::plan::{Query, Request, Shape, build, matches};
use crate::web::caller::Caller;
use crate::web::error::{ApiError, quoted};
use crate::web::params::Params;
use crate::web::state::App;
use crate::web::streams::StreamPlace;

/// Events that wait for a slow client.
const BACKLOG: usize = 1_000;
/// Events that are shown together.
const CHUNK: usize = 100;
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Tries to show events while a store does not answer, and the pause between them.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(500);
/// The pause before links that could not be resolved are resolved again.
const RESOLVE_AGAIN: Duration = Duration::from_secs(1);

const KINDS: [(&str, &[EventKind]); 6] = [
    ("clicks", &[EventKind::Click]),
    ("leads", &[EventKind::Lead]),
    ("sales", &[EventKind::Sale]),
    ("pageviews", &[EventKind::Pageview]),
    ("custom", &[EventKind::Custom]),
    ("all", &[EventKind::Click, EventKind::Lead, EventKind::Sale, EventKind::Pageview, EventKind::Custom]),
];

/// Answers one call.
pub(super) async fn answer(State(app): State<App>, caller: Caller, params: Params) -> Result<Response, ApiError> {
    caller.require("analytics.read")?;
    let kinds = params.one_of("event", &KINDS)?.unwrap_or(&[EventKind::Click]);
    let said = params::read(&params, "")?;
    if said.counting.unique {
        let message = "a stream cannot tell who comes for the first time; leave it out. Given: true, allowed: false";
        return Err(ApiError::invalid("custom", "unique", message));
    }
    if said.filters.iter().any(|filter| matches!(filter, Filter::SaleType(_))) {
        let given = params.text("saleType").unwrap_or_default();
        let message = format!(
            "a stream cannot tell a customer's first sale from a later one; leave it out. Given: {}",
            quoted(given)
        );
        return Err(ApiError::invalid("custom", "saleType", message));
    }
    let link = reading::named_link(&app, caller.workspace, &said).await?;
    reading::check_folder(&app, caller.workspace, &said).await?;
    let queries = kinds
        .iter()
        .map(|&kind| {
            Ok(build(Request {
                workspace: caller.workspace,
                kind,
                // Whenever it happened: a late event is news as well.
                range: Range::new(i64::MIN, i64::MAX).map_err(|_| ApiError::Internal)?,
                counting: said.counting,
                filters: said.filters.clone(),
                link,
                root: said.root,
                shape: Shape::Total,
            }))
        })
        .collect::<Result<Vec<Query>, ApiError>>()?;
    let place = app.streams.place(caller.workspace)?;
    // Before links are resolved, so that no event in between is missed.
    let (heard, links) = (app.ingest.live().listen(), app.streams.watch_links());
    let resolved = resolve(&app, &queries).await?;
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let missed = Arc::new(AtomicU64::new(0));
    let pump = Pump { app: app.clone(), queries, resolved, links, sender, missed: Arc::clone(&missed) };
    tokio::spawn(pump.run(heard));
    let mut response = Response::new(Body::from_stream(messages(app, caller.workspace, receiver, missed, place)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of nginx's kind would hold messages back.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// The queries with what must be true of links turned into the links of which it is true now.
async fn resolve(app: &App, queries: &[Query]) -> Result<Vec<Query>, ApiError> {
    let mut resolved = Vec::with_capacity(queries.len());
    for query in queries {
        resolved.push(app.analytics.with_links(query.clone()).await?);
    }
    Ok(resolved)
}

/// From the feed to the client's backlog: picks, and never waits for the client.
struct Pump {
    app: App,
    queries: Vec<Query>,
    resolved: Vec<Query>,
    links: watch::Receiver<u64>,
    sender: mpsc::Sender<Event>,
    missed: Arc<AtomicU64>,
}

impl Pump {
    async fn run(mut self, mut heard: broadcast::Receiver<Arc<[Event]>>) {
        let stop = self.app.streams.stop().clone();
        loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.sender.closed() => return,
                next = heard.recv() => next,
            };
            match next {
                Ok(events) => {
                    self.look_again().await;
                    for event in events.iter().filter(|event| self.picks(event)) {
                        if self.sender.try_send(event.clone()).is_err() {
                            self.missed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                // Nobody looked at these: how many of them were meant is not known, at least one a chunk is assumed.
                Err(RecvError::Lagged(chunks)) => _ = self.missed.fetch_add(chunks, Ordering::Relaxed),
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn picks(&self, event: &Event) -> bool {
        self.resolved.iter().any(|query| matches(query, event))
    }

    /// Resolves links anew when some link was changed. Until Postgres answers, what is known stays.
    async fn look_again(&mut self) {
        if self.queries.iter().all(|query| query.links.is_empty()) || !self.links.has_changed().unwrap_or(false) {
            return;
        }
        self.links.mark_unchanged();
        match resolve(&self.app, &self.queries).await {
            Ok(resolved) => self.resolved = resolved,
            Err(_) => {
                self.links.mark_changed();
                tokio::time::sleep(RESOLVE_AGAIN).await;
            }
        }
    }
}

/// The body: what is in the backlog, shown.
fn messages(
    app: App,
    workspace: WorkspaceId,
    mut receiver: mpsc::Receiver<Event>,
    missed: Arc<AtomicU64>,
    place: StreamPlace,
) -> impl futures_util::Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static {
    async_stream::stream! {
        // Given back when the client is gone.
        let _place = place;
        let stop = app.streams.stop().clone();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(CHUNK);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                count = receiver.recv_many(&mut batch, CHUNK) => {
                    if count == 0 {
                        return;
                    }
                    let shown = show(&app, workspace, std::mem::take(&mut batch), &missed).await;
                    let lost = missed.swap(0, Ordering::Relaxed);
                    if lost > 0 {
                        yield Ok(Bytes::from(format!("event: lagged\ndata: {{\"missed\":{lost}}}\n\n")));
                    }
                    yield Ok(Bytes::from(shown));
                }
                // The first is at once: it brings the headers on their way.
                _ = heartbeat.tick() => yield Ok(Bytes::from_static(b": linktrail\n\n")),
            }
        }
    }
}

/// Messages of these events. Where a store does not answer for long they count as missed.
async fn show(app: &App, workspace: WorkspaceId, batch: Vec<Event>, missed: &AtomicU64) -> String {
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(AGAIN).await;
        }
        if let Ok(shown) = events::live(app, workspace, &batch).await {
            let mut text = String::with_capacity(batch.len() * 2_048);
            for (event, object) in batch.iter().zip(shown) {
                text.push_str("id: ");
                text.push_str(&app.clicks.public(event.id));
                text.push_str("\ndata: ");
                // JSON has no line breaks of its own.
                text.push_str(&object.to_string());
                text.push_str("\n\n");
            }
            return text;
        }
    }
    missed.fetch_add(batch.len() as u64, Ordering::Relaxed);
    String::new()
}

/// What a stream shows of an event of a page, of which there is no list: its kind, its own fields, and where and with what it
/// happened. A custom event may be a conversion, and then has its customer.
pub(super) fn other(shown: &Shown, event: &Event) -> Value {
    let mut object = json!({
        "event": event.kind.name(),
        "timestamp": shown.timestamp,
        "eventId": shown.event_id,
        "eventName": event.name(),
        "link": shown.link.object,
        "click": shown.seen().object(&shown.click_id, event.at_ms),
        "metadata": metadata(event.metadata()),
    });
    if event.conversion.is_some() {
        object["customer"] = json!(shown.customer.as_deref());
    }
    if let Some(page) = &event.page {
        object["siteId"] = json!(event.site);
        object["eventType"] = page.event_type.as_str().into();
        object["page"] = json!({ "path": page.page, "title": page.title, "url": event.url });
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_one_name_each() {
        for (place, (name, kinds)) in KINDS.iter().enumerate() {
            assert!(!kinds.is_empty());
            assert!(KINDS[place + 1..].iter().all(|(other, _)| other != name));
        }
    }
}
