//! HTTP as bytes: what a client sends is exactly what a test wrote, and what comes back is looked at as it came.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest wait for an answer; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer, or what there is of one.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// 0 when the connection ended without an answer.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// Without its chunks.
    pub body: Vec<u8>,
    /// Whether the body ended as its headers said it would.
    pub whole: bool,
}

impl Reply {
    fn read(bytes: &[u8]) -> Self {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Self::default() };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let mut reply = Self { status, head, body: bytes[end + 4..].to_vec(), whole: true };
        if reply.header("transfer-encoding") == "chunked" {
            (reply.body, reply.whole) = unchunked(&reply.body);
        } else if let Ok(length) = reply.header("content-length").parse::<usize>() {
            reply.whole = reply.body.len() == length;
        }
        reply
    }

    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        values.next().unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.head, self.text()))
    }

    /// Whether this is an error as Dub's API tells it.
    pub fn is_enveloped(&self) -> bool {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let error = &body["error"];
        self.header("content-type") == "application/json"
            && ["code", "message", "doc_url"].iter().all(|field| error[field].is_string())
    }
}

/// The data of a chunked body, and whether its last chunk was there.
fn unchunked(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut data = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let Ok(length) = usize::from_str_radix(&String::from_utf8_lossy(&bytes[..end]), 16) else { break };
        let Some(rest) = bytes.get(end + 2..) else { break };
        if length == 0 {
            return (data, true);
        }
        data.extend_from_slice(&rest[..length.min(rest.len())]);
        let Some(rest) = rest.get(length + 2..) else { break };
        bytes = rest;
    }
    (data, false)
}

/// Sends these bytes and reads until the server ends the connection. With `hang_up` ours is ended after the last byte.
pub async fn exchange(address: SocketAddr, request: &[u8], hang_up: bool) -> Reply {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let request = request.to_vec();
    // The server may answer, and stop listening, before all is sent.
    let sending = tokio::spawn(async move {
        let sent = to.write_all(&request).await;
        if hang_up && sent.is_ok() {
            let _ = to.shutdown().await;
        }
        to
    });
    let mut bytes = Vec::new();
    let read = async {
        let mut buffer = [0; 16 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            bytes.extend_from_slice(&buffer[..length]);
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("the server ends the connection");
    sending.abort();
    Reply::read(&bytes)
}

/// A request in full, which asks for the connection to be ended.
pub fn request(method: &str, target: &str, key: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n").into_bytes();
    if !key.is_empty() {
        bytes.extend_from_slice(format!("Authorization: Bearer {key}\r\n").as_bytes());
    }
    bytes.extend_from_slice(headers.as_bytes());
    if !body.is_empty() {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// `GET` with a key.
pub async fn get(address: SocketAddr, target: &str, key: &str) -> Reply {
    exchange(address, &request("GET", target, key, "", b""), false).await
}
