//! `export`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use flate2::Compression;
use flate2::write::GzEncoder;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::calendar::{Bound, EARLIEST_MS, LATEST_MS, Range, Span, Zone};
use crate::config::PlacesConfig;
use crate::domain::dimension::{DIMENSIONS, Dimension, DimensionInfo};
use crate::domain::event::EventKind;
use crate::domain::id::WorkspaceId;
use crate::filter::{Field, Filter, List, Separator};
use crate::plan::{Bots, Condition, Counting, Request, Shape, build};
use crate::server::Stores;
use crate::transfer::{ExportError, ExportEvents, Format, Names, Out, export_links, link_columns};
use crate::warehouse::export::Wanted;

use super::import::format;
use super::manage::find_workspace;
use super::with_stores;

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
pub async fn run(places: &PlacesConfig, command: ExportCommand) -> anyhow::Result<ExitCode> {
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
        Condition::Links { .. }
        | Condition::ReferrerDomain { .. }
        | Condition::Customers { .. }
        | Condition::SaleType(_)
        | Condition::Metadata(_) => {
            bail!("--filter linkId: use --link")
        }
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
