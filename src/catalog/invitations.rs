//! People who were asked to join a workspace. A code is known by its SHA-256; each can be used once.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{Catalog, Error, Result, instant};
use crate::domain::id::{UserId, WorkspaceId};
use crate::domain::principal::Role;

/// Somebody who was asked to join. Times are milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation {
    /// What they are to join.
    pub workspace: WorkspaceId,
    /// Its name.
    pub workspace_name: String,
    /// Who.
    pub email: String,
    /// As what.
    pub role: Role,
    /// Until when.
    pub expires_at_ms: i64,
}

fn from_row(row: &Row) -> Result<Invitation> {
    let role: String = row.try_get("role")?;
    Ok(Invitation {
        workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
        workspace_name: row.try_get("workspace_name")?,
        email: row.try_get("email")?,
        role: Role::parse(&role).ok_or_else(|| Error::Bug(format!("unknown role {role}")))?,
        expires_at_ms: row.try_get::<_, DateTime<Utc>>("expires_at")?.timestamp_millis(),
    })
}

impl Catalog {
    /// Asks somebody to join, instead of any earlier invitation to the same workspace. [`Error::Missing`] `workspace`.
    pub async fn add_invitation(&self, hash: &[u8; 32], invitation: &Invitation, now_ms: i64) -> Result<()> {
        let (now, expires) = (instant(now_ms)?, instant(invitation.expires_at_ms)?);
        let (workspace, email, role) = (invitation.workspace.row(), &invitation.email, invitation.role.name());
        let text = "INSERT INTO invitation (hash, workspace_id, email, role, created_at, expires_at)
            SELECT $1, workspace.id, $3, $4, $5, $6 FROM workspace WHERE id = $2 AND removed_at IS NULL
            ON CONFLICT (workspace_id, lower(email)) DO UPDATE SET hash = excluded.hash, email = excluded.email,
                role = excluded.role, created_at = excluded.created_at, expires_at = excluded.expires_at";
        let session = self.call().await?;
        match session.execute(text, &[&hash.as_slice(), &workspace, email, &role, &now, &expires]).await? {
            0 => Err(Error::Missing("workspace".to_owned())),
            _ => Ok(()),
        }
    }

    /// Every invitation that was not used, oldest first. Those whose time is over may be among them.
    pub async fn invitations(&self) -> Result<Vec<Invitation>> {
        let text = "SELECT workspace_id, workspace.name AS workspace_name, email, role, expires_at
            FROM invitation JOIN workspace ON workspace.id = workspace_id
            WHERE workspace.removed_at IS NULL ORDER BY invitation.created_at, email";
        self.call().await?.query(text, &[]).await?.iter().map(from_row).collect()
    }

    /// The invitation whose code has this SHA-256. Whether its time is over is for the caller to tell, who has the clock.
    pub async fn invitation(&self, hash: &[u8; 32]) -> Result<Option<Invitation>> {
        let text = "SELECT workspace_id, workspace.name AS workspace_name, email, role, expires_at
            FROM invitation JOIN workspace ON workspace.id = workspace_id
            WHERE hash = $1 AND workspace.removed_at IS NULL";
        self.call().await?.query_opt(text, &[&hash.as_slice()]).await?.as_ref().map(from_row).transpose()
    }

    /// Withdraws the invitations of somebody to a workspace. False when there is none.
    pub async fn remove_invitation(&self, workspace: WorkspaceId, email: &str) -> Result<bool> {
        let text = "DELETE FROM invitation WHERE workspace_id = $1 AND lower(email) = lower($2)";
        Ok(self.call().await?.execute(text, &[&workspace.row(), &email]).await? > 0)
    }

    /// Uses an invitation: whose `password_hash` is given is new, and `user` is known. Who is a member already stays what
    /// they are. `None` when the invitation was used or withdrawn meanwhile. [`Error::Taken`] `app_user_email` when somebody
    /// with that address came meanwhile.
    pub async fn use_invitation(&self, hash: &[u8; 32], joining: Joining<'_>, now_ms: i64) -> Result<Option<UserId>> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let using = "DELETE FROM invitation USING workspace
            WHERE hash = $1 AND expires_at > $2 AND workspace.id = workspace_id AND workspace.removed_at IS NULL
            RETURNING workspace_id, email, role";
        let Some(row) = work.query_opt(using, &[&hash.as_slice(), &now]).await? else { return Ok(None) };
        let (workspace, email, role): (i64, String, String) =
            (row.try_get("workspace_id")?, row.try_get("email")?, row.try_get("role")?);
        let user: i64 = match joining {
            Joining::Known(user) => user.row(),
            Joining::New(password_hash) => {
                let adding = "INSERT INTO app_user (email, password_hash, created_at) VALUES ($1, $2, $3) RETURNING id";
                work.query_one(adding, &[&email, &password_hash, &now]).await?.try_get(0)?
            }
        };
        let joining = "INSERT INTO member (workspace_id, user_id, role) VALUES ($1, $2, $3)
            ON CONFLICT (workspace_id, user_id) DO NOTHING";
        work.execute(joining, &[&workspace, &user, &role]).await?;
        work.commit().await?;
        Ok(Some(UserId::from_row(user)))
    }
}

/// Who uses an invitation.
#[derive(Clone, Copy, Debug)]
pub enum Joining<'a> {
    /// Somebody who has a password already.
    Known(UserId),
    /// Somebody new, with the hash of their password.
    New(&'a str),
}
