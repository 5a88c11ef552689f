//! `import`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use url::Url;

use crate::calendar::Clock;
use crate::config::PlacesConfig;
use crate::enrich::{EnrichOptions, Enricher};
use crate::links::LinkService;
use crate::server::{self, Stores};
use crate::transfer::{
    BATCH_LINES, Column, Format, Import, ImportLinks, ImportOptions, LinkSummary, OnConflict, Outcome, Progress,
    Reject, Setting, Source, Summary, link_column_list,
};

use super::manage::find_workspace;
use super::with_stores;

/// The exit status when rows were rejected.
const SOME_REJECTED: u8 = 3;
/// How often progress is shown.
const TICK: Duration = Duration::from_millis(200);

/// `linktrail import ...`
#[derive(Subcommand, Debug)]
pub enum ImportCommand {
    /// Import events of the past from a CSV file with a header, or from NDJSON; packed with gzip if you like.
    ///
    /// Each row is one event with its own time. What a row does not say is read from what it does, as for an event that
    /// was seen: the place from the ip, browser and bot from the user_agent, and so on. Rows that cannot be taken go to a
    /// rejects file with their line number and the reason, the rest goes on, and the exit status is then 3. Corrected, the
    /// rejects file can be imported as it is. A server may be running meanwhile.
    ///
    /// An import that was interrupted goes on where it was when it is run again, and nothing is stored twice: the file is
    /// known by its bytes, so leave it as it is until it is done. A file that is done is not imported again. Every file
    /// takes one of the 65,535 numbers that an installation has for its servers and its imports.
    #[command(after_long_help = columns_help())]
    Events(ImportEvents),
    /// Make links from a CSV file with a header, or from NDJSON; packed with gzip if you like.
    ///
    /// Links pass the same checks as those made over the API. Rows that cannot be taken go to a rejects file with their line
    /// number and the reason, the rest goes on, and the exit status is then 3. Tags and folders that are missing are made;
    /// short domains and sites must be there. An import that was interrupted can be run again: what is there is skipped.
    #[command(after_long_help = link_columns_help())]
    Links(ImportLinksArgs),
}

fn link_columns_help() -> String {
    format!("Columns, in any order (unknown ones are refused):\n{}", link_column_list())
}

fn columns_help() -> String {
    format!("Columns, in any order (unknown ones are refused):\n{}", Column::list())
}

/// What every import is told.
#[derive(Args, Debug)]
pub struct ImportFile {
    /// The file. Its name says what it is (.csv, .ndjson, .jsonl; .gz behind it if it is packed), or else --format.
    file: PathBuf,
    /// Id (`ws_...`) or name of the workspace. Default: the only one.
    #[arg(long)]
    workspace: Option<String>,
    /// What the file is: csv or ndjson.
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// Where rejected rows go. Default: beside the file, such as clicks.rejects.csv for clicks.csv.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// `linktrail import events ...`
#[derive(Args, Debug)]
pub struct ImportEvents {
    #[command(flatten)]
    file: ImportFile,
    /// Lines whose events are stored at once: more are faster, and take more memory.
    #[arg(long, default_value_t = BATCH_LINES, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    batch_lines: u64,
}

/// `linktrail import links ...`
#[derive(Args, Debug)]
pub struct ImportLinksArgs {
    #[command(flatten)]
    file: ImportFile,
    /// What becomes of a row whose link is there already: skip, update (what the row says is written over it) or fail (the
    /// import stops).
    #[arg(long, default_value = "skip", value_parser = on_conflict)]
    on_conflict: OnConflict,
    /// Where the server is reached, as `serve` is told: some slugs are kept back there.
    #[arg(long, env = "LINKTRAIL_PUBLIC_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    public_url: Url,
}

fn on_conflict(text: &str) -> Result<OnConflict, String> {
    [OnConflict::Skip, OnConflict::Update, OnConflict::Fail]
        .into_iter()
        .find(|choice| choice.name() == text)
        .ok_or_else(|| "allowed are skip, update and fail".to_owned())
}

/// The format of a name.
pub(super) fn format(text: &str) -> Result<Format, String> {
    [Format::Csv, Format::Ndjson]
        .into_iter()
        .find(|format| format.name() == text)
        .ok_or_else(|| "allowed are csv and ndjson".to_owned())
}

/// Runs `linktrail import`.
pub async fn run(places: &PlacesConfig, command: ImportCommand) -> anyhow::Result<ExitCode> {
    match command {
        ImportCommand::Events(ImportEvents { file, batch_lines }) => {
            let source = open(&file)?;
            with_stores(places, async |stores| import_events(places, stores, &file, batch_lines, &source).await).await?
        }
        ImportCommand::Links(args) => {
            let source = open(&args.file)?;
            with_stores(places, async |stores| import_links(stores, &args, &source).await).await?
        }
    }
}

fn open(file: &ImportFile) -> anyhow::Result<Source> {
    if file.file.as_os_str() == "-" {
        bail!("an import is read from a file, since it must be read again when it is interrupted: name one");
    }
    Ok(Source::open(&file.file, file.format)?)
}

/// `clicks.rejects.csv` for `clicks.csv` and for `clicks.csv.gz`.
fn rejects_path(file: &ImportFile, source: &Source) -> PathBuf {
    if let Some(path) = &file.rejects {
        return path.clone();
    }
    let name = file.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let stem = match Format::of_name(Path::new(name)) {
        Some(_) => name.rsplit_once('.').map_or(name, |(stem, _)| stem),
        None => name,
    };
    file.file.with_file_name(format!("{stem}.rejects.{}", source.format().name()))
}

async fn import_events(
    places: &PlacesConfig,
    stores: &Stores,
    file: &ImportFile,
    batch_lines: u64,
    source: &Source,
) -> anyhow::Result<ExitCode> {
    let workspace = find_workspace(&stores.catalog, file.workspace.as_deref()).await?;
    let visitor_secret = stores.catalog.secret("visitor").await?;
    let geo = tokio::task::spawn_blocking({
        let places = places.clone();
        move || server::open_geo(&places)
    });
    let rejects = rejects_path(file, source);
    let import = Import {
        catalog: stores.catalog.clone(),
        store: Arc::new(stores.warehouse.apart()?),
        enricher: Arc::new(Enricher::new(EnrichOptions { geo: geo.await??, visitor_secret })),
        clock: Clock::system(),
        options: ImportOptions {
            setting: Setting { workspace: workspace.id, settings: workspace.settings },
            rejects: rejects.clone(),
            dry_run: file.dry_run,
            batch_lines,
        },
    };
    let began = Instant::now();
    let progress = Progress::default();
    let outcome = shown(import.run(source, &progress), &progress, source).await;
    match outcome.with_context(|| format!("{} is not imported", source.path().display()))? {
        Outcome::DoneBefore { stored, rejected } => {
            println!(
                "already imported: {} events were stored and {} rows rejected by an earlier run; nothing was changed",
                HumanCount(stored),
                HumanCount(rejected),
            );
            if rejected > 0 {
                println!("to have the rejected rows too, correct the rejects file of that run and import it");
            }
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Done(summary) => {
            report(file, &summary, &rejects, began.elapsed());
            Ok(if summary.rejected > 0 { ExitCode::from(SOME_REJECTED) } else { ExitCode::SUCCESS })
        }
    }
}

async fn import_links(stores: &Stores, args: &ImportLinksArgs, source: &Source) -> anyhow::Result<ExitCode> {
    let ImportLinksArgs { file, on_conflict, public_url } = args;
    let workspace = find_workspace(&stores.catalog, file.workspace.as_deref()).await?.id;
    let rejects = rejects_path(file, source);
    let service = LinkService::new(stores.catalog.clone(), Clock::system(), Arc::new(public_url.clone()));
    let import = ImportLinks {
        catalog: stores.catalog.clone(),
        service,
        clock: Clock::system(),
        workspace,
        on_conflict: *on_conflict,
        rejects: rejects.clone(),
        dry_run: file.dry_run,
    };
    let progress = Progress::default();
    let outcome = shown(import.run(source, &progress), &progress, source).await;
    let summary = outcome.with_context(|| format!("{} is not imported", source.path().display()))?;
    let LinkSummary { made, updated, skipped, rejected, first_rejects } = summary;
    let (would, end) = if file.dry_run { (" would be", "; nothing was changed") } else { ("", "") };
    println!(
        "{} links{would} made, {} updated, {} skipped as they are there already, {} rows rejected{end}",
        HumanCount(made),
        HumanCount(updated),
        HumanCount(skipped),
        HumanCount(rejected),
    );
    for Reject { line, reason } in &first_rejects {
        println!("line {line}: {reason}");
    }
    if rejected > 0 && !file.dry_run {
        println!("rejected rows, with line numbers and reasons, are in {}", rejects.display());
    }
    Ok(if rejected > 0 { ExitCode::from(SOME_REJECTED) } else { ExitCode::SUCCESS })
}

fn report(file: &ImportFile, summary: &Summary, rejects: &Path, took: Duration) {
    let (stored, rejected) = (HumanCount(summary.stored), HumanCount(summary.rejected));
    if file.dry_run {
        println!("{stored} events would be stored, {rejected} rows would be rejected; nothing was changed");
        for Reject { line, reason } in &summary.first_rejects {
            println!("line {line}: {reason}");
        }
        let rest = summary.rejected.saturating_sub(summary.first_rejects.len() as u64);
        if rest > 0 {
            println!("and {} more", HumanCount(rest));
        }
        return;
    }
    if summary.resumed_after > 0 {
        println!("an earlier run had come to line {}; this one went on there", HumanCount(summary.resumed_after));
    }
    println!("{stored} events stored, {rejected} rows rejected, in {:.1} s", took.as_secs_f64());
    if summary.rejected > 0 {
        println!("rejected rows, with line numbers and reasons, are in {}", rejects.display());
    }
}

/// Shows how far it is while it works.
async fn shown<T>(work: impl Future<Output = T>, progress: &Progress, source: &Source) -> T {
    let template = "{bar:40} {bytes}/{total_bytes}, {msg}, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(source.bytes()).with_style(style);
    let began = Instant::now();
    let mut work = std::pin::pin!(work);
    loop {
        if let Ok(done) = tokio::time::timeout(TICK, &mut work).await {
            bar.finish_and_clear();
            return done;
        }
        let rows = progress.rows.load(Ordering::Relaxed);
        let a_second = rows as f64 / began.elapsed().as_secs_f64();
        bar.set_position(progress.bytes.load(Ordering::Relaxed));
        bar.set_message(format!("{} rows, {}/s", HumanCount(rows), HumanCount(a_second as u64)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_lie_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for (name, format, expected) in [
            ("a.csv", None, "a.rejects.csv"),
            ("a.b.jsonl", None, "a.b.rejects.ndjson"),
            ("a.csv.gz", None, "a.rejects.csv"),
            ("a", Some(Format::Ndjson), "a.rejects.ndjson"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            let file = ImportFile { file: path, workspace: None, format, rejects: None, dry_run: false };
            let source = open(&file).unwrap();
            assert_eq!(rejects_path(&file, &source), folder.path().join(expected));
        }
    }
}
