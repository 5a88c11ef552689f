//! How fast a million clicks leave as a CSV file, against ClickHouse asked for the same rows itself, in turn.
//!
//! `cargo bench --bench exports` needs the engines (`make engines`); `-- --quick` takes a tenth of the clicks.

#[path = "stage/program.rs"]
mod program;
#[path = "stage/report.rs"]
mod report;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use program::Server;
use report::{Table, median};

/// Times that each is asked, after one that is not measured.
const TIMES: usize = 7;

/// The rows as they are stored.
const YARDSTICK: &str = "SELECT event_id, link_id, timestamp, country, os, browser, referrer_host, isp, bot, url, params, \
     region, city, device, referrer_url, utm_source, utm_medium, utm_campaign, utm_term, utm_content, user_agent FROM events \
     WHERE workspace_id = 1 AND kind = 'click' ORDER BY timestamp, event_id FORMAT CSVWithNames";

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from);
    match runtime.and_then(|runtime| runtime.block_on(measure(if quick { 100_000 } else { 1_000_000 }))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(events: u64) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("exports-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let data = folder.path();
    println!("making {events} clicks ...");
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
        ("ClickHouse itself, CSV", clickhouse, yardstick),
        ("export, CSV", server.address, export("format=csv")),
        ("export, CSV, newest first", server.address, export("format=csv&sort_dir=desc")),
        ("export, CSV, unique", server.address, export("format=csv&unique=true")),
        ("export, JSON", server.address, export("format=json")),
    ];
    let mut taken = vec![Vec::new(); subjects.len()];
    for time in 0..=TIMES {
        for ((_, address, request), taken) in subjects.iter().zip(&mut taken) {
            let before_kb = memory_kb(server.process, "VmRSS")?;
            // Makes the highest use that is told the one from now on.
            std::fs::write(format!("/proc/{}/clear_refs", server.process), "5")?;
            let mut file = read(*address, request).await?;
            file.grown_mb = (memory_kb(server.process, "VmHWM")? - before_kb).max(0.0) / 1024.0;
            if time > 0 {
                taken.push(file);
            }
        }
    }
    server.stop()?;
    let whole = rate(&taken[0]);
    let mut table = Table::new(&["", "first byte ms", "rows/s", "of ClickHouse", "MB", "grown MB"]);
    for ((name, ..), files) in subjects.iter().zip(&taken) {
        let middle = |value: &dyn Fn(&File) -> f64| median(&files.iter().map(value).collect::<Vec<_>>());
        table.push(&[
            name,
            &format!("{:.0}", middle(&|file| file.first_ms)),
            &format!("{:.0}", rate(files)),
            &format!("{:.0} %", rate(files) / whole * 100.0),
            &format!("{:.0}", middle(&|file| file.bytes as f64 / 1e6)),
            &format!("{:.0}", files.iter().map(|file| file.grown_mb).fold(0.0, f64::max)),
        ]);
    }
    println!("\n{events} clicks, medians of {TIMES} in turn; memory of the server, the most it grew\n");
    table.print();
    println!();
    Ok(())
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

fn rate(files: &[File]) -> f64 {
    median(&files.iter().map(|file| file.rows as f64 / file.secs).collect::<Vec<_>>())
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

fn memory_kb(process: u32, name: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).context("no such line")?;
    Ok(line.split_whitespace().next().context("no number")?.parse()?)
}
