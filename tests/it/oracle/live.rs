//! What a live stream picks in memory is what the warehouse finds: both are asked the same questions of the same events.

use linktrail::domain::event::{Event, EventKind};
use linktrail::plan::{Shape, build, matches};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;

use super::answer::Answer;
use super::asking;
use super::question::{self, Form, Question};
use super::scene::Scene;
use super::setting;

const QUESTIONS: usize = 400;
const EVENTS: usize = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_warehouse_agree() {
    let seed = setting("LINKTRAIL_ORACLE_SEED").unwrap_or_else(question::seed);
    println!("oracle, live: LINKTRAIL_ORACLE_SEED={seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let scene = Scene::random("oracle_live", EVENTS, &mut rng).await;
    let (mut compared, mut some, mut cut) = (0, 0, 0);
    while compared < QUESTIONS {
        let form = Form::Page { ascending: true, limit: 2 * EVENTS as u64, offset: 0 };
        let question = Question { form, unique: false, ..Question::random(&mut rng, &scene) };
        // One event cannot tell whether it is the first.
        if question.kind == EventKind::Sale && question.sale_type.is_some() {
            continue;
        }
        // A click that was just stored is nobody's yet; the warehouse knows what it led to since.
        if question.kind == EventKind::Click && question.filters.iter().any(|(name, _)| *name == "customerId") {
            continue;
        }
        let Some((request, ..)) = asking::request(&scene, &question).await.unwrap() else { continue };
        let query = build(linktrail::plan::Request { shape: Shape::Total, ..request });
        let query = scene.stores.analytics.with_links(query).await.unwrap();
        let events = &scene.workspaces[question.workspace].events;
        let mut picked: Vec<&Event> = events.iter().filter(|event| matches(&query, event)).collect();
        picked.sort_by_key(|event| (event.at_ms, event.id));
        let picked: Vec<u64> = picked.iter().map(|event| event.id.0).collect();
        let Answer::Events(found) = asking::ask(&scene, &question).await.unwrap() else { panic!("no events") };
        let found: Vec<u64> = found.iter().map(|seen| seen.event.event_id).collect();
        assert_eq!(picked, found, "seed {seed}: {question:?}\n{query}");
        // Nothing of the other workspace, whatever is asked.
        for (place, other) in scene.workspaces.iter().enumerate().filter(|(place, _)| *place != question.workspace) {
            assert!(!other.events.iter().any(|event| matches(&query, event)), "seed {seed}: {place} {question:?}");
        }
        compared += 1;
        some += usize::from(!found.is_empty());
        cut += usize::from(question.is_filtered() && !found.is_empty());
    }
    assert!(some > QUESTIONS / 4 && cut > QUESTIONS / 10, "{some} with events, {cut} of them filtered");
}
