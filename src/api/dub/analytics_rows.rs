//! The rows of `GET /analytics`: counts by key -> the fields that Dub shows of each grouping (Dub contract, 4.1). Every row has
//! all four metrics, which stand last.

use std::collections::HashMap;

use crate::analytics::METRICS;
use crate::calendar::{Zone, label};
use crate::domain::dimension::{Dimension, LinkAttribute};
use crate::domain::id::{FolderId, LinkId, TagId, WorkspaceId};
use crate::table::{Cell, Table};
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::state::App;

use super::params::GroupBy;
use super::shape_link::short_link;

/// Puts this surface's fields in the place of the keys.
///
/// # Errors
/// When a store does not answer.
pub(super) async fn dressed(
    app: &App,
    workspace: WorkspaceId,
    group_by: GroupBy,
    counts: Table,
    zone: &Zone,
) -> Result<Table, ApiError> {
    Ok(match group_by {
        GroupBy::Count => counts,
        GroupBy::Timeseries => with_keys(&["start"], counts, |key| match key.first() {
            Some(Cell::Int(start_ms)) => Some(vec![Cell::from(label(*start_ms, zone))]),
            _ => None,
        }),
        GroupBy::Dimension(Dimension::Link) => links(app, workspace, counts).await?,
        GroupBy::Dimension(by) => breakdown(by, counts),
        GroupBy::Attribute(attribute) => attributes(app, workspace, attribute, counts).await?,
    })
}

/// The table with other columns before the metrics; rows for which there are none are left out.
fn with_keys(first: &[&'static str], counts: Table, cells: impl Fn(&[Cell]) -> Option<Vec<Cell>>) -> Table {
    let columns: Vec<&'static str> = first.iter().copied().chain(METRICS).collect();
    let mut table = Table::new(&columns);
    for mut row in counts.rows {
        let keys = row.len().saturating_sub(METRICS.len());
        if let Some(mut cells) = cells(&row[..keys]) {
            cells.reserve_exact(METRICS.len());
            cells.extend(row.drain(keys..));
            table.push(cells);
        }
    }
    table
}

/// Places always show country, region and city, with `*` for what they do not go into (Dub contract, 4.1).
fn breakdown(by: Dimension, counts: Table) -> Table {
    let text = |cell: Option<&Cell>, dimension: Dimension| match cell {
        Some(Cell::Text(text)) if !text.is_empty() => text.clone(),
        _ => dimension.info().blank.label().to_owned(),
    };
    let region = |country: &str, cell: Option<&Cell>| match cell {
        Some(Cell::Text(region)) if !region.is_empty() => region.clone(),
        _ if country == Dimension::Country.info().blank.label() => country.to_owned(),
        _ => format!("{country}-Unknown"),
    };
    let all = || Cell::from("*");
    let place = ["country", "region", "city"];
    match by {
        Dimension::Country => {
            with_keys(&place, counts, |key| Some(vec![Cell::from(text(key.first(), Dimension::Country)), all(), all()]))
        }
        Dimension::Region => with_keys(&place, counts, |key| {
            let country = text(key.first(), Dimension::Country);
            let region = region(&country, key.get(1));
            Some(vec![Cell::from(country), Cell::from(region), all()])
        }),
        Dimension::City => with_keys(&place, counts, |key| {
            let country = text(key.first(), Dimension::Country);
            let region = region(&country, key.get(1));
            Some(vec![Cell::from(country), Cell::from(region), Cell::from(text(key.get(2), Dimension::City))])
        }),
        _ => with_keys(&[by.info().dub_field], counts, |key| Some(vec![Cell::from(text(key.first(), by))])),
    }
}

fn key_of(key: &[Cell]) -> Option<&str> {
    match key.first() {
        Some(Cell::Text(value)) => Some(value),
        _ => None,
    }
}

fn link_of(key: &[Cell]) -> Option<LinkId> {
    key_of(key)?.parse().ok().map(LinkId)
}

/// Links; those deleted since are left out (Dub contract, 4.1).
async fn links(app: &App, workspace: WorkspaceId, counts: Table) -> Result<Table, ApiError> {
    let ids: Vec<LinkId> = counts.rows.iter().filter_map(|row| link_of(row)).collect();
    let cards = app.analytics.link_cards(workspace, &ids).await?;
    let columns =
        ["link", "id", "domain", "key", "shortLink", "url", "title", "comments", "folderId", "partnerId", "createdAt"];
    Ok(with_keys(&columns, counts, |key| {
        let id = link_of(key)?;
        let card = &cards[cards.binary_search_by_key(&id, |card| card.id).ok()?];
        let id = id.to_string();
        Some(vec![
            Cell::from(id.as_str()),
            Cell::from(id),
            Cell::from(card.domain.as_str()),
            Cell::from(card.slug.as_str()),
            Cell::from(short_link(app, &card.domain, &card.slug)),
            Cell::from(card.url.as_str()),
            Cell::from(card.title.clone()),
            Cell::from(card.notes.clone()),
            Cell::from(card.folder.map(|folder| folder.to_string())),
            Cell::from(card.partner_id.clone()),
            Cell::from(instant::format(card.created_at_ms)),
        ])
    }))
}

/// What links are. Partners, their groups and their tags are known by their ids alone, which stand for their names too.
async fn attributes(
    app: &App,
    workspace: WorkspaceId,
    attribute: LinkAttribute,
    counts: Table,
) -> Result<Table, ApiError> {
    let same = |copies: usize| move |key: &[Cell]| Some(vec![Cell::from(key_of(key)?); copies]);
    Ok(match attribute {
        LinkAttribute::Domain => with_keys(&["domain"], counts, same(1)),
        LinkAttribute::Tag => {
            let ids: Vec<TagId> = counts.rows.iter().filter_map(|row| TagId::parse(key_of(row)?)).collect();
            let tags = app.catalog.tags_by_ids(workspace, &ids).await?;
            let tags: HashMap<String, _> = tags.into_iter().map(|tag| (tag.id.to_string(), tag)).collect();
            with_keys(&["tagId", "tag.id", "tag.name", "tag.color"], counts, |key| {
                let id = key_of(key)?;
                let tag = tags.get(id)?;
                Some(vec![Cell::from(id), Cell::from(id), Cell::from(tag.name.as_str()), Cell::from(tag.color.name())])
            })
        }
        LinkAttribute::Folder => {
            let folders = app.catalog.folders(workspace).await?;
            let names: HashMap<FolderId, _> = folders.into_iter().map(|folder| (folder.id, folder.name)).collect();
            with_keys(&["folderId", "folder.id", "folder.name"], counts, |key| {
                let id = key_of(key)?;
                let name = names.get(&FolderId::parse(id)?)?;
                Some(vec![Cell::from(id), Cell::from(id), Cell::from(name.as_str())])
            })
        }
        LinkAttribute::Partner => with_keys(&["partnerId", "partner.id", "partner.name"], counts, same(3)),
        LinkAttribute::Group => with_keys(&["groupId", "group.id", "group.name", "group.slug"], counts, same(4)),
        LinkAttribute::PartnerTag => with_keys(&["partnerTagId", "partnerTag.id", "partnerTag.name"], counts, same(3)),
        LinkAttribute::Tenant => with_keys(&["tenantId"], counts, same(1)),
        LinkAttribute::Program => with_keys(&["programId"], counts, same(1)),
    })
}
