//! What the answers of `/api/v1/analytics` have in common: their form, the span of time that they say, and shares.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use serde_json::{Value, json};

use crate::calendar::{Range, Zone};
use crate::encode::Format;
use crate::table::{Cell, Table};
use crate::web::answer::Writing;
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::params::Params;

/// What the caller accepts.
pub(super) fn accept(headers: &HeaderMap) -> &str {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default()
}

/// How an answer is written: `format` (json, csv, tsv), else `Accept`, else JSON; `spreadsheetSafe` (default false).
pub(super) fn writing(params: &Params, headers: &HeaderMap, file_name: &str) -> Result<Writing, ApiError> {
    Ok(Writing {
        format: params.one_of("format", &Format::NAMES)?.unwrap_or_else(|| Format::from_accept(accept(headers))),
        spreadsheet_safe: params.boolean("spreadsheetSafe")?.unwrap_or(false),
        file_name: file_name.to_owned(),
    })
}

/// The span that an answer is about: `end` is the first instant after it.
pub(super) fn period(range: Range, zone: &Zone) -> Value {
    json!({
        "start": instant::format(range.start_ms()),
        "end": instant::format(range.end_ms()),
        "timezone": zone.name(),
    })
}

/// The only number of a total.
pub(super) fn number(total: &Table) -> i64 {
    match total.rows.first().map(Vec::as_slice) {
        Some([Cell::Int(number)]) => *number,
        _ => 0,
    }
}

/// The part that `count` is of `total`, from 0 to 1 with four places; 0 of nothing.
pub(super) fn share(count: i64, total: i64) -> f64 {
    if total == 0 { 0.0 } else { (count as f64 / total as f64 * 10_000.0).round() / 10_000.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_four_places() {
        for (count, total, expected) in [(1, 3, 0.3333), (2, 3, 0.6667), (0, 0, 0.0), (5, 5, 1.0)] {
            assert!((share(count, total) - expected).abs() < 1e-9, "{count}/{total}");
        }
    }
}
