//! Pixels that workspaces keep.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{Catalog, Error, Result, instant};
use crate::domain::id::{PixelId, WorkspaceId};
use crate::domain::kept_pixel::KeptPixel;
use crate::domain::pixel::Network;

/// What a pixel is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelFields {
    /// Its name, unique in the workspace without regard to case.
    pub name: String,
    /// Whose it is.
    pub network: Network,
    /// The id that the network gave it.
    pub code: String,
}

macro_rules! pixel_columns {
    () => {
        "id, workspace_id, name, network, code, created_at, updated_at"
    };
}

fn from_row(row: &Row) -> Result<KeptPixel> {
    let network: String = row.try_get("network")?;
    Ok(KeptPixel {
        id: PixelId::from_row(row.try_get("id")?),
        workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
        name: row.try_get("name")?,
        network: Network::of_key(&network).ok_or_else(|| Error::Bug(format!("unknown network {network}")))?,
        code: row.try_get("code")?,
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
        updated_at_ms: row.try_get::<_, DateTime<Utc>>("updated_at")?.timestamp_millis(),
    })
}

impl Catalog {
    /// Adds a pixel. [`Error::Taken`] `pixel_name`.
    pub async fn add_pixel(&self, workspace: WorkspaceId, new: &PixelFields, now_ms: i64) -> Result<KeptPixel> {
        let text = concat!(
            "INSERT INTO pixel (workspace_id, name, network, code, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $5) RETURNING ",
            pixel_columns!()
        );
        let now = instant(now_ms)?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&workspace.row(), &new.name, &new.network.key(), &new.code, &now];
        let row = self.call().await?.query_opt(text, &values).await?;
        from_row(&row.ok_or_else(|| Error::Bug("no row from a new pixel".to_owned()))?)
    }

    /// The pixels of a workspace by name.
    pub async fn pixels(&self, workspace: WorkspaceId) -> Result<Vec<KeptPixel>> {
        let text = concat!("SELECT ", pixel_columns!(), " FROM pixel WHERE workspace_id = $1 ORDER BY lower(name), id");
        self.call().await?.query(text, &[&workspace.row()]).await?.iter().map(from_row).collect()
    }

    /// Those of `ids` that are pixels of the workspace.
    pub async fn pixels_by_ids(&self, workspace: WorkspaceId, ids: &[PixelId]) -> Result<Vec<KeptPixel>> {
        let ids: Vec<i64> = ids.iter().map(|id| id.row()).collect();
        let text = concat!("SELECT ", pixel_columns!(), " FROM pixel WHERE workspace_id = $1 AND id = ANY($2)");
        self.call().await?.query(text, &[&workspace.row(), &ids]).await?.iter().map(from_row).collect()
    }

    /// Changes a pixel. `None` when the workspace has no such pixel, [`Error::Taken`] `pixel_name`.
    pub async fn change_pixel(
        &self,
        workspace: WorkspaceId,
        id: PixelId,
        fields: &PixelFields,
        now_ms: i64,
    ) -> Result<Option<KeptPixel>> {
        let text = concat!(
            "UPDATE pixel SET name = $3, network = $4, code = $5, updated_at = $6
            WHERE workspace_id = $1 AND id = $2 RETURNING ",
            pixel_columns!()
        );
        let now = instant(now_ms)?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&workspace.row(), &id.row(), &fields.name, &fields.network.key(), &fields.code, &now];
        self.call().await?.query_opt(text, &values).await?.as_ref().map(from_row).transpose()
    }

    /// Removes a pixel; links keep the ids that they have. False when it is not the workspace's.
    pub async fn remove_pixel(&self, workspace: WorkspaceId, id: PixelId) -> Result<bool> {
        let text = "DELETE FROM pixel WHERE workspace_id = $1 AND id = $2";
        Ok(self.call().await?.execute(text, &[&workspace.row(), &id.row()]).await? == 1)
    }
}
