//! One attempt: a POST to a target that is not trusted.
//!
//! Redirects are answers like any other and no success. Of an answer's body at most `DRAINED_BYTES` are read, and nothing
//! of it is kept. The whole attempt ends within the limit, whatever the other side does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;

use super::guard::{Connector, Policy, Refused, Resolve};

/// The longest that an attempt takes.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);
/// What is read of an answer, so that the connection can be used again.
const DRAINED_BYTES: usize = 16 << 10;
/// How long an answer's body is waited for, once its status is there.
const DRAIN_LIMIT: Duration = Duration::from_millis(250);
/// Connections to one target that are kept for the next.
const IDLE_PER_TARGET: usize = 4;
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// Why an attempt failed. Shown to the webhook's owner: it tells nothing of the inside of a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Answered, with anything but 2xx.
    #[error("the endpoint answered {0}")]
    Status(u16),
    /// No answer within the limit.
    #[error("the endpoint did not answer within {} seconds", ATTEMPT_LIMIT.as_secs())]
    Timeout,
    /// The address is not allowed.
    #[error("the target's address is not public")]
    NotAllowed,
    /// No connection, or one that broke.
    #[error("the endpoint cannot be reached")]
    Unreachable,
    /// The address of the target makes no request.
    #[error("the target's URL is not valid")]
    Malformed,
}

impl SendError {
    /// The status that was answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(*status),
            Self::Timeout | Self::NotAllowed | Self::Unreachable | Self::Malformed => None,
        }
    }

    /// Its name in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Timeout => "timeout",
            Self::NotAllowed => "not_allowed",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
        }
    }
}

/// Sends. Clones share its connections.
#[derive(Clone)]
pub struct Sender {
    client: Client<HttpsConnector<Connector>, Full<Bytes>>,
    policy: Arc<Policy>,
}

impl Sender {
    /// One that trusts the system's certificate authorities.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(policy: Arc<Policy>, resolver: Arc<dyn Resolve>) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        let (known, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if known == 0 {
            tracing::warn!("no certificate authorities on this system: webhooks cannot be sent over https");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(Connector::new(Arc::clone(&policy), resolver));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(IDLE_PER_TARGET)
            .http1_max_buf_size(64 << 10)
            .build(connector);
        Ok(Self { client, policy })
    }

    /// Which targets are allowed.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Posts JSON with these headers. The status when it is 2xx.
    ///
    /// # Errors
    /// Why it counts as failed.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: Bytes) -> Result<u16, SendError> {
        // Once more: what is allowed may have changed since the target was taken.
        let url = self.policy.check(url).map_err(|error| match error {
            super::guard::TargetError::Private => SendError::NotAllowed,
            _ => SendError::Malformed,
        })?;
        let mut request = Request::builder().method(Method::POST).uri(url.as_str());
        if let Some(all) = request.headers_mut() {
            all.extend(headers);
            all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            all.insert(ACCEPT, HeaderValue::from_static("*/*"));
            all.insert(USER_AGENT, HeaderValue::from_static(concat!("Linktrail/", env!("CARGO_PKG_VERSION"))));
        }
        let request = request.body(Full::new(body)).map_err(|_| SendError::Malformed)?;
        let response = match tokio::time::timeout(ATTEMPT_LIMIT, self.client.request(request)).await {
            Err(_) => return Err(SendError::Timeout),
            Ok(Err(error)) if was_refused(&error) => return Err(SendError::NotAllowed),
            Ok(Err(_)) => return Err(SendError::Unreachable),
            Ok(Ok(response)) => response,
        };
        let status = response.status();
        let _ = tokio::time::timeout(DRAIN_LIMIT, drain(response.into_body())).await;
        if status.is_success() { Ok(status.as_u16()) } else { Err(SendError::Status(status.as_u16())) }
    }
}

/// Reads a short body to its end; a long one is dropped, and its connection with it.
async fn drain(mut body: hyper::body::Incoming) {
    let mut left = DRAINED_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

fn was_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if inner.is::<Refused>() || inner.downcast_ref::<std::io::Error>().is_some_and(Refused::caused) {
            return true;
        }
        cause = inner.source();
    }
    false
}
