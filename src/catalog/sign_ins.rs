//! Who is signed in, by the SHA-256 of what their cookie holds: the cookie's value never comes here.

use chrono::{DateTime, Utc};

use super::{Catalog, Result, instant, users};
use crate::domain::id::{UserId, WorkspaceId};
use crate::domain::principal::Role;

/// Somebody who is, or was, signed in. Times are milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct SignIn {
    /// The stored SHA-256.
    pub hash: Vec<u8>,
    /// Who.
    pub user: UserId,
    /// Where the person belongs.
    pub workspaces: Vec<(WorkspaceId, Role)>,
    /// Since when.
    pub created_at_ms: i64,
    /// Until when. Whether that is over is for the caller to tell, who has the clock.
    pub expires_at_ms: i64,
}

impl Catalog {
    /// Signs somebody in, in place of `old` where one is given. [`Error::Missing`](super::Error::Missing) when there is no
    /// such person.
    pub async fn add_sign_in(
        &self,
        hash: &[u8; 32],
        user: UserId,
        now_ms: i64,
        expires_at_ms: i64,
        old: Option<&[u8; 32]>,
    ) -> Result<()> {
        let (now, expires) = (instant(now_ms)?, instant(expires_at_ms)?);
        let mut session = self.call().await?;
        let work = session.begin().await?;
        if let Some(old) = old {
            work.execute("DELETE FROM sign_in WHERE hash = $1", &[&old.as_slice()]).await?;
        }
        let adding = "INSERT INTO sign_in (hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
        work.execute(adding, &[&hash.as_slice(), &user.row(), &now, &expires]).await?;
        work.commit().await
    }

    /// Who signed in with what has this SHA-256.
    pub async fn signed_in(&self, hash: &[u8; 32]) -> Result<Option<SignIn>> {
        let text = "SELECT hash, user_id, created_at, expires_at,
                array(SELECT member.workspace_id FROM member
                    WHERE member.user_id = sign_in.user_id ORDER BY member.workspace_id) AS workspace_ids,
                array(SELECT role FROM member
                    WHERE member.user_id = sign_in.user_id ORDER BY member.workspace_id) AS roles
            FROM sign_in WHERE hash = $1";
        let Some(row) = self.call().await?.query_opt(text, &[&hash.as_slice()]).await? else { return Ok(None) };
        Ok(Some(SignIn {
            hash: row.try_get("hash")?,
            user: UserId::from_row(row.try_get("user_id")?),
            workspaces: users::memberships(&row)?,
            created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
            expires_at_ms: row.try_get::<_, DateTime<Utc>>("expires_at")?.timestamp_millis(),
        }))
    }

    /// Moves the end of a sign-in further away.
    pub async fn prolong_sign_in(&self, hash: &[u8; 32], expires_at_ms: i64) -> Result<()> {
        let text = "UPDATE sign_in SET expires_at = $2 WHERE hash = $1 AND expires_at < $2";
        self.call().await?.execute(text, &[&hash.as_slice(), &instant(expires_at_ms)?]).await.map(drop)
    }

    /// Signs somebody out. False when nobody was signed in so.
    pub async fn end_sign_in(&self, hash: &[u8; 32]) -> Result<bool> {
        Ok(self.call().await?.execute("DELETE FROM sign_in WHERE hash = $1", &[&hash.as_slice()]).await? == 1)
    }

    /// Signs a person out everywhere, and answers where they were signed in.
    pub async fn end_sign_ins(&self, user: UserId) -> Result<u64> {
        self.call().await?.execute("DELETE FROM sign_in WHERE user_id = $1", &[&user.row()]).await
    }

    /// Deletes sign-ins and invitations whose time is over, and answers how many.
    pub async fn sweep_sign_ins(&self, now_ms: i64) -> Result<u64> {
        let now = instant(now_ms)?;
        let session = self.call().await?;
        let invitations = session.execute("DELETE FROM invitation WHERE expires_at <= $1", &[&now]).await?;
        // Deleting tells every node to forget who is who, so it is left alone where there is nothing to delete.
        let looking = "SELECT 1 FROM sign_in WHERE expires_at <= $1 LIMIT 1";
        if session.query_opt(looking, &[&now]).await?.is_none() {
            return Ok(invitations);
        }
        Ok(invitations + session.execute("DELETE FROM sign_in WHERE expires_at <= $1", &[&now]).await?)
    }
}
