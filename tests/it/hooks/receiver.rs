//! An endpoint as webhooks meet them: one that answers, and all those that do not.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the endpoint does with a request.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Answers this status without a body.
    Status(u16),
    /// Never answers.
    Hang,
    /// Sends the caller elsewhere.
    Redirect(String),
    /// Answers 200 and 10 GB.
    Endless,
    /// Answers 200 and a byte now and then.
    Slow,
    /// Closes without an answer.
    Close,
}

/// What came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A running endpoint.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Request>>>,
    manner: Arc<Mutex<Manner>>,
}

impl Receiver {
    pub async fn start(manner: Manner) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            address: socket.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
            manner: Arc::new(Mutex::new(manner)),
        };
        let running = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                running.connections.fetch_add(1, Ordering::Relaxed);
                let running = running.clone();
                tokio::spawn(async move { running.converse(stream).await });
            }
        });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Requests, once there are so many.
    pub async fn wait_for(&self, count: usize) -> Vec<Request> {
        for _ in 0..1_200 {
            if self.requests().len() >= count {
                return self.requests();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} of {count} requests came: {:?}", self.requests().len(), self.requests());
    }

    async fn converse(&self, mut stream: TcpStream) {
        while let Some(request) = read(&mut stream).await {
            self.requests.lock().unwrap().push(request);
            let manner = self.manner.lock().unwrap().clone();
            let answer = match manner {
                Manner::Status(status) => format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\n\r\n"),
                Manner::Redirect(to) => {
                    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
                }
                Manner::Close => return,
                Manner::Hang => std::future::pending().await,
                Manner::Endless => {
                    let head = "HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n";
                    let mut open = stream.write_all(head.as_bytes()).await.is_ok();
                    let block = vec![b'x'; 1 << 16];
                    while open {
                        open = stream.write_all(&block).await.is_ok();
                    }
                    return;
                }
                Manner::Slow => {
                    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
                    let mut open = stream.write_all(head.as_bytes()).await.is_ok();
                    while open {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        open = stream.write_all(b"x").await.is_ok();
                    }
                    return;
                }
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let mut block = [0; 4_096];
        match stream.read(&mut block).await {
            Ok(length @ 1..) => bytes.extend_from_slice(&block[..length]),
            _ => return None,
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers["content-length"].parse().unwrap();
    let mut body = bytes[head..].to_vec();
    while body.len() < length {
        let mut block = [0; 4_096];
        match stream.read(&mut block).await {
            Ok(length @ 1..) => body.extend_from_slice(&block[..length]),
            _ => return None,
        }
    }
    Some(Request { line, headers, body: String::from_utf8(body).unwrap() })
}
