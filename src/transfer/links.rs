//! Import and export of links: through the link service, with its checks.
//!
//! An import of links needs no memory of its own: a link that is there is skipped, so an import that was interrupted goes on
//! when it is run again.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, mpsc};

use super::export::{ExportError, Out};
use super::import::{ImportError, Progress, Read, bad_header, blocking, first_record, read_all, write_rejects};
use super::input::Source;
use super::link_row::{LinkRow, Named, cells, is_known, link_columns, names, read};
use super::names::Names;
use super::record::{Chunk, Record};
use super::rejects::{Reject, Rejects};
use super::row::{Fields, shown};
use crate::calendar::Clock;
use crate::catalog::{self, Catalog, Cursor, LinkQuery, Page};
use crate::domain::id::{FolderId, LinkId, SiteId, TagId, WorkspaceId};
use crate::domain::tag::{MAX_FOLDER_NAME, MAX_TAG_NAME, TagColor};
use crate::links::{self, LinkName, LinkService, TagChoice};

/// Lines that are gone through at once.
const BATCH_LINES: u64 = 1_000;
/// Rows that are worked on at once: what takes time is waiting for Postgres, most of all until a link is on disk.
const AT_ONCE: usize = 8;
/// Links that are read at once.
const PAGE: u32 = 500;
/// Reasons that a dry run shows.
const SHOWN_REJECTS: usize = 20;

/// What becomes of a row whose link is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// The link stays as it is.
    #[default]
    Skip,
    /// What the row says is written over the link.
    Update,
    /// The import stops.
    Fail,
}

impl OnConflict {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Update => "update",
            Self::Fail => "fail",
        }
    }
}

/// What came of an import of links; of a dry run, what would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkSummary {
    /// Made.
    pub made: u64,
    /// There already, and written over.
    pub updated: u64,
    /// There already, and left as they were.
    pub skipped: u64,
    /// Rows that could not be taken.
    pub rejected: u64,
    /// Of a dry run the first rejected rows.
    pub first_rejects: Vec<Reject>,
}

/// Imports link files.
pub struct ImportLinks {
    /// Where names are looked up.
    pub catalog: Catalog,
    /// Makes the links.
    pub service: LinkService,
    /// Says when tags and folders are made.
    pub clock: Clock,
    /// Whose links.
    pub workspace: WorkspaceId,
    /// What becomes of rows whose links are there.
    pub on_conflict: OnConflict,
    /// Where rejected rows go.
    pub rejects: PathBuf,
    /// Say what would happen, and change nothing.
    pub dry_run: bool,
}

/// Tags and folders of the workspace by their names in lower case.
struct Shelf {
    tags: HashMap<String, TagId>,
    folders: HashMap<String, FolderId>,
}

/// What came of a row.
enum Taken {
    Made,
    Updated,
    Skipped,
}

/// Why a row was not taken.
enum Refusal {
    /// The row itself.
    Row(String),
    /// The store, or the end of the import.
    All(ImportError),
}

impl From<links::Error> for Refusal {
    fn from(error: links::Error) -> Self {
        match error {
            links::Error::Catalog(catalog::Error::Unstorable(reason)) => Self::Row(reason),
            links::Error::Catalog(error) => Self::All(error.into()),
            links::Error::NoRandomness => Self::All(ImportError::Broken),
            links::Error::ForeignDomain => {
                Self::Row("domain: it is not the workspace's; `linktrail domain add` adds one".to_owned())
            }
            error => Self::Row(error.to_string()),
        }
    }
}

impl From<catalog::Error> for Refusal {
    fn from(error: catalog::Error) -> Self {
        links::Error::Catalog(error).into()
    }
}

impl ImportLinks {
    /// Imports a file.
    ///
    /// # Errors
    /// When it cannot go on. What was made by then stays.
    pub async fn run(&self, source: &Source, progress: &Progress) -> Result<LinkSummary, ImportError> {
        let header = blocking({
            let source = source.clone();
            move || first_record(&source)
        })
        .await??;
        let columns = match &header {
            Some(record) => Some(columns(record).map_err(|reason| bad_header(source, reason))?),
            None => None,
        };
        let unwritable = |error| ImportError::Rejects { path: self.rejects.clone(), error };
        let mut rejects =
            Rejects::open(&self.rejects, source.format(), header.unwrap_or_default(), 0).map_err(unwritable)?;
        let (to_rows, mut batches) = mpsc::channel::<Result<Read, ImportError>>(1);
        let reading = tokio::task::spawn_blocking({
            let (source, bytes, has_header) = (source.clone(), Arc::clone(&progress.bytes), columns.is_some());
            move || read_all(&source, &bytes, has_header, (BATCH_LINES, 0), &to_rows)
        });
        let shelf = Mutex::new(self.shelf().await?);
        let known = Names::new(self.catalog.clone(), self.workspace).await?;
        let mut summary = LinkSummary::default();
        // Where it is to stop at a row, no later one may be made.
        let at_once = if self.on_conflict == OnConflict::Fail { 1 } else { AT_ONCE };
        while let Some(batch) = batches.recv().await {
            let Read { chunk, .. } = batch?;
            let mut rejected = Vec::new();
            let mut under_way = FuturesUnordered::new();
            let mut claimed: HashSet<String> = HashSet::new();
            let mut records = chunk.records().iter().map(|record| {
                let row = row_of(columns.as_deref(), &chunk, record).and_then(read);
                (record.line, row.as_ref().map(claims).unwrap_or_default(), row)
            });
            let mut next = records.next();
            loop {
                // The first of two that claim the same gets it.
                let fits =
                    |(_, claims, _): &mut (u64, Vec<String>, _)| claims.iter().all(|claim| !claimed.contains(claim));
                if under_way.len() < at_once
                    && let Some((line, claims, row)) = next.take_if(fits)
                {
                    claimed.extend(claims.iter().cloned());
                    let taken = self.take(row, &shelf, &known);
                    under_way.push(async move { (line, claims, taken.await) });
                    next = records.next();
                    continue;
                }
                let Some((line, claims, taken)) = under_way.next().await else { break };
                claims.iter().for_each(|claim| _ = claimed.remove(claim));
                match taken {
                    Ok(Taken::Made) => summary.made += 1,
                    Ok(Taken::Updated) => summary.updated += 1,
                    Ok(Taken::Skipped) => summary.skipped += 1,
                    Err(Refusal::Row(reason)) => rejected.push(Reject { line, reason }),
                    Err(Refusal::All(ImportError::Header { reason, .. })) => {
                        return Err(bad_header(source, format!("line {line}: {reason}")));
                    }
                    Err(Refusal::All(error)) => return Err(error),
                }
                progress.rows.fetch_add(1, Ordering::Relaxed);
            }
            rejected.sort_by_key(|reject| reject.line);
            summary.rejected += rejected.len() as u64;
            if self.dry_run {
                let room = SHOWN_REJECTS.saturating_sub(summary.first_rejects.len());
                summary.first_rejects.extend(rejected.into_iter().take(room));
            } else {
                write_rejects(&mut rejects, &rejected, &chunk).map_err(unwritable)?;
            }
        }
        reading.await.map_err(|_| ImportError::Broken)?;
        Ok(summary)
    }

    async fn take(&self, row: Result<LinkRow, String>, shelf: &Mutex<Shelf>, known: &Names) -> Result<Taken, Refusal> {
        let mut row = row.map_err(Refusal::Row)?;
        if let Some(link) = self.existing(&row).await? {
            return match self.on_conflict {
                OnConflict::Skip => Ok(Taken::Skipped),
                OnConflict::Fail => {
                    let reason = format!("there is a link {}/{} already", link.1, row.slug);
                    Err(Refusal::All(ImportError::Header { path: PathBuf::new(), reason }))
                }
                OnConflict::Update => {
                    self.look_up(&mut row, shelf, known).await?;
                    if self.dry_run {
                        self.service.check(self.workspace, row.placed()).await?;
                    } else {
                        self.service.update(self.workspace, &LinkName::Id(link.0), row.change).await?;
                    }
                    Ok(Taken::Updated)
                }
            };
        }
        self.look_up(&mut row, shelf, known).await?;
        if self.dry_run {
            self.service.check(self.workspace, row.placed()).await?;
        } else {
            self.service.create(self.workspace, None, row.placed()).await?;
        }
        Ok(Taken::Made)
    }

    /// The link at a row's place, and its domain.
    async fn existing(&self, row: &LinkRow) -> Result<Option<(LinkId, String)>, Refusal> {
        let domain = match &row.domain {
            Some(domain) => domain.clone(),
            None => match self.catalog.link_domains(self.workspace).await?.into_iter().next() {
                Some(primary) => primary.name,
                None => return Ok(None),
            },
        };
        let name = LinkName::Place(domain.clone(), row.slug.trim_matches('/').to_owned());
        match self.service.get(self.workspace, &name).await {
            Ok(link) => Ok(Some((link.id, domain))),
            Err(links::Error::NoLink) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Tags, folder and site by their names; tags and folders are made when they are missing.
    async fn look_up(&self, row: &mut LinkRow, shelf: &Mutex<Shelf>, known: &Names) -> Result<(), Refusal> {
        let now_ms = self.clock.now_ms();
        // Held meanwhile, so that nothing is made twice.
        let mut shelf = shelf.lock().await;
        if let Some(wanted) = row.tags.take() {
            let mut ids = Vec::new();
            for name in wanted {
                check_name("tags", &name, MAX_TAG_NAME)?;
                let key = name.to_lowercase();
                if !shelf.tags.contains_key(&key) && !self.dry_run {
                    let tag = self.catalog.add_tag(self.workspace, &name, TagColor::default(), now_ms).await?;
                    shelf.tags.insert(key.clone(), tag.id);
                }
                ids.extend(shelf.tags.get(&key));
            }
            row.change.tags = Some(TagChoice::Ids(ids));
        }
        match row.folder.take() {
            Some(Some(name)) => {
                check_name("folder", &name, MAX_FOLDER_NAME)?;
                let key = name.to_lowercase();
                if !shelf.folders.contains_key(&key) && !self.dry_run {
                    let folder = self.catalog.add_folder(self.workspace, &name, now_ms).await?;
                    shelf.folders.insert(key.clone(), folder.id);
                }
                row.change.patch.folder = shelf.folders.get(&key).copied().map(Some);
            }
            Some(None) => row.change.patch.folder = Some(None),
            None => {}
        }
        match row.site.take() {
            Some(Some(name)) => {
                let unknown = || Refusal::Row(format!("site: {} is no site of the workspace", shown(&name)));
                row.change.patch.site = Some(Some(known.site(&name).ok_or_else(unknown)?.0));
            }
            Some(None) => row.change.patch.site = Some(None),
            None => {}
        }
        Ok(())
    }

    async fn shelf(&self) -> Result<Shelf, ImportError> {
        let tags = self.catalog.tags(self.workspace).await?;
        let folders = self.catalog.folders(self.workspace).await?;
        Ok(Shelf {
            tags: tags.into_iter().map(|tag| (tag.name.to_lowercase(), tag.id)).collect(),
            folders: folders.into_iter().map(|folder| (folder.name.to_lowercase(), folder.id)).collect(),
        })
    }
}

/// What a row claims for its link alone: two that claim the same are gone through one after the other. Slugs of two domains,
/// or that differ in case, may be the same or not, which makes no odds here.
fn claims(row: &LinkRow) -> Vec<String> {
    let external = row.change.patch.external_id.iter().flatten().map(|id| format!("id {id}"));
    let slug = format!("slug {}", row.slug.trim_matches('/').to_lowercase());
    external.chain([slug]).collect()
}

fn check_name(field: &str, name: &str, limit: usize) -> Result<(), Refusal> {
    if name.is_empty() || name.contains('\0') || name.chars().count() > limit {
        let allowed = format!("a name of 1 to {limit} characters, none of them NUL");
        return Err(Refusal::Row(format!("{field}: {} is not {allowed}", shown(name))));
    }
    Ok(())
}

/// The columns of a CSV file.
fn columns(record: &[u8]) -> Result<Vec<String>, String> {
    let mut fields = Fields::default();
    let found: Vec<String> = fields.read(record)?.map(|name| name.trim().to_owned()).collect();
    let unknown: Vec<String> = found.iter().filter(|name| !is_known(name)).map(|name| shown(name)).collect();
    if !unknown.is_empty() {
        return Err(format!("unknown columns: {}; known are {}", unknown.join(", "), names()));
    }
    match found.iter().enumerate().find(|(place, name)| found[..*place].contains(name)) {
        Some((_, twice)) => Err(format!("the column {twice} is there twice")),
        None => Ok(found),
    }
}

/// A record as an object. Blank cells of CSV are absent.
fn row_of(columns: Option<&[String]>, chunk: &Chunk, record: &Record) -> Result<Map<String, Value>, String> {
    if record.is_cut {
        return Err("the row is too long; is there a quote that is never closed?".to_owned());
    }
    let bytes = chunk.bytes(record);
    let Some(columns) = columns else {
        return serde_json::from_slice(bytes).map_err(|error| format!("the row is no JSON object: {error}"));
    };
    let mut fields = Fields::default();
    let values: Vec<&str> = fields.read(bytes)?.collect();
    if values.len() != columns.len() {
        return Err(format!("the row has {} fields, the header {}", values.len(), columns.len()));
    }
    let given = columns.iter().zip(values).filter(|(_, value)| !value.is_empty());
    Ok(given.map(|(name, value)| (name.clone(), Value::from(value))).collect())
}

/// Writes all links of a workspace, oldest first; `progress` is told how many were written since it was last told. Answers
/// how many there are.
///
/// # Errors
/// When it breaks off.
pub async fn export_links<W: Write>(
    catalog: &Catalog,
    workspace: WorkspaceId,
    out: &mut Out<W>,
    progress: impl Fn(u64),
) -> Result<u64, ExportError> {
    let tags: HashMap<TagId, String> =
        catalog.tags(workspace).await?.into_iter().map(|tag| (tag.id, tag.name)).collect();
    let folders: HashMap<FolderId, String> =
        catalog.folders(workspace).await?.into_iter().map(|folder| (folder.id, folder.name)).collect();
    let known = Names::new(catalog.clone(), workspace).await?;
    let query = LinkQuery { archived: true, ascending: true, ..LinkQuery::default() };
    let names = link_columns();
    let mut cursor = Cursor::Offset(0);
    let mut count = 0;
    loop {
        let links = catalog.links(workspace, &query, Page { cursor, size: PAGE }).await?.unwrap_or_default();
        let Some(last) = links.last() else { return Ok(count) };
        cursor = Cursor::After(last.id);
        for link in &links {
            let named = Named {
                tags: link.fields.tags.iter().filter_map(|tag| tags.get(tag).map(String::as_str)).collect(),
                folder: link.fields.folder.and_then(|id| folders.get(&id)).map(String::as_str),
                site: link.fields.site.and_then(|id| known.site_slug(SiteId(id))),
            };
            out.row(&names, &cells(link, &named))?;
        }
        count += links.len() as u64;
        progress(links.len() as u64);
    }
}
