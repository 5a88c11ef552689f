//! The import of a CSV file of clicks, beside the `clickhouse` crate, which inserts the same rows into the same table.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};

use crate::Options;
use crate::redirects::{LINKS, SHORT_DOMAIN, import_links, slug};
use crate::report::{Chapter, Figure, number, with_unit};
use crate::stage::process;
use crate::stage::program::{self, Server};
use crate::stage::report::median;
use crate::stage::{plain, store};

/// Rows of a plain insert: as many as in a batch of the import.
const PLAIN_ROWS: usize = 100_000;
/// 2026-01-01.
const FIRST_DAY_SECS: i64 = 1_767_225_600;
/// Clicks of a file lie in so many seconds: two months.
const SPAN_SECS: u64 = 59 * 86_400;

/// What browsers say, a few of each kind.
const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
];
const REFERRERS: [&str; 5] = [
    "",
    "https://www.google.com/",
    "https://t.co/abcdef",
    "https://news.example.org/story",
    "https://www.facebook.com/",
];

/// Measures the import.
pub async fn run(options: &Options) -> anyhow::Result<Chapter> {
    let (rounds, clicks, plain_rows) = if options.quick { (2, 500_000, 300_000) } else { (3, 2_000_000, 500_000) };
    let folder = tempfile::Builder::new().prefix("import-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let data = folder.path();
    // It goes on meanwhile, as it would where an import is run; so engines are not started for each.
    let server = Server::start(data, &[])?;
    program::run(data, &["domain", "add", SHORT_DOMAIN])?;
    import_links(data, SHORT_DOMAIN, LINKS)?;
    let (client, clickhouse) = (store::writer(data)?, process::clickhouse(server.process)?);
    let (mut imports, mut plains, mut in_all) = (Vec::new(), Vec::new(), 0);
    // The first is not measured.
    for round in 0..=rounds {
        let file = data.join("clicks.csv");
        write_file(&file, round, clicks).with_context(|| format!("cannot write {}", file.display()))?;
        let began = Instant::now();
        program::run(data, &["import", "events", file.to_str().context("the folder's name is no text")?])?;
        let import = clicks as f64 / began.elapsed().as_secs_f64();
        in_all += clicks;
        process::quiet(clickhouse).await?;
        let plain = plain::insert(&client, plain::FIRST_WORKSPACE + round, plain_rows, PLAIN_ROWS).await?;
        in_all += plain_rows;
        process::quiet(clickhouse).await?;
        println!("  import {import:.0}/s, plain {plain:.0}/s");
        if round > 0 {
            imports.push(import);
            plains.push(plain);
        }
    }
    let stored = store::count(&client).await?;
    server.stop()?;
    ensure!(stored == in_all, "{in_all} rows were imported and inserted, {stored} are stored");

    let mut chapter = Chapter::new(
        "Import",
        format!(
            "`import events` of a CSV file of {} clicks on {} links, with address, agent, referrer and destination, its \
             process from start to end, while `serve` runs; beside the `clickhouse` crate inserting {} of the same rows as \
             they were stored, {} in an insert. Medians of {rounds}, in turn, after one that is not measured.",
            number(clicks as f64),
            number(LINKS as f64),
            number(plain_rows as f64),
            number(PLAIN_ROWS as f64),
        ),
    );
    let ratios: Vec<f64> = imports.iter().zip(&plains).map(|(import, plain)| import / plain).collect();
    chapter.push(
        Figure::new("import of clicks from CSV")
            .value(median(&imports), "/s")
            .beside(format!("clickhouse crate {}", with_unit(median(&plains), "/s")))
            .ratio(median(&ratios))
            .at_least(200_000.0),
    );
    Ok(chapter)
}

/// A file of so many clicks, each round another.
fn write_file(file: &Path, round: u64, clicks: u64) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    writeln!(out, "timestamp,link,ip,user_agent,referrer,url")?;
    let mut random = (round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for number in 0..clicks {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // As they come in a log: in order of time.
        let ms =
            FIRST_DAY_SECS * 1_000 + (u128::from(number) * u128::from(SPAN_SECS) * 1_000 / u128::from(clicks)) as i64;
        let time = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
        let [a, b, c, d, ..] = random.to_le_bytes();
        // Squared, so that some links are visited more than others.
        let share = f64::from(u32::from_le_bytes([a, b, c, d])) / f64::from(u32::MAX);
        let link = (share * share * (LINKS - 1) as f64) as usize;
        let (agent, referrer) = (AGENTS[(random >> 40) as usize % 6], REFERRERS[(random >> 48) as usize % 5]);
        writeln!(
            out,
            "{},{SHORT_DOMAIN}/{},{}.{b}.{c}.{d},\"{agent}\",{referrer},https://www.example.com/landing/{link}?utm_source=bench&utm_medium=load",
            time.format("%Y-%m-%dT%H:%M:%S%.3fZ"),
            slug(link),
            24 + a % 64,
        )?;
    }
    out.flush()
}
