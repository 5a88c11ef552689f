//! Postgres: workspaces, people, keys, short domains and links.
//!
//! What always holds:
//! - Every call that reads or writes a workspace's data takes its [`WorkspaceId`](crate::domain::id::WorkspaceId), and a
//!   row of another workspace is answered exactly as one that does not exist. The exceptions are named for what they
//!   are: looking up a visit ([`resolve`](Catalog::resolve)), signing in, delivering to webhooks, and the operator's commands.
//! - No call hangs: one for a visit ends within [`LOOKUP_LIMIT`], any other within [`CALL_LIMIT`], with
//!   [`Error::Unavailable`] when Postgres is silent.
//! - SQL text is literal; values are bound.

mod allowances;
mod conversions;
mod customer_list;
mod customers;
mod deliveries;
mod domains;
mod failure;
mod folders;
mod imports;
mod installation;
mod invitations;
mod keys;
mod link_bulk;
pub mod link_cards;
mod link_filter;
mod link_list;
mod link_row;
mod link_trash;
mod links;
mod listen;
mod migrate;
mod outbox;
mod page;
mod pixels;
mod session;
mod sign_ins;
mod sites;
mod tags;
mod tls;
mod turn;
mod users;
mod webhooks;
mod workspaces;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use deadpool_postgres::{Hook, HookError, Manager, Pool};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres_rustls::MakeRustlsConnect;

pub use allowances::Allowance;
pub use conversions::{CallName, Claim, ConversionSession, ConversionWork, PostedConversion, Purpose};
pub use customer_list::CustomerQuery;
pub use customers::{CustomerChange, CustomerName, NewCustomer};
pub use deliveries::{Attempted, Due, FailurePolicy, MAX_WAITING, NewDelivery};
pub use domains::{NewDomain, NewName};
pub use failure::Error;
pub use folders::FolderChange;
pub use imports::{ImportHold, ImportState};
pub use installation::{FirstRows, NewFirstRows};
pub use invitations::{Invitation, Joining};
pub use keys::{KeyRecord, NewKey, Signature};
pub use link_bulk::{Added, Leading};
pub use link_filter::{Choice, LinkFilter};
pub use link_list::{LinkColumn, LinkGroup, LinkGroups, LinkQuery, TagMatch};
pub use links::{NewLink, Place};
pub use listen::Change;
pub use outbox::Note;
pub use page::{Cursor, Page, Window};
pub use pixels::PixelFields;
pub use sign_ins::SignIn;
pub use sites::NewSite;
pub use tags::TagQuery;
pub use turn::{Task, Turn};
pub use webhooks::{MAX_WEBHOOKS, NewWebhook, WebhookChange};

/// The longest that a look-up for a visit takes.
pub const LOOKUP_LIMIT: Duration = Duration::from_secs(1);
/// The longest that any other call takes.
pub const CALL_LIMIT: Duration = Duration::from_secs(5);

type Result<T> = std::result::Result<T, Error>;

/// The handle to Postgres. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration holds the password.
        f.debug_struct("Catalog").field("pool", &self.inner.pool.status()).finish_non_exhaustive()
    }
}

impl Catalog {
    /// A pool of at most `pool_size` connections to the Postgres at `address`, as libpq writes it
    /// (`postgres://user:password@host:5432/database?sslmode=verify-full`, see `tls.rs`). Connections are made as they are
    /// needed, so this fails only for an address that makes no sense.
    pub fn connect(address: &SecretString, pool_size: u32) -> Result<Self> {
        let (rest, tls) = tls::TlsSettings::split_from(address.expose_secret())?;
        let mut config: tokio_postgres::Config =
            rest.parse().map_err(|error: tokio_postgres::Error| Error::Settings(error.to_string()))?;
        config.ssl_mode(tls.driver_mode());
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CALL_LIMIT);
        }
        if config.get_application_name().is_none() {
            config.application_name("linktrail");
        }
        config.tcp_user_timeout(Duration::from_secs(10)).keepalives_idle(Duration::from_secs(30));
        let connector = tls.connector()?;
        let manager = Manager::new(config.clone(), connector.clone());
        let pool = Pool::builder(manager)
            .max_size(usize::try_from(pool_size.max(1)).unwrap_or(1))
            .post_create(Hook::async_fn(|client, _| Box::pin(async move { prepare_session(client).await })))
            .build()
            .map_err(|error| Error::Settings(error.to_string()))?;
        Ok(Self { inner: Arc::new(Inner { pool, config, tls: connector }) })
    }

    /// Ends all connections that are idle, and every other as soon as it is; calls from now on fail.
    pub fn close(&self) {
        self.inner.pool.close();
    }

    /// Whether Postgres answers.
    pub async fn ping(&self) -> Result<()> {
        self.lookup().await?.query("SELECT 1", &[]).await.map(drop)
    }
}

/// The server gives up where we do, so that nothing runs on for nobody.
async fn prepare_session(client: &deadpool_postgres::ClientWrapper) -> std::result::Result<(), HookError> {
    let settings = format!(
        "SET statement_timeout = {0}; SET lock_timeout = {0}; SET idle_in_transaction_session_timeout = {1}",
        CALL_LIMIT.as_millis(),
        2 * CALL_LIMIT.as_millis(),
    );
    client.batch_execute(&settings).await.map_err(HookError::Backend)
}

/// Milliseconds since the epoch as Postgres keeps them.
fn instant(at_ms: i64) -> Result<DateTime<Utc>> {
    // Postgres ends at the year 294276, the calendar type a little before.
    DateTime::from_timestamp_millis(at_ms).ok_or_else(|| Error::Unstorable(format!("instant {at_ms} ms")))
}

fn optional_instant(at_ms: Option<i64>) -> Result<Option<DateTime<Utc>>> {
    at_ms.map(instant).transpose()
}

/// Text for `LIKE` that matches `text` anywhere and literally.
fn like_anywhere(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_addresses_that_make_no_sense_and_shows_no_password() {
        for bad in ["", "mysql://h/d", "postgres://u:hunter2@h:notaport/d"] {
            let outcome = Catalog::connect(&SecretString::from(bad), 1);
            // An empty `key=value` string names no host, which is found out at the first call.
            if bad.is_empty() {
                assert!(outcome.is_ok());
                continue;
            }
            let error = outcome.unwrap_err();
            assert!(matches!(error, Error::Settings(_)), "{bad}");
            assert!(!error.to_string().contains("hunter2"));
        }
        let catalog = Catalog::connect(&SecretString::from("postgres://u:hunter2@h/d"), 1).unwrap();
        assert!(!format!("{catalog:?}").contains("hunter2"));
    }

    #[test]
    fn searches_literally() {
        assert_eq!(like_anywhere("a%_\\b"), "%a\\%\\_\\\\b%");
    }
}
