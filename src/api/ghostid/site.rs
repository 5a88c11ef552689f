//! Which site a request is about, and whether the caller may see it.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use serde_json::{Map, Value};

use crate::calendar::{Bound, Bucket, Buckets, Interval, Range, Span, Zone};
use crate::domain::id::WorkspaceId;
use crate::domain::site::Site;
use crate::encode::Format;
use crate::warehouse::session::SiteScope;
use crate::web::answer::Writing;
use crate::web::error::{ApiError, quoted};
use crate::web::meter::Meter;
use crate::web::params::{IntegerRule, Params};
use crate::web::state::App;

use super::caller::Caller;

/// Days of a bounded range: ten years.
const MOST_DAYS: usize = 3_661;
/// Days from the first instant that events have to the end of the century.
const ALL_DAYS: usize = 50_000;

/// Rows of a list, where `limit` says how many.
pub(super) const LIMIT: IntegerRule<'_> = IntegerRule {
    label: "limit",
    min: 1,
    too_small: "limit must be at least 1.",
    max: 500,
    too_big: "limit must be at most 500.",
};

/// The site that `siteId` names, for a caller who may read its analytics.
///
/// # Errors
/// As [`Caller::of`] and [`Caller::site`]; [`ApiError::BadRequest`] without `siteId`.
pub(super) async fn scope(
    app: &App,
    meter: &Meter,
    headers: &HeaderMap,
    params: &Params,
) -> Result<SiteScope, ApiError> {
    asked(app, meter, headers, params).await.map(|site| scope_of(&site))
}

/// The site, as a scope.
pub(super) fn scope_of(site: &Site) -> SiteScope {
    SiteScope { workspace: site.workspace, site: site.id }
}

/// As [`scope`], with all that is known of the site.
///
/// # Errors
/// As [`scope`].
pub(super) async fn asked(
    app: &App,
    meter: &Meter,
    headers: &HeaderMap,
    params: &Params,
) -> Result<Arc<Site>, ApiError> {
    let caller = Caller::of(app, meter, headers).await?;
    let given = params.text("siteId").ok_or_else(|| {
        ApiError::BadRequest("siteId is required: the number that `linktrail site list` shows".to_owned())
    })?;
    caller.site(app, Some(given), "analytics.read").await
}

/// The range that is asked about: `timeRange` (default `7d`), or `start` and `end`, in `timezone` (default UTC). `7d`,
/// `30d` and `90d` are today and the days before it (Ghost ID contract, D13).
pub(super) fn span(app: &App, params: &Params) -> Result<Span, ApiError> {
    span_named(app, params, "timeRange", "7d").map(|(span, _)| span)
}

/// As [`span`], where the parameter has another name or another default; with the time zone.
pub(super) fn span_named(app: &App, params: &Params, name: &str, default: &str) -> Result<(Span, Zone), ApiError> {
    let bad = |name: &str, error: &dyn std::fmt::Display| ApiError::BadRequest(format!("{name}: {error}"));
    let zone = match params.text("timezone") {
        Some(name) => Zone::parse(name).map_err(|error| bad("timezone", &error))?,
        None => Zone::utc(),
    };
    let now_ms = app.clock.now_ms();
    let bound = |name: &str| params.text(name).map(Bound::parse).transpose().map_err(|error| bad(name, &error));
    if let Some(start) = bound("start")? {
        let end = bound("end")?;
        let span = Span::between(&start, end.as_ref(), now_ms, &zone).map_err(|error| bad("start", &error))?;
        return Ok((span, zone));
    }
    let days = |days: u64| {
        let today = zone.day_at(now_ms);
        let first = today.checked_sub_days(chrono::Days::new(days - 1)).unwrap_or(today);
        Range::new(zone.day_start_ms(first), zone.day_end_ms(today))
            .map(|range| Span::of(range, &zone))
            .map_err(|error| bad(name, &error))
    };
    let span = match params.text(name).unwrap_or(default) {
        "24h" => Ok(Interval::LastDay.resolve(now_ms, &zone, now_ms)),
        "7d" => days(7),
        "30d" => days(30),
        "90d" => days(90),
        "all" => Ok(Interval::All.resolve(now_ms, &zone, 0)),
        other => {
            Err(ApiError::BadRequest(format!("{name} must be one of 24h, 7d, 30d, 90d, all. Given: {}", quoted(other))))
        }
    }?;
    Ok((span, zone))
}

/// Whether the range that is asked about has a beginning of its own: not that of all time.
pub(super) fn is_bounded(params: &Params, name: &str) -> bool {
    params.text("start").is_some() || params.text(name) != Some("all")
}

/// The days of a range; of all time those since the workspace's first event.
///
/// # Errors
/// [`ApiError::BadRequest`] for more than ten years.
pub(super) async fn days(
    app: &App,
    workspace: WorkspaceId,
    range: Range,
    zone: &Zone,
    is_bounded: bool,
) -> Result<Buckets, ApiError> {
    if is_bounded {
        return Buckets::cover(Bucket::Day, range, zone, MOST_DAYS).map_err(|_| {
            ApiError::BadRequest("start: a range has 3660 days at most; take a shorter one, or all time".to_owned())
        });
    }
    let beginning_ms = app.analytics.beginning_ms(workspace).await?.unwrap_or(range.end_ms());
    let since = Range::new(beginning_ms.clamp(range.start_ms(), range.end_ms()), range.end_ms());
    let since = since.map_err(|_| ApiError::Internal)?;
    Buckets::cover(Bucket::Day, since, zone, ALL_DAYS).map_err(|_| ApiError::Internal)
}

/// What the range that is asked about is called: `timeRange` as given, or `custom` for one of `start` and `end`.
pub(super) fn range_name(params: &Params) -> &str {
    if params.text("start").is_some() { "custom" } else { params.text("timeRange").unwrap_or("7d") }
}

/// How the answer is written: `format`, else `Accept`.
pub(super) fn writing(headers: &HeaderMap, params: &Params, file_name: &str) -> Result<Writing, ApiError> {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = params.one_of("format", &Format::NAMES)?.unwrap_or_else(|| Format::from_accept(accept));
    let spreadsheet_safe = params.boolean("spreadsheetSafe")?.unwrap_or(false);
    Ok(Writing { format, spreadsheet_safe, file_name: file_name.to_owned() })
}

/// The visitor behind a `gv_` id, letter case aside; `None` for what is none.
pub(super) fn parse_visitor_id(text: &str) -> Option<u64> {
    let (high, low) = text.strip_prefix("gv_")?.split_once('_')?;
    let half = |digits: &str| {
        let is_hex = digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_hex.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
    };
    Some((half(high)? << 32) | half(low)?)
}

/// `gv_a1b2c3d4_e5f6a7b8`: a visitor's hash as Ghost ID writes visitors.
pub(super) fn visitor_id(visitor: u64) -> String {
    format!("gv_{:08x}_{:08x}", visitor >> 32, visitor & 0xffff_ffff)
}

/// A country's English name; `Unknown` for none.
pub(super) fn country_name(code: &str) -> &str {
    crate::domain::country::name(code).unwrap_or("Unknown")
}

/// Properties as an object; what is stored was JSON when it came.
pub(super) fn props(stored: &str) -> Value {
    serde_json::from_str(stored).unwrap_or_else(|_| Value::Object(Map::new()))
}

/// Systems as Ghost ID names them.
pub(super) fn os_name(os: &str) -> &str {
    if os == "Mac OS" { "macOS" } else { os }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_are_found_by_what_they_are_shown_as() {
        for visitor in [0, 1, 0xa1b2_c3d4_e5f6_a7b8, u64::MAX] {
            assert_eq!(parse_visitor_id(&visitor_id(visitor)), Some(visitor));
        }
        assert_eq!(parse_visitor_id("gv_A1B2C3D4_E5F6A7B8"), Some(0xa1b2_c3d4_e5f6_a7b8));
        for wrong in [
            "",
            "gv_",
            "gv_1_2",
            "gv_a1b2c3d4e5f6a7b8",
            "gv_a1b2c3d4_e5f6g7h8",
            "gv_+1b2c3d4_e5f6a7b8",
            "gv_a1b2c3d4_e5f6a7b8_",
        ] {
            assert_eq!(parse_visitor_id(wrong), None, "{wrong}");
        }
    }
}
