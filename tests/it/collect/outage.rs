//! A site that is added by command while the server runs is known at once; then both stores freeze, and collection goes on.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::process::Command;

use super::world::FIREFOX;
use crate::faults::client::{Answer, ask};
use crate::faults::home::{HASTY, Home, PATIENCE};
use crate::faults::process::{descendants, signal_all};
use crate::world::{PROGRAM, clickhouse_client};

async fn site(home: &Home, arguments: &[&str]) -> String {
    let mut command = Command::new(PROGRAM);
    for name in ["DATABASE_URL", "CLICKHOUSE_URL", "CLICKHOUSE_READER_URL"] {
        command.env_remove(name);
    }
    let done = command.arg("--data-dir").arg(home.path()).arg("site").args(arguments).output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

async fn track(home: &Home, body: &Value) -> Answer {
    let headers = format!("User-Agent: {FIREFOX}\r\nContent-Type: text/plain\r\n");
    ask(home.address, "POST", "/api/track", &headers, &body.to_string()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn collection_goes_on_without_both_stores_and_counts_exactly() {
    const SINGLE: u64 = 150;
    const BATCHES: u64 = 5;
    let home = Home::furnished(&HASTY).await;
    let server = home.start().await;
    let told = site(&home, &["add", "shop.example", "--cookies", "--public-url", "https://go.example.com/x"]).await;
    let id: u64 = told.split('\t').next().unwrap().parse().unwrap();
    let line =
        format!("<script defer src=\"https://go.example.com/script.js\" data-site=\"{id}\" data-cookie></script>");
    assert!(told.contains(&line), "{told}");
    let listed = site(&home, &["list"]).await;
    assert!(listed.contains(&format!("{id}\tshop-example\tshop.example\tshop.example\t<script")), "{listed}");
    let event = |number: u64| json!({"site_id": id, "type": "pageview", "hostname": "shop.example", "pathname": format!("/{number}")});
    let first = track(&home, &event(0)).await;
    assert_eq!(first.status, 200, "{}", first.body);

    let stores: Vec<u32> = [server.clickhouse().unwrap(), server.postgres().unwrap()]
        .into_iter()
        .flat_map(|store| [vec![store], descendants(store)].concat())
        .collect();
    signal_all(&stores, libc::SIGSTOP);
    for number in 1..=SINGLE {
        assert_eq!(track(&home, &event(number)).await.status, 200);
    }
    for batch in 0..BATCHES {
        let events: Vec<Value> = (0..100).map(|number| event(1_000 + batch * 100 + number)).collect();
        let answer = track(&home, &json!(events)).await;
        assert_eq!((answer.status, answer.body.contains("\"accepted\":100")), (200, true), "{}", answer.body);
    }
    // Nobody can know whether there is such a site, once what was read last is no longer fresh.
    let unknown = json!({"site_id": 999, "type": "pageview"});
    let begun = Instant::now();
    while track(&home, &unknown).await.status != 503 {
        assert!(begun.elapsed() < PATIENCE, "an unknown site is denied without asking");
    }
    signal_all(&stores, libc::SIGCONT);
    assert_eq!(track(&home, &event(5_000)).await.status, 200);

    // What was accepted is stored in its order, so after the last there is nothing to come.
    let clickhouse = clickhouse_client(&home.urls().writer);
    let count = "SELECT count(), uniqExact(page), countIf(page = '/5000') FROM events WHERE site_id = ?";
    let begun = Instant::now();
    let stored = loop {
        match clickhouse.query(count).bind(id).fetch_one::<(u64, u64, u64)>().await {
            Ok((stored, distinct, 1)) => break (stored, distinct),
            _ => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
        assert!(begun.elapsed() < PATIENCE, "the last event is not stored");
    };
    let sent = 1 + SINGLE + 100 * BATCHES + 1;
    assert_eq!(stored, (sent, sent));

    assert_eq!(site(&home, &["remove", "shop-example"]).await, format!("removed {id} (shop.example)\n"));
    let begun = Instant::now();
    while track(&home, &event(1)).await.status != 404 {
        assert!(begun.elapsed() < PATIENCE, "a removed site is still known");
    }
    assert!(server.stop().await.success());
}
