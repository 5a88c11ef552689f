//! What is to be forgotten is gone from everywhere, and nothing else is.

use std::path::Path;

use linktrail::catalog::NewCustomer;
use linktrail::domain::customer::Profile;
use linktrail::domain::event::{Conversion, Event, EventKind, PageEvent};
use linktrail::domain::hit::Hit;
use linktrail::domain::id::{LinkId, SiteId, WorkspaceId};
use linktrail::domain::rotation::VisitorRotation;
use linktrail::enrich::VisitorHasher;
use linktrail::privacy::erasure::{Eraser, Failure, Who};
use linktrail::spool::{Options, Spool, Status};

use super::scene::{DAY_MS, NOW_MS, Scene};
use crate::world;

const MINE: WorkspaceId = WorkspaceId(1);
const THEIRS: WorkspaceId = WorkspaceId(2);

fn eraser<'a>(scene: &'a Scene, hasher: &'a VisitorHasher, spool: &'a Path) -> Eraser<'a> {
    Eraser { catalog: &scene.catalog, warehouse: &scene.warehouse, hasher, spool, workspace: MINE }
}

/// Everything of a workspace that can be compared, but for the order of parts.
async fn contents(scene: &Scene, workspace: WorkspaceId, but: &str) -> (Vec<String>, Vec<String>) {
    let id = workspace.0;
    let events = format!(
        "SELECT concat(toString(kind), ' ', toString(event_id), ' ', toString(link_id), ' ', toString(visitor)) \
         FROM events WHERE workspace_id = {id} AND NOT ({but}) ORDER BY event_id"
    );
    let visitors = format!(
        "SELECT concat(toString(visitor), ' ', toString(min(first_seen)), ' ', toString(max(last_seen)), ' ', \
         toString(argMinIfMerge(first_touch)), ' ', argMaxIfMerge(user_id)) \
         FROM visitors WHERE workspace_id = {id} GROUP BY visitor ORDER BY visitor"
    );
    let ask = async |text: &str| scene.clickhouse.query(text).fetch_all::<String>().await.unwrap();
    (ask(&events).await, ask(&visitors).await)
}

fn page(event: Event, visitor: u64, user_id: &str, link: u64) -> Event {
    let page = PageEvent { page: "/".into(), user_id: user_id.into(), ..PageEvent::default() };
    let (kind, site, link) = (EventKind::Pageview, SiteId(1), LinkId(link));
    Event { kind, site, link, visitor, page: Some(Box::new(page)), ..event }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_forgotten() {
    let mut scene = Scene::new("erase_link").await;
    let times: Vec<i64> = (0..40).map(|step| NOW_MS - DAY_MS - step * 4 * 60_000).collect();
    for workspace in [MINE, THEIRS] {
        scene.store(workspace, &times, None).await;
        // A visitor of the site whom the link brought, and who came back without it.
        let first = page(scene.event(workspace, NOW_MS - DAY_MS, None), 77, "", 2);
        let second = page(scene.event(workspace, NOW_MS - 1_000, None), 77, "", 0);
        scene.insert(&[first, second]).await;
    }
    let theirs = contents(&scene, THEIRS, "0").await;
    let rest = contents(&scene, MINE, "link_id = 2").await.0;
    let (hasher, spool) = (VisitorHasher::new([7; 32]), world::folder());
    let eraser = eraser(&scene, &hasher, spool.path());

    let subject = eraser.resolve(&Who::Link(LinkId(2))).await.unwrap().subject;
    let before = eraser.look(&subject).await.unwrap();
    assert!(before.found.events > 10 && before.found.rollup_rows > 1, "{before:?}");
    assert_eq!((before.found.events_by_link, before.found.visitors), (before.found.events, 1));
    let proof = eraser.erase(&subject).await.unwrap();
    assert!(proof.holds(), "{proof:?}");
    assert_eq!(proof.unfinished_mutations, Some(0));

    let after = contents(&scene, MINE, "0").await;
    assert_eq!(after.0, rest);
    let returned = after.1.iter().find(|visitor| visitor.starts_with("77 ")).unwrap();
    assert!(returned.contains("2026-11-21") && !returned.contains("2026-11-20"), "{returned}");
    assert_eq!(contents(&scene, THEIRS, "0").await, theirs);
    assert_eq!(scene.drift().await, 0);
    // Again: nothing to do, and the proof still holds.
    assert!(eraser.erase(&subject).await.unwrap().holds());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_forgotten() {
    let mut scene = Scene::new("erase_person").await;
    let (hasher, spool) = (VisitorHasher::new([7; 32]), world::folder());
    let daily = VisitorRotation::Daily.epoch(NOW_MS - DAY_MS);
    for workspace in [MINE, THEIRS] {
        scene.store(workspace, &[NOW_MS - DAY_MS, NOW_MS - 1_000], None).await;
        let at = |minute: i64| NOW_MS - DAY_MS + minute * 60_000;
        let events = [
            // Known by name alone, under the key of that day.
            page(scene.event(workspace, at(0), None), hasher.named(workspace, daily, "jane"), "jane", 0),
            // Before and after the name was told.
            page(scene.event(workspace, at(1), None), 50, "", 0),
            page(scene.event(workspace, at(2), None), 50, "jane", 0),
            // A browser that Jane shares with Joe.
            page(scene.event(workspace, at(3), None), 60, "jane", 0),
            page(scene.event(workspace, at(4), None), 60, "joe", 0),
            page(scene.event(workspace, at(5), None), 60, "", 0),
        ];
        scene.insert(&events).await;
    }
    let theirs = contents(&scene, THEIRS, "0").await;
    let named = hasher.named(MINE, daily, "jane");
    let rest = contents(&scene, MINE, &format!("user_id = 'jane' OR visitor IN (50, {named})")).await.0;
    let eraser = eraser(&scene, &hasher, spool.path());

    let resolved = eraser.resolve(&Who::UserId("jane".into())).await.unwrap();
    assert_eq!(resolved.shared, [60]);
    assert_eq!(eraser.look(&resolved.subject).await.unwrap().found.events, 4);
    let proof = eraser.erase(&resolved.subject).await.unwrap();
    assert!(proof.holds(), "{proof:?}");
    let after = contents(&scene, MINE, "0").await;
    assert_eq!(after.0, rest);
    let shared = after.1.iter().find(|visitor| visitor.starts_with("60 ")).unwrap();
    assert!(shared.ends_with(" joe"), "{shared}");
    assert!(!after.1.iter().any(|visitor| visitor.starts_with("50 ")));
    assert_eq!(contents(&scene, THEIRS, "0").await, theirs);
    assert_eq!(scene.drift().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_forgotten_with_the_clicks_before() {
    let mut scene = Scene::new("erase_customer").await;
    let (hasher, spool) = (VisitorHasher::new([7; 32]), world::folder());
    let id = scene.catalog.add_workspace("mine", NOW_MS).await.unwrap().id;
    assert_eq!(id, MINE);
    let missing = eraser(&scene, &hasher, spool.path()).resolve(&Who::Customer("c-1".into())).await;
    assert!(matches!(missing, Err(Failure::NoCustomer(_))));
    let profile = Profile { external_id: "c-1".into(), name: None, email: None, avatar: None };
    let new = NewCustomer { profile, country: None, first: None, stripe_id: None };
    let customer = scene.catalog.add_customer(MINE, &new, NOW_MS).await.unwrap().id;
    let click = Event { link: LinkId(1), ..scene.event(MINE, NOW_MS - 5_000, Some(9)) };
    let other = Event { link: LinkId(1), ..scene.event(MINE, NOW_MS - 4_000, Some(10)) };
    let sale = Conversion { click: click.id, customer, amount: 5, currency: "eur".into(), ..Conversion::default() };
    let sale = Event {
        kind: EventKind::Sale,
        link: LinkId(1),
        conversion: Some(Box::new(sale)),
        ..scene.event(MINE, NOW_MS - 3_000, Some(9))
    };
    scene.insert(&[click, other, sale]).await;
    let eraser = eraser(&scene, &hasher, spool.path());
    let subject = eraser.resolve(&Who::Customer("c-1".into())).await.unwrap().subject;
    let before = eraser.look(&subject).await.unwrap();
    assert_eq!((before.found.events, before.customers), (2, 1));
    let proof = eraser.erase(&subject).await.unwrap();
    assert!(proof.holds(), "{proof:?}");
    assert_eq!(scene.times(MINE).await, [NOW_MS - 4_000]);
    assert_eq!(scene.drift().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_set_aside_are_taken_out() {
    let scene = Scene::new("erase_aside").await;
    let (hasher, folder) = (VisitorHasher::new([7; 32]), world::folder());
    let (spool, _reader) = Spool::open(Options::new(folder.path())).unwrap();
    let hit = |workspace, link| Hit { workspace, link: LinkId(link), ..Hit::default() }.encode();
    let (mine, other, theirs) = (hit(MINE, 2), hit(MINE, 3), hit(THEIRS, 2));
    spool.set_aside("1-3-refused", &[(1, &mine), (2, &other), (3, &theirs)]).unwrap();
    spool.set_aside("4-4-refused", &[(4, &mine)]).unwrap();
    spool.set_aside("5-5-unreadable", &[(5, b"\xff")]).unwrap();
    let eraser = eraser(&scene, &hasher, folder.path());
    let subject = eraser.resolve(&Who::Link(LinkId(2))).await.unwrap().subject;
    assert_eq!(eraser.look(&subject).await.unwrap().set_aside.records, 2);
    let proof = eraser.erase(&subject).await.unwrap();
    assert!(proof.holds());
    assert_eq!(proof.after.set_aside.unreadable, ["5-5-unreadable.seg"]);
    assert_eq!(Status::read(folder.path()).unwrap().set_aside, ["1-3-refused.seg", "5-5-unreadable.seg"]);
    let left = linktrail::spool::read_set_aside(&folder.path().join("set-aside/1-3-refused.seg")).unwrap();
    assert_eq!(left, [(2, other), (3, theirs)]);
}
