//! `/api/webhook`: one visitor's profile, sent once to an address that the caller names (Ghost ID contract, 2.1).
//!
//! A target is connected to only where webhooks may go (`hooks::guard`). Nothing is tried again: what came of it is the answer.

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::domain::id::SiteId;
use crate::domain::site::Site;
use crate::web::body::Body;
use crate::web::error::{ApiError, quoted};
use crate::web::instant;
use crate::web::state::App;

use super::caller::Caller;
use super::person::Person;
use super::visitor::{Known, known};

/// Sessions and events that are sent.
const SENT: u64 = 50;
/// Characters of a message that Discord takes.
const DISCORD_CHARACTERS: usize = 2_000;

/// What a target understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Custom,
    Hubspot,
    Salesforce,
    Slack,
    Discord,
}

const KINDS: [(&str, Kind); 5] = [
    ("custom", Kind::Custom),
    ("hubspot", Kind::Hubspot),
    ("salesforce", Kind::Salesforce),
    ("slack", Kind::Slack),
    ("discord", Kind::Discord),
];

/// `GET`: the types there are, and what to send.
pub(super) async fn types(_caller: Caller) -> Json<Value> {
    Json(json!({
        "supported_types": KINDS.map(|(name, _)| name),
        "example_payload": {
            "ghost_vid": "gv_a1b2c3d4_e5f6a7b8",
            "webhook_url": "https://example.com/hooks/leads",
            "webhook_type": "custom",
            "include_journey": true,
            "include_events": true,
            "siteId": 4,
        },
    }))
}

/// `POST`: sends. A journey is how the visitor came, and their last sessions.
///
/// # Errors
/// [`ApiError::Invalid`] for a wrong field, [`ApiError::NotFound`] for somebody whom the site has never seen,
/// [`ApiError::Unprocessable`] when the target does not take it.
pub(super) async fn send(State(app): State<App>, caller: Caller, body: Body) -> Result<Json<Value>, ApiError> {
    let number = body.count("siteId")?.flatten().map(|number| SiteId(number).0.to_string());
    let site = caller.site(&app, number.as_deref(), "webhooks.write").await?;
    let ghost_vid = required(&body, "ghost_vid")?;
    let given = required(&body, "webhook_url")?;
    let target = app.hooks.check_target(&given).map_err(|error| {
        ApiError::invalid("invalid_value", "webhook_url", format!("{error}. Given: {}", quoted(&given)))
    })?;
    let (name, kind) = kind(body.text("webhook_type")?.flatten().as_deref())?;
    let journey = body.boolean("include_journey")?.flatten().unwrap_or(true);
    let events = body.boolean("include_events")?.flatten().unwrap_or(true);
    let known = known(&app, &site, &ghost_vid, SENT).await?;
    let now = instant::format(app.clock.now_ms());
    let payload = payload(&app, &site, kind, &known, journey, events, &now)?;
    let status = app
        .hooks
        .post_once(&target, Bytes::from(payload.to_string()))
        .await
        .map_err(|error| ApiError::Unprocessable(format!("The webhook was not delivered: {error}.")))?;
    Ok(Json(json!({
        "success": true,
        "ghost_vid": Person::new(&known.row).ghost_vid(),
        "webhook_type": name,
        "delivered_at": now,
        "status": status,
    })))
}

fn required(body: &Body, name: &str) -> Result<String, ApiError> {
    let given = body.text(name)?.flatten().filter(|text| !text.trim().is_empty());
    given.ok_or_else(|| ApiError::invalid("invalid_type", name, "it is required"))
}

fn kind(given: Option<&str>) -> Result<(&'static str, Kind), ApiError> {
    let given = given.unwrap_or("custom");
    KINDS.into_iter().find(|(name, _)| *name == given).ok_or_else(|| {
        let names = KINDS.map(|(name, _)| name).join(", ");
        ApiError::invalid("invalid_value", "webhook_type", format!("expected one of {names}. Given: {}", quoted(given)))
    })
}

fn payload(
    app: &App,
    site: &Site,
    kind: Kind,
    known: &Known,
    journey: bool,
    events: bool,
    now: &str,
) -> Result<Value, ApiError> {
    let whole = serde_json::to_value(known.sections(app, journey, events)).map_err(|error| {
        tracing::error!(%error, "a profile cannot be written");
        ApiError::Internal
    })?;
    let person = Person::new(&known.row);
    let user = Some(known.row.user_id.as_str()).filter(|name| !name.is_empty());
    let email = user.filter(|name| name.contains('@'));
    let visitor = &whole["visitor"];
    Ok(match kind {
        Kind::Custom => {
            let mut payload = json!({
                "event": "visitor.exported",
                "exported_at": now,
                "site": { "siteId": site.id.0, "name": site.name, "domain": site.main_host() },
            });
            merge(&mut payload, whole);
            payload
        }
        Kind::Hubspot => {
            let mut payload = json!({
                "properties": {
                    "email": email,
                    "country": visitor["country"],
                    "state": visitor["region"],
                    "city": visitor["city"],
                    "ghost_vid": visitor["ghost_vid"],
                    "ghost_user_id": user,
                    "ghost_score": visitor["score"],
                    "ghost_score_label": visitor["score_label"],
                    "ghost_sessions": visitor["session_count"],
                    "ghost_pageviews": visitor["pageview_count"],
                    "ghost_first_seen": visitor["first_seen"],
                    "ghost_last_seen": visitor["last_seen"],
                    "ghost_first_touch_channel": known.first_touch.channel,
                    "ghost_site": site.main_host(),
                },
            });
            merge(&mut payload, whole);
            payload
        }
        Kind::Salesforce => {
            let mut payload = json!({
                "Email": email,
                // A lead has both; what is not known says so.
                "LastName": user.unwrap_or("Unknown"),
                "Company": "Unknown",
                "LeadSource": "Web",
                "Rating": if person.is_hot() { "Hot" } else if person.score_label() == "warm" { "Warm" } else { "Cold" },
                "Country": visitor["country"],
                "State": visitor["region"],
                "City": visitor["city"],
                "Description": message(site, known, str::to_owned),
            });
            merge(&mut payload, whole);
            payload
        }
        Kind::Slack => json!({ "text": message(site, known, slack) }),
        Kind::Discord => {
            let text: String = message(site, known, str::to_owned).chars().take(DISCORD_CHARACTERS).collect();
            // What visitors call themselves calls nobody.
            json!({ "content": text, "allowed_mentions": { "parse": [] } })
        }
    })
}

fn merge(payload: &mut Value, parts: Value) {
    if let (Value::Object(payload), Value::Object(parts)) = (payload, parts) {
        payload.extend(parts);
    }
}

/// A visitor in a few lines. `plain` takes from a text what the target would understand as more.
fn message(site: &Site, known: &Known, plain: fn(&str) -> String) -> String {
    let person = Person::new(&known.row);
    let row = &known.row;
    let who = match row.user_id.as_str() {
        "" => person.ghost_vid(),
        name => format!("{} ({})", plain(name), person.ghost_vid()),
    };
    let place = match row.latest.2.as_str() {
        "" => person.country().to_owned(),
        city => format!("{}, {}", plain(city), person.country()),
    };
    let pages: Vec<String> = known
        .events
        .iter()
        .filter(|event| event.event_type == "pageview")
        .take(5)
        .map(|event| plain(&event.page))
        .collect();
    let mut lines = vec![
        format!("Visitor of {}: {who}", plain(&site.name)),
        format!("Score {} ({}), from {place}", person.score(), person.score_label()),
        format!("{} sessions, {} pageviews, {} s on the site", row.sessions, row.pageviews, row.spent_ms / 1_000),
        format!("Last seen {}", instant::format(row.last_ms)),
    ];
    if !known.first_touch.channel.is_empty() {
        lines.push(format!("First touch: {}", plain(&known.first_touch.channel)));
    }
    if !pages.is_empty() {
        lines.push(format!("Last pages: {}", pages.join(", ")));
    }
    lines.join("\n")
}

/// Slack's three letters with a meaning.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
