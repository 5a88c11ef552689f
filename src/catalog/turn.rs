//! Work that only one node does at a time. Whoever has the turn holds an advisory lock on a connection of its own, so that
//! the turn ends with the process, however that ends.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Catalog, Error, Result};

/// The longest that asking for a turn takes.
const LIMIT: Duration = Duration::from_secs(5);

/// What is done by one node at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Deleting what is older than workspaces keep.
    Retention,
    /// Deleting what somebody wants forgotten.
    Erasure,
}

impl Task {
    /// Numbers that no other program of this database uses: "linktrai" in ASCII, and those after it.
    fn lock(self) -> i64 {
        match self {
            Self::Retention => 0x6c69_6e6b_7472_616a,
            Self::Erasure => 0x6c69_6e6b_7472_616b,
        }
    }
}

/// A turn. [`end`](Turn::end) lets the next one in at once; dropping it does so too, as soon as Postgres sees the connection
/// end.
pub struct Turn {
    task: Task,
    // Its end ends the connection.
    client: tokio_postgres::Client,
    driver: JoinHandle<std::result::Result<(), tokio_postgres::Error>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Turn {
    /// Lets the next one in. If Postgres does not answer, the end of the connection does.
    pub async fn end(self) {
        let lock = self.task.lock();
        let _ = timeout(LIMIT, self.client.query_one("SELECT pg_advisory_unlock($1)", &[&lock])).await;
    }
}

impl Catalog {
    /// Takes the turn at a task; `None` when another process has it.
    pub async fn take_turn(&self, task: Task) -> Result<Option<Turn>> {
        timeout(LIMIT, async {
            let (client, connection) = self.inner.config.connect(self.inner.tls.clone()).await?;
            let turn = Turn { task, client, driver: tokio::spawn(connection) };
            let lock = task.lock();
            let row = turn.client.query_one("SELECT pg_try_advisory_lock($1)", &[&lock]).await?;
            let taken: bool = row.try_get(0)?;
            Ok(taken.then_some(turn))
        })
        .await
        .map_err(|_| Error::Unavailable("no answer in time".to_owned()))?
    }
}
