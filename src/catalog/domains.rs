//! Short domains. A name is one workspace's in the whole installation once that is verified; until then it is a claim, which
//! others may make too.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::link_list::Conditions;
use super::link_row::{from_row as link_from_row, link_columns};
use super::outbox::note_link;
use super::session::Work;
use super::{Catalog, Error, Result, Window, instant, like_anywhere, optional_instant};
use crate::domain::domain_fields::{DomainFields, DomainPatch};
use crate::domain::id::{DomainId, WorkspaceId};
use crate::domain::webhook::HookEvent;
use crate::domain::workspace::Domain;

macro_rules! domain_columns {
    () => {
        "domain.id, domain.workspace_id, domain.name, domain.case_sensitive, domain.is_primary, domain.archived, \
         domain.options, domain.created_at, domain.updated_at, domain.verified_at"
    };
}

const FOREIGN: &str = "SELECT 1 FROM link WHERE domain_id = $1 AND workspace_id <> $2 AND deleted_at IS NULL LIMIT 1";

fn from_row(row: &Row) -> Result<Domain> {
    let Json(fields): Json<DomainFields> = row.try_get("options")?;
    Ok(Domain {
        id: DomainId::from_row(row.try_get("id")?),
        workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
        name: row.try_get("name")?,
        case_sensitive: row.try_get("case_sensitive")?,
        primary: row.try_get("is_primary")?,
        fields: DomainFields { archived: row.try_get("archived")?, ..fields },
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
        updated_at_ms: row.try_get::<_, DateTime<Utc>>("updated_at")?.timestamp_millis(),
        verified_at_ms: row.try_get::<_, Option<DateTime<Utc>>>("verified_at")?.map(|at| at.timestamp_millis()),
    })
}

/// A short domain to add.
#[derive(Clone, Copy, Debug)]
pub struct NewDomain<'a> {
    /// As `parse_domain_name` gives it.
    pub name: &'a str,
    /// Slugs that differ in case are different links.
    pub case_sensitive: bool,
    /// What it is to be.
    pub fields: &'a DomainFields,
    /// It is known to be the workspace's; else it waits for [`Catalog::verify_domain`].
    pub verified: bool,
}

/// What a short domain is to be called from now on.
#[derive(Clone, Copy, Debug)]
pub struct NewName<'a> {
    /// As `parse_domain_name` gives it.
    pub name: &'a str,
    /// It is known to be the workspace's.
    pub verified: bool,
}

/// The fields that have no column; what is absent is left out.
fn options(fields: &DomainFields) -> Result<Json<Map<String, Value>>> {
    match serde_json::to_value(fields) {
        Ok(Value::Object(mut object)) => {
            object.retain(|name, value| name != "archived" && !value.is_null());
            Ok(Json(object))
        }
        Ok(_) => Err(Error::Bug("domain fields are not an object".to_owned())),
        Err(error) => Err(Error::Bug(format!("domain fields cannot be written: {error}"))),
    }
}

/// Holds the workspace until the transaction ends, so that changes of what is primary take turns. False when it is not there.
async fn hold_workspace(work: &Work<'_>, workspace: WorkspaceId) -> Result<bool> {
    let holding = "SELECT id FROM workspace WHERE id = $1 AND removed_at IS NULL FOR UPDATE";
    Ok(work.query_opt(holding, &[&workspace.row()]).await?.is_some())
}

/// The domain, held until the transaction ends.
async fn hold(work: &Work<'_>, workspace: WorkspaceId, id: DomainId) -> Result<Option<Domain>> {
    let text = concat!(
        "SELECT ",
        domain_columns!(),
        " FROM domain WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL FOR UPDATE"
    );
    work.query_opt(text, &[&workspace.row(), &id.row()]).await?.as_ref().map(from_row).transpose()
}

/// [`Error::Taken`] `domain_name` when the name is known to be somebody's, apart from the domain `but`.
async fn refuse_taken(work: &Work<'_>, name: &str, but: Option<DomainId>) -> Result<()> {
    let text = "SELECT id FROM domain
        WHERE name = $1 AND removed_at IS NULL AND verified_at IS NOT NULL AND id IS DISTINCT FROM $2";
    match work.query_opt(text, &[&name, &but.map(DomainId::row)]).await? {
        Some(_) => Err(Error::Taken("domain_name".to_owned())),
        None => Ok(()),
    }
}

/// Where no domain of the workspace is primary, the oldest that is verified and not archived becomes it.
async fn name_primary(work: &Work<'_>, workspace: WorkspaceId) -> Result<()> {
    let text = "UPDATE domain SET is_primary = true WHERE id = (
            SELECT min(id) FROM domain
            WHERE workspace_id = $1 AND removed_at IS NULL AND NOT archived AND verified_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM domain WHERE workspace_id = $1 AND is_primary AND removed_at IS NULL)";
    work.execute(text, &[&workspace.row()]).await.map(drop)
}

impl Catalog {
    /// Adds a short domain that is known to be the workspace's; its name is as `parse_domain_name` gives it. The first one of a
    /// workspace becomes its primary one. [`Error::Taken`] `domain_name` when any workspace has it, [`Error::Missing`]
    /// `workspace`.
    pub async fn add_domain(
        &self,
        workspace: WorkspaceId,
        name: &str,
        case_sensitive: bool,
        now_ms: i64,
    ) -> Result<Domain> {
        let fields = DomainFields::default();
        self.add_domain_with(workspace, &NewDomain { name, case_sensitive, fields: &fields, verified: true }, now_ms)
            .await
    }

    /// As [`add_domain`](Self::add_domain), with what it is to be. One that is archived or not verified does not become
    /// primary. [`Error::Taken`] `domain_claim` when the workspace has it already.
    pub async fn add_domain_with(&self, workspace: WorkspaceId, new: &NewDomain<'_>, now_ms: i64) -> Result<Domain> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        if !hold_workspace(&work, workspace).await? {
            return Err(Error::Missing("workspace".to_owned()));
        }
        refuse_taken(&work, new.name, None).await?;
        let adding = concat!(
            "INSERT INTO domain
                (workspace_id, name, case_sensitive, archived, options, created_at, updated_at, verified_at, is_primary)
            SELECT $1, $2, $3, $4, $5, $6, $6, $7::timestamptz, $7::timestamptz IS NOT NULL AND NOT $4 AND
                NOT EXISTS (SELECT 1 FROM domain WHERE workspace_id = $1 AND is_primary AND removed_at IS NULL)
            RETURNING ",
            domain_columns!()
        );
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] = [
            &workspace.row(),
            &new.name,
            &new.case_sensitive,
            &new.fields.archived,
            &options(new.fields)?,
            &now,
            &new.verified.then_some(now),
        ];
        let domain = from_row(&work.query_one(adding, &values).await?)?;
        work.commit().await?;
        Ok(domain)
    }

    /// Notes that a short domain is the workspace's; it answers visits from now on, and becomes primary where none is. `None`
    /// when the workspace has no such domain, [`Error::Taken`] `domain_name` when it is known to be another's.
    pub async fn verify_domain(&self, workspace: WorkspaceId, id: DomainId, now_ms: i64) -> Result<Option<Domain>> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        hold_workspace(&work, workspace).await?;
        let text = "UPDATE domain SET verified_at = $3, updated_at = $3
            WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL AND verified_at IS NULL";
        work.execute(text, &[&workspace.row(), &id.row(), &now]).await?;
        name_primary(&work, workspace).await?;
        let verified = hold(&work, workspace, id).await?;
        work.commit().await?;
        Ok(verified)
    }

    /// Every verified short domain of the installation, for telling visits by their host; oldest first.
    pub async fn domains(&self) -> Result<Vec<Domain>> {
        let text = concat!(
            "SELECT ",
            domain_columns!(),
            " FROM domain WHERE removed_at IS NULL AND verified_at IS NOT NULL ORDER BY id"
        );
        self.lookup().await?.query(text, &[]).await?.iter().map(from_row).collect()
    }

    /// Every short domain of the installation, claims too; oldest first. With `name` those called so.
    pub async fn domains_and_claims(&self, name: Option<&str>) -> Result<Vec<Domain>> {
        let text = concat!(
            "SELECT ",
            domain_columns!(),
            " FROM domain WHERE removed_at IS NULL AND name = coalesce($1, name) ORDER BY id"
        );
        self.call().await?.query(text, &[&name]).await?.iter().map(from_row).collect()
    }

    /// The verified short domain of this name, whoever owns it.
    pub async fn domain_by_name(&self, name: &str) -> Result<Option<Domain>> {
        let text = concat!(
            "SELECT ",
            domain_columns!(),
            " FROM domain WHERE name = $1 AND removed_at IS NULL AND verified_at IS NOT NULL"
        );
        self.lookup().await?.query_opt(text, &[&name]).await?.as_ref().map(from_row).transpose()
    }

    /// The workspace's short domain of this name, verified or not.
    pub async fn domain_of(&self, workspace: WorkspaceId, name: &str) -> Result<Option<Domain>> {
        let text = concat!(
            "SELECT ",
            domain_columns!(),
            " FROM domain WHERE workspace_id = $1 AND name = $2 AND removed_at IS NULL"
        );
        self.call().await?.query_opt(text, &[&workspace.row(), &name]).await?.as_ref().map(from_row).transpose()
    }

    /// A short domain of the workspace, verified or not.
    pub async fn domain(&self, workspace: WorkspaceId, id: DomainId) -> Result<Option<Domain>> {
        let text = concat!(
            "SELECT ",
            domain_columns!(),
            " FROM domain WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL"
        );
        self.call().await?.query_opt(text, &[&workspace.row(), &id.row()]).await?.as_ref().map(from_row).transpose()
    }

    /// The short domain that answers where the installation itself is reached: the first of `names` that is one, else the
    /// oldest.
    pub async fn home_domain(&self, names: &[String]) -> Result<Option<Domain>> {
        let text = concat!(
            "SELECT ",
            domain_columns!(),
            " FROM domain WHERE removed_at IS NULL AND verified_at IS NOT NULL
            ORDER BY coalesce(array_position($1, name), 1000), id LIMIT 1"
        );
        self.call().await?.query_opt(text, &[&names]).await?.as_ref().map(from_row).transpose()
    }

    /// Whether links of other workspaces live on a short domain: those of their sites.
    pub async fn has_foreign_links(&self, domain: &Domain) -> Result<bool> {
        let row = self.call().await?.query_opt(FOREIGN, &[&domain.id.row(), &domain.workspace.row()]).await?;
        Ok(row.is_some())
    }

    /// Those of `names` that are verified short domains of anybody.
    pub async fn registered_among(&self, names: &[String]) -> Result<Vec<String>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let text = "SELECT name FROM domain WHERE name = ANY($1) AND removed_at IS NULL AND verified_at IS NOT NULL";
        self.call().await?.query(text, &[&names]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The short domains of a workspace, the primary one first, then those that wait for their proof behind the others, and
    /// archived ones behind others of their kind.
    pub async fn link_domains(&self, workspace: WorkspaceId) -> Result<Vec<Domain>> {
        let text = concat!(
            "SELECT ",
            domain_columns!(),
            " FROM domain WHERE workspace_id = $1 AND removed_at IS NULL
            ORDER BY is_primary DESC, verified_at IS NULL, archived, id"
        );
        self.call().await?.query(text, &[&workspace.row()]).await?.iter().map(from_row).collect()
    }

    /// A part of the workspace's short domains, the primary one first, then by age. With `search` those whose name holds it.
    pub async fn domain_list(
        &self,
        workspace: WorkspaceId,
        archived: bool,
        search: Option<&str>,
        window: Window,
    ) -> Result<Vec<Domain>> {
        let mut list = Conditions::new(concat!("SELECT ", domain_columns!(), " FROM domain"));
        list.push(" WHERE workspace_id = ? AND removed_at IS NULL", workspace.row());
        if !archived {
            list.plain(" AND NOT archived");
        }
        if let Some(search) = search {
            list.push(" AND name ILIKE ?", like_anywhere(search));
        }
        list.plain(" ORDER BY is_primary DESC, id");
        list.window(window);
        self.call().await?.query_composed(&list.text, &list.values()).await?.iter().map(from_row).collect()
    }

    /// Changes a short domain; its links move with its name. An archived one hands on being primary, if another can have it;
    /// one whose new name is not verified in any case. `None` when it is not the workspace's, [`Error::Taken`] `domain_name`
    /// or `domain_claim`.
    pub async fn change_domain(
        &self,
        workspace: WorkspaceId,
        id: DomainId,
        name: Option<NewName<'_>>,
        patch: DomainPatch,
        now_ms: i64,
    ) -> Result<Option<Domain>> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        hold_workspace(&work, workspace).await?;
        let Some(mut domain) = hold(&work, workspace, id).await? else { return Ok(None) };
        patch.apply(&mut domain.fields);
        let fields = &domain.fields;
        let mut verified_at = optional_instant(domain.verified_at_ms)?;
        if let Some(name) = &name {
            refuse_taken(&work, name.name, Some(id)).await?;
            verified_at = name.verified.then_some(now);
        }
        let text = "UPDATE domain SET name = coalesce($3, name), archived = $4, options = $5, updated_at = $6,
                verified_at = $7::timestamptz,
                is_primary = is_primary AND $7::timestamptz IS NOT NULL AND NOT ($4 AND EXISTS (
                    SELECT 1 FROM domain AS other WHERE other.workspace_id = $1 AND other.id <> $2
                        AND other.removed_at IS NULL AND NOT other.archived AND other.verified_at IS NOT NULL))
            WHERE workspace_id = $1 AND id = $2";
        let name = name.map(|name| name.name);
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
            [&workspace.row(), &id.row(), &name, &fields.archived, &options(fields)?, &now, &verified_at];
        work.execute(text, &values).await?;
        name_primary(&work, workspace).await?;
        let changed = hold(&work, workspace, id).await?;
        work.commit().await?;
        Ok(changed)
    }

    /// Makes a verified short domain the workspace's primary one. False when it is not the workspace's, or not verified.
    pub async fn set_primary_domain(&self, workspace: WorkspaceId, domain: DomainId) -> Result<bool> {
        let mut session = self.call().await?;
        let work = session.begin().await?;
        hold_workspace(&work, workspace).await?;
        let lowering =
            "UPDATE domain SET is_primary = false WHERE workspace_id = $1 AND is_primary AND removed_at IS NULL";
        work.execute(lowering, &[&workspace.row()]).await?;
        let raising = "UPDATE domain SET is_primary = true
            WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL AND verified_at IS NOT NULL";
        if work.execute(raising, &[&workspace.row(), &domain.row()]).await? == 0 {
            return Ok(false);
        }
        work.commit().await?;
        Ok(true)
    }

    /// Deletes up to `most` links of a short domain, the root link too, and answers how many: 0 when there are no more.
    pub async fn delete_links_on(
        &self,
        workspace: WorkspaceId,
        domain: DomainId,
        most: i64,
        now_ms: i64,
    ) -> Result<usize> {
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let deleted = delete_on(&work, workspace, domain, most, now_ms).await?;
        work.commit().await?;
        Ok(deleted)
    }

    /// Removes a short domain with the links that it has: its name is free again, and another domain of the workspace becomes
    /// primary in its place. False when it is not the workspace's. Of a domain with very many links they had better be
    /// deleted before. [`Error::Taken`] `domain_of_sites` when links of other workspaces' sites live there.
    pub async fn remove_domain(&self, workspace: WorkspaceId, domain: DomainId, now_ms: i64) -> Result<bool> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        hold_workspace(&work, workspace).await?;
        // Held first, so that no link is made meanwhile.
        if hold(&work, workspace, domain).await?.is_none() {
            return Ok(false);
        }
        if work.query_opt(FOREIGN, &[&domain.row(), &workspace.row()]).await?.is_some() {
            return Err(Error::Taken("domain_of_sites".to_owned()));
        }
        delete_on(&work, workspace, domain, i64::MAX, now_ms).await?;
        let text = "UPDATE domain SET removed_at = $3, is_primary = false WHERE workspace_id = $1 AND id = $2";
        work.execute(text, &[&workspace.row(), &domain.row(), &now]).await?;
        name_primary(&work, workspace).await?;
        work.commit().await?;
        Ok(true)
    }
}

async fn delete_on(work: &Work<'_>, workspace: WorkspaceId, domain: DomainId, most: i64, now_ms: i64) -> Result<usize> {
    let now = instant(now_ms)?;
    let text = concat!(
        "UPDATE link SET deleted_at = $4 FROM domain
        WHERE domain.id = link.domain_id AND link.id IN (
            SELECT id FROM link WHERE workspace_id = $1 AND domain_id = $2 AND deleted_at IS NULL
            ORDER BY id LIMIT $3 FOR UPDATE)
        RETURNING ",
        link_columns!()
    );
    let deleted = work.query(text, &[&workspace.row(), &domain.row(), &most, &now]).await?;
    for row in &deleted {
        let link = link_from_row(row)?;
        // Of those in the trash it is noted already.
        if link.trashed_at_ms.is_none() {
            note_link(work, HookEvent::LinkDeleted, &link, now_ms).await?;
        }
    }
    Ok(deleted.len())
}
