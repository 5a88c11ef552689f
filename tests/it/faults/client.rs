//! A small HTTP/1.1 client that keeps its connection and tells how an exchange ended.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer takes no longer, or the server hangs. A start, during which requests wait, takes seconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Why there was no answer.
#[derive(Debug)]
pub enum Failure {
    /// Nobody listens, or the connection ended before anything was answered.
    Gone,
    /// It ended in the middle of an answer.
    Torn,
    /// No answer in time.
    Hung,
}

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(1_024) })
    }

    /// One request and its answer. The connection can be used again if the second value says so.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<(Answer, bool), Failure> {
        timeout(ANSWER_LIMIT, self.speak(request)).await.unwrap_or(Err(Failure::Hung))
    }

    /// Sends a request and goes away.
    pub async fn send_and_hang_up(mut self, request: &[u8]) {
        let _ = self.stream.write_all(request).await;
    }

    async fn speak(&mut self, request: &[u8]) -> Result<(Answer, bool), Failure> {
        self.read.clear();
        self.stream.write_all(request).await.map_err(|_| Failure::Gone)?;
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or(Failure::Torn)?;
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
        let body = match length {
            Some(length) => {
                while self.read.len() < end + length {
                    self.more().await?;
                }
                self.read[end..end + length].to_vec()
            }
            None if answer.header("transfer-encoding").is_some() => loop {
                if let Some(body) = joined_chunks(&self.read[end..]) {
                    break body;
                }
                self.more().await?;
            },
            None => Vec::new(),
        };
        answer.body = String::from_utf8_lossy(&body).into_owned();
        let kept = !answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Ok((answer, kept))
    }

    async fn more(&mut self) -> Result<(), Failure> {
        let ended = if self.read.is_empty() { Failure::Gone } else { Failure::Torn };
        match self.stream.read_buf(&mut self.read).await {
            Ok(1..) => Ok(()),
            Ok(0) | Err(_) => Err(ended),
        }
    }
}

/// One request on a connection of its own. `headers` are whole lines.
pub async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Result<Answer, Failure> {
    let mut connection = Connection::open(address).await.map_err(|_| Failure::Gone)?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    connection.exchange(request.as_bytes()).await.map(|(answer, _)| answer)
}

/// The content of a chunked body, once all of it is there.
fn joined_chunks(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).ok()?.trim(), 16).ok()?;
        let chunk = bytes.get(line + 2..line + 2 + length)?;
        bytes = bytes.get(line + 2 + length + 2..)?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk);
    }
}
