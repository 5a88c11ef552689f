//! A million clicks as a CSV file over HTTP, beside ClickHouse asked for the same rows itself.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Options;
use crate::report::{Chapter, Figure, number, with_unit};
use crate::stage::process::{Memory, forget_peak, peak_mb};
use crate::stage::program::{self, Server};
use crate::stage::report::median;

/// What the server's memory may grow by while a file leaves, however long the file is, in megabytes.
const GROWTH_MB: f64 = 32.0;

/// The rows as they are stored.
const YARDSTICK: &str = "SELECT event_id, link_id, timestamp, country, os, browser, referrer_host, isp, bot, url, params, \
     region, city, device, referrer_url, utm_source, utm_medium, utm_campaign, utm_term, utm_content, user_agent FROM events \
     WHERE workspace_id = 1 AND kind = 'click' ORDER BY timestamp, event_id FORMAT CSVWithNames";

/// Measures exports.
pub async fn run(options: &Options) -> anyhow::Result<Chapter> {
    let (rounds, events) = if options.quick { (3, 200_000) } else { (7, 1_000_000) };
    let folder = tempfile::Builder::new().prefix("export-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let data = folder.path();
    println!("  making {events} clicks ...");
    let printed = program::run(data, &["demo", "--events", &events.to_string()])?;
    let key = printed.lines().find_map(|line| line.strip_prefix("api key")).context("the demo printed no key")?;
    let key = key.split_whitespace().next().context("the demo printed no key")?;
    let server = Server::start(data, &[])?;

    let export = |query: &str| {
        format!(
            "GET /api/v1/workspace/1/clicks/export?start=2020-01-01&end=2099-12-31&{query} HTTP/1.1\r\nhost: {}\r\n\
             authorization: Bearer {key}\r\nconnection: close\r\n\r\n",
            server.address
        )
    };
    let (clickhouse, yardstick) = yardstick(data)?;
    let subjects = [
        ("ClickHouse", clickhouse, yardstick),
        ("CSV", server.address, export("format=csv")),
        ("CSV, newest first", server.address, export("format=csv&sort_dir=desc")),
        ("CSV, unique", server.address, export("format=csv&unique=true")),
        ("JSON", server.address, export("format=json")),
    ];
    let mut taken = vec![Vec::new(); subjects.len()];
    // The first is not measured.
    for round in 0..=rounds {
        for ((_, address, request), taken) in subjects.iter().zip(&mut taken) {
            let before_mb = Memory::of(server.process)?.resident;
            forget_peak(server.process)?;
            let mut file = read(*address, request).await?;
            file.grown_mb = (peak_mb(server.process)? - before_mb).max(0.0);
            if round > 0 {
                taken.push(file);
            }
        }
    }
    server.stop()?;

    let mut chapter = Chapter::new(
        "Export",
        format!(
            "{} clicks over HTTP, to the last byte; medians of {rounds}, in turn, after one that is not measured. The \
             yardstick is ClickHouse's own CSV of the same rows, over HTTP. Memory: the most that the server's grew.",
            number(events as f64)
        ),
    );
    let [whole, files @ ..] = &taken[..] else { unreachable!("the yardstick stands first") };
    for ((name, ..), files) in subjects.iter().skip(1).zip(files) {
        let ratios: Vec<f64> = files.iter().zip(whole).map(|(own, whole)| own.rate() / whole.rate()).collect();
        let figure = Figure::new(format!("rows, {name}"))
            .ours(with_unit(middle(files, File::rate), "/s"))
            .beside(format!("ClickHouse {}", with_unit(middle(whole, File::rate), "/s")))
            .ratio(median(&ratios));
        chapter.push(if *name == "CSV" { figure.at_least(0.80) } else { figure });
    }
    let csv = &files[0];
    chapter.push(
        Figure::new("first byte, CSV")
            .ours(with_unit(middle(csv, |file| file.first_ms), "ms"))
            .beside(format!("ClickHouse {}", with_unit(middle(whole, |file| file.first_ms), "ms")))
            .ratio(middle(csv, |file| file.first_ms) / middle(whole, |file| file.first_ms)),
    );
    let grown = files.iter().flatten().map(|file| file.grown_mb).fold(0.0, f64::max);
    let beside = format!("a file of {}", with_unit(middle(csv, |file| file.bytes as f64 / 1e6), "MB"));
    chapter.push(Figure::new("memory grown by, at most").value(grown, "MB").beside(beside).at_most(GROWTH_MB));
    for ((name, ..), files) in subjects.iter().zip(&taken) {
        let rows = files.first().map_or(0, |file| file.rows);
        // The demo makes a few more or less, and uniques are fewer.
        ensure!(rows > 0, "{name} has no rows");
    }
    Ok(chapter)
}

fn middle(files: &[File], of: impl Fn(&File) -> f64) -> f64 {
    median(&files.iter().map(of).collect::<Vec<_>>())
}

/// A file that was read to its end.
#[derive(Clone)]
struct File {
    first_ms: f64,
    secs: f64,
    rows: u64,
    bytes: u64,
    grown_mb: f64,
}

impl File {
    fn rate(&self) -> f64 {
        self.rows as f64 / self.secs
    }
}

/// Where the server's own ClickHouse listens, and what its reader asks.
fn yardstick(data: &Path) -> anyhow::Result<(SocketAddr, String)> {
    let port: u16 = std::fs::read_to_string(data.join("clickhouse/port"))?.trim().parse()?;
    let password = std::fs::read_to_string(data.join("secrets/clickhouse-reader"))?;
    let user = STANDARD.encode(format!("reader:{}", password.trim()));
    let request = format!(
        "POST /?database=linktrail HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Basic {user}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{YARDSTICK}",
        YARDSTICK.len()
    );
    Ok((SocketAddr::from(([127, 0, 0, 1], port)), request))
}

/// Reads an answer in chunks to its end; a line is a row.
async fn read(address: SocketAddr, request: &str) -> anyhow::Result<File> {
    let mut stream = TcpStream::connect(address).await?;
    let began = Instant::now();
    stream.write_all(request.as_bytes()).await?;
    let (mut buffer, mut head) = (vec![0; 1 << 20], Vec::new());
    let (mut first_ms, mut lines, mut bytes, mut end) = (None, 0_u64, 0_u64, Vec::new());
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        if first_ms.is_none() {
            head.extend_from_slice(&buffer[..count]);
            let Some(place) = head.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            ensure!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
            if head.len() > place + 4 {
                first_ms = Some(began.elapsed().as_secs_f64() * 1e3);
            }
        }
        bytes += count as u64;
        // Not those of the chunks' own lines.
        let at = &buffer[..count];
        lines += at
            .iter()
            .enumerate()
            .filter(|&(place, &byte)| byte == b'\n' && (place == 0 || at[place - 1] != b'\r'))
            .count() as u64;
        end = at[at.len().saturating_sub(7)..].to_vec();
    }
    ensure!(end.ends_with(b"0\r\n\r\n"), "the file broke off after {bytes} bytes");
    let secs = began.elapsed().as_secs_f64();
    Ok(File { first_ms: first_ms.unwrap_or(secs * 1e3), secs, rows: lines.saturating_sub(1), bytes, grown_mb: 0.0 })
}
