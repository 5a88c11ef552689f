//! Pages of events: none is skipped, none comes twice.

use std::sync::Arc;

use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event};
use linktrail::domain::id::LinkId;
use serde_json::Value;

use super::lines::{NOW, ms};
use super::scene::Scene;

#[tokio::test]
async fn pages_and_orders() {
    let scene = Scene::start("reading_pages").await;
    for (query, letters) in [
        ("", "acbd"),
        ("interval=all", "acbdegfhij"),
        ("interval=all&sortOrder=asc", "jihfgedbca"),
        ("interval=all&sortOrder=desc", "acbdegfhij"),
        ("interval=all&order=asc", "jihfgedbca"),
        // What Dub's own clients send for ascending.
        ("interval=all&sortOrder=asc&order=desc&sortBy=timestamp", "jihfgedbca"),
        ("interval=all&sortOrder=desc&order=asc", "jihfgedbca"),
        ("interval=all&sortBy=timestamp&event=clicks", "acbdegfhij"),
        ("interval=all&limit=3", "acb"),
        ("interval=all&limit=3&page=1", "acb"),
        ("interval=all&limit=3&page=2", "deg"),
        ("interval=all&limit=3&page=4", "j"),
        ("interval=all&limit=3&page=5", ""),
        ("interval=all&limit=3&page=2&sortOrder=asc", "fge"),
        ("interval=all&limit=1000&page=1000000", ""),
        ("interval=all&limit=1&page=1&limit=2", "ac"),
    ] {
        assert_eq!(scene.letters(&format!("/events?{query}")).await, letters, "{query}");
    }
    for (after, query, letters) in [
        ('a', "interval=all", "cbdegfhij"),
        ('e', "interval=all&limit=2", "gf"),
        ('e', "interval=all&limit=2&page=1", "gf"),
        ('e', "interval=all&limit=2&sortOrder=asc", "db"),
        ('j', "interval=all", ""),
        ('a', "interval=all&sortOrder=asc", ""),
        // An event outside of the range, or of the filter, is a place in time all the same.
        ('e', "", ""),
        ('c', "interval=all&country=US", "bj"),
        ('k', "interval=all", "degfhij"),
        // The first click of a visitor on a link is found over the whole range.
        ('d', "interval=all&unique=true", "egfij"),
    ] {
        let path = format!("/events?{query}&startingAfter={}", scene.click(after));
        assert_eq!(scene.letters(&path).await, letters, "{after} {query}");
    }
    // Walked one by one in both orders.
    for (order, letters) in [("desc", "acbdegfhij"), ("asc", "jihfgedbca")] {
        let mut walked = String::new();
        let mut after = String::new();
        for _ in 0..=letters.len() {
            let path = format!("/events?interval=all&limit=1&sortOrder={order}{after}");
            let Some(letter) = scene.letters(&path).await.pop() else { break };
            walked.push(letter);
            after = format!("&startingAfter={}", scene.click(letter));
        }
        assert_eq!(walked, letters, "{order}");
    }
}

/// Events more than a chunk, many of them in the same millisecond.
#[tokio::test]
async fn long_lists_come_whole() {
    const EVENTS: u64 = 2_300;
    let scene = Scene::start("reading_long").await;
    let crowd: Vec<Event> = (0..EVENTS)
        .map(|number| Event {
            workspace: scene.workspace,
            at_ms: ms(NOW) - i64::try_from(number / 50).unwrap(),
            id: EventId::new(3, number + 1),
            link: LinkId(scene.links["b"].0),
            visitor: number,
            agent: Arc::new(Agent { device: "Wearable".to_owned(), ..Agent::default() }),
            url: "https://example.com/b".to_owned(),
            ..Event::default()
        })
        .collect();
    scene.warehouse.insert("crowd", &crowd).await.unwrap();
    let ids = |page: &Value| -> Vec<u64> {
        let events = page.as_array().unwrap().iter();
        events.map(|event| scene.app.clicks.parse(event["click"]["id"].as_str().unwrap()).unwrap().sequence()).collect()
    };
    let whole = scene.get("/events?device=wearable&limit=1000").await;
    assert_eq!(whole.header("content-length"), "", "streamed");
    let mut expected: Vec<u64> = (1..=EVENTS).collect();
    // Newest first, and among equals the later identity first.
    expected.sort_by_key(|number| ((number - 1) / 50, std::cmp::Reverse(*number)));
    assert_eq!(ids(&whole.json()), expected[..1_000]);
    for format in ["csv", "tsv"] {
        let body = scene.body(&format!("/events?device=wearable&limit=1000&format={format}")).await;
        assert_eq!(body.lines().count(), 1_001);
        assert!(body.ends_with('\n'));
    }
    let mut walked = Vec::new();
    let mut after = String::new();
    loop {
        let page = scene.get(&format!("/events?device=wearable&limit=700{after}")).await.json();
        walked.extend(ids(&page));
        let events = page.as_array().unwrap();
        let Some(last) = events.last() else { break };
        after = format!("&startingAfter={}", last["click"]["id"].as_str().unwrap());
    }
    assert_eq!(walked, expected);
    let mut paged = Vec::new();
    for page in 1..=4 {
        paged.extend(ids(&scene.get(&format!("/events?device=wearable&limit=700&page={page}")).await.json()));
    }
    assert_eq!(paged, expected);
    assert_eq!(scene.get("/analytics?device=Wearable").await.json()["clicks"], EVENTS);
}
