//! `GET /api/revenue`: what a site earned and what brought it (Ghost ID contract, 2.1). Money and counts are strings.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;

use crate::analytics::Revenue;
use crate::calendar::Buckets;
use crate::domain::currency::{Currency, decimal};
use crate::domain::id::CustomerId;
use crate::plan::Bots;
use crate::table::{Cell, Table};
use crate::warehouse::revenue::{CurrencyRow, DayRow, SaleRow, ShareRow};
use crate::web::error::{ApiError, quoted};
use crate::web::instant;
use crate::web::meter::Meter;
use crate::web::params::Params;
use crate::web::state::App;

use super::person::some;
use super::sections::{Part, Sections};
use super::site;

/// Sales that are shown one by one where `limit` does not say otherwise.
const SHOWN: i64 = 50;

/// Answers one call. All sums are of one currency, which `currency` tells: the one that was asked for, else that with the most
/// sales; `currencies` has the others. The last transactions are those in any currency.
pub(super) async fn get(
    State(app): State<App>,
    meter: Meter,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let site = site::asked(&app, &meter, &headers, &params).await?;
    let scope = site::scope_of(&site);
    let (span, zone) = site::span_named(&app, &params, "timeRange", "30d")?;
    let is_bounded = site::is_bounded(&params, "timeRange");
    let currency = params.text("currency").map(parse_currency).transpose()?;
    let bots = [("exclude", Bots::Exclude), ("include", Bots::Include), ("only", Bots::Only)];
    let bots = params.one_of("bots", &bots)?.unwrap_or(Bots::Exclude);
    let limit = params.integer("limit", site::LIMIT)?.unwrap_or(SHOWN).cast_unsigned();
    let days = site::days(&app, site.workspace, span.range, &zone, is_bounded).await?;
    let writing = site::writing(&headers, &params, "revenue")?;
    let revenue = app.analytics.revenue(scope, span.range, bots, currency, &days, limit).await?;

    let mut buyers: Vec<CustomerId> = revenue.recent.iter().map(|sale| CustomerId(sale.customer_id)).collect();
    buyers.sort_unstable();
    buyers.dedup();
    let emails: HashMap<u64, String> =
        app.analytics.emails_of(scope, &buyers).await?.into_iter().map(|(id, email)| (id.0, email)).collect();
    let mut recent = Table::new(&RECENT_COLUMNS);
    for sale in &revenue.recent {
        recent.push(sale_cells(sale, emails.get(&sale.customer_id)));
    }
    let code = revenue.currency.as_str();
    Sections::default()
        .with("summary", Part::Row(summary(&revenue)))
        .with("by_attribution", Part::Rows(shares(&["channel", "source"], &revenue.by_attribution, code)))
        .with("by_campaign", Part::Rows(shares(&["campaign", "source", "medium"], &revenue.by_campaign, code)))
        .with("recent_transactions", Part::Rows(recent))
        .with("daily", Part::Rows(daily(&revenue.daily, &days, is_bounded, code)))
        .with("currency", Part::Value(shown_code(code).map_or(Value::Null, Value::from)))
        .with("currencies", Part::Rows(currencies(&revenue.currencies)))
        .with("time_range", Part::Value(Value::from(range_name(&params))))
        .answer("recent_transactions", &params, &writing)
}

fn range_name(params: &Params) -> &str {
    if params.text("start").is_none() && params.text("timeRange").is_none() { "30d" } else { site::range_name(params) }
}

fn parse_currency(given: &str) -> Result<Currency, ApiError> {
    Currency::parse(given).ok_or_else(|| {
        ApiError::BadRequest(format!("currency must be a code of ISO 4217, such as USD. Given: {}", quoted(given)))
    })
}

/// Upper case; `None` where none was told.
fn shown_code(code: &str) -> Option<String> {
    Some(code.to_ascii_uppercase()).filter(|code| !code.is_empty())
}

fn number(count: u64) -> Cell {
    Cell::from(count.to_string())
}

fn summary(revenue: &Revenue) -> Table {
    let code = revenue.currency.as_str();
    let none = CurrencyRow { currency: code.to_owned(), revenue: 0, transactions: 0, customers: 0, largest: 0 };
    let row = revenue.currencies.iter().find(|row| row.currency == code).unwrap_or(&none);
    let mut table = Table::new(&[
        "total_revenue",
        "total_transactions",
        "avg_order_value",
        "unique_customers",
        "largest_transaction",
    ]);
    table.push(vec![
        Cell::from(decimal(row.revenue, code)),
        number(row.transactions),
        Cell::from(decimal(mean(row.revenue, row.transactions), code)),
        number(row.customers),
        Cell::from(decimal(row.largest, code)),
    ]);
    table
}

/// To the smallest unit, halves away from zero; 0 of nothing.
fn mean(sum: i64, count: u64) -> i64 {
    let Some(count) = i128::from(count).checked_mul(2).filter(|double| *double > 0) else { return 0 };
    let double = 2 * i128::from(sum);
    let rounded = (double.abs() + count / 2) / count * double.signum();
    i64::try_from(rounded).unwrap_or_default()
}

/// Rows under these names, then `revenue`, `transactions`, `customers`.
fn shares(names: &[&'static str], rows: &[ShareRow], code: &str) -> Table {
    let columns: Vec<&'static str> = names.iter().copied().chain(["revenue", "transactions", "customers"]).collect();
    let mut table = Table::new(&columns);
    for row in rows {
        let mut cells: Vec<Cell> = row.keys.iter().map(|key| some(key)).collect();
        cells.extend([Cell::from(decimal(row.revenue, code)), number(row.transactions), number(row.customers)]);
        table.push(cells);
    }
    table
}

const RECENT_COLUMNS: [&str; 12] = [
    "id",
    "ghost_vid",
    "amount",
    "currency",
    "source",
    "first_touch_channel",
    "first_touch_source",
    "first_touch_campaign",
    "identified_user_id",
    "identified_email",
    "transaction_id",
    "created_at",
];

/// `identified_email` is the customer's address, else the name that the site gave to the person where that is one.
fn sale_cells(sale: &SaleRow, email: Option<&String>) -> Vec<Cell> {
    let named = Some(&sale.user_id).filter(|name| name.contains('@'));
    vec![
        Cell::from(sale.event_id),
        Cell::from(Some(sale.visitor).filter(|visitor| *visitor != 0).map(site::visitor_id)),
        Cell::from(decimal(sale.amount, &sale.currency)),
        Cell::from(shown_code(&sale.currency)),
        some(&sale.payment_processor),
        some(&sale.channel),
        some(&sale.source),
        some(&sale.campaign),
        some(&sale.user_id),
        Cell::from(email.or(named).cloned()),
        some(&sale.invoice_id),
        Cell::from(instant::format(sale.at_ms)),
    ]
}

/// Every day of a bounded range, by its first instant; of all time the days with sales.
fn daily(rows: &[DayRow], days: &Buckets, is_bounded: bool, code: &str) -> Table {
    let by_start: HashMap<i64, &DayRow> =
        rows.iter().map(|row| (row.start_secs.cast_signed().saturating_mul(1_000), row)).collect();
    let mut table = Table::new(&["date", "revenue", "transactions"]);
    for start_ms in days.starts() {
        let (revenue, transactions) = match by_start.get(start_ms) {
            Some(row) => (row.revenue, row.transactions),
            None if is_bounded => (0, 0),
            None => continue,
        };
        let date = Cell::from(instant::format(*start_ms));
        table.push(vec![date, Cell::from(decimal(revenue, code)), number(transactions)]);
    }
    table
}

fn currencies(rows: &[CurrencyRow]) -> Table {
    let mut table = Table::new(&["currency", "revenue", "transactions", "customers"]);
    for row in rows {
        table.push(vec![
            Cell::from(shown_code(&row.currency)),
            Cell::from(decimal(row.revenue, &row.currency)),
            number(row.transactions),
            number(row.customers),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_rounded_to_the_smallest_unit() {
        for (sum, count, expected) in [
            (0, 0, 0),
            (5, 0, 0),
            (10, 4, 3),
            (9, 4, 2),
            (-10, 4, -3),
            (-9, 4, -2),
            (1_945_200, 83, 23_436),
            (i64::MAX, 1, i64::MAX),
            (i64::MIN, 1, i64::MIN),
        ] {
            assert_eq!(mean(sum, count), expected, "{sum} / {count}");
        }
    }
}
