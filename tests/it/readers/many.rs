//! More clicks than fit in one piece of an answer. Each follows from its number.

use std::sync::Arc;

use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event, Network, Place};
use linktrail::domain::id::{LinkId, WorkspaceId};
use linktrail::warehouse::Warehouse;

use super::scene::store as store_all;

pub const CLICKS: u64 = 200_000;
/// 2026-10-01T00:00:00Z, where the first one is. Each is ten seconds after the one before.
const FIRST_MS: i64 = 1_790_812_800_000;
const STEP_MS: i64 = 10_000;

pub async fn store(warehouse: &Warehouse, workspace: WorkspaceId, link: LinkId) {
    let countries = ["DE", "US", ""];
    let providers = ["One, Inc.", "Two \"2\"", "Three\n3", ""];
    let agents =
        ["Chrome", "Firefox"].map(|browser| Arc::new(Agent { browser: browser.to_owned(), ..Agent::default() }));
    let click = |number: u64| {
        let place = usize::try_from(number).unwrap();
        Event {
            workspace,
            at_ms: FIRST_MS + number.cast_signed() * STEP_MS,
            id: EventId::new(2, number + 1),
            link,
            visitor: number % 1_000 + 1,
            place: Place { country: countries[place % 3].to_owned(), ..Place::default() },
            agent: Arc::clone(&agents[place % 2]),
            network: Network { isp: providers[place % 4].to_owned(), ..Network::default() },
            params: format!("n={number}"),
            url: "https://example.com/all".to_owned(),
            ..Event::default()
        }
    };
    let numbers: Vec<u64> = (0..CLICKS).collect();
    for (number, part) in numbers.chunks(50_000).enumerate() {
        let clicks: Vec<Event> = part.iter().copied().map(click).collect();
        store_all(warehouse, &format!("many-{number}"), &clicks).await;
    }
}
