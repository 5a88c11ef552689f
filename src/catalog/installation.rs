//! What there is once for a whole installation: its secrets, its nodes, and its first rows.

use super::{Catalog, Error, Result, instant};
use crate::domain::id::{DomainId, KeyId, UserId, WorkspaceId};

/// What the first start makes.
#[derive(Clone)]
pub struct NewFirstRows {
    /// Of the workspace.
    pub workspace_name: String,
    /// Of its owner.
    pub email: String,
    /// Of its owner, argon2id.
    pub password_hash: String,
    /// The short domain's name, as `parse_domain_name` gives it.
    pub domain: String,
    /// The first characters of the key.
    pub key_prefix: String,
    /// SHA-256 of the key.
    pub key_hash: [u8; 32],
    /// What the key may do.
    pub scopes: Vec<String>,
    /// Milliseconds since the epoch.
    pub now_ms: i64,
}

/// What the first start made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstRows {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its owner.
    pub user: UserId,
    /// Its short domain.
    pub domain: DomainId,
    /// The owner's key, bound to the workspace.
    pub key: KeyId,
}

impl Catalog {
    /// The random bytes of this name: made at the first call, by whichever node comes first, and the same ever after.
    pub async fn secret<const N: usize>(&self, name: &str) -> Result<[u8; N]> {
        let mut fresh = [0u8; N];
        getrandom::fill(&mut fresh).map_err(|error| Error::Bug(format!("no random bytes: {error}")))?;
        let session = self.call().await?;
        let adding = "INSERT INTO installation_secret (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        session.execute(adding, &[&name, &fresh.as_slice()]).await?;
        let row = session.query_opt("SELECT value FROM installation_secret WHERE name = $1", &[&name]).await?;
        let value: Vec<u8> = match row {
            Some(row) => row.try_get(0)?,
            None => return Err(Error::Bug(format!("secret {name} is gone"))),
        };
        value.try_into().map_err(|_| Error::Bug(format!("secret {name} has another length than {N} bytes")))
    }

    /// The number of the node that keeps `token` in its data folder: given out at the first call, 1 to 65,535, never to
    /// another token.
    pub async fn register_node(&self, token: &str) -> Result<u16> {
        let mut session = self.call().await?;
        let work = session.begin().await?;
        // One at a time, so that numbers have no gaps.
        work.execute("LOCK TABLE node IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
        let row = work.query_opt("SELECT number FROM node WHERE token = $1", &[&token]).await?;
        let number: i32 = match row {
            Some(row) => row.try_get(0)?,
            None => {
                let adding = "INSERT INTO node (number, token)
                    SELECT coalesce(max(number), 0) + 1, $1 FROM node RETURNING number";
                work.query_one(adding, &[&token]).await?.try_get(0)?
            }
        };
        work.commit().await?;
        u16::try_from(number).map_err(|_| Error::Bug(format!("node number {number}")))
    }

    /// How many nodes with a spool were ever registered. Imports have numbers too, and no spool.
    pub async fn nodes(&self) -> Result<u64> {
        let counting = "SELECT count(*) FROM node WHERE number NOT IN (SELECT node FROM import)";
        let row = self.call().await?.query_opt(counting, &[]).await?;
        let count: i64 = row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Whether this installation has or had a workspace.
    pub async fn has_workspaces(&self) -> Result<bool> {
        let session = self.call().await?;
        Ok(session.query_opt("SELECT id FROM workspace LIMIT 1", &[]).await?.is_some())
    }

    /// Makes the first workspace, its owner, its short domain and its key, all or nothing. `keep` sees what is about to be
    /// made, and refuses it by answering `false`: then nothing is made. `None` when it did, and when there is or was a
    /// workspace already.
    pub async fn add_first_rows(
        &self,
        new: &NewFirstRows,
        keep: impl FnOnce(FirstRows) -> bool + Send,
    ) -> Result<Option<FirstRows>> {
        let now = instant(new.now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        work.execute("LOCK TABLE workspace IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
        if work.query_opt("SELECT id FROM workspace LIMIT 1", &[]).await?.is_some() {
            return Ok(None);
        }
        let adding = "INSERT INTO workspace (name, created_at) VALUES ($1, $2) RETURNING id";
        let workspace: i64 = work.query_one(adding, &[&new.workspace_name, &now]).await?.try_get(0)?;
        let adding = "INSERT INTO app_user (email, password_hash, created_at) VALUES ($1, $2, $3) RETURNING id";
        let user: i64 = work.query_one(adding, &[&new.email, &new.password_hash, &now]).await?.try_get(0)?;
        let adding = "INSERT INTO member (workspace_id, user_id, role) VALUES ($1, $2, 'owner')";
        work.execute(adding, &[&workspace, &user]).await?;
        let adding = "INSERT INTO domain (workspace_id, name, is_primary, created_at)
            VALUES ($1, $2, true, $3) RETURNING id";
        let domain: i64 = work.query_one(adding, &[&workspace, &new.domain, &now]).await?.try_get(0)?;
        let adding = "INSERT INTO api_key (user_id, workspace_id, name, prefix, hash, scopes, created_at)
            VALUES ($1, $2, 'first run', $3, $4, $5, $6) RETURNING id";
        let hash = new.key_hash.as_slice();
        let key = work.query_one(adding, &[&user, &workspace, &new.key_prefix, &hash, &new.scopes, &now]).await?;
        let key: i64 = key.try_get(0)?;
        let rows = FirstRows {
            workspace: WorkspaceId::from_row(workspace),
            user: UserId::from_row(user),
            domain: DomainId::from_row(domain),
            key: KeyId::from_row(key),
        };
        if !keep(rows) {
            return Ok(None);
        }
        work.commit().await?;
        Ok(Some(rows))
    }
}
