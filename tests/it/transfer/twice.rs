//! The same file again, other files, dry runs; and the command with its exit status.

use linktrail::domain::id::WorkspaceId;
use linktrail::transfer::Outcome;

use super::scene::{MARCH_MS, Scene, clicks};

#[tokio::test]
async fn a_file_is_stored_once_and_two_files_are_two() {
    let mut scene = Scene::new("transfer_twice").await;
    scene.batch_lines = 300;
    let first = scene.file("first.csv", clicks(1_000));
    let Outcome::Done(summary) = scene.import(&first).await.unwrap() else { panic!() };
    assert_eq!((summary.stored, summary.rejected), (1_000, 0));
    scene.assert_exactly(1_000).await;
    let flags = scene.number("SELECT countIf(repeat) FROM events").await;
    assert_eq!(flags, 100, "every tenth is a repeat, across batches too");
    // Under any name.
    let again = scene.file("again.csv", clicks(1_000));
    for _ in 0..2 {
        let outcome = scene.import(&again).await.unwrap();
        assert_eq!(outcome, Outcome::DoneBefore { stored: 1_000, rejected: 0 });
    }
    scene.assert_exactly(1_000).await;
    assert_eq!(scene.imported("second.csv", clicks(1_001)).await.stored, 1_001);
    scene.assert_exactly(2_001).await;
    // In another workspace it is another import, and there the links are strange.
    let other = scene.catalog.add_workspace("two", MARCH_MS).await.unwrap();
    let mut elsewhere = scene;
    elsewhere.workspace = other;
    let Outcome::Done(summary) = elsewhere.import(&first).await.unwrap() else { panic!() };
    assert_eq!((summary.stored, summary.rejected), (0, 1_000));
    elsewhere.assert_exactly(2_001).await;
}

#[tokio::test]
async fn months_are_stored_apart_whatever_the_order() {
    let scene = Scene::new("transfer_months").await;
    let mut text = "timestamp,link\n".to_owned();
    for number in 0..120 {
        // Midnight of UTC is not midnight there.
        let (year, month) = (2019 + number % 7, 1 + number % 12);
        text.push_str(&format!("{year}-{month:02}-01T02:00:00.{number:03}+03:00,go.example.com/l0\n"));
    }
    assert_eq!(scene.imported("months.csv", text).await.stored, 120);
    scene.assert_exactly(120).await;
    assert_eq!(scene.number("SELECT uniqExact(toYYYYMM(timestamp)) FROM events").await, 84);
    assert_eq!(scene.number("SELECT countIf(toHour(timestamp) = 23) FROM events").await, 120);
}

#[tokio::test]
async fn a_dry_run_tells_and_changes_nothing() {
    let scene = Scene::new("transfer_dry").await;
    let file = scene.file("a.csv", format!("{}never,go.example.com/l0,,\n", clicks(50)));
    let outcome = scene.import_into(std::sync::Arc::new(scene.warehouse.clone()), &file, true).await.unwrap();
    let Outcome::Done(summary) = outcome else { panic!("{outcome:?}") };
    assert_eq!((summary.stored, summary.rejected), (50, 1));
    assert_eq!(summary.first_rejects[0].line, 52);
    assert_eq!(scene.number("SELECT count() FROM events").await, 0);
    assert!(!scene.folder.path().join("rejects").exists());
    assert_eq!(scene.catalog.register_node("the first one").await.unwrap(), 1, "no number was used");
    // And then it is done.
    assert_eq!(scene.imported("b.csv", clicks(50)).await.stored, 50);
}

#[tokio::test]
async fn nothing_taken_is_not_done() {
    let scene = Scene::new("transfer_nothing").await;
    let text = "timestamp,link\n2026-03-08T14:00:00Z,go.example.com/later\n";
    assert_eq!(scene.imported("a.csv", text).await.rejected, 1);
    scene.add_link("later").await;
    let summary = scene.imported("a.csv", text).await;
    assert_eq!((summary.stored, summary.rejected), (1, 0));
    scene.assert_exactly(1).await;
}

#[tokio::test]
async fn only_one_process_imports_a_file() {
    let scene = Scene::new("transfer_held").await;
    let state = scene.catalog.register_node("x").await.unwrap();
    let hold = scene.catalog.hold_import(state).await.unwrap();
    assert!(hold.is_some());
    assert!(scene.catalog.hold_import(state).await.unwrap().is_none());
    drop(hold);
    assert!(scene.catalog.hold_import(state).await.unwrap().is_some());
    // The catalog takes the workspace.
    scene.catalog.begin_import(scene.workspace.id, state, "x", MARCH_MS).await.unwrap();
    let begun = scene.catalog.import("x").await.unwrap().unwrap();
    assert!(scene.catalog.advance_import(WorkspaceId(99), &begun).await.is_err());
    assert!(scene.catalog.advance_import(scene.workspace.id, &begun).await.is_ok());
}

#[tokio::test]
async fn the_command_says_what_it_did() {
    let scene = Scene::new("transfer_command").await;
    let file = scene.file("some.csv", format!("{}never,go.example.com/l0,,\n", clicks(50)));
    let path = file.to_str().unwrap();
    let (code, out, _) = scene.said(&["import", "events", path, "--dry-run"]).await;
    assert_eq!(code, 3);
    assert!(
        out.contains("50 events would be stored, 1 rows would be rejected; nothing was changed\nline 52: "),
        "{out}"
    );
    let (code, out, err) = scene.said(&["import", "events", path]).await;
    assert_eq!(code, 3, "{err}");
    assert!(out.contains("50 events stored, 1 rows rejected"), "{out}");
    assert!(scene.read("some.rejects.csv").contains("\n52,"));
    let (code, out, _) = scene.said(&["import", "events", path]).await;
    assert!(code == 0 && out.starts_with("already imported: 50 events were stored and 1 rows rejected"), "{out}");
    let target = scene.folder.path().join("out.csv.gz");
    let (code, out, err) = scene.said(&["export", "events", "--output", target.to_str().unwrap()]).await;
    assert!(code == 0 && out.starts_with("50 events in "), "{out}{err}");
    assert!(target.exists() && !scene.folder.path().join("out.csv.gz.part").exists());
    let (code, out, _) = scene
        .said(&["export", "events", "--format", "ndjson", "--end", "2026-02-28", "--link", "go.example.com/l1"])
        .await;
    assert_eq!((code, out.lines().count()), (0, 7), "{out}");
    let (_, all, _) = scene.said(&["export", "events", "--filter", "os=-x", "--kind", "click,sale"]).await;
    assert_eq!(all.lines().count(), 51);
    let (_, none, _) = scene.said(&["export", "events", "--filter", "browser=-Firefox", "--site", "shop"]).await;
    assert_eq!(none.lines().count(), 1);
    for (line, message) in [
        ("export events --kind view", "allowed are click, pageview, custom, lead and sale"),
        ("export events --filter colour=red", "names are continent, country"),
        ("export events --link go.example.com/l9", "--link: there is no link go.example.com/l9"),
        ("export events --start 2026-03-09 --end 2026-03-08", "--start and --end"),
        ("export events --timezone Mars", "--timezone"),
        ("import events -", "name one"),
        ("import events no.csv", "cannot read no.csv"),
    ] {
        let (code, _, err) = scene.said(&line.split(' ').collect::<Vec<_>>()).await;
        assert!(code != 0 && err.contains(message), "{line}: {err}");
    }
    let (_, help, _) = scene.said(&["import", "events", "--help"]).await;
    assert!(help.contains("customer_external_id") && help.contains("RFC 3339"), "{help}");
}
