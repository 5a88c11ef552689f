//! The yardstick: an axum server that looks a slug up in a map and answers 302, and does nothing else. It runs as a process
//! of its own, which is this program again with other arguments.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The flag that makes this program the yardstick.
pub const NAME: &str = "bare";

/// The yardstick at work.
pub struct Bare {
    child: Child,
    /// Its process.
    pub process: u32,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Bare {
    /// Starts it.
    pub fn start() -> anyhow::Result<Self> {
        let mut child =
            Command::new(std::env::current_exe()?).arg(format!("--{NAME}")).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        Ok(Self { process: child.id(), child, address: line.trim().parse()? })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Targets = Arc<HashMap<String, String>>;

async fn redirect(State(targets): State<Targets>, Path(slug): Path<String>) -> Response {
    match targets.get(&slug) {
        Some(url) => (StatusCode::FOUND, [(LOCATION, url.clone())]).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What the child does: serves, for ever.
pub fn serve(links: impl Iterator<Item = (String, String)>) -> anyhow::Result<()> {
    let targets: Targets = Arc::new(links.collect());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let router = Router::new().route("/{slug}", get(redirect)).with_state(targets);
        Ok(axum::serve(listener, router).await?)
    })
}
