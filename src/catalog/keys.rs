//! API keys, by their SHA-256 alone: a key itself never comes here.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{Catalog, Error, Result, instant, optional_instant, users};
use crate::domain::id::{KeyId, UserId, WorkspaceId};
use crate::domain::principal::{Principal, Scopes, Shown};

/// A key to add.
#[derive(Clone)]
pub struct NewKey {
    /// Whose it is.
    pub user: UserId,
    /// The one workspace it opens; `None` for every workspace of its user.
    pub workspace: Option<WorkspaceId>,
    /// Shown to people.
    pub name: String,
    /// Its first characters, to recognise it by.
    pub prefix: String,
    /// Its SHA-256.
    pub hash: [u8; 32],
    /// What it may do.
    pub scopes: Vec<String>,
    /// From when on it opens nothing, in milliseconds since the epoch.
    pub expires_at_ms: Option<i64>,
}

/// A key as it is shown to its owner. Times are milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRecord {
    /// Its row.
    pub id: KeyId,
    /// Whose it is.
    pub user: UserId,
    /// The one workspace it opens.
    pub workspace: Option<WorkspaceId>,
    /// Shown to people.
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last used, a minute more or less.
    pub last_used_at_ms: Option<i64>,
    /// From when on it opens nothing.
    pub expires_at_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
}

/// What is known of a shown key's SHA-256.
#[derive(Clone)]
pub struct Signature {
    /// The stored SHA-256.
    pub hash: Vec<u8>,
    /// Who shows it.
    pub principal: Principal,
    /// From when on it opens nothing, in milliseconds since the epoch.
    pub expires_at_ms: Option<i64>,
}

fn milliseconds(at: Option<DateTime<Utc>>) -> Option<i64> {
    at.map(|at| at.timestamp_millis())
}

fn from_row(row: &Row) -> Result<KeyRecord> {
    Ok(KeyRecord {
        id: KeyId::from_row(row.try_get("id")?),
        user: UserId::from_row(row.try_get("user_id")?),
        workspace: row.try_get::<_, Option<i64>>("workspace_id")?.map(WorkspaceId::from_row),
        name: row.try_get("name")?,
        prefix: row.try_get("prefix")?,
        scopes: Scopes(row.try_get("scopes")?),
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
        last_used_at_ms: milliseconds(row.try_get("last_used_at")?),
        expires_at_ms: milliseconds(row.try_get("expires_at")?),
        revoked_at_ms: milliseconds(row.try_get("revoked_at")?),
    })
}

impl Catalog {
    /// Adds a key. [`Error::Missing`] `member` when the user is not there, or not in the workspace that the key is for.
    pub async fn add_key(&self, new: &NewKey, now_ms: i64) -> Result<KeyRecord> {
        let text = "INSERT INTO api_key (user_id, workspace_id, name, prefix, hash, scopes, created_at, expires_at)
            SELECT app_user.id, $2, $3, $4, $5, $6, $7, $8 FROM app_user
            WHERE app_user.id = $1 AND ($2::bigint IS NULL
                OR EXISTS (SELECT 1 FROM member WHERE user_id = app_user.id AND workspace_id = $2))
            RETURNING id, user_id, workspace_id, name, prefix, scopes, created_at, last_used_at, expires_at, revoked_at";
        let (workspace, hash) = (new.workspace.map(WorkspaceId::row), new.hash.as_slice());
        let (now, expires) = (instant(now_ms)?, optional_instant(new.expires_at_ms)?);
        let session = self.call().await?;
        let row = session
            .query_opt(text, &[&new.user.row(), &workspace, &new.name, &new.prefix, &hash, &new.scopes, &now, &expires])
            .await?;
        from_row(&row.ok_or_else(|| Error::Missing("member".to_owned()))?)
    }

    /// Every key, oldest first; of one workspace (bound to it) where one is named.
    pub async fn keys(&self, workspace: Option<WorkspaceId>) -> Result<Vec<KeyRecord>> {
        let text = "SELECT id, user_id, workspace_id, name, prefix, scopes, created_at, last_used_at, expires_at,
                revoked_at
            FROM api_key WHERE $1::bigint IS NULL OR workspace_id = $1 ORDER BY id";
        let workspace = workspace.map(WorkspaceId::row);
        self.call().await?.query(text, &[&workspace]).await?.iter().map(from_row).collect()
    }

    /// Revokes a key. False when there is no such key or it was revoked before.
    pub async fn revoke_key(&self, key: KeyId, now_ms: i64) -> Result<bool> {
        let text = "UPDATE api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        Ok(self.call().await?.execute(text, &[&key.row(), &instant(now_ms)?]).await? == 1)
    }

    /// Who shows a key with this SHA-256; `None` when it is unknown or revoked. Whether it expired is for the caller to
    /// tell, who has the clock.
    pub async fn signature(&self, hash: &[u8; 32]) -> Result<Option<Signature>> {
        let text = "SELECT id, user_id, workspace_id, hash, scopes, expires_at,
                array(SELECT member.workspace_id FROM member
                    WHERE member.user_id = api_key.user_id ORDER BY member.workspace_id) AS workspace_ids,
                array(SELECT role FROM member
                    WHERE member.user_id = api_key.user_id ORDER BY member.workspace_id) AS roles
            FROM api_key WHERE hash = $1 AND revoked_at IS NULL";
        let Some(row) = self.call().await?.query_opt(text, &[&hash.as_slice()]).await? else { return Ok(None) };
        Ok(Some(Signature {
            hash: row.try_get("hash")?,
            principal: Principal {
                shown: Shown::Key(KeyId::from_row(row.try_get("id")?)),
                user: UserId::from_row(row.try_get("user_id")?),
                bound_to: row.try_get::<_, Option<i64>>("workspace_id")?.map(WorkspaceId::from_row),
                scopes: Scopes(row.try_get("scopes")?),
                workspaces: users::memberships(&row)?,
            },
            expires_at_ms: milliseconds(row.try_get("expires_at")?),
        }))
    }

    /// Notes that a key was used, at most once a minute.
    pub async fn touch_key(&self, key: KeyId, now_ms: i64) -> Result<()> {
        let text = "UPDATE api_key SET last_used_at = $2
            WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2 - interval '1 minute')";
        self.call().await?.execute(text, &[&key.row(), &instant(now_ms)?]).await.map(drop)
    }
}
