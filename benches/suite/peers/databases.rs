//! Postgres and DuckDB with the same rows.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::SinkExt;
use serde_json::Value;
use tokio_postgres::SimpleQueryMessage;

use super::plain;
use crate::queries::ground::{Ground, postgres};
use crate::queries::store::{Store, User};

/// Rows that are taken over at a time.
const ROWS_AT_ONCE: u64 = 250_000;
/// Where the table is in Postgres.
pub const IN_POSTGRES: &str = "peers.events";
/// And in DuckDB.
pub const IN_DUCK: &str = "events";
/// What reads DuckDB's statements.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suite/peers/duck.py");
/// A Python that has it (`make readers`).
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers/.venv/bin/python");

/// The program's own Postgres, over one connection.
pub struct Postgres {
    client: tokio_postgres::Client,
}

impl Postgres {
    /// Makes an empty table.
    pub async fn open(ground: &Ground) -> anyhow::Result<Self> {
        let client = postgres(ground.folder()).await?;
        // Rows that need not survive a crash are read as fast as others and written faster.
        let table = format!("CREATE SCHEMA peers; CREATE UNLOGGED TABLE {IN_POSTGRES} ({});", plain::columns());
        client.batch_execute(&table).await?;
        client.batch_execute("SET work_mem = '256MB'; SET jit = off; SET maintenance_work_mem = '256MB'").await?;
        Ok(Self { client })
    }

    async fn take(&self, lines: &str) -> anyhow::Result<()> {
        let mut sink = pin!(self.client.copy_in::<_, Bytes>(&format!("COPY {IN_POSTGRES} FROM STDIN")).await?);
        sink.send(Bytes::copy_from_slice(lines.as_bytes())).await?;
        sink.finish().await?;
        Ok(())
    }

    async fn finish(&self) -> anyhow::Result<()> {
        self.client.batch_execute(&format!("CREATE INDEX ON {IN_POSTGRES} (workspace_id, \"timestamp\")")).await?;
        self.client.batch_execute(&format!("VACUUM ANALYZE {IN_POSTGRES}")).await?;
        Ok(())
    }

    /// Asks.
    pub async fn ask(&self, sql: &str) -> anyhow::Result<Vec<Vec<Value>>> {
        let answer = self.client.simple_query(sql).await.with_context(|| sql.to_owned())?;
        let row = |message: SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|place| row.get(place).into()).collect::<Vec<Value>>())
            }
            _ => None,
        };
        Ok(answer.into_iter().filter_map(row).collect())
    }
}

/// DuckDB in a process of its own.
pub struct Duck {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    lines: PathBuf,
}

impl Duck {
    /// Whether there is a Python that has it.
    pub fn is_there() -> bool {
        Path::new(PYTHON).exists()
    }

    /// Makes an empty table in a file of the folder.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(PYTHON)
            .arg(SCRIPT)
            .arg(folder.join("peers.duckdb"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start Python")?;
        let input = child.stdin.take().context("no input")?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let mut duck = Self { child, input, output, lines: folder.join("peers.tsv") };
        duck.ask(&format!("CREATE TABLE {IN_DUCK} ({})", plain::columns()))?;
        Ok(duck)
    }

    fn take(&mut self, lines: &str) -> anyhow::Result<()> {
        std::fs::write(&self.lines, lines)?;
        let file = self.lines.display().to_string();
        self.ask(&format!(
            "COPY {IN_DUCK} FROM '{file}' (DELIMITER '\\t', HEADER false, QUOTE '', ESCAPE '', NULLSTR '\\N', AUTO_DETECT false)"
        ))?;
        std::fs::remove_file(&self.lines)?;
        Ok(())
    }

    /// Asks.
    pub fn ask(&mut self, sql: &str) -> anyhow::Result<Vec<Vec<Value>>> {
        writeln!(self.input, "{}", serde_json::to_string(sql)?)?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        match serde_json::from_str(&line).with_context(|| format!("DuckDB said: {line}"))? {
            Value::Array(rows) => Ok(serde_json::from_value(Value::Array(rows))?),
            other => bail!("DuckDB: {other}: {sql}"),
        }
    }
}

impl Drop for Duck {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gives both all the rows of the ground.
pub async fn fill(ground: &Ground, postgres: &Postgres, mut duck: Option<&mut Duck>) -> anyhow::Result<()> {
    let mut store = Store::open(ground.folder(), User::Reader).await?;
    let (first_ms, end_ms) = (ground.first_ms(), ground.end_ms + 1);
    let slices = i64::try_from(ground.rows() / ROWS_AT_ONCE + 1)?;
    let edge = |place: i64| first_ms + (end_ms - first_ms) * place / slices;
    for place in 0..slices {
        let lines = store.text(&plain::rows(edge(place), edge(place + 1))).await?;
        postgres.take(&lines).await?;
        if let Some(duck) = duck.as_deref_mut() {
            duck.take(&lines)?;
        }
        if place * 10 / slices != (place + 1) * 10 / slices {
            println!("  {} % of the rows taken over", (place + 1) * 100 / slices);
        }
    }
    postgres.finish().await
}
