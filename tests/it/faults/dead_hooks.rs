//! Whoever is told does not answer: visits and collection go on as if nobody were told, and the end is as quick.

use std::time::Instant;

use serde_json::json;

use super::home::{HASTY, Home};
use super::ledger::Ledger;
use super::load::Load;
use crate::hooks::receiver::{Manner, Receiver};

#[tokio::test(flavor = "multi_thread")]
async fn visits_go_on_while_nobody_listens() {
    let flags: Vec<&str> = HASTY.into_iter().chain(["--webhook-allow-private", "127.0.0.1/32"]).collect();
    let home = Home::furnished(&flags).await;
    let server = home.start().await;
    let (silent, broken) = (Receiver::start(Manner::Hang).await, Receiver::start(Manner::Close).await);
    for receiver in [&silent, &broken] {
        let dub = json!({"url": receiver.url(), "triggers": ["link.clicked"]});
        let made = home.call("POST", "/webhooks", Some(&dub)).await;
        assert_eq!(made.status, 200, "{made:?}");
        let linkly = home.call("POST", "/api/v1/workspace/1/webhooks", Some(&json!({"url": receiver.url()}))).await;
        assert_eq!(linkly.status, 200, "{linkly:?}");
    }
    let ledger = Ledger::new();
    let load = Load::start(&ledger, &home, 16);
    ledger.reach(5_000).await;
    load.finish().await;
    ledger.assert_all_sent_on();
    ledger.assert_exactly_once(&[&home]).await;
    // It was tried, in a few places at once.
    assert!((1..=64).contains(&silent.connections()), "{}", silent.connections());
    let begun = Instant::now();
    let status = server.stop().await;
    assert_eq!(status.code(), Some(0), "{}", home.log());
    println!("stopped within {:.1?} with attempts under way", begun.elapsed());
    let log = home.log();
    assert!(!log.contains("whsec_") && !log.contains("panicked"), "{log}");
}
