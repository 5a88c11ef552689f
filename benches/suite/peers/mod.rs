//! The program beside what people would use instead, on the same rows: Dub's tables and queries in the same ClickHouse, a
//! table in Postgres, a table in DuckDB.

mod databases;
mod dub;
mod plain;

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;

use crate::Options;
use crate::queries::ask::Asker;
use crate::queries::ground::Ground;
use crate::queries::question::Question;
use crate::queries::questions::{self, Terms};
use crate::queries::store::{Store, User};
use crate::queries::{short, terms};
use crate::report::{Chapter, Figure};
use crate::stage::report::median;
use databases::{Duck, IN_DUCK, IN_POSTGRES, Postgres};
use plain::Dialect;

/// Rows that all have, and in a quick run.
const ROWS: u64 = 10_000_000;
const ROWS_IN_HASTE: u64 = 1_000_000;
/// Times that each is asked, after one that is not measured; no longer than this once there are a few.
const TIMES: usize = 9;
const FEW: usize = 3;
const LONG: Duration = Duration::from_secs(10);

/// Everybody who is asked.
struct Peers {
    asker: Asker,
    dub: Store,
    postgres: Postgres,
    duck: Option<Duck>,
}

impl Peers {
    /// What each is asked, in the order of [`ask`](Self::ask); `None` for what they do not answer.
    fn put(&self, question: &Question, terms: &Terms) -> [Option<String>; 3] {
        let duck = self.duck.as_ref().and_then(|_| Dialect::Duck.sql(IN_DUCK, question.id, terms));
        [dub::sql(question.id, terms), Dialect::Postgres.sql(IN_POSTGRES, question.id, terms), duck]
    }

    async fn ask(&mut self, peer: usize, sql: &str) -> anyhow::Result<Vec<Vec<Value>>> {
        match peer {
            0 => {
                let request = self.dub.request(sql, "");
                self.dub.ask(&request).await.with_context(|| sql.to_owned())?;
                self.dub.rows()
            }
            1 => self.postgres.ask(sql).await,
            _ => self.duck.as_mut().context("no DuckDB")?.ask(sql),
        }
    }
}

/// Measures the chapter.
///
/// # Errors
/// When an answer differs from the program's.
pub async fn run(options: &Options) -> anyhow::Result<Chapter> {
    let rows = if options.quick { ROWS_IN_HASTE } else { ROWS }.min(options.largest);
    let mut chapter = Chapter::new(
        "Peers",
        "The same rows, the same answers, in turn; medians. Dub's tables hold only what Dub keeps (no robots, no repeats), in \
         the same ClickHouse, asked over HTTP; Postgres has an index on workspace and time, and is asked over its own \
         protocol; DuckDB runs in a process of its own, asked over a pipe. Only the program adds what its answers say of links. \
         The ratio is to Dub's.",
    );
    println!("making {} events ...", short(rows));
    let mut ground = Ground::make("suite-peers", vec![rows]).await?;
    ground.grow().await?;
    let began = Instant::now();
    dub::fill(&ground).await?;
    println!("  Dub's tables are filled, {:.0} s", began.elapsed().as_secs_f64());
    let postgres = Postgres::open(&ground).await?;
    let mut duck = Duck::is_there().then(|| Duck::open(ground.folder())).transpose()?;
    if duck.is_none() {
        chapter.left_out("DuckDB", "there is no Python with it; `make readers` fetches one");
    }
    databases::fill(&ground, &postgres, duck.as_mut()).await?;
    println!("  Postgres and DuckDB are filled, {:.0} s", began.elapsed().as_secs_f64());
    ground.settle().await?;

    let asker = Asker::open(ground.server()?.address, &ground.key).await?;
    let dub = Store::open(ground.folder(), User::Reader).await?.in_database(dub::DATABASE);
    let mut peers = Peers { asker, dub, postgres, duck };
    let terms = terms(&ground).await?;
    for question in questions::all(&terms) {
        let figure = in_turn(&ground, &mut peers, &question, &terms, rows).await?;
        chapter.push(figure);
    }
    chapter.note(format!("everything together takes {:.0} MB on disk", ground.size_mb()?));
    Ok(chapter)
}

async fn in_turn(
    ground: &Ground,
    peers: &mut Peers,
    question: &Question,
    terms: &Terms,
    rows: u64,
) -> anyhow::Result<Figure> {
    // A connection that was idle for long may be closed.
    peers.asker = Asker::open(ground.server()?.address, &ground.key).await?;
    peers.dub = Store::open(ground.folder(), User::Reader).await?.in_database(dub::DATABASE);
    peers.asker.ask(&question.path).await?;
    let answer = peers.asker.body()?;
    let put = peers.put(question, terms);
    for (peer, sql) in put.iter().enumerate() {
        if let Some(sql) = sql {
            let theirs = peers.ask(peer, sql).await?;
            question.check(&answer, &theirs).with_context(|| sql.clone())?;
        }
    }
    let mut ours_ms = Vec::new();
    let mut theirs_ms = [const { Vec::new() }; 3];
    let began = Instant::now();
    while ours_ms.len() < FEW || (ours_ms.len() < TIMES && began.elapsed() < LONG) {
        let before = Instant::now();
        peers.asker.ask(&question.path).await?;
        ours_ms.push(before.elapsed().as_secs_f64() * 1e3);
        for (peer, (sql, took_ms)) in put.iter().zip(&mut theirs_ms).enumerate() {
            if let Some(sql) = sql {
                let before = Instant::now();
                peers.ask(peer, sql).await?;
                took_ms.push(before.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let ours = median(&ours_ms);
    let told = ["Dub's tables", "Postgres", "DuckDB"].iter().zip(&theirs_ms).filter(|(_, took_ms)| !took_ms.is_empty());
    let told: Vec<String> = told
        .map(|(name, took_ms)| format!("{name} {:.1} ms ({:.1}x)", median(took_ms), median(took_ms) / ours))
        .collect();
    println!("  {:<52} {ours:>8.2} ms; {}", question.name, told.join(", "));
    let figure = Figure::new(format!("{}, {}", short(rows), question.name)).ours(format!("{ours:.1} ms"));
    let figure = figure.beside(told.join(", "));
    Ok(if theirs_ms[0].is_empty() { figure } else { figure.ratio(ours / median(&theirs_ms[0])) })
}
