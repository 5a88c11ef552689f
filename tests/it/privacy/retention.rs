//! Old events go, and never a younger one.

use linktrail::calendar::Clock;
use linktrail::catalog::Task;
use linktrail::domain::id::WorkspaceId;
use linktrail::domain::workspace::WorkspaceSettings;
use linktrail::privacy::retention::{Failure, cutoff_ms, keep_pruning, prune};
use tokio_util::sync::CancellationToken;

use super::scene::{DAY_MS, NOW_MS, Scene};

async fn workspace(scene: &Scene, retention_days: Option<u32>) -> WorkspaceId {
    let id = scene.catalog.add_workspace("any", NOW_MS).await.unwrap().id;
    let settings = WorkspaceSettings { retention_days, ..WorkspaceSettings::default() };
    assert!(scene.catalog.set_workspace_settings(id, &settings).await.unwrap());
    id
}

/// Times around the edges of days, slots and hours.
fn around(edge_ms: i64) -> [i64; 6] {
    let slot_ms = 15 * 60_000;
    [edge_ms - DAY_MS, edge_ms - slot_ms, edge_ms - 1, edge_ms, edge_ms + 1, edge_ms + slot_ms]
}

#[tokio::test(flavor = "multi_thread")]
async fn old_events_go_and_never_a_younger_one() {
    let mut scene = Scene::new("retention_edges").await;
    let (short, long, forever) =
        (workspace(&scene, Some(1)).await, workspace(&scene, Some(30)).await, workspace(&scene, None).await);
    let times: Vec<i64> = [1, 30, 90].iter().flat_map(|days| around(cutoff_ms(NOW_MS, *days))).collect();
    for id in [short, long, forever] {
        scene.store(id, &times, None).await;
    }
    // Somebody who came back: what is kept of the person stays as long as the person comes.
    scene.store(long, &[NOW_MS - 60 * DAY_MS, NOW_MS - DAY_MS], Some(77)).await;
    let before = scene.times(forever).await;

    let dry = prune(&scene.catalog, &scene.warehouse, NOW_MS, true).await.unwrap();
    assert_eq!(dry.iter().map(|one| (one.workspace, one.days)).collect::<Vec<_>>(), [(short, 1), (long, 30)]);
    assert_eq!(scene.times(short).await.len(), 2 * times.len());
    let done = prune(&scene.catalog, &scene.warehouse, NOW_MS, false).await.unwrap();
    assert_eq!(done, dry);

    for (id, days) in [(short, 1), (long, 30)] {
        let cutoff_ms = cutoff_ms(NOW_MS, days);
        let mut expected: Vec<i64> =
            times.iter().flat_map(|at_ms| [*at_ms; 2]).filter(|at_ms| *at_ms >= cutoff_ms).collect();
        if id == long {
            expected.extend([NOW_MS - DAY_MS; 2]);
        }
        expected.sort_unstable();
        assert_eq!(scene.times(id).await, expected, "{days} days");
        assert!(expected.contains(&cutoff_ms) && cutoff_ms <= NOW_MS - i64::from(days) * DAY_MS);
        let visitors = format!("SELECT uniqExact(visitor) FROM visitors WHERE workspace_id = {}", id.0);
        let people = format!("SELECT uniqExact(visitor) FROM events WHERE workspace_id = {} AND site_id = 1", id.0);
        assert_eq!(scene.number(&visitors).await, scene.number(&people).await);
    }
    assert_eq!(scene.times(forever).await, before);
    assert_eq!(scene.drift().await, 0);
    let first = "SELECT toUInt64(toUnixTimestamp64Milli(min(first_seen))) FROM visitors WHERE visitor = 77";
    assert_eq!(scene.number(first).await, (NOW_MS - 60 * DAY_MS) as u64);

    // Then there is nothing to do, and nothing is written.
    let again = prune(&scene.catalog, &scene.warehouse, NOW_MS, false).await.unwrap();
    assert!(again.iter().all(|one| one.outdated.is_empty()));
    // A day later there is.
    let next = prune(&scene.catalog, &scene.warehouse, NOW_MS + DAY_MS, true).await.unwrap();
    assert!(next.iter().all(|one| !one.outdated.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_prunes_at_a_time() {
    let mut scene = Scene::new("retention_turns").await;
    let id = workspace(&scene, Some(1)).await;
    scene.store(id, &[NOW_MS - 3 * DAY_MS, NOW_MS], None).await;
    let turn = scene.catalog.take_turn(Task::Retention).await.unwrap().unwrap();
    assert!(matches!(prune(&scene.catalog, &scene.warehouse, NOW_MS, false).await, Err(Failure::Busy)));
    assert_eq!(scene.times(id).await.len(), 4);
    turn.end().await;
    // The server's worker begins at once.
    let stop = CancellationToken::new();
    let (catalog, warehouse) = (scene.catalog.clone(), scene.warehouse.clone());
    let worker = tokio::spawn(keep_pruning(catalog, warehouse, Clock::fixed(NOW_MS), stop.clone()));
    while scene.times(id).await.len() != 2 || scene.drift().await != 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    stop.cancel();
    worker.await.unwrap();
}
