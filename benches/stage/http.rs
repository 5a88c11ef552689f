//! HTTP/1.1 by hand over one kept connection, so that the measuring side costs as little as it can.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is used again and again. Answers must have a `Content-Length` or come in chunks.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes of the answer in `buffer`.
    held: usize,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 16 << 10], held: 0 })
    }

    /// Sends a request and reads the answer: its status, while the answer stays here until the next request.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.held = 0;
        loop {
            if self.held == self.buffer.len() {
                self.buffer.resize(self.held * 2, 0);
            }
            match self.stream.read(&mut self.buffer[self.held..]).await? {
                0 => bail!("the server closed the connection in the middle of an answer"),
                more => self.held += more,
            }
            if is_whole(&self.buffer[..self.held])? {
                return status(&self.buffer);
            }
        }
    }

    /// Headers and body of the last answer, as they came.
    pub fn answer(&self) -> &[u8] {
        &self.buffer[..self.held]
    }

    /// The body of the last answer as text, its chunks joined.
    pub fn body(&self) -> anyhow::Result<String> {
        let answer = self.answer();
        let head = head_length(answer).context("no answer")?;
        let body = &answer[head..];
        let body =
            if is_chunked(&answer[..head]) { chunks(body)?.context("cut short")?.concat() } else { body.to_vec() };
        Ok(String::from_utf8(body)?)
    }
}

fn status(answer: &[u8]) -> anyhow::Result<u16> {
    let digits = answer.get(9..12).context("no status")?;
    Ok(str::from_utf8(digits)?.parse()?)
}

fn is_whole(answer: &[u8]) -> anyhow::Result<bool> {
    // What nearly all answers are: headers alone.
    if answer.ends_with(b"\r\n\r\n") && header(answer, "content-length") == Some(b"0") {
        return Ok(true);
    }
    let Some(head) = head_length(answer) else { return Ok(false) };
    if is_chunked(&answer[..head]) {
        return Ok(chunks(&answer[head..])?.is_some());
    }
    let length: usize = match header(&answer[..head], "content-length") {
        Some(digits) => str::from_utf8(digits)?.parse()?,
        None => 0,
    };
    Ok(answer.len() >= head + length)
}

fn head_length(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|four| four == b"\r\n\r\n").map(|place| place + 4)
}

/// The value of a header; `name` is in lower case.
fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    head.split(|&byte| byte == b'\n').find_map(|line| {
        let (given, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        given.eq_ignore_ascii_case(name.as_bytes()).then_some(value.trim_ascii())
    })
}

fn is_chunked(head: &[u8]) -> bool {
    header(head, "transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"))
}

/// The chunks of a body; `None` while the last is missing.
fn chunks(mut body: &[u8]) -> anyhow::Result<Option<Vec<&[u8]>>> {
    let mut found = Vec::new();
    loop {
        let Some(end) = body.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        let length = usize::from_str_radix(str::from_utf8(&body[..end])?, 16)?;
        let Some(chunk) = body.get(end + 2..end + 2 + length) else { return Ok(None) };
        let Some(rest) = body.get(end + 4 + length..) else { return Ok(None) };
        if length == 0 {
            return Ok(Some(found));
        }
        found.push(chunk);
        body = rest;
    }
}
