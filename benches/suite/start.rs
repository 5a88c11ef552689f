//! From the start of `serve` to its first answers, and the size of what is started.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;

use crate::Options;
use crate::report::{Chapter, Figure, with_unit};
use crate::stage::api::{Api, first_key};
use crate::stage::http::Connection;
use crate::stage::program::{PROGRAM, Server};
use crate::stage::report::median;

/// A question that both stores take part in.
pub const QUESTION: &str = "/analytics?groupBy=top_links&interval=30d";

/// What a start took, from the moment its process was made.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// Until `/ready` said 200, in seconds.
    pub ready_secs: f64,
    /// Until the question was answered, in seconds.
    pub answer_secs: f64,
}

/// Starts `serve` on a folder, asks, and ends it; with the key of the folder's first run where none is given.
pub async fn measure(data: &Path, key: Option<&str>, question: &str) -> anyhow::Result<Started> {
    let began = Instant::now();
    let server = Server::start(data, &[])?;
    let mut connection = Connection::open(server.address).await?;
    let request = format!("GET /ready HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    while connection.ask(request.as_bytes()).await? != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let ready_secs = began.elapsed().as_secs_f64();
    let key = key.map_or_else(|| first_key(data), |key| Ok(key.to_owned()))?;
    Api::open(server.address, &key).await?.ask("GET", question, "").await?;
    let answer_secs = began.elapsed().as_secs_f64();
    server.stop()?;
    Ok(Started { ready_secs, answer_secs })
}

/// Measures starts on an empty folder, and again on what they left.
pub async fn run(options: &Options) -> anyhow::Result<Chapter> {
    let rounds = if options.quick { 2 } else { 5 };
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let folder = tempfile::Builder::new().prefix("start-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        for started in [&mut first, &mut again] {
            started.push(measure(folder.path(), None, QUESTION).await?);
        }
    }
    let mut chapter = Chapter::new(
        "Start",
        format!(
            "From the start of `serve`, with both stores, to the first 200 of `/ready` and to the first answer of \
             `{QUESTION}`; medians of {rounds}."
        ),
    );
    for (folder, started) in [("an empty folder", &first), ("the same folder again", &again)] {
        push(&mut chapter, folder, started);
    }
    let bytes = std::fs::metadata(PROGRAM).with_context(|| format!("cannot read {PROGRAM}"))?.len();
    chapter.push(Figure::new("size of the program").ours(with_unit(bytes as f64 / 1e6, "MB")));
    Ok(chapter)
}

/// Two lines on starts on a folder.
pub fn push(chapter: &mut Chapter, folder: &str, started: &[Started]) {
    let middle = |of: fn(&Started) -> f64| with_unit(median(&started.iter().map(of).collect::<Vec<_>>()), "s");
    chapter.push(Figure::new(format!("ready, {folder}")).ours(middle(|started| started.ready_secs)));
    chapter.push(Figure::new(format!("first answer, {folder}")).ours(middle(|started| started.answer_secs)));
}
