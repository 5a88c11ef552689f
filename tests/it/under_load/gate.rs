//! A gate before ClickHouse: it keeps queries back for as long as a test wants, writes down what was asked, and can make an
//! answer bad.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;
use url::Url;

const CODE: HeaderName = HeaderName::from_static("x-clickhouse-exception-code");
const PATIENCE: Duration = Duration::from_secs(60);

/// What becomes of a query that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    /// Nothing.
    None,
    /// It may run for a millisecond, whatever it says itself.
    Hurry,
    /// ClickHouse has too many already.
    TooMany,
}

pub struct Gate {
    /// Of the reader, through the gate.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: Url,
    client: Client<HttpConnector, Full<Bytes>>,
    /// Queries with this text wait.
    held: watch::Sender<Option<&'static str>>,
    asked: Mutex<Vec<String>>,
    trick: Mutex<Trick>,
}

impl Gate {
    /// Before the reader of this URL; open.
    pub async fn before(reader: &str) -> Self {
        let upstream = Url::parse(reader).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut url = upstream.clone();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        let shared = Arc::new(Shared {
            upstream,
            client: Client::builder(TokioExecutor::new()).build_http(),
            held: watch::Sender::new(None),
            asked: Mutex::default(),
            trick: Mutex::new(Trick::None),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url: url.into(), shared }
    }

    /// Keeps back queries that hold this text.
    pub fn hold(&self, text: &'static str) {
        self.shared.held.send_replace(Some(text));
    }

    pub fn open(&self) {
        self.shared.held.send_replace(None);
    }

    pub fn play(&self, trick: Trick) {
        *self.shared.trick.lock().unwrap() = trick;
    }

    /// How many queries that hold this text have come so far.
    pub fn asked(&self, text: &str) -> usize {
        self.shared.asked.lock().unwrap().iter().filter(|query| query.contains(text)).count()
    }
}

/// Waits until it is so.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let query = String::from_utf8_lossy(&body).into_owned();
    shared.asked.lock().unwrap().push(query.clone());
    let passes = |held: &Option<&'static str>| !held.is_some_and(|text| query.contains(text));
    shared.held.subscribe().wait_for(passes).await.unwrap();
    let mut target = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
    match *shared.trick.lock().unwrap() {
        Trick::None => {}
        Trick::Hurry => {
            let (before, rest) = target.split_once("max_execution_time=").unwrap();
            let after = rest.find('&').map_or("", |end| &rest[end..]);
            target = format!("{before}max_execution_time=0.001{after}");
        }
        Trick::TooMany => {
            let told = "Code: 202. DB::Exception: Too many simultaneous queries. Maximum: 100. (TOO_MANY_SIMULTANEOUS_QUERIES)";
            let mut refused = (StatusCode::INTERNAL_SERVER_ERROR, told).into_response();
            refused.headers_mut().insert(CODE, HeaderValue::from_static("202"));
            return refused;
        }
    }
    let authority = format!("{}:{}", shared.upstream.host_str().unwrap(), shared.upstream.port().unwrap());
    let uri = Uri::builder().scheme("http").authority(authority.as_str()).path_and_query(target);
    parts.uri = uri.build().unwrap();
    shared.client.request(axum::http::Request::from_parts(parts, Full::new(body))).await.unwrap().map(Body::new)
}
