//! ClickHouse itself, asked by hand over HTTP on one kept connection: the yardstick of every question.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::stage::http::Connection;

/// Who asks.
#[derive(Clone, Copy)]
pub enum User {
    /// As answers to analytics are read.
    Reader,
    /// As events are stored.
    Writer,
}

/// A connection to the ClickHouse of a data folder.
pub struct Store {
    connection: Connection,
    address: SocketAddr,
    authorization: String,
    database: String,
}

impl Store {
    /// Connects to the ClickHouse of a running program.
    pub async fn open(data: &Path, user: User) -> anyhow::Result<Self> {
        let stores: Value = serde_json::from_slice(&std::fs::read(data.join("stores.json"))?)?;
        let name = match user {
            User::Reader => "reader",
            User::Writer => "clickhouse",
        };
        let url = url::Url::parse(stores[name].as_str().with_context(|| format!("no {name} in stores.json"))?)?;
        let address = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or_default()).parse()?;
        let authorization = STANDARD.encode(format!("{}:{}", url.username(), url.password().unwrap_or_default()));
        let database = url.path().trim_matches('/').to_owned();
        Ok(Self { connection: Connection::open(address).await?, address, authorization, database })
    }

    /// The same in another database.
    pub fn in_database(mut self, name: &str) -> Self {
        name.clone_into(&mut self.database);
        self
    }

    /// A statement as it is sent. `settings` begin with `&`.
    pub fn request(&self, sql: &str, settings: &str) -> Vec<u8> {
        format!(
            "POST /?database={}&default_format=JSONCompactEachRow{settings} HTTP/1.1\r\nhost: {}\r\nauthorization: Basic {}\r\n\
             content-length: {}\r\n\r\n{sql}",
            self.database,
            self.address,
            self.authorization,
            sql.len()
        )
        .into_bytes()
    }

    /// Sends a request and reads the answer, which stays in the connection.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<()> {
        let status = self.connection.ask(request).await?;
        if status != 200 {
            bail!("ClickHouse answered with {status}: {}", self.connection.body()?);
        }
        Ok(())
    }

    /// The rows of the last answer.
    pub fn rows(&self) -> anyhow::Result<Vec<Vec<Value>>> {
        let body = self.connection.body()?;
        let row = |line: &str| serde_json::from_str(line).with_context(|| format!("not a row: {line}"));
        body.lines().filter(|line| !line.is_empty()).map(row).collect()
    }

    /// Runs a statement that has no rows to tell, under settings that begin with `&`.
    pub async fn run(&mut self, sql: &str, settings: &str) -> anyhow::Result<()> {
        // ClickHouse closes a connection that was idle for long.
        self.connection = Connection::open(self.address).await?;
        let request = self.request(sql, settings);
        self.ask(&request).await?;
        let said = self.connection.body()?;
        ensure!(said.is_empty(), "ClickHouse said: {said}");
        Ok(())
    }

    /// Asks for rows.
    pub async fn query(&mut self, sql: &str) -> anyhow::Result<Vec<Vec<Value>>> {
        self.connection = Connection::open(self.address).await?;
        let request = self.request(sql, "");
        self.ask(&request).await?;
        self.rows()
    }

    /// Asks for text in a format that the statement names.
    pub async fn text(&mut self, sql: &str) -> anyhow::Result<String> {
        self.connection = Connection::open(self.address).await?;
        let request = self.request(sql, "");
        self.ask(&request).await?;
        self.connection.body()
    }

    /// Asks for one number.
    pub async fn number(&mut self, sql: &str) -> anyhow::Result<u64> {
        let rows = self.query(sql).await?;
        let value = rows.first().and_then(|row| row.first()).context("no number")?;
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        number.with_context(|| format!("not a number: {value}"))
    }
}
