//! A link that only so many may follow, on two programs at once and after a kill.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use serde_json::{Value, json};

use super::client::ask;
use super::home::{HASTY, Home, PATIENCE};

const HUMAN: &str = "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0\r\n";

async fn follow(address: SocketAddr, path: String) -> u16 {
    ask(address, "GET", &path, HUMAN, "").await.unwrap().status
}

/// Calls Linkly's API, which knows limits.
async fn call(home: &Home, method: &str, path: &str, body: Option<Value>) -> Value {
    let answer = home.call(method, path, body.as_ref()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_on_two_nodes_fifty_go_on() {
    let first = Home::furnished(&HASTY).await;
    let server = first.start().await;
    let second = Home::beside(&first, &HASTY);
    let other = second.start().await;
    let workspace = call(&first, "GET", "/api/v1/workspaces", None).await[0]["id"].clone();
    let limited = json!({ "workspace_id": workspace, "url": "https://example.com/few", "expiry_clicks": 50 });
    let link = call(&first, "POST", "/api/v1/link", Some(limited)).await;
    let path = link["slug"].as_str().unwrap().to_owned();

    let visitors: Vec<_> = (0..200)
        .map(|number| {
            let address = if number % 2 == 0 { first.address } else { second.address };
            tokio::spawn(follow(address, path.clone()))
        })
        .collect();
    let mut answers = BTreeMap::new();
    for visitor in visitors {
        *answers.entry(visitor.await.unwrap()).or_insert(0) += 1;
    }
    assert_eq!(answers, BTreeMap::from([(302, 50), (410, 150)]));

    // What was taken outlives a memory, and what is given in addition is there at once.
    other.kill().await;
    server.kill().await;
    let server = first.start().await;
    assert_eq!(follow(first.address, path.clone()).await, 410);
    let raised = json!({ "workspace_id": workspace, "id": link["id"], "expiry_clicks": 52 });
    call(&first, "POST", "/api/v1/link", Some(raised)).await;
    let begun = Instant::now();
    while follow(first.address, path.clone()).await != 302 {
        assert!(begun.elapsed() < PATIENCE, "the new limit is not heard of");
    }
    assert_eq!([follow(first.address, path.clone()).await, follow(first.address, path).await], [302, 410]);
    server.kill().await;
}
