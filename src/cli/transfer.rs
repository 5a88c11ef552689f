//! `import` and `export`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use flate2::Compression;
use flate2::write::GzEncoder;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use url::Url;

use crate::calendar::{Bound, Clock, EARLIEST_MS, LATEST_MS, Range, Span, Zone};
use crate::config::PlacesConfig;
use crate::domain::dimension::{DIMENSIONS, Dimension, DimensionInfo};
use crate::domain::event::EventKind;
use crate::domain::id::WorkspaceId;
use crate::enrich::{EnrichOptions, Enricher};
use crate::filter::{Field, Filter, List, Separator};
use crate::links::LinkService;
use crate::plan::{Bots, Condition, Counting, Request, Shape, build};
use crate::server::{self, Stores};
use crate::transfer::{
    BATCH_LINES, Column, ExportError, ExportEvents, Format, Import, ImportLinks, ImportOptions, LinkSummary, Names,
    OnConflict, Out, Outcome, Progress, Reject, Setting, Source, Summary, export_links, link_column_list, link_columns,
};

use crate::warehouse::export::Wanted;

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

fn format(text: &str) -> Result<Format, String> {
    [Format::Csv, Format::Ndjson]
        .into_iter()
        .find(|format| format.name() == text)
        .ok_or_else(|| "allowed are csv and ndjson".to_owned())
}

/// `linktrail export ...`
#[derive(Subcommand, Debug)]
pub enum ExportCommand {
    /// Write events to a file that `linktrail import events` takes: in its columns, oldest first.
    ///
    /// With --output the file has its name only once it is whole; until then it is FILE.part. Without it the rows go to
    /// standard output: if the exit status is not 0, they are not all. A server may be running meanwhile.
    Events(ExportEventsArgs),
    /// Write all links of a workspace, archived ones too, to a file that `linktrail import links` takes.
    ///
    /// Passwords go out as their hashes: keep the file to yourself. With --output the file has its name only once it is
    /// whole; until then it is FILE.part. Without it the rows go to standard output: if the exit status is not 0, they are
    /// not all.
    Links {
        #[command(flatten)]
        file: ExportFile,
    },
}

/// What every export is told.
#[derive(Args, Debug)]
pub struct ExportFile {
    /// Id (`ws_...`) or name of the workspace. Default: the only one.
    #[arg(long)]
    workspace: Option<String>,
    /// csv or ndjson. Default: what the name of the file says, else csv.
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// Where to write; packed with gzip when the name ends with .gz. Default: standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `linktrail export events ...`
#[derive(Args, Debug)]
pub struct ExportEventsArgs {
    #[command(flatten)]
    file: ExportFile,
    /// Only these kinds, separated by commas: click, pageview, custom, lead, sale.
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    kind: Vec<EventKind>,
    /// Only of this link: short URL, domain/slug or id.
    #[arg(long)]
    link: Option<String>,
    /// Only of this site: slug, host or number.
    #[arg(long)]
    site: Option<String>,
    /// From this date, local time or instant on (2026-03-08, 2026-03-08T14:30, 2026-03-08T14:30:00Z). Default: all.
    #[arg(long)]
    start: Option<String>,
    /// Up to this date, which is included, or this time, which is not. Default: all.
    #[arg(long)]
    end: Option<String>,
    /// The zone of --start and --end, such as Europe/Paris.
    #[arg(long, default_value = "UTC")]
    timezone: String,
    /// Only where this holds, as in the query of /analytics: --filter country=US,CA --filter browser=-Chrome
    #[arg(long, value_name = "NAME=VALUES")]
    filter: Vec<String>,
}

fn kind(text: &str) -> Result<EventKind, String> {
    EventKind::parse(text).ok_or_else(|| "allowed are click, pageview, custom, lead and sale".to_owned())
}

/// Runs `linktrail export`.
pub async fn export(places: &PlacesConfig, command: ExportCommand) -> anyhow::Result<ExitCode> {
    match command {
        ExportCommand::Events(args) => {
            with_stores(places, async |stores| export_events(stores, &args).await).await??;
        }
        ExportCommand::Links { file } => {
            with_stores(places, async |stores| {
                let workspace = find_workspace(&stores.catalog, file.workspace.as_deref()).await?.id;
                write_out(&file, &link_columns(), "links", async |out, progress| {
                    export_links(&stores.catalog, workspace, out, progress).await
                })
                .await
            })
            .await??;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn export_events(stores: &Stores, args: &ExportEventsArgs) -> anyhow::Result<()> {
    let workspace = find_workspace(&stores.catalog, args.file.workspace.as_deref()).await?.id;
    let mut names = Names::new(stores.catalog.clone(), workspace).await?;
    let link = match &args.link {
        Some(name) => Some(names.link(name).await?.with_context(|| format!("--link: there is no link {name}"))?),
        None => None,
    };
    let site = match &args.site {
        Some(name) => Some(names.site(name).with_context(|| format!("--site: there is no site {name}"))?),
        None => None,
    };
    let wanted = Wanted {
        workspace,
        kinds: args.kind.clone(),
        range: range(args)?,
        link,
        site,
        dimensions: dimensions(&args.filter, workspace)?,
    };
    let export = ExportEvents { catalog: &stores.catalog, warehouse: &stores.warehouse, wanted };
    write_out(&args.file, &ExportEvents::columns(), "events", async |out, progress| export.write(out, progress).await)
        .await
}

/// Writes a whole export, or leaves a part that does not look like one.
async fn write_out(
    file: &ExportFile,
    columns: &[&str],
    what: &str,
    write: impl AsyncFnOnce(&mut Out<&mut Destination>, &dyn Fn(u64)) -> Result<u64, ExportError>,
) -> anyhow::Result<()> {
    let broken = "the export broke off, what was written is not all";
    let began = Instant::now();
    let mut destination = Destination::create(file.output.as_deref())?;
    let style = ProgressStyle::with_template("{spinner} {human_pos} {msg}, {per_sec}");
    let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_message(what.to_owned());
    let mut out = Out::new(&mut destination, file.format(), columns).context(broken)?;
    let written = write(&mut out, &|rows| bar.inc(rows)).await;
    bar.finish_and_clear();
    let count = written.context(broken)?;
    out.finish().context(broken)?;
    destination.finish().context(broken)?;
    if let Some(path) = &file.output {
        println!("{} {what} in {} ({:.1} s)", HumanCount(count), path.display(), began.elapsed().as_secs_f64());
    }
    Ok(())
}

impl ExportFile {
    fn format(&self) -> Format {
        self.format.or_else(|| Format::of_name(self.output.as_deref()?)).unwrap_or(Format::Csv)
    }
}

fn range(args: &ExportEventsArgs) -> anyhow::Result<Range> {
    let zone = Zone::parse(&args.timezone).context("--timezone")?;
    let bound = |name: &'static str, text: &Option<String>| match text {
        Some(text) => Bound::parse(text).map(Some).context(name),
        None => Ok(None),
    };
    let start = bound("--start", &args.start)?;
    let end = bound("--end", &args.end)?;
    match (start, end) {
        // An end is a day or a time; which of them is later than the start is not told by instants alone.
        (Some(start), Some(end)) => {
            Ok(Span::between(&start, Some(&end), EARLIEST_MS, &zone).context("--start and --end")?.range)
        }
        (start, end) => Range::new(
            start.map_or(EARLIEST_MS, |start| start.as_start(&zone)),
            end.map_or(LATEST_MS, |end| end.as_end(&zone)),
        )
        .context("--start and --end"),
    }
}

/// Reads `name=values` as the analytics do.
fn dimensions(filters: &[String], workspace: WorkspaceId) -> anyhow::Result<Vec<(Dimension, List)>> {
    let mut read = Vec::new();
    for text in filters {
        let named = |line: &&DimensionInfo| text.split_once('=').is_some_and(|(name, _)| Some(name) == line.dub_filter);
        let known = || DIMENSIONS.iter().filter_map(|line| line.dub_filter).collect::<Vec<_>>().join(", ");
        let line = DIMENSIONS.iter().find(named);
        let line = line.with_context(|| format!("--filter {text}: write name=values; names are {}", known()))?;
        let values = text.split_once('=').map_or("", |(_, values)| values);
        let filter = Filter::parse(Field::Dimension(line.dimension), values, Separator::Comma);
        read.extend(filter.with_context(|| format!("--filter {}", line.dub_filter.unwrap_or_default()))?);
    }
    let request = Request {
        workspace,
        kind: EventKind::Click,
        range: Range::new(EARLIEST_MS, LATEST_MS)?,
        counting: Counting { bots: Bots::Include, repeats: true, unique: false },
        filters: read,
        link: None,
        root: None,
        shape: Shape::Total,
    };
    let condition = |condition| match condition {
        Condition::Dimension { dimension, list } => Ok((dimension, list)),
        Condition::Links { .. } | Condition::Customers { .. } => bail!("--filter linkId: use --link"),
    };
    build(request).conditions.into_iter().map(condition).collect()
}

/// Where an export goes: a file that gets its name when it is whole, or standard output.
enum Destination {
    Plain(BufWriter<File>, PathBuf),
    Packed(GzEncoder<BufWriter<File>>, PathBuf),
    Stdout(BufWriter<io::Stdout>),
}

impl Destination {
    fn create(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::Stdout(BufWriter::new(io::stdout()))) };
        let part = part_of(path);
        let file = File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        Ok(if path.extension().is_some_and(|extension| extension == "gz") {
            Self::Packed(GzEncoder::new(file, Compression::default()), path.to_owned())
        } else {
            Self::Plain(file, path.to_owned())
        })
    }

    /// Everything is on disk under its own name.
    fn finish(self) -> io::Result<()> {
        let (file, path) = match self {
            Self::Stdout(mut out) => return out.flush(),
            Self::Plain(file, path) => (file, path),
            Self::Packed(packed, path) => (packed.finish()?, path),
        };
        file.into_inner()?.sync_all()?;
        std::fs::rename(part_of(&path), &path)
    }
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file, _) => file.write(bytes),
            Self::Packed(file, _) => file.write(bytes),
            Self::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file, _) => file.flush(),
            Self::Packed(file, _) => file.flush(),
            Self::Stdout(out) => out.flush(),
        }
    }
}

/// Runs `linktrail import`.
pub async fn import(places: &PlacesConfig, command: ImportCommand) -> anyhow::Result<ExitCode> {
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
