//! Brings the schema to this program's version: `schema/V*.sql`, in order, once each.
//!
//! Nodes that start together take turns by an advisory lock. A schema that is newer than the program, or a migration that
//! was edited after it had run, is an error: nothing is guessed.

use std::time::Duration;

use tokio::time::timeout;

use super::{Catalog, Error, Result};

mod embedded {
    refinery::embed_migrations!("schema");
}

/// Any number that no other program of this database uses: "linktrai" in ASCII.
const LOCK: i64 = 0x6c69_6e6b_7472_6169;
/// Waiting for another node's turn included.
const LIMIT: Duration = Duration::from_secs(600);

impl Catalog {
    /// Runs what has not run yet and answers how many migrations that were.
    pub async fn migrate(&self) -> Result<usize> {
        timeout(LIMIT, self.migrate_alone())
            .await
            .map_err(|_| Error::Unavailable("migrations did not end in time".to_owned()))?
    }

    /// How many migrations have run, of how many that this program knows.
    pub async fn schema_state(&self) -> Result<(usize, usize)> {
        let known = embedded::migrations::runner().get_migrations().len();
        let session = self.call().await?;
        let is_fresh = session.query_opt("SELECT to_regclass('refinery_schema_history') IS NULL", &[]).await?;
        if is_fresh.map(|row| row.try_get(0)).transpose()?.unwrap_or(true) {
            return Ok((0, known));
        }
        let row = session.query_opt("SELECT count(*) FROM refinery_schema_history", &[]).await?;
        let applied: i64 = row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0);
        Ok((usize::try_from(applied).unwrap_or(0), known))
    }

    async fn migrate_alone(&self) -> Result<usize> {
        // A connection of its own, without the pool's time limits; closing it gives the lock back.
        let (mut client, connection) = self.inner.config.connect(self.inner.tls.clone()).await?;
        let driver = tokio::spawn(connection);
        client.batch_execute("SET client_min_messages = warning").await?;
        client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
        let runner = embedded::migrations::runner();
        refuse_newer(&client, &runner).await?;
        let outcome = runner.run_async(&mut client).await;
        client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await?;
        drop(client);
        driver.abort();
        match outcome {
            Ok(report) => Ok(report.applied_migrations().len()),
            Err(error) => Err(Error::Schema(cause_of(&error))),
        }
    }
}

/// A database that a newer program has brought further than this one knows is left alone.
async fn refuse_newer(client: &tokio_postgres::Client, runner: &refinery::Runner) -> Result<()> {
    let newest = runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0);
    let is_fresh = "SELECT to_regclass('refinery_schema_history') IS NULL";
    if client.query_one(is_fresh, &[]).await?.try_get(0)? {
        return Ok(());
    }
    let applied = "SELECT coalesce(max(version), 0)::bigint FROM refinery_schema_history";
    let applied: i64 = client.query_one(applied, &[]).await?.try_get(0)?;
    if applied > newest {
        return Err(Error::Schema(format!(
            "the database has schema version {applied}, this program knows up to {newest}: run the newer program"
        )));
    }
    Ok(())
}

fn cause_of(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
