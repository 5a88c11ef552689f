//! The yardstick of everything that stores: the `clickhouse` crate, which inserts the same rows into the same table, with its
//! views and projections.

use std::time::Instant;

use anyhow::ensure;
use serde::{Deserialize, Serialize};

/// The rows that are inserted so are of workspaces that nobody has, from this one on.
pub const FIRST_WORKSPACE: u64 = 900_000;

/// A row of the table, as the driver writes it: column by column in its order.
#[derive(clickhouse::Row, Serialize, Deserialize)]
struct Row {
    workspace_id: u64,
    kind: i8,
    timestamp: i64,
    event_id: u64,
    link_id: u64,
    visitor: u64,
    repeat: bool,
    bot: String,
    trigger: String,
    continent: String,
    country: String,
    region: String,
    city: String,
    device: String,
    browser: String,
    browser_version: String,
    os: String,
    os_version: String,
    user_agent: String,
    referrer_host: String,
    referrer_url: String,
    url: String,
    base_url: String,
    utm_source: String,
    utm_medium: String,
    utm_campaign: String,
    utm_term: String,
    utm_content: String,
    click_event_id: u64,
    customer_id: u64,
    event_name: String,
    amount: i64,
    currency: String,
    payment_processor: String,
    invoice_id: String,
    metadata: String,
    site_id: u64,
    session: u64,
    idempotency: u64,
    event_type: String,
    page: String,
    page_title: String,
    user_id: String,
    screen_width: u16,
    screen_height: u16,
    duration_ms: u32,
    params: String,
    language: String,
    bot_category: String,
    referrer_name: String,
    channel: String,
    isp: String,
    asn: u32,
    hosting: bool,
    address: String,
    latitude: i32,
    longitude: i32,
}

/// Inserts the newest stored events once more, as those of a workspace of their own, so many in an insert: rows a second.
/// The table would skip a block that it has had, so every call takes another `workspace`, at least [`FIRST_WORKSPACE`].
pub async fn insert(client: &clickhouse::Client, workspace: u64, rows: u64, in_one: usize) -> anyhow::Result<f64> {
    let question = format!(
        "SELECT ?fields FROM events WHERE workspace_id < {FIRST_WORKSPACE} ORDER BY event_id DESC LIMIT {rows}"
    );
    let mut found: Vec<Row> = client.query(&question).fetch_all().await?;
    ensure!(found.len() as u64 == rows, "only {} of {rows} events are there to insert again", found.len());
    // In the order in which they came.
    found.reverse();
    found.iter_mut().for_each(|row| row.workspace_id = workspace);
    let began = Instant::now();
    for part in found.chunks(in_one) {
        let mut insert = client.insert::<Row>("events").await?;
        for row in part {
            insert.write(row).await?;
        }
        insert.end().await?;
    }
    Ok(rows as f64 / began.elapsed().as_secs_f64())
}
