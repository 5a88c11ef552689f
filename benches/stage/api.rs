//! The API of the running program, over one connection.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::http::Connection;

/// What the first start on a folder left there: the domain, the key, the owner.
pub fn first_run(data: &Path) -> anyhow::Result<Value> {
    let file = data.join("first-run.json");
    let text = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(serde_json::from_slice(&text)?)
}

/// The key that the first start on a folder made.
pub fn first_key(data: &Path) -> anyhow::Result<String> {
    Ok(first_run(data)?["api_key"].as_str().context("no key in first-run.json")?.to_owned())
}

/// A client of the API, with a key.
pub struct Api {
    connection: Connection,
    address: SocketAddr,
    key: String,
}

impl Api {
    /// Connects.
    pub async fn open(address: SocketAddr, key: &str) -> anyhow::Result<Self> {
        Ok(Self { connection: Connection::open(address).await?, address, key: key.to_owned() })
    }

    /// Asks, and reads the JSON answer.
    ///
    /// # Errors
    /// Everything but a 2xx too.
    pub async fn ask(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<Value> {
        let (address, key, length) = (self.address, &self.key, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let status = self.connection.ask(request.as_bytes()).await?;
        let answer = self.connection.body()?;
        anyhow::ensure!((200..300).contains(&status), "{method} {path} was answered with {status}: {answer}");
        Ok(serde_json::from_str(&answer)?)
    }
}
