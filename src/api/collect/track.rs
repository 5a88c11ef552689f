//! `POST /api/track` and `POST /api/identify`: one event, or a batch of them, answered when all that is wanted is on disk.
//!
//! The body is JSON whatever its content type says: beacons come as `text/plain`. A batch is an array or
//! `{"events": [...]}` of at most [`MAX_BATCH`] events; its answer tells by place what became of those that were not
//! recorded. One bad event does not cost the others; when the disk does not take them, none is recorded.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::admit::{Ground, Verdict, admit};
use super::cors;
use super::error::{Refusal, dressed};
use super::event::{self, Report};
use super::sender::Sender;
use crate::domain::exclusion::DropReason;
use crate::domain::hit::Hit;
use crate::sites::KnownSite;
use crate::telemetry::name::EVENTS_DROPPED_TOTAL;
use crate::web::body;
use crate::web::error::ApiError;
use crate::web::state::App;

/// Most events of a batch.
pub const MAX_BATCH: usize = 500;

type Read = fn(&Value) -> Result<Report, Refusal>;

/// `POST /api/track`
pub async fn track(State(app): State<App>, request: Request) -> Response {
    answer(&app, request, event::track, true).await
}

/// `POST /api/identify`
pub async fn identify(State(app): State<App>, request: Request) -> Response {
    answer(&app, request, event::identify, false).await
}

async fn answer(app: &App, request: Request, read: Read, many: bool) -> Response {
    let (parts, body) = request.into_parts();
    let mut sites = Vec::new();
    let outcome = take(app, &parts, body, read, many, &mut sites).await;
    let mut response = outcome.unwrap_or_else(dressed);
    let allowed = |host: &str| match sites.as_slice() {
        [] => app.sites.any_on(host),
        sites => sites.iter().any(|known| known.site.allows(host)),
    };
    cors::share(&parts.headers, allowed, &mut response);
    response
}

async fn take(
    app: &App,
    parts: &Parts,
    body: axum::body::Body,
    read: Read,
    many: bool,
    sites: &mut Vec<Arc<KnownSite>>,
) -> Result<Response, ApiError> {
    let value = body::parse_json(&body::read(body, app.max_body_bytes).await?)?;
    let sender = Sender::of(app, parts).await?;
    let mut round = Round { app, sender, read, sites };
    match batch_of(value, many)? {
        Submission::One(event) => round.one(&event).await,
        Submission::Many(events) => round.many(&events).await,
    }
}

enum Submission {
    One(Value),
    Many(Vec<Value>),
}

fn batch_of(value: Value, many: bool) -> Result<Submission, ApiError> {
    let events = match value {
        Value::Array(events) if many => events,
        Value::Object(mut object) if many && object.contains_key("events") => {
            match (object.remove("events"), object.is_empty()) {
                (Some(Value::Array(events)), true) => events,
                (Some(other), true) => {
                    return Err(ApiError::BadRequest(format!("events: {}", body::expected("array", &other))));
                }
                _ => {
                    let message = "A batch holds nothing beside events; what it would say belongs into each of them.";
                    return Err(ApiError::BadRequest(message.to_owned()));
                }
            }
        }
        one => return Ok(Submission::One(one)),
    };
    match events.len() {
        0 => Err(ApiError::BadRequest(format!("The batch is empty: expected 1 to {MAX_BATCH} events."))),
        1..=MAX_BATCH => Ok(Submission::Many(events)),
        given => Err(ApiError::BadRequest(format!(
            "The batch is too long: expected 1 to {MAX_BATCH} events, given {given}."
        ))),
    }
}

/// One request's way through.
struct Round<'a> {
    app: &'a App,
    sender: Sender,
    read: Read,
    /// The sites that its events named.
    sites: &'a mut Vec<Arc<KnownSite>>,
}

impl Round<'_> {
    async fn one(&mut self, event: &Value) -> Result<Response, ApiError> {
        match self.judge(event).await? {
            Verdict::Taken(hit) => {
                self.app.ingest.record(&hit)?.synced().await?;
                Ok(Json(json!({ "success": true })).into_response())
            }
            Verdict::Dropped(reason) => {
                count_drop(reason);
                let message = format!("Event not recorded: {}", words(reason));
                Ok(Json(json!({ "success": true, "message": message, "dropped": reason.name() })).into_response())
            }
            Verdict::Refused(refusal) => Ok(refusal.into_response()),
        }
    }

    async fn many(&mut self, events: &[Value]) -> Result<Response, ApiError> {
        let (mut hits, mut dropped, mut refused): (Vec<Hit>, _, _) = (Vec::new(), Vec::new(), Vec::new());
        for (index, event) in events.iter().enumerate() {
            match self.judge(event).await? {
                Verdict::Taken(hit) => hits.push(*hit),
                Verdict::Dropped(reason) => dropped.push((index, reason)),
                Verdict::Refused(refusal) => {
                    let mut told = refusal.told();
                    told["index"] = json!(index);
                    refused.push(told);
                }
            }
        }
        if !hits.is_empty() {
            self.app.ingest.record_all(&hits)?.synced().await?;
        }
        for (_, reason) in &dropped {
            count_drop(*reason);
        }
        let dropped: Vec<Value> =
            dropped.iter().map(|(index, reason)| json!({ "index": index, "reason": reason.name() })).collect();
        let status = if refused.len() == events.len() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        let body = json!({
            "success": refused.is_empty(),
            "accepted": hits.len(),
            "dropped": dropped,
            "refused": refused,
        });
        Ok((status, Json(body)).into_response())
    }

    async fn judge(&mut self, event: &Value) -> Result<Verdict, ApiError> {
        let report = match (self.read)(event) {
            Ok(report) => report,
            Err(refusal) => return Ok(Verdict::Refused(refusal)),
        };
        // Almost always the same one.
        let named = self.sites.iter().find(|known| known.site.id == report.site).cloned();
        let known = match named {
            Some(known) => known,
            None => match self.app.sites.find(report.site).await? {
                Some(known) => {
                    self.sites.push(Arc::clone(&known));
                    known
                }
                None => return Ok(Verdict::Refused(Refusal::NoSite)),
            },
        };
        Ok(admit(self.app, &Ground::of_site(&known), &self.sender, report, self.app.clock.now_ms()))
    }
}

/// Counts an event that is not wanted.
pub fn count_drop(reason: DropReason) {
    metrics::counter!(EVENTS_DROPPED_TOTAL, "reason" => reason.name()).increment(1);
}

fn words(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Bot => "bot detected",
        DropReason::DoNotTrack => "the visitor asks not to be tracked",
        DropReason::ExcludedAddress => "the address is excluded",
        DropReason::ExcludedCountry => "the country is excluded",
        DropReason::ExcludedHost => "the host is excluded",
        DropReason::ExcludedPath => "the path is excluded",
        DropReason::ForeignHost => "the host is not one of the site's",
        DropReason::Time => "it is more than 7 days old",
    }
}
