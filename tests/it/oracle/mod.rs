//! The oracle: random events, random questions, and the engine's answer beside one that is reckoned by looking at every
//! event in memory.
//!
//! The two sides share the events and the words of the question, and nothing else: [`asking`] sends a question through the
//! program's parsers, plan, SQL and stores; [`reading`], [`said`], [`almanac`] and [`reckoning`] read the same words, know
//! local time and count, each in its own way.
//!
//! [`linkly`] asks in the words of Linkly's API, over HTTP, and reckons by the rules of that.
//!
//! Every run takes another seed and prints it. `LINKTRAIL_ORACLE_SEED` repeats a run, `LINKTRAIL_ORACLE_QUERIES` says how
//! many questions are asked (2,400; of Linkly's API 500), `LINKTRAIL_ORACLE_EVENTS` how many events each workspace has
//! (6,000; 3,000).

mod almanac;
mod answer;
mod asking;
mod comparing;
mod coverage;
mod linkly;
mod linkly_question;
mod linkly_reckoning;
mod links;
mod live;
mod question;
mod reading;
mod reckoning;
mod rollup;
mod said;
mod scene;
mod stores;
mod tenants;
mod words;

use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;

use coverage::Coverage;
use question::Question;
use scene::Scene;

/// Questions in flight at once.
const ABREAST: usize = 4;
/// Mismatches that are told before the rest is let be.
const TOLD: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engine_and_oracle_agree() {
    let seed = setting("LINKTRAIL_ORACLE_SEED").unwrap_or_else(question::seed);
    let asked = setting("LINKTRAIL_ORACLE_QUERIES").unwrap_or(2_400);
    let size = usize::try_from(setting("LINKTRAIL_ORACLE_EVENTS").unwrap_or(6_000)).unwrap();
    println!("oracle: LINKTRAIL_ORACLE_SEED={seed}, {asked} questions, {size} events a workspace");
    let began = Instant::now();
    let mut rng = SmallRng::seed_from_u64(seed);
    let scene = Scene::random("oracle", size, &mut rng).await;
    rollup::is_in_line(&scene).await;
    let filled = began.elapsed();

    let questions = (0..asked).map(|number| (number, Question::random(&mut rng, &scene)));
    let questions: Vec<_> = questions.collect();
    let mut coverage = Coverage::default();
    let mut mismatches = Vec::new();
    let mut outcomes = stream::iter(questions).map(|(number, question)| compare(&scene, number, question));
    let mut outcomes = outcomes.by_ref().buffer_unordered(ABREAST);
    while let Some(outcome) = outcomes.next().await {
        coverage.add(&outcome);
        mismatches.extend(outcome.mismatch);
    }
    println!("oracle: filled in {filled:.1?}, asked until {:.1?}\n{coverage}", began.elapsed());
    let told: Vec<&str> = mismatches.iter().take(TOLD).map(String::as_str).collect();
    assert!(mismatches.is_empty(), "seed {seed}: {} mismatches\n\n{}", mismatches.len(), told.join("\n\n"));
    coverage.assert_enough();
}

/// What came of one question.
struct Outcome {
    question: Question,
    refused: bool,
    empty: bool,
    /// The answer would be another without the filters.
    cut: bool,
    mismatch: Option<String>,
}

async fn compare(scene: &Scene, number: u64, question: Question) -> Outcome {
    let workspace = &scene.workspaces[question.workspace];
    let expected = tokio::task::block_in_place(|| reckoning::reckon(workspace, &question));
    let unfiltered = question
        .is_filtered()
        .then(|| tokio::task::block_in_place(|| reckoning::reckon(workspace, &question.unfiltered())));
    let got = asking::ask(scene, &question).await;
    let difference = match &got {
        Ok(got) if *got == expected => None,
        Ok(got) => Some(got.difference(&expected)),
        Err(error) => Some(format!("engine fails: {error}")),
    };
    Outcome {
        refused: expected == answer::Answer::Refused,
        empty: expected.is_empty(),
        cut: unfiltered.is_some_and(|unfiltered| unfiltered != expected),
        mismatch: difference.map(|difference| format!("question {number}: {}\n{difference}", answer::brief(&question))),
        question,
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}
