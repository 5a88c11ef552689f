//! A store away or frozen: visits go on, the rest says so and waits for nobody.

use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Answer, ask};
use super::home::{HASTY, Home, PATIENCE};
use super::ledger::Ledger;
use super::load::Load;
use super::process::{descendants, signal, signal_all};

/// Longer than any call may take that cannot be answered, with room for a busy machine.
const TELLS: Duration = Duration::from_secs(15);
/// Not a load, only traffic.
const FEW: usize = 4;

/// 503, and when to come again.
fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
}

/// Asks again until it works; before that only 503 will do.
async fn until_it_works(home: &Home, method: &str, path: &str, body: Option<&serde_json::Value>) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = home.call(method, path, body).await;
        if answer.status == 200 {
            return answer;
        }
        assert_unavailable(&answer);
        assert!(begun.elapsed() < PATIENCE, "{method} {path} does not work again: {}", answer.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Visits a link until it leads there.
pub async fn until_it_leads_to(home: &Home, slug: &str, destination: &str) {
    let begun = Instant::now();
    loop {
        let answer = home.visit(slug).await;
        if answer.header("location") == Some(destination) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "/{slug} leads to {:?}", answer.header("location"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_clickhouse_visits_go_on_and_queries_say_so() {
    const QUERY: &str = "/analytics?groupBy=countries";
    let home = Home::furnished(&[&HASTY[..], &["--query-max-secs", "1"]].concat()).await;
    let ledger = Ledger::new();
    let server = home.start().await;
    let load = Load::start(&ledger, &home, FEW);
    ledger.reach(300).await;
    until_it_works(&home, "GET", QUERY, None).await;
    for _ in 0..3 {
        let clickhouse = loop {
            match server.clickhouse() {
                Some(clickhouse) => break clickhouse,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        signal(clickhouse, libc::SIGKILL);
        // It takes far longer to start than this to answer.
        assert_unavailable(&home.call("GET", QUERY, None).await);
        assert_unavailable(&home.call("GET", "/events", None).await);
        ledger.reach_more(50).await;
    }
    until_it_works(&home, "GET", QUERY, None).await;
    ledger.reach_more(100).await;

    let clickhouse = server.clickhouse().unwrap();
    signal(clickhouse, libc::SIGSTOP);
    let begun = Instant::now();
    let (query, ready, ()) =
        tokio::join!(home.call("GET", QUERY, None), home.call("GET", "/ready", None), ledger.reach_more(300),);
    assert_unavailable(&query);
    assert_eq!((ready.status, ready.body.contains(r#""clickhouse":"unavailable""#)), (503, true), "{}", ready.body);
    assert!(begun.elapsed() < TELLS, "a frozen store holds us up: {:?}", begun.elapsed());
    signal(clickhouse, libc::SIGCONT);
    until_it_works(&home, "GET", QUERY, None).await;
    load.finish().await;
    ledger.assert_exactly_once(&[&home]).await;
    assert!(server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_known_links_work_and_the_rest_says_so() {
    let home = Home::furnished(&HASTY).await;
    let ledger = Ledger::new();
    let server = home.start().await;
    let made = home.call("POST", "/links", Some(&json!({ "url": "https://example.com/1", "key": "moving" }))).await;
    assert_eq!(made.status, 200, "{}", made.body);
    until_it_leads_to(&home, "moving", "https://example.com/1").await;
    let load = Load::start(&ledger, &home, FEW);
    ledger.reach(300).await;

    // Frozen with all its children: nothing is refused, nothing is answered.
    let postmaster = server.postgres().unwrap();
    let frozen = [vec![postmaster], descendants(postmaster)].concat();
    signal_all(&frozen, libc::SIGSTOP);
    let begun = Instant::now();
    let link = json!({ "url": "https://example.com/", "key": "never" });
    let (unknown, listed, made, ready, ()) = tokio::join!(
        home.visit("unknown"),
        home.call("GET", "/links", None),
        home.call("POST", "/links", Some(&link)),
        home.call("GET", "/ready", None),
        ledger.reach_more(300),
    );
    for answer in [&unknown, &listed, &made] {
        assert_unavailable(answer);
    }
    assert_eq!((ready.status, ready.body.contains(r#""postgres":"unavailable""#)), (503, true), "{}", ready.body);
    assert!(begun.elapsed() < TELLS, "a frozen store holds us up: {:?}", begun.elapsed());
    signal_all(&frozen, libc::SIGCONT);
    until_it_works(&home, "GET", "/links", None).await;

    for destination in ["https://example.com/2", "https://example.com/3"] {
        signal(server.postgres().unwrap(), libc::SIGKILL);
        // Whether it is away still or back already, there is an answer, and it is true.
        let begun = Instant::now();
        let (unknown, known, listed) = tokio::join!(
            ask(home.address, "GET", "/unknown-too", "", ""),
            home.visit("one"),
            home.call("GET", "/links", None),
        );
        assert!(matches!(unknown.unwrap().status, 503 | 404));
        assert_eq!(known.status, 302);
        assert!(matches!(listed.status, 503 | 200), "{}", listed.body);
        assert!(begun.elapsed() < TELLS, "a killed store holds us up: {:?}", begun.elapsed());
        // The first moment in which a change is accepted.
        let change = json!({ "url": destination });
        until_it_works(&home, "PATCH", &format!("/links/{}", id(&home, "moving").await), Some(&change)).await;
        let changed = Instant::now();
        until_it_leads_to(&home, "moving", destination).await;
        assert!(changed.elapsed() < Duration::from_secs(4), "the change was live after {:?}", changed.elapsed());
    }
    load.finish().await;
    ledger.assert_exactly_once(&[&home]).await;
    assert!(server.stop().await.success());
}

/// The id of a link, as soon as Postgres tells it.
async fn id(home: &Home, slug: &str) -> String {
    let path = format!("/links/info?domain=127.0.0.1&key={slug}");
    let answer = until_it_works(home, "GET", &path, None).await;
    let link: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    link["id"].as_str().unwrap().to_owned()
}
