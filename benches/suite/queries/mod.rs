//! The same questions on one, ten and a hundred million events, each over HTTP beside the best SQL by hand.

pub mod ask;
pub mod ground;
pub mod question;
pub mod questions;
pub mod store;

use std::sync::Mutex;

use anyhow::Context;
use serde_json::Value;

use crate::report::{Chapter, Figure};
use crate::stage::api::Api;
use crate::{Options, start};
use ask::{Crowd, Taken, crowd, in_turn};
use ground::{Ground, LINKS, sizes};
use question::{Growth, Question};
use questions::Terms;
use store::{Store, User};

/// Most of what the best SQL by hand takes that an answer may take, and what it may take beyond that.
const SHARE: f64 = 1.15;
const BEYOND_MS: f64 = 1.0;
/// Most by which an answer may take longer where there are ten times as many events.
const GROWTH_OF_COUNTS: f64 = 3.0;
const GROWTH_OF_EVENTS: f64 = 12.0;
/// The folder's name below the target folder.
const FOLDER: &str = "suite-queries";
/// Who looks at a dashboard at once, how many questions one asks, and how often.
const USERS: i64 = 8;
const DASHBOARD: usize = 12;
const TIMES: usize = 3;
/// Starts on the largest folder.
const STARTS: usize = 3;

/// The ground with the most events, for the chapter that comes next; making it takes the longest of all.
static LEFT: Mutex<Option<Ground>> = Mutex::new(None);

/// The ground with the most events: what this chapter left, or a new one.
pub async fn the_largest(options: &Options) -> anyhow::Result<Ground> {
    if let Some(ground) = LEFT.lock().ok().and_then(|mut left| left.take()) {
        return Ok(ground);
    }
    let sizes = sizes_of(options);
    let mut ground = Ground::make(FOLDER, sizes.clone()).await?;
    for _ in sizes {
        ground.grow().await?;
    }
    Ok(ground)
}

/// Removes what was left for others.
pub fn clear() {
    drop(LEFT.lock().ok().and_then(|mut left| left.take()));
}

/// The sizes of a run, in events.
fn sizes_of(options: &Options) -> Vec<u64> {
    if options.quick { sizes(options.largest.min(1_000_000), 100_000) } else { sizes(options.largest, 1_000_000) }
}

/// Measures the chapter, and leaves the largest ground for the next.
///
/// # Errors
/// When an answer is wrong.
pub async fn run(options: &Options) -> anyhow::Result<Chapter> {
    clear();
    let mut chapter = Chapter::new(
        "Queries",
        "Over HTTP with all that an answer carries, against the best SQL by hand straight to ClickHouse, in turn; medians \
         in ms. 100 workspaces, of which the one that is asked has a tenth of all events; a year of events.",
    );
    let sizes = sizes_of(options);
    let mut ground = Ground::make(FOLDER, sizes.clone()).await?;
    let mut known: Vec<Vec<Taken>> = Vec::new();
    for size in &sizes {
        println!("making {} events ...", short(*size));
        ground.grow().await?;
        let terms = terms(&ground).await?;
        let mut taken = Vec::new();
        for question in questions::all(&terms) {
            let one = in_turn(&ground, &question).await?;
            let growth = known.last().and_then(|smaller| smaller.get(taken.len()));
            println!("  {:<52} {:>8.2} ms, by hand {:>8.2}", question.name, one.ours_ms, one.by_hand_ms);
            let is_largest = Some(size) == sizes.last();
            chapter.push(figure(&question, *size, &one));
            if let Some(smaller) = growth.filter(|_| is_largest) {
                chapter.push(growth_of(&question, smaller, &one));
            }
            taken.push(one);
        }
        known.push(taken);
    }
    dashboard(&mut chapter, &ground).await?;
    chapter.note(format!(
        "{} links of the workspace are really made; on disk everything takes {:.0} MB, {:.0} bytes an event",
        LINKS,
        ground.size_mb()?,
        ground.size_mb()? * 1e6 / ground.rows() as f64
    ));
    ground.stop()?;
    let mut started = Vec::new();
    for _ in 0..STARTS {
        started.push(start::measure(ground.folder(), None, start::QUESTION).await?);
    }
    start::push(&mut chapter, &format!("a folder of {} events", short(ground.rows())), &started);
    ground.start()?;
    if let Ok(mut left) = LEFT.lock() {
        *left = Some(ground);
    }
    Ok(chapter)
}

/// What the questions are about, on the ground as it is now.
pub async fn terms(ground: &Ground) -> anyhow::Result<Terms> {
    let mut api = Api::open(ground.server()?.address, &ground.key).await?;
    let answer: Value = api.ask("GET", "/analytics?groupBy=top_links&interval=all", "").await?;
    let top = &answer[0];
    let link_id = top["id"].as_str().context("the workspace has no clicks")?.to_owned();
    let link: u64 = top["key"].as_str().and_then(|key| key.strip_prefix('k')).context("no slug")?.parse()?;
    let mut store = Store::open(ground.folder(), User::Reader).await?;
    let human = "workspace_id = 1 AND kind = 'click' AND bot = '' AND NOT repeat";
    let workspace = store.number(&format!("SELECT sum(events) FROM events_15m WHERE {human}")).await?;
    let of_link = top["clicks"].as_u64().context("no clicks")?;
    Ok(Terms { end_ms: ground.end_ms, first_link: ground.first_link, link, link_id, counted: (workspace, of_link) })
}

fn figure(question: &Question, size: u64, taken: &Taken) -> Figure {
    let (ours, by_hand) = (taken.ours_ms, taken.by_hand_ms);
    Figure::new(format!("{}, {}", short(size), question.name))
        .ours(format!("{ours:.1} ms"))
        .beside(format!("by hand {by_hand:.1} ms"))
        .ratio(ours / by_hand)
        .goal(format!("<= {SHARE} x + {BEYOND_MS} ms"), ours <= SHARE * by_hand + BEYOND_MS)
}

fn growth_of(question: &Question, smaller: &Taken, larger: &Taken) -> Figure {
    let most = match question.growth {
        Growth::Rollup => GROWTH_OF_COUNTS,
        Growth::Events => GROWTH_OF_EVENTS,
    };
    Figure::new(format!("  growth by ten times the events, {}", question.name))
        .ours(format!("{:.1} ms", larger.ours_ms))
        .beside(format!("{:.1} ms before", smaller.ours_ms))
        .ratio(larger.ours_ms / smaller.ours_ms)
        .at_most(most)
}

/// Twelve questions by each of eight people, whose ranges all differ, so that nobody's answer serves another.
async fn dashboard(chapter: &mut Chapter, ground: &Ground) -> anyhow::Result<()> {
    let whole = terms(ground).await?;
    let list = |user: i64| {
        let terms = Terms { end_ms: whole.end_ms - (user + 1) * 60_000, ..whole.clone() };
        let mut questions = questions::all(&terms);
        questions.truncate(DASHBOARD);
        questions
    };
    let lists: Vec<Vec<Question>> = (0..USERS).map(list).collect();
    let (ours, by_hand) = crowd(ground, &lists, TIMES).await?;
    let said = |crowd: &Crowd| format!("{:.0} ms (p50 {:.0}, {:.0}/s)", crowd.p95_ms, crowd.p50_ms, crowd.rate);
    chapter.push(
        Figure::new(format!(
            "{}, p95 of a dashboard's {DASHBOARD} queries, {USERS} users at once",
            short(ground.rows())
        ))
        .ours(said(&ours))
        .beside(format!("by hand {}", said(&by_hand)))
        .ratio(ours.p95_ms / by_hand.p95_ms),
    );
    if ours.refused > 0 {
        chapter.note(format!("dashboard: {} times a query found no room and was asked again", ours.refused));
    }
    Ok(())
}

/// `10 M`, `100 k`.
pub fn short(events: u64) -> String {
    match events {
        1_000_000.. if events.is_multiple_of(100_000) => format!("{} M", events as f64 / 1e6),
        1_000.. => format!("{} k", events as f64 / 1e3),
        _ => events.to_string(),
    }
}
