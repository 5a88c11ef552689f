//! A list that fails on its way breaks the connection, compressed or not: no client takes a part for the whole.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum::routing::get;
use futures_util::stream;
use hyper::body::Incoming;
use linktrail::encode::Format;
use linktrail::server::listen::{ListenOptions, Listener};
use linktrail::table::Cell;
use linktrail::web::answer::{self, Record, Writing};
use linktrail::web::error::ApiError;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tower_http::compression::CompressionLayer;

use crate::wire::{exchange, request};

struct Line(String);

impl Record for Line {
    fn row(&self) -> Vec<Cell> {
        vec![Cell::from(self.0.as_str())]
    }

    fn json(&self) -> impl Serialize {
        self.0.clone()
    }
}

/// Twenty chunks, of which one may fail.
async fn list(Path((format, failing)): Path<(String, usize)>) -> Result<Response, ApiError> {
    let format = Format::NAMES.iter().find(|(name, _)| *name == format).unwrap().1;
    let chunks = (1..=20).map(move |number| {
        if number == failing {
            Err(ApiError::Unavailable("the store is gone"))
        } else {
            Ok((0..100).map(|line| Line(format!("{number}/{line}"))).collect())
        }
    });
    let writing = Writing { format, spreadsheet_safe: false, file_name: "x".to_owned() };
    answer::stream(&[Cow::Borrowed("line")], stream::iter(chunks), &writing).await
}

struct Door(Router);

impl hyper::service::Service<Request<Incoming>> for Door {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Box::pin(self.0.clone().call(request))
    }
}

#[tokio::test]
async fn a_broken_list_is_seen_to_be_broken() {
    let options =
        ListenOptions { header_timeout: Duration::from_secs(5), max_connections: 10, grace: Duration::from_secs(1) };
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), options).unwrap();
    let address = listener.address().unwrap();
    let router = Router::new().route("/{format}/{failing}", get(list)).layer(CompressionLayer::new());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(listener.serve(move |_| Door(router.clone()), stop.clone()));
    for format in ["json", "csv", "tsv"] {
        for encoding in ["", "Accept-Encoding: gzip\r\n"] {
            for (failing, status) in [(0, 200), (1, 503), (2, 503)] {
                let bytes = request("GET", &format!("/{format}/{failing}"), "", encoding, b"");
                let reply = exchange(address, &bytes, false).await;
                assert_eq!((reply.status, reply.whole), (status, true), "{format} {encoding} {failing}");
            }
            for failing in [3, 20] {
                let bytes = request("GET", &format!("/{format}/{failing}"), "", encoding, b"");
                let reply = exchange(address, &bytes, false).await;
                // Of what was sent so close before its end, any part may arrive.
                assert!(matches!(reply.status, 0 | 200) && !reply.whole, "{format} {encoding} {failing}: {reply:?}");
            }
        }
    }
    stop.cancel();
    serving.await.unwrap();
}
