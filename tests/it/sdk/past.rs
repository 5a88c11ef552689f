//! Clicks of the last two years, for questions about spans of time.

use linktrail::domain::click_id::EventId;
use linktrail::domain::event::Event;
use linktrail::domain::id::{LinkId, WorkspaceId};
use linktrail::server::Server;
use linktrail::warehouse::Warehouse;
use serde_json::json;

use super::server::NOW_MS;
use crate::wire::{exchange, request};

/// The scripts that ask about them begin with this.
pub const SUBJECT: &str = "intervals";

const HOUR_MS: i64 = 3_600_000;
/// Hours before now. Each interval from `24h` to `all` holds one more than the one before; see `tests/sdk/intervals.mjs`.
const HOURS_AGO: [i64; 9] = [2, 26, 10 * 24, 22 * 24, 40 * 24, 85 * 24, 120 * 24, 300 * 24, 700 * 24];

/// A link with a click at each of those hours. `number` sets the scripts apart.
pub async fn store(server: &Server, warehouse: &Warehouse, workspace: WorkspaceId, key: &str, number: u16) {
    let body = json!({"url": "https://example.com/past", "key": "past"}).to_string();
    let reply = exchange(server.address, &request("POST", "/links", key, "", body.as_bytes()), false).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let link = LinkId::parse(reply.json()["id"].as_str().unwrap()).unwrap();
    for (sequence, hours) in (1..).zip(HOURS_AGO) {
        let id = EventId::new(number, sequence);
        let at_ms = NOW_MS - hours * HOUR_MS;
        let event = Event { workspace, at_ms, id, link, visitor: sequence, ..Event::default() };
        // Events of one insert must be of one month.
        warehouse.insert(&format!("{number}-{sequence}"), &[event]).await.unwrap();
    }
}
