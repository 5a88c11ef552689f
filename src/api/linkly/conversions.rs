//! `GET /api/v1/conversions` and `POST /api/v1/conversions`

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::caller::Caller;
use crate::catalog::PostedConversion;
use crate::conversions::{NewPosted, Posted};
use crate::domain::currency::Currency;
use crate::domain::hit::ConversionKind;
use crate::web::body::Body;
use crate::web::error::{ApiError, quoted};
use crate::web::instant;
use crate::web::meter::Meter;
use crate::web::params::{IntegerRule, Params};
use crate::web::state::App;

/// Longest metadata, in bytes of JSON.
const MAX_METADATA: usize = 10_000;
/// Longest name or id, in characters.
const MAX_TEXT: usize = 255;
/// How far a sender's clock may be ahead.
const AHEAD_MS: i64 = 86_400_000;
/// 2000-01-01.
const EARLIEST_MS: i64 = 946_684_800_000;
const LIMIT: IntegerRule<'_> = IntegerRule {
    label: "Limit",
    min: 1,
    too_small: "expected at least 1.",
    max: 1_000,
    too_big: "expected at most 1000.",
};

/// The newest conversions of the workspace that is named, or of all that the key opens.
pub(super) async fn list(State(app): State<App>, caller: Caller, params: Params) -> Result<Json<Value>, ApiError> {
    let limit = params.integer("limit", LIMIT)?.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(1_000);
    let mut found = Vec::new();
    for member in caller.workspaces()? {
        member.require("conversions.read")?;
        found.extend(app.catalog.posted_conversions(member.workspace, limit).await?);
    }
    let mut shown: Vec<(String, PostedConversion)> = found.into_iter().map(|row| (ulid(&row), row)).collect();
    shown.sort_by(|(one, _), (other, _)| other.cmp(one));
    shown.truncate(limit as usize);
    let shown: Vec<Value> = shown.into_iter().map(|(_, row)| object(row)).collect();
    Ok(Json(json!({ "conversions": shown })))
}

/// Records a conversion.
pub(super) async fn create(
    State(app): State<App>,
    meter: Meter,
    params: Params,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let api_key = body.value("api_key").and_then(Value::as_str);
    let caller = Caller::identify(&app, &meter, &headers, &params, api_key).await?;
    let workspace = body.value("workspace_id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let member = caller.any_workspace(workspace.as_deref())?;
    member.require_reporting()?;
    let Said { new, metadata, ip_source } = read(&body, app.clock.now_ms())?;
    let fields = {
        let (new, clicks) = (new.clone(), app.clicks.clone());
        move |posted: Posted| {
            json!({
                "event_name": new.name,
                "event_type": kind_name(new.kind),
                "event_id": new.event_id,
                "external_id": new.external_id,
                "amount_cents": new.amount,
                "currency": new.currency.code().to_ascii_uppercase(),
                "country": new.country,
                "occurred_at": instant::format(posted.occurred_at_ms),
                "metadata": metadata,
                "link_id": posted.of.map(|of| of.link),
                "click_id": posted.of.map(|of| clicks.public(of.click)),
                "ip_source": ip_source,
                "source": "api",
            })
        }
    };
    let posted = app.conversions.post(member.workspace, new, fields).await?;
    Ok(Json(object(posted)))
}

const KINDS: [(&str, ConversionKind); 3] =
    [("lead", ConversionKind::Lead), ("sale", ConversionKind::Sale), ("custom", ConversionKind::Custom)];

fn kind_name(kind: ConversionKind) -> &'static str {
    KINDS.iter().find(|(_, known)| *known == kind).map_or("custom", |(name, _)| name)
}

/// What a body says, beside what is recorded of it.
#[derive(Debug)]
struct Said {
    new: NewPosted,
    metadata: Option<Value>,
    ip_source: &'static str,
}

fn read(body: &Body, now_ms: i64) -> Result<Said, ApiError> {
    let name = text(body, "event_name")?.ok_or_else(|| wrong("event_name", "is required"))?;
    let kind =
        match text(body, "event_type")? {
            None => ConversionKind::Custom,
            Some(given) => KINDS.iter().find(|(name, _)| *name == given).map(|(_, kind)| *kind).ok_or_else(|| {
                wrong("event_type", format!("expected lead, sale or custom. Given: {}", quoted(&given)))
            })?,
        };
    let (event_id, external_id) = (text(body, "event_id")?, text(body, "external_id")?);
    let click = text(body, "linkly_cid")?;
    let amount = body.integer("amount_cents")?.flatten();
    let currency = match text(body, "currency")? {
        None => Currency::USD,
        Some(code) => Currency::parse(&code).ok_or_else(|| {
            wrong("currency", format!("expected an ISO 4217 code such as USD. Given: {}", quoted(&code)))
        })?,
    };
    let country = match text(body, "country")? {
        Some(code) if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            return Err(wrong("country", format!("expected two letters such as US. Given: {}", quoted(&code))));
        }
        country => country.map(|code| code.to_ascii_uppercase()),
    };
    let occurred_at_ms = body.instant("occurred_at")?.flatten();
    if let Some(at_ms) = occurred_at_ms
        && !(EARLIEST_MS..=now_ms.saturating_add(AHEAD_MS)).contains(&at_ms)
    {
        let message = format!("expected a time from 2000 on and not in the future. Given: {}", instant::format(at_ms));
        return Err(wrong("occurred_at", message));
    }
    let metadata = body.object("metadata")?.flatten().map(Value::Object);
    let written = metadata.as_ref().map(Value::to_string).unwrap_or_default();
    if written.len() > MAX_METADATA {
        return Err(wrong("metadata", format!("expected at most {MAX_METADATA} bytes. Given: {}", written.len())));
    }
    let visitor_address = match text(body, "visitor_ip")? {
        None => None,
        Some(given) => Some(given.parse::<IpAddr>().map_err(|_| {
            // The address itself stays out of messages and logs.
            wrong("visitor_ip", "expected an IPv4 or IPv6 address")
        })?),
    };
    let ip_source = if visitor_address.is_some() { "visitor" } else { "unknown" };
    let new = NewPosted {
        name,
        kind,
        event_id,
        external_id,
        click,
        amount,
        currency,
        country,
        occurred_at_ms,
        metadata: written,
        visitor_address,
    };
    Ok(Said { new, metadata, ip_source })
}

fn wrong(field: &'static str, message: impl Into<String>) -> ApiError {
    ApiError::invalid("custom", field, message)
}

/// Text without blanks around it; empty counts as absent.
fn text(body: &Body, field: &'static str) -> Result<Option<String>, ApiError> {
    let text = match body.value(field) {
        // Ids are numbers in many databases.
        Some(Value::Number(number)) if field.ends_with("_id") => Some(number.to_string()),
        _ => body.text(field)?.flatten(),
    };
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > MAX_TEXT) {
        return Err(wrong(field, format!("expected at most {MAX_TEXT} characters")));
    }
    Ok(text)
}

/// The row that was posted, under its id.
fn object(row: PostedConversion) -> Value {
    let id = ulid(&row);
    let mut fields = row.fields;
    fields["id"] = Value::String(id);
    fields["inserted_at"] = Value::String(instant::format(row.inserted_at_ms));
    fields
}

/// A ULID: 48 bits of time, then the row's number instead of chance, so that ids sort as rows were made.
fn ulid(row: &PostedConversion) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut rest = u128::from(row.inserted_at_ms.cast_unsigned()) << 80 | u128::from(row.id);
    let mut text = [b'0'; 26];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    text.iter().map(|&letter| char::from(letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_790_000_000_000;

    fn said(body: &Value) -> Result<Said, String> {
        read(&Body::parse(body.to_string().as_bytes()).unwrap(), NOW_MS).map_err(|error| error.to_string())
    }

    #[test]
    fn bodies_are_read() {
        let plain = said(&json!({"event_name": "signup"})).unwrap();
        assert_eq!((plain.new.kind, plain.new.amount, plain.ip_source), (ConversionKind::Custom, None, "unknown"));
        let all = said(&json!({
            "event_name": " refund ", "event_type": "sale", "event_id": 17, "external_id": "c", "linkly_cid": "x",
            "amount_cents": -4999, "currency": "eur", "country": "de", "occurred_at": "2026-01-31T09:30:00Z",
            "metadata": {"a": 1}, "visitor_ip": "81.2.69.142",
        }))
        .unwrap();
        assert_eq!(
            (all.new.name.as_str(), all.new.kind, all.new.amount),
            ("refund", ConversionKind::Sale, Some(-4999))
        );
        assert_eq!((all.new.event_id.as_deref(), all.new.currency.code()), (Some("17"), "eur"));
        assert_eq!((all.new.country.as_deref(), all.new.metadata.as_str()), (Some("DE"), r#"{"a":1}"#));
        assert_eq!(all.ip_source, "visitor");
    }

    #[test]
    fn faults_are_named() {
        for (body, field) in [
            (json!({}), "event_name"),
            (json!({"event_name": "a", "event_type": "click"}), "event_type"),
            (json!({"event_name": "a", "amount_cents": 1.5}), "amount_cents"),
            (json!({"event_name": "a", "amount_cents": "5"}), "amount_cents"),
            (json!({"event_name": "a", "currency": "euro"}), "currency"),
            (json!({"event_name": "a", "country": "Germany"}), "country"),
            (json!({"event_name": "a", "occurred_at": "yesterday"}), "occurred_at"),
            (json!({"event_name": "a", "occurred_at": "2036-01-01"}), "occurred_at"),
            (json!({"event_name": "a", "occurred_at": "1970-01-01"}), "occurred_at"),
            (json!({"event_name": "a", "metadata": []}), "metadata"),
            (json!({"event_name": "a", "metadata": {"a": "é".repeat(5_000)}}), "metadata"),
            (json!({"event_name": "a", "visitor_ip": "localhost"}), "visitor_ip"),
            (json!({"event_name": "x".repeat(256)}), "event_name"),
        ] {
            let message = said(&body).unwrap_err();
            assert!(message.contains(field), "{message}");
        }
    }

    #[test]
    fn ids_sort_by_time_and_then_by_row() {
        let id = |inserted_at_ms, id| ulid(&PostedConversion { id, fields: Value::Null, inserted_at_ms });
        assert!(id(1, 9) < id(2, 1) && id(2, 1) < id(2, 2) && id(NOW_MS, 31) < id(NOW_MS, 32));
        // The example of the ULID specification: the time alone.
        assert!(id(1_469_918_176_385, 0).starts_with("01ARYZ6S41"));
        assert_eq!(id(NOW_MS, 7).len(), 26);
    }
}
