//! A link as a row: what has a column of its own, and the rest as JSON in `options`.
//!
//! A field that has its default value is left out of `options`; the defaults of [`LinkFields`] are thereby part of the
//! stored form and must not change. Fields that a newer version wrote are ignored when read here, and lost when an
//! older version writes the link again.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::{Error, Result};
use crate::domain::id::{DomainId, FolderId, LinkId, TagId, UserId, WorkspaceId};
use crate::domain::link::{Link, LinkFields};

/// What a query for links selects, from `link JOIN domain ON domain.id = link.domain_id`.
macro_rules! link_columns {
    () => {
        "link.id, link.workspace_id, link.created_by, link.domain_id, domain.name AS domain_name, \
         domain.case_sensitive, link.slug, link.url, link.title, link.archived, link.folder_id, link.tag_ids, \
         link.external_id, link.tenant_id, link.program_id, link.partner_id, link.group_id, link.site_id, \
         link.options, link.created_at, link.updated_at, link.trashed_at, link.deleted_at"
    };
}
pub(super) use link_columns;

/// Fields that have a column.
const COLUMNS: [&str; 11] = [
    "url",
    "title",
    "archived",
    "folder",
    "tags",
    "external_id",
    "tenant_id",
    "program_id",
    "partner_id",
    "group_id",
    "site",
];

/// The fields without a column.
pub(super) fn options(fields: &LinkFields) -> Result<Json<Map<String, Value>>> {
    let mut options = object(fields)?;
    let defaults = object(&LinkFields::default())?;
    options.retain(|name, value| !COLUMNS.contains(&name.as_str()) && defaults.get(name) != Some(value));
    Ok(Json(options))
}

fn object(fields: &LinkFields) -> Result<Map<String, Value>> {
    match serde_json::to_value(fields) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Error::Bug("link fields are not an object".to_owned())),
        Err(error) => Err(Error::Bug(format!("link fields cannot be written: {error}"))),
    }
}

/// Tags as Postgres keeps them.
pub(super) fn tag_rows(fields: &LinkFields) -> Vec<i64> {
    fields.tags.iter().map(|tag| tag.row()).collect()
}

/// Reads a row of `link_columns!()`.
pub(super) fn from_row(row: &Row) -> Result<Link> {
    let Json(mut fields): Json<LinkFields> = row.try_get("options")?;
    fields.url = row.try_get("url")?;
    fields.title = row.try_get("title")?;
    fields.archived = row.try_get("archived")?;
    fields.folder = row.try_get::<_, Option<i64>>("folder_id")?.map(FolderId::from_row);
    fields.tags = row.try_get::<_, Vec<i64>>("tag_ids")?.into_iter().map(TagId::from_row).collect();
    fields.external_id = row.try_get("external_id")?;
    fields.tenant_id = row.try_get("tenant_id")?;
    fields.program_id = row.try_get("program_id")?;
    fields.partner_id = row.try_get("partner_id")?;
    fields.group_id = row.try_get("group_id")?;
    fields.site = row.try_get::<_, Option<i64>>("site_id")?.map(i64::cast_unsigned);
    Ok(Link {
        id: LinkId::from_row(row.try_get("id")?),
        workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
        created_by: row.try_get::<_, Option<i64>>("created_by")?.map(UserId::from_row),
        domain_id: DomainId::from_row(row.try_get("domain_id")?),
        domain: row.try_get("domain_name")?,
        slug: row.try_get("slug")?,
        fields,
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
        updated_at_ms: row.try_get::<_, DateTime<Utc>>("updated_at")?.timestamp_millis(),
        trashed_at_ms: row.try_get::<_, Option<DateTime<Utc>>>("trashed_at")?.map(|at| at.timestamp_millis()),
        deleted_at_ms: row.try_get::<_, Option<DateTime<Utc>>>("deleted_at")?.map(|at| at.timestamp_millis()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_hold_what_has_no_column_and_no_default() {
        let Json(empty) = options(&LinkFields::default()).unwrap();
        assert!(empty.is_empty(), "{empty:?}");
        let fields = LinkFields {
            url: "https://a.b".to_owned(),
            title: Some("t".to_owned()),
            block_bots: true,
            notes: Some("n".to_owned()),
            ..LinkFields::default()
        };
        let Json(options) = options(&fields).unwrap();
        assert_eq!(Value::Object(options), serde_json::json!({"block_bots": true, "notes": "n"}));
    }

    #[test]
    fn every_column_is_a_field() {
        let fields = object(&LinkFields::default()).unwrap();
        for column in COLUMNS {
            assert!(fields.contains_key(column), "{column}");
        }
    }
}
