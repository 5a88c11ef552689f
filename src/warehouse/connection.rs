//! How ClickHouse is reached: its address, its user, and connections that are kept for the next query.

use std::time::Duration;

use clickhouse::Client;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::failure::Error;

/// How long a connection is kept that nobody uses: most of the 10 seconds after which ClickHouse lets go by itself
/// (`keep_alive_timeout`). A new one costs a query about a millisecond, and over TLS several.
const KEPT: Duration = Duration::from_secs(8);
/// After this long without a sign the other side is asked for one.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Whether a server is on this machine.
pub(super) fn is_near(url: &SecretString) -> bool {
    match Url::parse(url.expose_secret()).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A client for `http(s)://user:password@host:port/database`, and the database's name.
pub(super) fn client(url: &SecretString) -> Result<(Client, String), Error> {
    let bad = |what: &str| Error::Misconfigured(format!("CLICKHOUSE_URL {what}"));
    let mut url = Url::parse(url.expose_secret()).map_err(|error| bad(&format!("is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("must begin with http:// or https://"));
    }
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = decode(url.username());
    let password = url.password().map(decode);
    let database = match decode(url.path().trim_matches('/')) {
        name if name.is_empty() => "default".to_owned(),
        name => name,
    };
    url.set_path("/");
    url.set_query(None);
    // An http(s) address always has a host, so its user can be taken off.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let mut client = connected(url.scheme())?.with_url(url.as_str()).with_database(&database);
    if !user.is_empty() {
        client = client.with_user(user);
    }
    if let Some(password) = password {
        client = client.with_password(password);
    }
    Ok((client, database))
}

/// A driver with connections of its own.
fn connected(scheme: &str) -> Result<Client, Error> {
    let mut connector = HttpConnector::new();
    connector.set_keepalive(Some(KEEP_ALIVE));
    // A long list must not wait for the acknowledgement of its first half.
    connector.set_nodelay(true);
    let mut pool = HttpClient::builder(TokioExecutor::new());
    pool.pool_timer(TokioTimer::new()).pool_idle_timeout(KEPT);
    if scheme == "http" {
        return Ok(Client::with_http_client(pool.build(connector)));
    }
    connector.enforce_http(false);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
        .map_err(|error| Error::Misconfigured(format!("no certificate authorities for https: {error}")))?
        .https_only()
        .enable_http1()
        .wrap_connector(connector);
    Ok(Client::with_http_client(pool.build(connector)))
}
