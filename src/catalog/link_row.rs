//! A link as a row: what has a column of its own, and the rest as JSON in `options`.
//!
//! A field that has its default value is left out of `options`; the defaults of [`LinkFields`] are thereby part of the
//! stored form and must not change. Fields that a newer version wrote are ignored when read here, and lost when an
//! older version writes the link again.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Json};

use super::{Error, Result};
use crate::domain::id::{DomainId, FolderId, LinkId, TagId, UserId, WorkspaceId};
use crate::domain::link::{Link, LinkFields};

/// What a query for links selects, from `link JOIN domain ON domain.id = link.domain_id`.
macro_rules! link_columns {
    () => {
        "link.options, link.url, link.title, link.archived, link.folder_id, link.tag_ids, link.external_id, \
         link.tenant_id, link.program_id, link.partner_id, link.group_id, link.site_id, link.id, link.workspace_id, \
         link.created_by, link.domain_id, domain.name AS domain_name, link.slug, link.created_at, link.updated_at, \
         link.trashed_at, link.deleted_at, domain.case_sensitive"
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

/// The columns of a row, one after the other: a name would be looked for among all of them, in every row.
pub(super) struct InOrder<'a> {
    row: &'a Row,
    place: usize,
}

impl<'a> InOrder<'a> {
    pub(super) fn of(row: &'a Row) -> Self {
        Self { row, place: 0 }
    }

    pub(super) fn next<T: FromSql<'a>>(&mut self) -> Result<T> {
        self.place += 1;
        Ok(self.row.try_get(self.place - 1)?)
    }

    pub(super) fn instant_ms(&mut self) -> Result<Option<i64>> {
        Ok(self.next::<Option<DateTime<Utc>>>()?.map(|at| at.timestamp_millis()))
    }
}

/// Reads a row that begins with `link_columns!()`.
pub(super) fn from_row(row: &Row) -> Result<Link> {
    let mut columns = InOrder::of(row);
    let Json(mut fields): Json<LinkFields> = columns.next()?;
    fields.url = columns.next()?;
    fields.title = columns.next()?;
    fields.archived = columns.next()?;
    fields.folder = columns.next::<Option<i64>>()?.map(FolderId::from_row);
    fields.tags = columns.next::<Vec<i64>>()?.into_iter().map(TagId::from_row).collect();
    fields.external_id = columns.next()?;
    fields.tenant_id = columns.next()?;
    fields.program_id = columns.next()?;
    fields.partner_id = columns.next()?;
    fields.group_id = columns.next()?;
    fields.site = columns.next::<Option<i64>>()?.map(i64::cast_unsigned);
    Ok(Link {
        fields,
        id: LinkId::from_row(columns.next()?),
        workspace: WorkspaceId::from_row(columns.next()?),
        created_by: columns.next::<Option<i64>>()?.map(UserId::from_row),
        domain_id: DomainId::from_row(columns.next()?),
        domain: columns.next()?,
        slug: columns.next()?,
        created_at_ms: columns.instant_ms()?.unwrap_or_default(),
        updated_at_ms: columns.instant_ms()?.unwrap_or_default(),
        trashed_at_ms: columns.instant_ms()?,
        deleted_at_ms: columns.instant_ms()?,
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
