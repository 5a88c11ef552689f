//! One borrowed connection with a deadline.
//!
//! A call that misses its deadline leaves a connection of unknown state; it is closed instead of going back to the pool.
//! A transaction that is dropped before its commit, because of an error or because the caller went away, is rolled back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{Client, GenericClient, Object, Transaction};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::{CALL_LIMIT, Catalog, Error, LOOKUP_LIMIT, Result};

/// Values to bind.
pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection for one call of the catalog.
pub(super) struct Session {
    /// Taken out only when the session ends.
    client: Option<Client>,
    limit: Limit,
}

/// Until when, and whether it was missed.
struct Limit {
    deadline: Instant,
    missed: AtomicBool,
}

impl Limit {
    async fn hold<T>(&self, work: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>) -> Result<T> {
        match timeout_at(self.deadline, work).await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => {
                self.missed.store(true, Ordering::Relaxed);
                Err(Error::Unavailable("no answer in time".to_owned()))
            }
        }
    }
}

impl Catalog {
    /// A session for a visit.
    pub(super) async fn lookup(&self) -> Result<Session> {
        self.session(LOOKUP_LIMIT).await
    }

    /// A session for anything else.
    pub(super) async fn call(&self) -> Result<Session> {
        self.session(CALL_LIMIT).await
    }

    async fn session(&self, limit: Duration) -> Result<Session> {
        let deadline = Instant::now() + limit;
        match timeout_at(deadline, self.inner.pool.get()).await {
            Ok(client) => {
                Ok(Session { client: Some(client?), limit: Limit { deadline, missed: AtomicBool::new(false) } })
            }
            Err(_) => Err(Error::Unavailable("no connection in time".to_owned())),
        }
    }
}

impl Session {
    /// Runs a statement whose text is one of a fixed set; it is prepared once a connection.
    pub async fn query(&self, text: &'static str, values: Values<'_>) -> Result<Vec<Row>> {
        let client = self.client()?;
        self.limit.hold(async { client.query(&client.prepare_cached(text).await?, values).await }).await
    }

    /// As [`query`](Self::query), for at most one row.
    pub async fn query_opt(&self, text: &'static str, values: Values<'_>) -> Result<Option<Row>> {
        let client = self.client()?;
        self.limit.hold(async { client.query_opt(&client.prepare_cached(text).await?, values).await }).await
    }

    /// As [`query`](Self::query), for a statement without rows; answers how many it touched.
    pub async fn execute(&self, text: &'static str, values: Values<'_>) -> Result<u64> {
        let client = self.client()?;
        self.limit.hold(async { client.execute(&client.prepare_cached(text).await?, values).await }).await
    }

    /// Runs a statement put together from literal parts; it is prepared for this once.
    pub async fn query_composed(&self, text: &str, values: Values<'_>) -> Result<Vec<Row>> {
        let client = self.client()?;
        self.limit.hold(client.query(text, values)).await
    }

    /// Begins a transaction.
    pub async fn begin(&mut self) -> Result<Work<'_>> {
        let Self { client, limit } = self;
        let client = client.as_mut().ok_or_else(session_is_over)?;
        let transaction = limit.hold(client.transaction()).await?;
        Ok(Work { transaction, limit })
    }

    fn client(&self) -> Result<&Client> {
        self.client.as_ref().ok_or_else(session_is_over)
    }
}

fn session_is_over() -> Error {
    Error::Bug("session used after its end".to_owned())
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.limit.missed.load(Ordering::Relaxed)
            && let Some(client) = self.client.take()
        {
            // Out of the pool; dropping it closes the connection.
            drop(Object::take(client));
        }
    }
}

/// A transaction; rolled back unless [`commit`](Self::commit) ends it.
pub(super) struct Work<'a> {
    transaction: Transaction<'a>,
    limit: &'a Limit,
}

impl Work<'_> {
    /// As [`Session::query`].
    pub async fn query(&self, text: &'static str, values: Values<'_>) -> Result<Vec<Row>> {
        let transaction = &self.transaction;
        self.limit.hold(async { transaction.query(&transaction.prepare_cached(text).await?, values).await }).await
    }

    /// As [`Session::query_opt`].
    pub async fn query_opt(&self, text: &'static str, values: Values<'_>) -> Result<Option<Row>> {
        let transaction = &self.transaction;
        self.limit.hold(async { transaction.query_opt(&transaction.prepare_cached(text).await?, values).await }).await
    }

    /// As [`query_opt`](Self::query_opt), for a statement that always answers one row.
    pub async fn query_one(&self, text: &'static str, values: Values<'_>) -> Result<Row> {
        self.query_opt(text, values).await?.ok_or_else(|| Error::Bug(format!("no row from: {text}")))
    }

    /// As [`Session::execute`].
    pub async fn execute(&self, text: &'static str, values: Values<'_>) -> Result<u64> {
        let transaction = &self.transaction;
        self.limit.hold(async { transaction.execute(&transaction.prepare_cached(text).await?, values).await }).await
    }

    /// Makes it all last.
    pub async fn commit(self) -> Result<()> {
        self.limit.hold(self.transaction.commit()).await
    }
}
