//! The live stream of events.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use axum::response::Response;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tower_http::compression::CompressionLayer;

use super::world::{FIREFOX, GOOGLEBOT, World};

struct Stream {
    body: Body,
    text: String,
}

impl Stream {
    async fn open(world: &World, query: &str) -> Self {
        let response = open(world, query).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        assert!(!response.headers().contains_key("content-encoding"));
        let mut stream = Self { body: response.into_body(), text: String::new() };
        stream.read().await;
        assert_eq!(stream.text, ": linktrail\n\n");
        stream
    }

    async fn read(&mut self) -> bool {
        let frame = tokio::time::timeout(Duration::from_secs(30), self.body.frame()).await.expect("something comes");
        match frame {
            Some(frame) => {
                self.text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
                true
            }
            None => false,
        }
    }

    /// Id and data of each event so far.
    fn events(&self) -> Vec<(String, Value)> {
        let messages = self.text.split("\n\n").filter(|message| message.starts_with("id: "));
        messages
            .map(|message| {
                let (id, data) = message.strip_prefix("id: ").unwrap().split_once("\ndata: ").unwrap();
                (id.to_owned(), serde_json::from_str(data).unwrap())
            })
            .collect()
    }

    async fn wait_for(&mut self, count: usize) -> Vec<(String, Value)> {
        while self.events().len() < count {
            assert!(self.read().await, "the stream ended: {}", self.text);
        }
        self.events()
    }
}

async fn open(world: &World, query: &str) -> Response {
    let request = Request::builder()
        .uri(format!("/events/stream{query}"))
        .header("authorization", format!("Bearer {}", world.ours.key))
        .header("accept-encoding", "gzip")
        .body(Body::empty())
        .unwrap();
    world.router.clone().layer(CompressionLayer::new()).oneshot(request).await.unwrap().map(Body::new)
}

#[tokio::test]
async fn events_come_as_they_are_stored_under_the_filters_of_the_list() {
    let world = World::start("hooks_stream").await;
    let (promo, _) = world.link("promo").await;
    let (other, _) = world.link("other").await;
    let mut all = Stream::open(&world, "?bots=include&repeats=include").await;
    let mut people = Stream::open(&world, "").await;
    let mut of_link = Stream::open(&world, &format!("?linkId={promo}&country=de,FR&browser=-Chrome")).await;
    let mut at_place = Stream::open(&world, "?domain=go.example.com&key=other").await;
    let mut nowhere = Stream::open(&world, "?country=-DE").await;
    for hit in [
        world.hit(promo, 1, FIREFOX),
        world.hit(promo, 1, FIREFOX),
        world.hit(promo, 2, GOOGLEBOT),
        world.hit(other, 3, FIREFOX),
    ] {
        world.visit(hit).await;
    }
    let everything = all.wait_for(4).await;
    let people = people.wait_for(2).await;
    assert_eq!(people.len(), 2);
    assert_eq!(of_link.wait_for(1).await, people[..1]);
    assert_eq!(at_place.wait_for(1).await, people[1..]);
    for (id, event) in &everything {
        assert_eq!(event["click"]["id"], id.as_str());
    }
    // Each is what the list shows, but for counters, which went on.
    let without_counters = |mut event: Value| {
        for counter in ["clicks", "lastClicked"] {
            event["link"][counter] = Value::Null;
        }
        event
    };
    world.app.ingest.flushed().await;
    let listed = world.get("/events?interval=all&sortOrder=asc").await;
    let listed: Vec<Value> = listed.as_array().unwrap().iter().cloned().map(without_counters).collect();
    assert_eq!(people.into_iter().map(|(_, event)| without_counters(event)).collect::<Vec<_>>(), listed);

    // All end at once when the end comes.
    world.app.streams.stop().cancel();
    while nowhere.read().await {}
    assert!(nowhere.events().is_empty(), "{}", nowhere.text);
    world.end().await;
}

#[tokio::test]
async fn leads_and_sales_come_as_the_lists_show_them() {
    let world = World::start("hooks_stream_conversions").await;
    let (promo, _) = world.link("promo").await;
    let recorded = world.app.ingest.record(&world.hit(promo, 1, FIREFOX)).unwrap();
    recorded.synced().await.unwrap();
    world.app.ingest.flushed().await;
    let click = world.app.clicks.public(recorded.id());
    let mut leads = Stream::open(&world, "?event=leads").await;
    let mut sales = Stream::open(&world, "?event=sales").await;
    let lead =
        json!({"clickId": click, "eventName": "Sign up", "customerExternalId": "c1", "metadata": {"plan": "pro"}});
    world.post("/track/lead", lead).await;
    let sale = json!({"customerExternalId": "c1", "amount": 1999, "currency": "eur", "invoiceId": "i1"});
    world.post("/track/sale", sale).await;
    for (kind, stream) in [("leads", &mut leads), ("sales", &mut sales)] {
        let (id, mut event) = stream.wait_for(1).await.remove(0);
        world.app.ingest.flushed().await;
        let mut listed = world.get(&format!("/events?event={kind}&interval=all")).await[0].clone();
        assert_eq!((&event["eventId"], &event["click"]["id"]), (&json!(id), &json!(click)));
        // Its link's counters went on.
        for object in [&mut event, &mut listed] {
            for counter in ["clicks", "lastClicked", "leads", "sales", "saleAmount", "conversions"] {
                object["link"][counter] = Value::Null;
            }
        }
        assert_eq!(event, listed);
    }
    world.end().await;
}

#[tokio::test]
async fn what_a_stream_asks_of_links_follows_the_links() {
    let world = World::start("hooks_stream_links").await;
    let (link, shown) = world.link("promo").await;
    let mut stream = Stream::open(&world, "?tenantId=t1").await;
    world.visit(world.hit(link, 1, FIREFOX)).await;
    world.app.ingest.flushed().await;
    let path = format!("/links/{}", shown["id"].as_str().unwrap());
    let changed = world.send(&world.ours.key, Method::PATCH, &path, &json!({"tenantId": "t1"})).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    // As the server does when Postgres tells of the change.
    world.app.streams.links_changed();
    world.visit(world.hit(link, 2, FIREFOX)).await;
    let events = stream.wait_for(1).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].1["link"]["tenantId"], "t1");
    world.end().await;
}

#[tokio::test]
async fn a_slow_client_is_told_how_much_it_missed() {
    const CLICKS: u64 = 3_000;
    let world = World::start("hooks_stream_slow").await;
    let (link, _) = world.link("promo").await;
    let mut stream = Stream::open(&world, "?repeats=include").await;
    let hits: Vec<_> = (0..CLICKS).map(|_| world.hit(link, 1, FIREFOX)).collect();
    world.app.ingest.record_many(&hits).await.unwrap();
    world.app.ingest.flushed().await;
    // What was published last is picked a moment later.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (mut seen, mut missed) = (0, 0);
    while seen + missed < CLICKS {
        assert!(stream.read().await);
        seen = stream.events().len() as u64;
        let told = stream.text.split("\n\n").filter_map(|message| message.strip_prefix("event: lagged\ndata: "));
        missed = told.map(|data| serde_json::from_str::<Value>(data).unwrap()["missed"].as_u64().unwrap()).sum();
    }
    assert_eq!(seen + missed, CLICKS);
    assert!(missed > 0 && seen >= 1_000, "{seen} seen, {missed} missed");
    world.end().await;
}

#[tokio::test]
async fn what_a_stream_cannot_do_is_told_and_places_are_bounded() {
    let world = World::start("hooks_stream_refusals").await;
    for (query, status, expected) in [
        ("?event=visits", 422, "event"),
        ("?unique=true", 422, "unique"),
        ("?event=sales&saleType=new", 422, "saleType"),
        ("?bots=some", 422, "bots"),
        ("?domain=go.example.com&key=nothing", 404, "Link not found."),
        ("?folderId=fold_0000000000001", 404, "Folder not found."),
    ] {
        let path = format!("/events/stream{query}");
        let refused = world.send(&world.ours.key, Method::GET, &path, &Value::Null).await;
        assert_eq!(refused.status, status, "{query}");
        assert!(refused.body["error"]["message"].as_str().unwrap().contains(expected), "{}", refused.body);
    }
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(open(&world, "?event=all").await);
    }
    let refused = open(&world, "").await;
    assert_eq!((refused.status().as_u16(), refused.headers().contains_key("retry-after")), (429, true));
    held.pop();
    assert_eq!(open(&world, "").await.status(), 200);
    world.end().await;
}
