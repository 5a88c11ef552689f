//! Two workspaces of the same shape: whatever one asks, it sees nothing of the other.

use std::collections::HashSet;

use linktrail::table::Cell;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::answer::Answer;
use super::asking;
use super::question::{self, Form, Question};
use super::scene::Scene;
use super::{setting, words};

/// Questions that each of the two asks.
const QUESTIONS: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workspace_sees_only_its_own() {
    let seed = setting("LINKTRAIL_ORACLE_SEED").unwrap_or_else(question::seed);
    println!("oracle, tenants: LINKTRAIL_ORACLE_SEED={seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let scene = Scene::random("oracle_tenants", 1_500, &mut rng).await;
    let mut rows = 0;
    for number in 0..QUESTIONS {
        for asking in [0, 1] {
            let question = hostile(&mut rng, &scene, asking);
            let answer = asking::ask(&scene, &question).await;
            let answer = answer.unwrap_or_else(|error| panic!("seed {seed}, question {number}: {error}\n{question:?}"));
            rows += own_rows(&scene, &question, &answer)
                .unwrap_or_else(|foreign| panic!("seed {seed}, question {number}: {foreign}\n{question:?}"));
        }
    }
    assert!(rows > 10_000, "too few rows to tell: {rows}");
}

/// All of time and everyone, filtered by what the other workspace has.
fn hostile(rng: &mut SmallRng, scene: &Scene, asking: usize) -> Question {
    let other = 1 - asking;
    let form = match rng.random_range(0..4) {
        0 | 1 => Form::Page { ascending: rng.random(), limit: 500, offset: 0 },
        2 => Form::Groups { by: "top_links", unknown: true, limit: None },
        _ => Form::Attributes(["tagId", "folderId", "domain"][rng.random_range(0..3)]),
    };
    let filters = ["linkId", "domain", "tagId", "folderId", "customerId", "utm_source", "region", "city"];
    let filters = filters.into_iter().filter(|_| rng.random_bool(0.25)).collect::<Vec<_>>();
    let filters = filters.into_iter().map(|name| (name, words::list(rng, scene, other, name))).collect();
    Question {
        workspace: asking,
        compared: None,
        sale_type: None,
        metadata: None,
        start: Some("1970-01-01".to_owned()),
        end: Some("2099-12-31".to_owned()),
        filters,
        link: rng.random_bool(0.1).then(|| scene.workspaces[other].links[1].id),
        bots: "include",
        repeats: true,
        form,
        ..Question::random(rng, scene)
    }
}

/// The number of rows, all of them the asking workspace's; otherwise the first that is not.
fn own_rows(scene: &Scene, question: &Question, answer: &Answer) -> Result<usize, String> {
    let own = &scene.workspaces[question.workspace];
    match answer {
        Answer::Refused | Answer::Compared(..) => Err("no such answer was asked for".to_owned()),
        Answer::Events(events) => {
            let ids: HashSet<u64> = own.events.iter().map(|event| event.id.0).collect();
            for seen in events {
                let foreign_link = seen.link.as_ref().is_some_and(|link| link.workspace != own.id);
                if !ids.contains(&seen.event.event_id) || foreign_link {
                    return Err(format!("foreign event {seen:?}"));
                }
            }
            Ok(events.len())
        }
        Answer::Table(table) => {
            let links: HashSet<String> = own.events.iter().map(|event| event.link.0.to_string()).collect();
            let attributes: HashSet<String> = (own.tags.iter().map(ToString::to_string))
                .chain(own.folders.iter().map(ToString::to_string))
                .chain(own.links.iter().map(|link| link.domain.clone()))
                .collect();
            for row in &table.rows {
                match &row[0] {
                    Cell::Text(text) if links.contains(text) || attributes.contains(text) => {}
                    other => return Err(format!("foreign value {other:?}")),
                }
            }
            Ok(table.rows.len())
        }
    }
}
