//! The clock steps back an hour, then further, and comes forward again: identities stay apart, nothing is lost or doubled, repeats are
//! told as the rule says, and pages neither skip nor repeat an event.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use linktrail::calendar::Clock;
use linktrail::config::{
    Config, DomainsConfig, HooksConfig, IngestConfig, LimitsConfig, PlacesConfig, QueriesConfig, SignInConfig,
    StoresConfig,
};
use linktrail::server::Server;
use serde_json::Value;

use super::home::Home;
use super::ledger::Ledger;
use super::load::Load;
use crate::visits::http_config;
use crate::world::{PROGRAM, clickhouse_client};

const HOUR_MS: i64 = 3_600_000;
/// Half past some hour: what follows is about hours, and a day or a month that ends in between is not.
const BEGIN_MS: i64 = 1_790_001_000_000;

/// The program in this process, so that its clock can be told what to say.
async fn start(home: &Home, clock: &Clock) -> Server {
    let stores = StoresConfig {
        database_url: None,
        clickhouse_url: None,
        clickhouse_reader_url: None,
        clickhouse_cluster: None,
        postgres_pool: 8,
        queries: QueriesConfig::default(),
    };
    let places = PlacesConfig { data_dir: home.path().to_owned(), engines_dir: None, geo_files: Vec::new(), stores };
    let http = http_config(&["--listen", &home.address.to_string()]);
    let ingest = IngestConfig { batch_rows: 200, batch_linger_ms: 10, ..IngestConfig::default() };
    Server::start(
        Config {
            places,
            http,
            limits: LimitsConfig::default(),
            sign_in: SignInConfig::default(),
            ingest,
            hooks: HooksConfig::default(),
            domains: DomainsConfig::default(),
        },
        clock.clone(),
        Some(PROGRAM.into()),
    )
    .await
    .unwrap()
}

/// Visits under a clock that goes as fast as it should.
async fn visit(ledger: &Arc<Ledger>, home: &Home, clock: &Clock, visits: u64) {
    let ticking = {
        let clock = clock.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                clock.advance(10);
            }
        })
    };
    let load = Load::start(ledger, home, 8);
    ledger.reach_more(visits).await;
    load.finish().await;
    ticking.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_steps_back_an_hour_confuses_nothing() {
    let home = Home::furnished(&[]).await;
    let ledger = Ledger::new();
    let clock = Clock::fixed(BEGIN_MS);
    let server = start(&home, &clock).await;
    visit(&ledger, &home, &clock, 700).await;
    clock.advance(-HOUR_MS);
    visit(&ledger, &home, &clock, 700).await;
    server.stop().await;
    // What was known is asked of the store again, which was told of times that are ahead of the clock now: a machine that
    // begins with a wrong clock, and is told the right time a moment later.
    clock.advance(-5 * HOUR_MS);
    let server = start(&home, &clock).await;
    visit(&ledger, &home, &clock, 300).await;
    clock.advance(6 * HOUR_MS);
    visit(&ledger, &home, &clock, 700).await;

    let found = ledger.compare(&[&home]).await;
    ledger.assert_all_sent_on();
    found.assert_none_lost();
    found.assert_each_once();
    assert_repeats_as_the_rule_says(&home).await;
    assert_pages_have_every_event_once(&home, &clock, found.stored).await;
    server.stop().await;
}

/// In the order of identities, a click is a repeat of one that is none when less than an hour is between the two.
async fn assert_repeats_as_the_rule_says(home: &Home) {
    let question = "SELECT link_id, visitor, toUnixTimestamp64Milli(timestamp) AS at, repeat FROM events \
        WHERE kind = 'click' ORDER BY event_id";
    let reader = clickhouse_client(&home.urls().reader);
    let clicks: Vec<(u64, u64, i64, bool)> = reader.query(question).fetch_all().await.unwrap();
    let times = || clicks.iter().map(|click| click.2);
    assert!(times().max().unwrap() - times().min().unwrap() >= HOUR_MS, "the step is in the events");
    let mut firsts: Vec<(u64, u64, i64)> = Vec::new();
    for (place, &(link, visitor, at_ms, repeat)) in clicks.iter().enumerate() {
        let is_near =
            |first: &(u64, u64, i64)| (first.0, first.1) == (link, visitor) && (first.2 - at_ms).abs() < HOUR_MS;
        assert_eq!(repeat, firsts.iter().any(is_near), "click {place} of link {link} by {visitor} at {at_ms}");
        if !repeat {
            firsts.push((link, visitor, at_ms));
        }
    }
}

async fn assert_pages_have_every_event_once(home: &Home, clock: &Clock, events: u64) {
    let mut seen = HashSet::new();
    let mut times: Vec<String> = Vec::new();
    let (start, mut cursor) = (clock.now_ms() - 9 * HOUR_MS, String::new());
    let start = chrono::DateTime::from_timestamp_millis(start).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    loop {
        let path = format!("/events?event=clicks&start={start}&repeats=include&limit=97{cursor}");
        let answer = home.call("GET", &path, None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let page: Vec<Value> = serde_json::from_str(&answer.body).unwrap();
        for event in &page {
            let id = event["click"]["id"].as_str().unwrap();
            assert!(seen.insert(id.to_owned()), "{id} is told twice");
            times.push(event["timestamp"].as_str().unwrap().to_owned());
        }
        match page.last() {
            Some(last) => cursor = format!("&startingAfter={}", last["click"]["id"].as_str().unwrap()),
            None => break,
        }
    }
    assert_eq!(seen.len() as u64, events, "every event is on a page");
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "the latest first");
}
