//! The load: numbered requests without pause, over connections that are made anew when they break. A visit is made once; a
//! report is sent again until it is answered, and sometimes although it was.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::client::{Answer, Connection, Failure};
use super::home::{Home, LINKS};
use super::ledger::Ledger;
use super::report::{Report, Reporter};

/// Visitors that come again and again.
const VISITORS: u64 = 300;

/// Requests under way until it is told to finish.
pub struct Load {
    stop: CancellationToken,
    clients: JoinSet<()>,
}

impl Load {
    /// Begins visits to the links of a home.
    pub fn start(ledger: &Arc<Ledger>, home: &Home, connections: usize) -> Self {
        let mut load = Self { stop: CancellationToken::new(), clients: JoinSet::new() };
        for _ in 0..connections {
            load.clients.spawn(visit(Arc::clone(ledger), Client::new(home.address), load.stop.clone()));
        }
        load
    }

    /// Begins visits, and reports of every kind.
    pub fn of_all_kinds(ledger: &Arc<Ledger>, home: &Home, visits: usize) -> Self {
        let mut load = Self::start(ledger, home, visits);
        for report in [Report::Page, Report::Page, Report::Pages(10), Report::Lead, Report::Sale] {
            load.report(ledger, home, report);
        }
        load
    }

    /// Adds a connection with reports.
    pub fn report(&mut self, ledger: &Arc<Ledger>, home: &Home, report: Report) {
        let (ledger, reporter, stop) = (Arc::clone(ledger), Reporter::of(home, report), self.stop.clone());
        self.clients.spawn(reporter.run(ledger, Client::new(home.address), stop));
    }

    /// Ends when every request under way is answered.
    pub async fn finish(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
    }
}

/// One visitor's browser: a connection that is kept while it holds.
pub struct Client {
    address: SocketAddr,
    connection: Option<Connection>,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    /// Whether there is a connection now; a pause was made when there is none.
    pub async fn connect(&mut self) -> bool {
        if self.connection.is_none() {
            self.connection = Connection::open(self.address).await.ok();
        }
        if self.connection.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.connection.is_some()
    }

    /// Sends, and hangs up before there is an answer.
    pub async fn send_and_hang_up(&mut self, request: &[u8]) {
        if let Some(open) = self.connection.take() {
            open.send_and_hang_up(request).await;
        }
    }

    /// Sends over the connection there is.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        let mut open = self.connection.take().ok_or(Failure::Gone)?;
        let (answer, kept) = open.exchange(request).await?;
        self.connection = kept.then_some(open);
        Ok(answer)
    }
}

async fn visit(ledger: Arc<Ledger>, mut client: Client, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if !client.connect().await {
            continue;
        }
        let number = ledger.number();
        match client.exchange(&visit_request(number, client.address)).await {
            Ok(answer) if answer.status == 302 => ledger.answer("visit", &[number]),
            Ok(answer) => ledger.note_status(answer.status),
            Err(failure) => ledger.note_failure(&failure),
        }
    }
}

fn visit_request(number: u64, host: SocketAddr) -> Vec<u8> {
    let slug = LINKS[number as usize % LINKS.len()];
    let visitor = number / 7 % VISITORS;
    format!(
        "GET /{slug}?n={number} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 198.51.{}.{}\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\r\n",
        visitor / 200,
        visitor % 200,
    )
    .into_bytes()
}
