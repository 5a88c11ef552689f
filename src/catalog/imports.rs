//! Imports of event files: which were begun, how far they are, and who is at it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::timeout;
use tokio_postgres::Client;

use super::{CALL_LIMIT, Catalog, Error, Result, instant};
use crate::domain::id::{CustomerId, DomainId, LinkId, WorkspaceId};

/// Places that are asked for at once.
const CHUNK: usize = 5_000;
/// Beside the node's number the key of the lock; any number that no other lock of ours has.
const LOCK: i32 = 0x6c74_696d;
/// How long an import that was killed may take to be noticed.
const HOLD_TRIES: u32 = 20;
const HOLD_PAUSE: Duration = Duration::from_millis(250);

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportState {
    /// The node number of its events.
    pub node: u16,
    /// All rows up to this line are stored or rejected.
    pub through: u64,
    /// Rows that were stored.
    pub stored: u64,
    /// Rows that were rejected.
    pub rejected: u64,
    /// Length of the rejects file with the rows up to that line.
    pub rejects_bytes: u64,
    /// When it ended, in milliseconds since the epoch; `None` while it has not.
    pub finished_at_ms: Option<i64>,
}

/// While it lives, nobody else can hold the same import.
pub struct ImportHold {
    // Its connection ends with it, and with the connection the lock.
    _client: Client,
}

impl Catalog {
    /// The import that was begun under `token`.
    pub async fn import(&self, token: &str) -> Result<Option<ImportState>> {
        let text = "SELECT import.node, through, stored, rejected, rejects_bytes, finished_at
            FROM import JOIN node ON node.number = import.node WHERE node.token = $1";
        let Some(row) = self.call().await?.query_opt(text, &[&token]).await? else { return Ok(None) };
        let number = |name: &str| -> Result<u64> { Ok(row.try_get::<_, i64>(name)?.unsigned_abs()) };
        let node: i32 = row.try_get("node")?;
        Ok(Some(ImportState {
            node: u16::try_from(node).map_err(|_| Error::Bug(format!("node number {node}")))?,
            through: number("through")?,
            stored: number("stored")?,
            rejected: number("rejected")?,
            rejects_bytes: number("rejects_bytes")?,
            finished_at_ms: row.try_get::<_, Option<DateTime<Utc>>>("finished_at")?.map(|at| at.timestamp_millis()),
        }))
    }

    /// Writes down that the import of `node` begins; once for each. `file` is its name for people.
    pub async fn begin_import(&self, workspace: WorkspaceId, node: u16, file: &str, now_ms: i64) -> Result<()> {
        let text = "INSERT INTO import (node, workspace_id, file, began_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (node) DO NOTHING";
        let values: super::session::Values<'_> =
            &[&i32::from(node), &workspace.row(), &file.replace('\0', " "), &instant(now_ms)?];
        self.call().await?.execute(text, values).await.map(drop)
    }

    /// Writes down how far an import is; `state.finished_at_ms` ends it.
    pub async fn advance_import(&self, workspace: WorkspaceId, state: &ImportState) -> Result<()> {
        let text = "UPDATE import SET through = $3, stored = $4, rejected = $5, rejects_bytes = $6, finished_at = $7
            WHERE node = $1 AND workspace_id = $2";
        let [through, stored, rejected, bytes] =
            [state.through, state.stored, state.rejected, state.rejects_bytes].map(u64::cast_signed);
        let finished_at = super::optional_instant(state.finished_at_ms)?;
        let values: super::session::Values<'_> =
            &[&i32::from(state.node), &workspace.row(), &through, &stored, &rejected, &bytes, &finished_at];
        match self.call().await?.execute(text, values).await? {
            1 => Ok(()),
            _ => Err(Error::Missing("import".to_owned())),
        }
    }

    /// Takes hold of an import, on a connection of its own. `None` when another process has it, and keeps it for some
    /// seconds.
    pub async fn hold_import(&self, node: u16) -> Result<Option<ImportHold>> {
        let silent = || Error::Unavailable("no answer in time".to_owned());
        let connecting = self.inner.config.connect(self.inner.tls.clone());
        let (client, connection) = timeout(CALL_LIMIT, connecting).await.map_err(|_| silent())??;
        tokio::spawn(connection);
        let key: super::session::Values<'_> = &[&LOCK, &i32::from(node)];
        for _ in 0..HOLD_TRIES {
            let asking = client.query_one("SELECT pg_try_advisory_lock($1, $2)", key);
            if timeout(CALL_LIMIT, asking).await.map_err(|_| silent())??.try_get(0)? {
                return Ok(Some(ImportHold { _client: client }));
            }
            tokio::time::sleep(HOLD_PAUSE).await;
        }
        Ok(None)
    }

    /// The customers of the workspace with these external ids, each with its id; those that are not there are left out.
    /// Takes any number of them.
    pub async fn customers_named(
        &self,
        workspace: WorkspaceId,
        external_ids: &[String],
    ) -> Result<Vec<(String, CustomerId)>> {
        let text = "SELECT external_id, id FROM customer WHERE workspace_id = $1 AND external_id = ANY($2)";
        let mut found = Vec::with_capacity(external_ids.len());
        for chunk in external_ids.chunks(CHUNK) {
            for row in self.call().await?.query(text, &[&workspace.row(), &chunk]).await? {
                found.push((row.try_get(0)?, CustomerId::from_row(row.try_get(1)?)));
            }
        }
        Ok(found)
    }

    /// Adds customers of whom no more is known than an external id and since when, in milliseconds; those that are there
    /// stay as they are. Takes any number of them.
    pub async fn add_customers_named(&self, workspace: WorkspaceId, new: &[(String, i64)]) -> Result<()> {
        let text = "INSERT INTO customer (workspace_id, external_id, created_at)
            SELECT $1, external_id, created_at FROM unnest($2::text[], $3::timestamptz[]) AS new (external_id, created_at)
            ON CONFLICT (workspace_id, external_id) DO NOTHING";
        for chunk in new.chunks(CHUNK) {
            let names: Vec<&str> = chunk.iter().map(|(name, _)| name.as_str()).collect();
            let times = chunk.iter().map(|(_, since_ms)| instant(*since_ms)).collect::<Result<Vec<_>>>()?;
            self.call().await?.execute(text, &[&workspace.row(), &names, &times]).await?;
        }
        Ok(())
    }

    /// The links of the workspace at these places, each with its place; in any order. Takes any number of places.
    pub async fn links_at(
        &self,
        workspace: WorkspaceId,
        places: &[(DomainId, String)],
    ) -> Result<Vec<(DomainId, String, LinkId)>> {
        // Postgres: the limit has it look up each by the index. Of links that were just made it has no statistics yet, and would
        // read all of them.
        let text = "SELECT wanted.domain_id, wanted.slug_key, link.id
            FROM unnest($2::bigint[], $3::text[]) AS wanted (domain_id, slug_key)
            CROSS JOIN LATERAL (
                SELECT id, workspace_id FROM link
                WHERE domain_id = wanted.domain_id AND slug_key = wanted.slug_key AND deleted_at IS NULL
                LIMIT 1
            ) AS link
            WHERE link.workspace_id = $1";
        let mut found = Vec::with_capacity(places.len());
        for chunk in places.chunks(CHUNK) {
            let (domains, slugs): (Vec<i64>, Vec<&str>) =
                chunk.iter().map(|(domain, slug)| (domain.row(), slug.as_str())).unzip();
            for row in self.call().await?.query(text, &[&workspace.row(), &domains, &slugs]).await? {
                let (domain, id): (i64, i64) = (row.try_get(0)?, row.try_get(2)?);
                found.push((DomainId::from_row(domain), row.try_get(1)?, LinkId::from_row(id)));
            }
        }
        Ok(found)
    }
}
