//! A server with stand-ins for the store and the recorder, and a client that writes bytes.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::{get, post};
use clap::Parser;
use linktrail::api::visit::{Front, Recorder, Refused, Services, Totals, Uncountable, Visits};
use linktrail::auth::gate::Gate;
use linktrail::calendar::clock::Clock;
use linktrail::config::http::HttpConfig;
use linktrail::domain::click_id::{ClickKey, EventId};
use linktrail::domain::hit::Hit;
use linktrail::domain::id::{DomainId, LinkId, WorkspaceId};
use linktrail::domain::link::{Link, LinkFields};
use linktrail::domain::workspace::{Domain, WorkspaceSettings};
use linktrail::enrich::{EnrichOptions, Enricher, Geo};
use linktrail::redirect::{
    AllowanceStore, Allowances, BoxFuture, FoundLink, LinkPlace, LinkSource, Resolver, ResolverOptions, Taken,
    Unavailable,
};
use linktrail::server::listen::{ListenOptions, Listener};
use linktrail::server::slow_body;
use linktrail::web::client::ClientRules;
use linktrail::web::recent_visits::RecentVisits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(super) const NOW_MS: i64 = 1_790_000_000_000;

#[derive(Default)]
pub(super) struct Store {
    links: Mutex<HashMap<String, FoundLink>>,
    pub(super) is_down: AtomicBool,
}

impl Store {
    pub(super) fn put(&self, slug: &str, change: impl FnOnce(&mut LinkFields)) {
        let mut fields = LinkFields { url: format!("https://example.com/{slug}"), ..LinkFields::default() };
        change(&mut fields);
        let link = Link {
            id: LinkId(7),
            workspace: WorkspaceId(2),
            created_by: None,
            domain_id: DomainId(1),
            domain: "go.example".to_owned(),
            slug: slug.to_owned(),
            fields,
            created_at_ms: 0,
            updated_at_ms: 0,
            trashed_at_ms: None,
            deleted_at_ms: None,
        };
        let settings = WorkspaceSettings { repeat_window_secs: 60, ..Default::default() };
        self.links.lock().unwrap().insert(slug.to_owned(), FoundLink { link, settings: Arc::new(settings) });
    }

    /// Changes how the workspace of a link counts, before anybody has visited it.
    pub(super) fn set(&self, slug: &str, change: impl FnOnce(&mut WorkspaceSettings)) {
        let mut links = self.links.lock().unwrap();
        change(Arc::make_mut(&mut links.get_mut(slug).unwrap().settings));
    }

    /// Gives a link another id than its neighbours have.
    pub(super) fn renumber(&self, slug: &str, id: u64) {
        self.links.lock().unwrap().get_mut(slug).unwrap().link.id = LinkId(id);
    }

    /// Gives a link to another workspace, where it is.
    pub(super) fn give_away(&self, slug: &str, workspace: u64) {
        self.links.lock().unwrap().get_mut(slug).unwrap().link.workspace = WorkspaceId(workspace);
    }

    fn check(&self) -> Result<(), Unavailable> {
        if self.is_down.load(Ordering::SeqCst) { Err(Unavailable) } else { Ok(()) }
    }
}

impl LinkSource for Store {
    fn links<'a>(&'a self, places: &'a [LinkPlace]) -> BoxFuture<'a, Vec<Result<Option<FoundLink>, Unavailable>>> {
        Box::pin(async move {
            let links = self.links.lock().unwrap();
            places.iter().map(|place| self.check().map(|()| links.get(&*place.slug_key).cloned())).collect()
        })
    }

    fn domains(&self) -> BoxFuture<'_, Result<Vec<Domain>, Unavailable>> {
        let domain = Domain {
            id: DomainId(1),
            workspace: WorkspaceId(2),
            name: "go.example".to_owned(),
            case_sensitive: false,
            primary: true,
            ..Domain::default()
        };
        Box::pin(async move { self.check().map(|()| vec![domain]) })
    }
}

/// What is left of every link's clicks, and how often it was asked.
#[derive(Default)]
pub(super) struct Till {
    pub(super) left: Mutex<HashMap<LinkId, u64>>,
    pub(super) questions: AtomicU64,
    pub(super) is_down: AtomicBool,
}

impl Till {
    /// Gives a link so many clicks.
    pub(super) fn put(&self, link: u64, clicks: u64) {
        self.left.lock().unwrap().insert(LinkId(link), clicks);
    }

    /// How many are left of a link's clicks.
    pub(super) fn left(&self, link: u64) -> u64 {
        self.left.lock().unwrap().get(&LinkId(link)).copied().unwrap_or_default()
    }
}

impl AllowanceStore for Till {
    fn take(&self, _: WorkspaceId, link: LinkId, wanted: u64) -> BoxFuture<'_, Result<Taken, Unavailable>> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let taken = if self.is_down.load(Ordering::SeqCst) {
            Err(Unavailable)
        } else {
            let mut left = self.left.lock().unwrap();
            let left = left.entry(link).or_default();
            let granted = wanted.min(*left);
            *left -= granted;
            Ok(Taken { granted, left: *left > 0 })
        };
        Box::pin(async move { taken })
    }
}

/// Keeps hits in memory; each needs a pass to become durable.
pub(super) struct Keeper {
    pub(super) hits: Mutex<Vec<Hit>>,
    pub(super) passes: Semaphore,
    pub(super) refuses: AtomicBool,
    /// The number of the last event.
    last: AtomicU64,
}

struct Keeping(Arc<Keeper>);

impl Recorder for Keeping {
    async fn record(&self, hit: &Hit) -> Result<EventId, Refused> {
        if self.0.refuses.load(Ordering::SeqCst) {
            return Err(Refused { reason: "disk_full" });
        }
        self.0.hits.lock().unwrap().push(hit.clone());
        self.0.passes.acquire().await.unwrap().forget();
        Ok(EventId::new(1, self.0.last.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Totals of clicks by link.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) totals: Mutex<HashMap<u64, u64>>,
    pub(super) is_down: AtomicBool,
}

impl Totals for Counted {
    fn total(&self, workspace: WorkspaceId, link: LinkId) -> BoxFuture<'_, Result<u64, Uncountable>> {
        assert_eq!(workspace, WorkspaceId(2));
        let is_down = self.is_down.load(Ordering::SeqCst);
        let total = self.totals.lock().unwrap().get(&link.0).copied().unwrap_or(0);
        Box::pin(async move { if is_down { Err(Uncountable) } else { Ok(total) } })
    }
}

pub(super) const MANY: usize = 1_000_000;

pub(super) struct World {
    pub(super) address: SocketAddr,
    pub(super) store: Arc<Store>,
    pub(super) till: Arc<Till>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) counted: Arc<Counted>,
    pub(super) stop: CancellationToken,
    pub(super) serving: JoinHandle<u32>,
}

pub fn http_config(more: &[&str]) -> HttpConfig {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        http: HttpConfig,
    }
    Line::parse_from([&["test"], more].concat()).http
}

pub(super) fn options() -> ListenOptions {
    ListenOptions { header_timeout: Duration::from_secs(30), max_connections: 1_000, grace: Duration::from_secs(30) }
}

impl World {
    pub(super) async fn start() -> Self {
        Self::start_with(options(), &http_config(&["--geo-headers", "cloudflare"])).await
    }

    pub(super) async fn start_with(options: ListenOptions, http: &HttpConfig) -> Self {
        Self::start_over(options, http, Geo::default()).await
    }

    /// A server that knows these places.
    pub(super) async fn start_over(options: ListenOptions, http: &HttpConfig, geo: Geo) -> Self {
        let store = Arc::new(Store::default());
        store.put("sale", |_| {});
        let resolver = Arc::new(Resolver::new(store.clone(), ResolverOptions::default()));
        resolver.reload_domains().await.unwrap();
        let keeper = Arc::new(Keeper {
            hits: Mutex::default(),
            passes: Semaphore::new(MANY),
            refuses: AtomicBool::new(false),
            last: AtomicU64::new(1),
        });
        let till = Arc::new(Till::default());
        let counted = Arc::new(Counted::default());
        let visits = Arc::new(Visits::new(Services {
            resolver,
            allowances: Allowances::new(till.clone()),
            clients: ClientRules::new(http),
            recorder: Keeping(keeper.clone()),
            clicks: ClickKey::new([7; 16]),
            clock: Clock::fixed(NOW_MS),
            enricher: Arc::new(Enricher::new(EnrichOptions { geo, visitor_secret: [7; 32] })),
            gate: Gate::new([9; 32]),
            recent: RecentVisits::default(),
            totals: counted.clone(),
            is_https: false,
        }));
        let for_rest = visits.clone();
        let slow = axum::middleware::from_fn_with_state(Duration::from_millis(200), slow_body::limit);
        let rest = Router::new()
            .route("/api", get(|| async { "the api" }))
            .route("/refuse", post(|| async { StatusCode::PAYLOAD_TOO_LARGE }))
            .route("/length", post(|body: Bytes| async move { body.len().to_string() }).layer(slow))
            .fallback(move |request| for_rest.clone().fallback(request));
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), options).unwrap();
        let address = listener.address().unwrap();
        let stop = CancellationToken::new();
        let open = move |peer| Front::new(visits.clone(), rest.clone(), peer);
        let serving = tokio::spawn(listener.serve(open, stop.clone()));
        Self { address, store, till, keeper, counted, stop, serving }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a connection of its own and reads to the end.
    pub(super) async fn exchange(&self, request: impl AsRef<[u8]>) -> Answer {
        let (mut read, mut write) = self.connect().await.into_split();
        let request = request.as_ref().to_vec();
        // The server may answer and close before it has read everything.
        let sending = tokio::spawn(async move {
            let _ = write.write_all(&request).await;
            write
        });
        let mut bytes = Vec::new();
        read.read_to_end(&mut bytes).await.unwrap();
        drop(sending.await);
        Answer(String::from_utf8(bytes).unwrap())
    }

    /// A visit of the short domain.
    pub(super) async fn visit(&self, method: &str, path: &str, headers: &str) -> Answer {
        self.exchange(format!("{method} {path} HTTP/1.1\r\nHost: go.example\r\nConnection: close\r\n{headers}\r\n"))
            .await
    }

    pub(super) fn hits(&self) -> Vec<Hit> {
        std::mem::take(&mut self.keeper.hits.lock().unwrap())
    }

    pub(super) async fn end(self) -> u32 {
        self.stop.cancel();
        self.serving.await.unwrap()
    }
}

/// An answer as it came.
#[derive(Debug, PartialEq)]
pub(super) struct Answer(pub(super) String);

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.0.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let head = self.0.split("\r\n\r\n").next()?;
        head.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(super) fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

/// Reads one answer without a body from a connection that stays open.
pub(super) async fn read_head(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await?);
    }
    Ok(Answer(String::from_utf8(bytes).unwrap()))
}
