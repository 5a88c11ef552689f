//! How fast the real program is, beside what people would use instead and beside the limits of its engines, on the same
//! machine, in turn.
//!
//! `cargo bench --bench suite -- [CHAPTER ...] [--quick] [--events N]` needs the engines (`make engines`). One table goes to
//! the terminal and to `bench/report.md` in the target folder, anew after every chapter. A goal that is missed is told; the
//! exit status is 1 when an event was lost or doubled, or a chapter could not be measured.

#[path = "../stage/mod.rs"]
mod stage;

mod export;
mod import;
mod ingest;
mod load;
mod peers;
mod queries;
mod redirects;
mod report;
mod start;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use linktrail::calendar::Clock;

use report::{Chapter, Report};
use stage::bare;

/// The program's own, so that yardsticks in this process have what it has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What to measure, and how thoroughly.
#[derive(Parser, Debug)]
struct Options {
    /// What to measure; everything, if none is named.
    #[arg(value_enum)]
    chapters: Vec<Name>,

    /// Less data and fewer rounds: a few minutes in all, and figures that vary more.
    #[arg(long)]
    quick: bool,

    /// Rows of the biggest data that queries are asked of.
    #[arg(long = "events", value_name = "N", default_value_t = 100_000_000)]
    largest: u64,

    /// Be the yardstick of redirects instead.
    #[arg(long = bare::NAME, hide = true)]
    bare: bool,

    /// What cargo tells every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The chapters, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Name {
    Redirects,
    Ingest,
    Import,
    Queries,
    Load,
    Export,
    Start,
    Peers,
}

async fn run(chapter: Name, options: &Options) -> anyhow::Result<Chapter> {
    match chapter {
        Name::Redirects => redirects::run(options).await,
        Name::Ingest => ingest::run(options).await,
        Name::Import => import::run(options).await,
        Name::Queries => queries::run(options).await,
        Name::Load => load::run(options).await,
        Name::Export => export::run(options).await,
        Name::Start => start::run(options).await,
        Name::Peers => peers::run(options).await,
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.bare {
        return ended(bare::serve(redirects::links()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from);
    ended(runtime.and_then(|runtime| runtime.block_on(run_all(&options))))
}

fn ended(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run_all(options: &Options) -> anyhow::Result<()> {
    let chapters = if options.chapters.is_empty() { Name::value_variants() } else { &options.chapters };
    let file = target_folder()?.join("bench/report.md");
    std::fs::create_dir_all(file.parent().unwrap_or(&file))?;
    let mut report = Report::new(head(options)?);
    for &name in chapters {
        println!("\n{name:?} ...");
        let chapter = run(name, options).await.unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            let mut chapter = Chapter::new(format!("{name:?}"), "This could not be measured.");
            chapter.fail(format!("{error:#}"));
            chapter
        });
        report.push(chapter);
        std::fs::write(&file, report.markdown())?;
    }
    queries::clear();
    report.print();
    println!("{}", file.display());
    anyhow::ensure!(!report.has_failed(), "the run failed: see above");
    Ok(())
}

/// Where cargo puts what it builds.
fn target_folder() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or_else(|| anyhow::anyhow!("cargo told no target folder"))
}

/// When, on what machine, how thoroughly.
fn head(options: &Options) -> anyhow::Result<String> {
    let of = |file: &str, name: &str| -> anyhow::Result<String> {
        let text = std::fs::read_to_string(file)?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
        Ok(line.map_or("unknown", |(_, value)| value).trim().to_owned())
    };
    let now = chrono::DateTime::from_timestamp_millis(Clock::system().now_ms()).unwrap_or_default();
    let memory_kb: f64 = of("/proc/meminfo", "MemTotal")?.trim_end_matches(" kB").parse().unwrap_or_default();
    Ok(format!(
        "{}: {} cores of {}, {:.1} GB of memory{}",
        now.format("%Y-%m-%d %H:%M UTC"),
        std::thread::available_parallelism()?,
        of("/proc/cpuinfo", "model name")?,
        memory_kb / 1024.0 / 1024.0,
        if options.quick { "; a quick run" } else { "" },
    ))
}
