//! Imports that are killed at any moment, and run again.

use std::time::Duration;

use super::scene::{Scene, clicks};

const ROWS: u64 = 6_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_goes_on_and_stores_everything_once() {
    let scene = Scene::new("transfer_killed").await;
    let file = scene.file("all.csv", format!("{}never,go.example.com/l0,,\n", clicks(ROWS)));
    let line = ["import", "events", file.to_str().unwrap(), "--batch-lines", "150"];
    let (mut killed, mut resumed) = (0, false);
    for round in 0.. {
        let mut child = scene.program(&line).spawn().unwrap();
        let before = scene.number("SELECT count() FROM events").await;
        // Once something more is stored, at any moment of the work on a batch.
        while scene.number("SELECT count() FROM events").await == before && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..150))).await;
        if round < 6 && child.try_wait().unwrap().is_none() {
            child.start_kill().unwrap();
            child.wait().await.unwrap();
            killed += 1;
            continue;
        }
        let output = child.wait_with_output().await.unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
        resumed |= out.contains("this one went on there");
        assert!(out.contains("6,000 events stored, 1 rows rejected"), "{out}");
        break;
    }
    assert!(killed > 0 && resumed, "{killed} were killed");
    scene.assert_exactly(ROWS).await;
    assert_eq!(scene.number("SELECT countIf(repeat) FROM events").await, ROWS / 10);
    let rejects = scene.read("all.rejects.csv");
    assert_eq!(rejects.lines().count(), 2, "{rejects}");
}

#[tokio::test]
async fn lost_progress_doubles_nothing() {
    let mut scene = Scene::new("transfer_lost").await;
    scene.batch_lines = 100;
    let broken = "never,go.example.com/l0,,\n";
    let text = format!("{}{broken}", clicks(1_000)).replacen("\n2026-03", &format!("\n{broken}2026-03"), 1);
    let summary = scene.imported("a.csv", &text).await;
    assert_eq!((summary.stored, summary.rejected), (1_000, 2));
    let rejects = scene.read("rejects");
    // As if it had ended in the middle: with the rejects file longer than is known, shorter, and gone.
    let node = scene.number("SELECT max(bitShiftRight(event_id, 48)) FROM events").await;
    let begun = linktrail::catalog::ImportState { node: u16::try_from(node).unwrap(), ..Default::default() };
    for (bytes, through) in [(0, 0), (rejects.len() as u64, 900), (10_000, 500)] {
        let state = linktrail::catalog::ImportState { through, rejects_bytes: bytes, ..begun };
        scene.catalog.advance_import(scene.workspace.id, &state).await.unwrap();
        scene.imported("a.csv", &text).await;
        scene.assert_exactly(1_000).await;
    }
    assert_eq!(scene.read("rejects"), rejects);
}
