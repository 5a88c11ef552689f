//! Links, one at a time. Lists are in `link_list.rs`, selections for analytics in `link_filter.rs`.

use chrono::{DateTime, Utc};
use tokio_postgres::types::{Json, ToSql};

use super::link_row::{from_row, link_columns, options, tag_rows};
use super::outbox::note_link;
use super::session::Work;
use super::{Catalog, Error, Result, allowances, instant};
use crate::domain::id::{DomainId, FolderId, LinkId, TagId, UserId, WorkspaceId};
use crate::domain::link::{Link, LinkFields};
use crate::domain::webhook::HookEvent;
use crate::domain::workspace::{Domain, WorkspaceSettings, slug_key};

/// Links that are asked for by id at once.
const CHUNK: usize = 5_000;

/// A link to add.
#[derive(Clone, Copy, Debug)]
pub struct NewLink<'a> {
    /// Its owner.
    pub workspace: WorkspaceId,
    /// Where it lives. Only links of sites live on a domain of another workspace.
    pub domain: &'a Domain,
    /// Its place there.
    pub slug: &'a str,
    /// Who makes it.
    pub created_by: Option<UserId>,
    /// All that can be written.
    pub fields: &'a LinkFields,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
    /// It comes over from elsewhere, and its clicks so far come too: if it is limited, they count.
    pub has_history: bool,
}

/// Where a link is to live from now on; what is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// A short domain of the same workspace.
    pub domain: Option<&'a Domain>,
    /// Another slug.
    pub slug: Option<&'a str>,
    /// Out of the trash, if it is there; else a link in the trash is none.
    pub restores: bool,
}

impl Catalog {
    /// Adds a link. [`Error::Taken`] `link_slug` or `link_external_id`; [`Error::Missing`] `link_domain`, `link_folder` or
    /// `link_tags` for what is not there or not this workspace's.
    pub async fn add_link(&self, new: &NewLink<'_>) -> Result<Link> {
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let link = insert(&work, new).await?;
        work.commit().await?;
        Ok(link)
    }

    /// The link that a visit means.
    pub async fn resolve(&self, domain: DomainId, slug_key: &str) -> Result<Option<Link>> {
        let text = concat!(
            "SELECT ",
            link_columns!(),
            " FROM link JOIN domain ON domain.id = link.domain_id
            WHERE link.domain_id = $1 AND link.slug_key = $2 AND link.deleted_at IS NULL AND link.trashed_at IS NULL
                AND domain.removed_at IS NULL"
        );
        let row = self.lookup().await?.query_opt(text, &[&domain.row(), &slug_key]).await?;
        row.as_ref().map(from_row).transpose()
    }

    /// As [`resolve`](Self::resolve), for many visits at once, each with its domain and slug key: in their order, with the
    /// settings of the links' workspaces; those of a workspace that was removed are the default.
    pub async fn resolve_all(&self, places: &[(DomainId, &str)]) -> Result<Vec<Option<(Link, WorkspaceSettings)>>> {
        // Postgres: the limit has it look up each by the index. Of links that were just made it has no statistics yet, and might
        // read all of them.
        let text = concat!(
            "SELECT ",
            link_columns!(),
            ", asked.place, workspace.settings
            FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS asked (domain_id, slug_key, place)
            CROSS JOIN LATERAL (
                SELECT * FROM link
                WHERE domain_id = asked.domain_id AND slug_key = asked.slug_key AND deleted_at IS NULL
                    AND trashed_at IS NULL
                LIMIT 1
            ) AS link
            JOIN domain ON domain.id = link.domain_id AND domain.removed_at IS NULL
            LEFT JOIN workspace ON workspace.id = link.workspace_id AND workspace.removed_at IS NULL"
        );
        let (domains, slug_keys): (Vec<i64>, Vec<&str>) =
            places.iter().map(|(domain, slug_key)| (domain.row(), *slug_key)).unzip();
        let mut found: Vec<_> = places.iter().map(|_| None).collect();
        for row in self.lookup().await?.query(text, &[&domains, &slug_keys]).await? {
            let settings: Option<Json<WorkspaceSettings>> = row.try_get("settings")?;
            // Places are counted from one.
            let place = usize::try_from(row.try_get::<_, i64>("place")?).unwrap_or_default().wrapping_sub(1);
            if let Some(found) = found.get_mut(place) {
                *found = Some((from_row(&row)?, settings.map(|Json(settings)| settings).unwrap_or_default()));
            }
        }
        Ok(found)
    }

    /// Whether any link has this slug, in the trash or not.
    pub async fn is_slug_taken(&self, domain: DomainId, slug_key: &str) -> Result<bool> {
        let text = "SELECT 1 FROM link WHERE domain_id = $1 AND slug_key = $2 AND deleted_at IS NULL";
        Ok(self.call().await?.query_opt(text, &[&domain.row(), &slug_key]).await?.is_some())
    }

    /// A link of the workspace that was not deleted.
    pub async fn link(&self, workspace: WorkspaceId, id: LinkId) -> Result<Option<Link>> {
        let text = concat!(
            "SELECT ",
            link_columns!(),
            " FROM link JOIN domain ON domain.id = link.domain_id
            WHERE link.workspace_id = $1 AND link.id = $2 AND link.deleted_at IS NULL AND link.trashed_at IS NULL AND domain.removed_at IS NULL"
        );
        let row = self.call().await?.query_opt(text, &[&workspace.row(), &id.row()]).await?;
        row.as_ref().map(from_row).transpose()
    }

    /// The link of the workspace that has this id in the user's own database.
    pub async fn link_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> Result<Option<Link>> {
        let text = concat!(
            "SELECT ",
            link_columns!(),
            " FROM link JOIN domain ON domain.id = link.domain_id
            WHERE link.workspace_id = $1 AND link.external_id = $2 AND link.deleted_at IS NULL AND link.trashed_at IS NULL
                AND domain.removed_at IS NULL"
        );
        let row = self.call().await?.query_opt(text, &[&workspace.row(), &external_id]).await?;
        row.as_ref().map(from_row).transpose()
    }

    /// The link of the workspace at this place.
    pub async fn link_at(&self, workspace: WorkspaceId, domain: &str, slug: &str) -> Result<Option<Link>> {
        if let Some(own) = self.domain_of(workspace, domain).await? {
            let found = self.resolve(own.id, &own.slug_key(slug)).await?.filter(|link| link.workspace == workspace);
            if found.is_some() || own.is_verified() {
                return Ok(found);
            }
        }
        // A link of a site may live on the domain of another workspace.
        let Some(domain) = self.domain_by_name(domain).await? else { return Ok(None) };
        Ok(self.resolve(domain.id, &domain.slug_key(slug)).await?.filter(|link| link.workspace == workspace))
    }

    /// Those of `ids` that are the workspace's, deleted ones included (their clicks stay), in no particular order. Takes any
    /// number of ids.
    pub async fn links_by_ids(&self, workspace: WorkspaceId, ids: &[LinkId]) -> Result<Vec<Link>> {
        let text = concat!(
            "SELECT ",
            link_columns!(),
            " FROM link JOIN domain ON domain.id = link.domain_id
            WHERE link.workspace_id = $1 AND link.id = ANY($2)"
        );
        let mut links = Vec::with_capacity(ids.len().min(CHUNK));
        for chunk in ids.chunks(CHUNK) {
            let rows: Vec<i64> = chunk.iter().map(|id| id.row()).collect();
            for row in self.call().await?.query(text, &[&workspace.row(), &rows]).await? {
                links.push(from_row(&row)?);
            }
        }
        Ok(links)
    }

    /// Changes a link while nobody else can: `edit` gets the link, already at its new place, and writes over its fields; its
    /// error leaves all as it was. `None` when the workspace has no such link. Errors as for [`add_link`](Self::add_link).
    pub async fn change_link<E>(
        &self,
        workspace: WorkspaceId,
        id: LinkId,
        place: Place<'_>,
        now_ms: i64,
        edit: impl FnOnce(&mut Link) -> std::result::Result<(), E> + Send,
    ) -> Result<Option<std::result::Result<Link, E>>> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let text = concat!(
            "SELECT ",
            link_columns!(),
            " FROM link JOIN domain ON domain.id = link.domain_id
            WHERE link.workspace_id = $1 AND link.id = $2 AND link.deleted_at IS NULL
                AND (link.trashed_at IS NULL OR $3) AND domain.removed_at IS NULL
            FOR UPDATE OF link"
        );
        let values: [&(dyn ToSql + Sync); 3] = [&workspace.row(), &id.row(), &place.restores];
        let Some(row) = work.query_opt(text, &values).await? else { return Ok(None) };
        let mut link = from_row(&row)?;
        if link.trashed_at_ms.take().is_some() {
            let restoring = "UPDATE link SET trashed_at = NULL WHERE workspace_id = $1 AND id = $2";
            work.execute(restoring, &[&workspace.row(), &id.row()]).await?;
        }
        let mut case_sensitive: bool = row.try_get("case_sensitive")?;
        let before = link.fields.tags.clone();
        if let Some(domain) = place.domain {
            if domain.workspace != workspace {
                return Err(Error::Missing("link_domain".to_owned()));
            }
            hold_domain(&work, domain).await?;
            link.domain_id = domain.id;
            link.domain.clone_from(&domain.name);
            case_sensitive = domain.case_sensitive;
        }
        if let Some(slug) = place.slug {
            slug.clone_into(&mut link.slug);
        }
        if let Err(refusal) = edit(&mut link) {
            return Ok(Some(Err(refusal)));
        }
        link.updated_at_ms = now_ms;
        if link.fields.tags != before {
            hold_tags(&work, workspace, &link.fields.tags).await?;
        }
        write(&work, &link, &slug_key(&link.slug, case_sensitive), now).await?;
        note_link(&work, HookEvent::LinkUpdated, &link, now_ms).await?;
        work.commit().await?;
        Ok(Some(Ok(link)))
    }

    /// Deletes a link: its slug is free again, its history stays. False when the workspace has no such link.
    pub async fn delete_link(&self, workspace: WorkspaceId, id: LinkId, now_ms: i64) -> Result<bool> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let text = concat!(
            "UPDATE link SET deleted_at = $3 FROM domain
            WHERE domain.id = link.domain_id AND link.workspace_id = $1 AND link.id = $2 AND link.deleted_at IS NULL AND link.trashed_at IS NULL
            RETURNING ",
            link_columns!()
        );
        let Some(row) = work.query_opt(text, &[&workspace.row(), &id.row(), &now]).await? else { return Ok(false) };
        note_link(&work, HookEvent::LinkDeleted, &from_row(&row)?, now_ms).await?;
        work.commit().await?;
        Ok(true)
    }
}

/// Writes a new link and notes that it was made.
pub(super) async fn insert(work: &Work<'_>, new: &NewLink<'_>) -> Result<Link> {
    let now = instant(new.created_at_ms)?;
    hold_domain(work, new.domain).await?;
    hold_tags(work, new.workspace, &new.fields.tags).await?;
    if let Some(site) = new.fields.site {
        hold_site(work, new.workspace, site).await?;
    }
    let fields = new.fields;
    let text = "INSERT INTO link (workspace_id, domain_id, created_by, slug, slug_key, url, title, archived,
            folder_id, tag_ids, external_id, tenant_id, program_id, partner_id, group_id, site_id, options, created_at,
            updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)
        RETURNING id";
    let id: i64 = work
        .query_one(
            text,
            &[
                &new.workspace.row(),
                &new.domain.id.row(),
                &new.created_by.map(UserId::row),
                &new.slug,
                &new.domain.slug_key(new.slug),
                &fields.url,
                &fields.title,
                &fields.archived,
                &fields.folder.map(FolderId::row),
                &tag_rows(fields),
                &fields.external_id,
                &fields.tenant_id,
                &fields.program_id,
                &fields.partner_id,
                &fields.group_id,
                &fields.site.map(u64::cast_signed),
                &options(fields)?,
                &now,
            ],
        )
        .await?
        .try_get(0)?;
    let link = Link {
        id: LinkId::from_row(id),
        workspace: new.workspace,
        created_by: new.created_by,
        domain_id: new.domain.id,
        domain: new.domain.name.clone(),
        slug: new.slug.to_owned(),
        fields: fields.clone(),
        created_at_ms: new.created_at_ms,
        updated_at_ms: new.created_at_ms,
        trashed_at_ms: None,
        deleted_at_ms: None,
    };
    if fields.max_clicks.is_some() && !new.has_history {
        allowances::begin(work, link.id).await?;
    }
    note_link(work, HookEvent::LinkCreated, &link, new.created_at_ms).await?;
    Ok(link)
}

pub(super) async fn write(work: &Work<'_>, link: &Link, slug_key: &str, now: DateTime<Utc>) -> Result<()> {
    let fields = &link.fields;
    let text = "UPDATE link SET domain_id = $3, slug = $4, slug_key = $5, url = $6, title = $7, archived = $8,
            folder_id = $9, tag_ids = $10, external_id = $11, tenant_id = $12, program_id = $13, partner_id = $14,
            group_id = $15, site_id = $16, options = $17, updated_at = $18
        WHERE workspace_id = $1 AND id = $2";
    work.execute(
        text,
        &[
            &link.workspace.row(),
            &link.id.row(),
            &link.domain_id.row(),
            &link.slug,
            &slug_key,
            &fields.url,
            &fields.title,
            &fields.archived,
            &fields.folder.map(FolderId::row),
            &tag_rows(fields),
            &fields.external_id,
            &fields.tenant_id,
            &fields.program_id,
            &fields.partner_id,
            &fields.group_id,
            &fields.site.map(u64::cast_signed),
            &options(fields)?,
            &now,
        ],
    )
    .await?;
    if fields.max_clicks.is_none() { allowances::lift(work, link.id).await } else { Ok(()) }
}

/// Sees that the domain is still there and stays until the transaction ends.
async fn hold_domain(work: &Work<'_>, domain: &Domain) -> Result<()> {
    let text = "SELECT id FROM domain WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL FOR SHARE";
    match work.query_opt(text, &[&domain.workspace.row(), &domain.id.row()]).await? {
        Some(_) => Ok(()),
        None => Err(Error::Missing("link_domain".to_owned())),
    }
}

/// Sees that the site is the workspace's and stays until the transaction ends.
async fn hold_site(work: &Work<'_>, workspace: WorkspaceId, site: u64) -> Result<()> {
    let text = "SELECT id FROM site WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL FOR SHARE";
    match work.query_opt(text, &[&workspace.row(), &site.cast_signed()]).await? {
        Some(_) => Ok(()),
        None => Err(Error::Missing("link_site".to_owned())),
    }
}

/// Sees that all tags are the workspace's and stay until the transaction ends.
pub(super) async fn hold_tags(work: &Work<'_>, workspace: WorkspaceId, tags: &[TagId]) -> Result<()> {
    if tags.is_empty() {
        return Ok(());
    }
    let rows: Vec<i64> = tags.iter().map(|tag| tag.row()).collect();
    let text = "SELECT id FROM tag WHERE workspace_id = $1 AND id = ANY($2) ORDER BY id FOR KEY SHARE";
    let found = work.query(text, &[&workspace.row(), &rows]).await?;
    let distinct: std::collections::HashSet<_> = rows.iter().collect();
    if found.len() == distinct.len() { Ok(()) } else { Err(Error::Missing("link_tags".to_owned())) }
}
