//! People, and where they belong.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{Catalog, Error, Result, instant};
use crate::domain::id::{UserId, WorkspaceId};
use crate::domain::principal::Role;
use crate::domain::user::User;

/// Ids and roles as parallel arrays, oldest workspace first.
pub(super) fn memberships(row: &Row) -> Result<Vec<(WorkspaceId, Role)>> {
    let ids: Vec<i64> = row.try_get("workspace_ids")?;
    let roles: Vec<String> = row.try_get("roles")?;
    ids.into_iter()
        .zip(roles)
        .map(|(id, name)| {
            let role = Role::parse(&name).ok_or_else(|| Error::Bug(format!("unknown role {name}")))?;
            Ok((WorkspaceId::from_row(id), role))
        })
        .collect()
}

fn from_row(row: &Row) -> Result<User> {
    Ok(User {
        id: UserId::from_row(row.try_get("id")?),
        email: row.try_get("email")?,
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
        workspaces: memberships(row)?,
    })
}

impl Catalog {
    /// Adds a person, and makes them a member of `workspace` where one is given. [`Error::Taken`] `app_user_email` when the
    /// address is in use, [`Error::Missing`] `workspace` when there is no such workspace.
    pub async fn add_user(
        &self,
        email: &str,
        password_hash: &str,
        workspace: Option<(WorkspaceId, Role)>,
        now_ms: i64,
    ) -> Result<User> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let adding = "INSERT INTO app_user (email, password_hash, created_at) VALUES ($1, $2, $3) RETURNING id";
        let id: i64 = work.query_one(adding, &[&email, &password_hash, &now]).await?.try_get(0)?;
        if let Some((workspace, role)) = workspace {
            let joining = "INSERT INTO member (workspace_id, user_id, role)
                SELECT workspace.id, $2, $3 FROM workspace WHERE workspace.id = $1 AND removed_at IS NULL";
            if work.execute(joining, &[&workspace.row(), &id, &role.name()]).await? == 0 {
                return Err(Error::Missing("workspace".to_owned()));
            }
        }
        work.commit().await?;
        Ok(User {
            id: UserId::from_row(id),
            email: email.to_owned(),
            created_at_ms: now_ms,
            workspaces: workspace.into_iter().collect(),
        })
    }

    /// Every person, oldest first.
    pub async fn users(&self) -> Result<Vec<User>> {
        let text = "SELECT id, email, created_at,
                array(SELECT workspace_id FROM member WHERE user_id = id ORDER BY workspace_id) AS workspace_ids,
                array(SELECT role FROM member WHERE user_id = id ORDER BY workspace_id) AS roles
            FROM app_user ORDER BY id";
        self.call().await?.query(text, &[]).await?.iter().map(from_row).collect()
    }

    /// A person.
    pub async fn user(&self, user: UserId) -> Result<Option<User>> {
        let text = "SELECT id, email, created_at,
                array(SELECT workspace_id FROM member WHERE user_id = id ORDER BY workspace_id) AS workspace_ids,
                array(SELECT role FROM member WHERE user_id = id ORDER BY workspace_id) AS roles
            FROM app_user WHERE id = $1";
        self.call().await?.query_opt(text, &[&user.row()]).await?.as_ref().map(from_row).transpose()
    }

    /// The person with this address, and the hash of their password.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<(User, String)>> {
        let text = "SELECT id, email, created_at, password_hash,
                array(SELECT workspace_id FROM member WHERE user_id = id ORDER BY workspace_id) AS workspace_ids,
                array(SELECT role FROM member WHERE user_id = id ORDER BY workspace_id) AS roles
            FROM app_user WHERE lower(email) = lower($1)";
        let row = self.call().await?.query_opt(text, &[&email]).await?;
        row.map(|row| Ok((from_row(&row)?, row.try_get("password_hash")?))).transpose()
    }

    /// Gives a person another password and signs them out everywhere. False when there is no such person.
    pub async fn set_password_hash(&self, user: UserId, password_hash: &str) -> Result<bool> {
        let text = "WITH ended AS (DELETE FROM sign_in WHERE user_id = $1)
            UPDATE app_user SET password_hash = $2 WHERE id = $1";
        Ok(self.call().await?.execute(text, &[&user.row(), &password_hash]).await? == 1)
    }

    /// Makes a person a member of a workspace, or changes their role there, and signs them out
    /// everywhere. False when either is not there.
    pub async fn set_member(&self, workspace: WorkspaceId, user: UserId, role: Role) -> Result<bool> {
        let text = "WITH ended AS (DELETE FROM sign_in WHERE user_id = $2)
            INSERT INTO member (workspace_id, user_id, role)
            SELECT workspace.id, app_user.id, $3 FROM workspace, app_user
            WHERE workspace.id = $1 AND removed_at IS NULL AND app_user.id = $2
            ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role";
        Ok(self.call().await?.execute(text, &[&workspace.row(), &user.row(), &role.name()]).await? == 1)
    }

    /// The owner of a workspace who has been there for longest.
    pub async fn first_owner(&self, workspace: WorkspaceId) -> Result<Option<UserId>> {
        let text = "SELECT user_id FROM member WHERE workspace_id = $1 AND role = 'owner' ORDER BY user_id LIMIT 1";
        let row = self.call().await?.query_opt(text, &[&workspace.row()]).await?;
        row.map(|row| Ok(UserId::from_row(row.try_get(0)?))).transpose()
    }

    /// Takes a person out of a workspace; their keys no longer open it, and they are signed out
    /// everywhere. False when they were no member.
    pub async fn remove_member(&self, workspace: WorkspaceId, user: UserId) -> Result<bool> {
        let text = "WITH ended AS (DELETE FROM sign_in WHERE user_id = $2)
            DELETE FROM member WHERE workspace_id = $1 AND user_id = $2";
        Ok(self.call().await?.execute(text, &[&workspace.row(), &user.row()]).await? == 1)
    }

    /// Removes a person with their memberships and keys; their links stay. False when there is no such person.
    pub async fn remove_user(&self, user: UserId) -> Result<bool> {
        Ok(self.call().await?.execute("DELETE FROM app_user WHERE id = $1", &[&user.row()]).await? == 1)
    }
}
