//! The rollup beside the events that it sums up: after inserts that came twice, and after some of its rows were lost.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::Deserialize;

use super::almanac::QUARTER_MS;
use super::scene::Scene;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Row, Deserialize)]
struct Slot {
    workspace_id: u64,
    kind: String,
    slot_secs: i64,
    link_id: u64,
    bot: String,
    repeat: bool,
    node: u16,
    events: u64,
    last_ms: i64,
}

/// # Panics
/// When the rollup is not what the events make it.
pub async fn is_in_line(scene: &Scene) {
    let expected = expected(scene);
    assert!(expected.len() > 1_000, "too few slots to tell: {}", expected.len());
    assert!(stored(scene).await == expected, "the rollup differs from its events");

    // Nothing is missing, so nothing is added.
    reconcile(scene).await;
    assert!(stored(scene).await == expected, "reconciling what is right made it wrong");

    let lose = "ALTER TABLE events_15m DELETE WHERE cityHash64(slot, link_id) % 5 = 0 SETTINGS mutations_sync = 2";
    scene.stores.clickhouse.query(lose).execute().await.unwrap();
    assert!(stored(scene).await.len() < expected.len(), "nothing was lost");
    reconcile(scene).await;
    assert!(stored(scene).await == expected, "reconciling did not bring back what was lost");
}

async fn reconcile(scene: &Scene) {
    let events = || scene.workspaces.iter().flat_map(|workspace| &workspace.events);
    let (first, last) = (events().map(|event| event.at_ms).min(), events().map(|event| event.at_ms).max());
    let nodes: std::collections::BTreeSet<u16> = events().map(|event| event.id.node()).collect();
    for node in nodes {
        scene.stores.warehouse.reconcile(node, first.unwrap(), last.unwrap()).await.unwrap();
    }
}

fn expected(scene: &Scene) -> Vec<Slot> {
    let mut slots = BTreeMap::new();
    for event in scene.workspaces.iter().flat_map(|workspace| &workspace.events) {
        let kind = event.kind.name().to_owned();
        let slot_secs = event.at_ms.div_euclid(QUARTER_MS) * QUARTER_MS / 1_000;
        let bot = event.agent.bot.clone();
        let key = (event.workspace.0, kind, slot_secs, event.link.0, bot, event.repeat, event.id.node());
        let (events, last_ms) = slots.entry(key).or_insert((0, i64::MIN));
        *events += 1;
        *last_ms = event.at_ms.max(*last_ms);
    }
    let row = |((workspace_id, kind, slot_secs, link_id, bot, repeat, node), (events, last_ms))| Slot {
        workspace_id,
        kind,
        slot_secs,
        link_id,
        bot,
        repeat,
        node,
        events,
        last_ms,
    };
    slots.into_iter().map(row).collect()
}

async fn stored(scene: &Scene) -> Vec<Slot> {
    let text = "SELECT workspace_id, CAST(kind AS String) AS kind, toInt64(toUnixTimestamp(slot)) AS slot_secs, link_id, \
                CAST(bot AS String) AS bot, repeat, node, sum(events) AS events, \
                toUnixTimestamp64Milli(max(last)) AS last_ms \
                FROM events_15m GROUP BY workspace_id, kind, slot, link_id, bot, repeat, node";
    let mut slots: Vec<Slot> = scene.stores.clickhouse.query(text).fetch_all().await.unwrap();
    slots.sort();
    slots
}
