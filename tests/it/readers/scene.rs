//! A server that listens, with a workspace whose every click the scripts know.

use std::sync::Arc;

use linktrail::calendar::Clock;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event, Network, Place, Referrer};
use linktrail::domain::id::{LinkId, WorkspaceId};
use linktrail::warehouse::Warehouse;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::many;
use crate::reading::scene::tenant;
use crate::sdk::server::{Listening, listen};
use crate::wire::{exchange, request};
use crate::world;

/// 2026-11-02T12:00:00Z
pub const NOW_MS: i64 = 1_793_620_800_000;
/// 2026-10-29T00:00:00Z, before which there is no click. The night to 1 November has an hour twice in New York.
const FIRST_MS: i64 = 1_793_232_000_000;
const CLICKS: u64 = 600;
const DOMAIN: &str = "go.example.com";

/// Titles that a reader may take for something else.
const TITLES: [Option<&str>; 8] = [
    Some("Spring, \"first\""),
    Some("two\nlines, one \"link\""),
    Some("=SUM(1,2)"),
    Some("tab\there"),
    Some("Ünïcødé 🦀 日本"),
    Some("007"),
    Some("NULL"),
    None,
];
const COUNTRIES: [&str; 6] = ["US", "DE", "", "FR", "NA", "GB"];
const ISPS: [&str; 7] = ["", "Foo, Inc.", "\"Quoted\" Net", "two\nlines", "tab\tbed", "=cmd|' /C calc'!A0", "Ünï 網路"];
const REFERRERS: [&str; 4] = ["", "t.co", "l.facebook.com", "xn--bcher-kva.example"];
/// What a click's query says, and the pairs that are in it.
const PARAMS: [(&str, &[&str]); 5] = [
    ("", &[]),
    ("utm_source=a&x=1", &["utm_source=a", "x=1"]),
    ("x=1&x=1&y=%C3%BC+z", &["x=1", "y=ü z"]),
    ("q=%22a%2C+b%22&t=1%092", &["q=\"a, b\"", "t=1\t2"]),
    ("=1&x=2", &["=1", "x=2"]),
];

pub struct Scene {
    listening: Listening,
    /// What every script is told.
    pub world: Value,
}

impl Scene {
    pub async fn start(test: &str) -> Self {
        let listening = listen(test, Clock::fixed(NOW_MS)).await;
        let app = &listening.server.app;
        let (workspace, _, key) = tenant(app, "reader@example.com", &[DOMAIN]).await;
        let (empty, _, empty_key) = tenant(app, "empty@example.com", &["empty.example.com"]).await;
        let (crowded, _, crowded_key) = tenant(app, "crowded@example.com", &["many.example.com"]).await;
        let mut links = Vec::new();
        for (number, title) in TITLES.into_iter().enumerate() {
            links.push(make(&listening, &key, &format!("s{number}"), title).await);
        }
        let many_link = make(&listening, &crowded_key, "all", Some("All")).await;
        let warehouse = world::warehouse_at(&listening.urls);
        // The last link but one has no click, and is asked for all the same.
        let clicked: Vec<LinkId> =
            links.iter().enumerate().filter(|(place, _)| *place != 6).map(|(_, id)| *id).collect();
        let (clicks, facts) = clicks(workspace, &clicked);
        store(&warehouse, "few", &clicks).await;
        many::store(&warehouse, crowded, many_link).await;
        let described = links.iter().zip(TITLES).enumerate().map(|(number, (id, title))| {
            let slug = format!("s{number}");
            let full_url = format!("https://{DOMAIN}/{slug}");
            json!({"id": id.0, "name": title, "full_url": full_url, "url": target(&slug)})
        });
        let facts = json!({"links": described.collect::<Vec<Value>>(), "clicks": facts});
        let file = listening.folder.path().join("facts.json");
        std::fs::write(&file, facts.to_string()).unwrap();
        let workspace_of = |id: WorkspaceId, key: String| json!({"id": id.0, "key": key});
        let world = json!({
            "url": format!("http://{}", listening.server.address),
            "facts": file,
            "ours": workspace_of(workspace, key),
            "empty": workspace_of(empty, empty_key),
            "many": workspace_of(crowded, crowded_key),
            "manyLink": many_link.0,
            "manyClicks": many::CLICKS,
        });
        Self { listening, world }
    }

    pub async fn stop(self) {
        self.listening.server.stop().await;
    }
}

fn target(slug: &str) -> String {
    format!("https://example.com/{slug}?a=1,2&b=\"3\"")
}

async fn make(listening: &Listening, key: &str, slug: &str, title: Option<&str>) -> LinkId {
    let body = json!({"url": target(slug), "key": slug, "title": title}).to_string();
    let reply = exchange(listening.server.address, &request("POST", "/links", key, "", body.as_bytes()), false).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    LinkId::parse(reply.json()["id"].as_str().unwrap()).unwrap()
}

/// Stores clicks of any months; those of one insert must be of one.
pub async fn store(warehouse: &Warehouse, token: &str, clicks: &[Event]) {
    let month =
        |event: &Event| chrono::DateTime::from_timestamp_millis(event.at_ms).unwrap().format("%Y-%m").to_string();
    let mut sorted = clicks.to_vec();
    sorted.sort_by_key(|event| event.at_ms);
    for batch in sorted.chunk_by(|one, other| month(one) == month(other)) {
        warehouse.insert(&format!("{token}-{}", month(&batch[0])), batch).await.unwrap();
    }
}

/// The same at every run, as events and as the scripts are told of them. A value that is not known is null.
fn clicks(workspace: WorkspaceId, links: &[LinkId]) -> (Vec<Event>, Vec<Value>) {
    let mut rng = SmallRng::seed_from_u64(11);
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut click = |number| {
        let at_ms = FIRST_MS + rng.random_range(0..NOW_MS - FIRST_MS);
        let mut pick = |values: &[&str]| (*values.choose(&mut rng).unwrap()).to_owned();
        let (country, isp, host) = (pick(&COUNTRIES), pick(&ISPS), pick(&REFERRERS));
        let (browser, os) =
            (pick(&["Chrome", "Firefox", "Mobile Safari", ""]), pick(&["Mac OS", "iOS", "Windows", ""]));
        let bot = pick(&["", "", "", "Googlebot"]);
        let (query, pairs) = *PARAMS.choose(&mut rng).unwrap();
        let link = *links.choose(&mut rng).unwrap();
        let visitor = rng.random_range(1..60);
        let fact = json!({
            "id": number,
            "at": at_ms,
            "link": link.0,
            "visitor": visitor,
            "country": known(&country),
            "isp": known(&isp),
            "referer": known(&host),
            "browser": known(&browser),
            "platform": known(if os == "Mac OS" { "Mac" } else { &os }),
            "bot": known(&bot),
            "query": query,
            "pairs": pairs,
        });
        let event = Event {
            workspace,
            at_ms,
            id: EventId::new(1, number),
            link,
            visitor,
            repeat: number % 5 == 0,
            place: Place { country, ..Place::default() },
            agent: Arc::new(Agent { browser, os, bot, ..Agent::default() }),
            referrer: Referrer { host, ..Referrer::default() },
            network: Network { isp, ..Network::default() },
            params: query.to_owned(),
            url: target("s"),
            ..Event::default()
        };
        (event, fact)
    };
    (1..=CLICKS).map(&mut click).unzip()
}
