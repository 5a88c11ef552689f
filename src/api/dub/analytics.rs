//! `GET /analytics`.

use std::collections::HashMap;

use axum::response::Response;

use crate::analytics::{self, Analytics};
use crate::calendar::{Zone, label};
use crate::domain::dimension::{Blank, Dimension, LinkAttribute};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::plan::{Request, Shape, build};
use crate::table::{Cell, Table};
use crate::web::answer::{self, Writing};
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::params::Params;
use crate::web::state::App;

use super::params::{self, GroupBy, Reading};
use super::reading;
use super::shape_link::short_link;

/// Rows of a breakdown at most (Dub contract, 4.2).
const MAX_ROWS: u64 = 5_000;
/// Every row has all four, whatever was asked for.
const METRICS: [&str; 4] = ["clicks", "leads", "sales", "saleAmount"];

/// Answers one call.
///
/// # Errors
/// The first parameter that is wrong; a store that does not answer.
pub async fn answer(app: &App, workspace: WorkspaceId, params: &Params, accept: &str) -> Result<Response, ApiError> {
    params::check_event(params, "Invalid event type. Valid event types are: clicks")?;
    let group_by = params::group_by(params)?;
    let reading = params::read(params, accept)?;
    let unknown = params.boolean("includeUnknown")?.unwrap_or(false);
    let span = reading::span(app, workspace, &reading).await?;
    let shape = match group_by {
        GroupBy::Count => Shape::Total,
        GroupBy::Timeseries => Shape::Series(params::buckets(params, span, &reading.zone)?),
        GroupBy::Dimension(by) => Shape::Groups { by, unknown, limit: Some(MAX_ROWS) },
        GroupBy::Attribute(attribute) => Shape::Attributes(attribute),
    };
    let link = reading::named_link(app, workspace, &reading).await?;
    reading::check_folder(app, workspace, &reading).await?;
    let Reading { filters, root, counting, zone, format, spreadsheet_safe, .. } = reading;
    let query = build(Request {
        workspace,
        kind: crate::domain::event::EventKind::Click,
        range: span.range,
        counting,
        filters,
        link,
        root,
        shape,
    });
    let counts = app.analytics.run(query).await?;
    let writing = Writing { format, spreadsheet_safe, file_name: reading::file_name(app, "analytics", &zone) };
    match group_by {
        GroupBy::Count => answer::object(&with_metrics(&[], counts, |_| Vec::new()), &writing),
        GroupBy::Timeseries => answer::table(&series(counts, &zone), &writing),
        GroupBy::Dimension(Dimension::Link) => {
            answer::table(&top_links(app, &app.analytics, workspace, counts).await?, &writing)
        }
        GroupBy::Dimension(by) => answer::table(&breakdown(by, counts), &writing),
        GroupBy::Attribute(LinkAttribute::Domain) => answer::table(&with_metrics(&["domain"], counts, keys), &writing),
        GroupBy::Attribute(_) => answer::table(&with_metrics(&["value"], counts, keys), &writing),
    }
}

/// The table with the surface's own first columns and all four metrics, of which clicks stand last in `counts`.
fn with_metrics(first: &[&'static str], counts: Table, cells: impl Fn(Vec<Cell>) -> Vec<Cell>) -> Table {
    let columns: Vec<&'static str> = first.iter().copied().chain(METRICS).collect();
    let mut table = Table::new(&columns);
    for mut row in counts.rows {
        let clicks = row.pop().unwrap_or(Cell::Int(0));
        let mut cells = cells(row);
        cells.extend([clicks, Cell::Int(0), Cell::Int(0), Cell::Int(0)]);
        table.push(cells);
    }
    table
}

fn keys(row: Vec<Cell>) -> Vec<Cell> {
    row
}

fn series(counts: Table, zone: &Zone) -> Table {
    with_metrics(&["start"], counts, |row| match row.first() {
        Some(Cell::Int(start_ms)) => vec![Cell::from(label(*start_ms, zone))],
        _ => vec![Cell::Null],
    })
}

/// Places always show country, region and city, with `*` for what they do not go into (Dub contract, 4.1).
fn breakdown(by: Dimension, counts: Table) -> Table {
    let text = |cell: Option<&Cell>, dimension: Dimension| match cell {
        Some(Cell::Text(text)) if !text.is_empty() => text.clone(),
        _ => match dimension.info().blank {
            Blank::Hidden(label) | Blank::Shown(label) => label.to_owned(),
        },
    };
    let region = |country: &str, cell: Option<&Cell>| match cell {
        Some(Cell::Text(region)) if !region.is_empty() => region.clone(),
        _ if country == Dimension::Country.info().blank.label() => country.to_owned(),
        _ => format!("{country}-Unknown"),
    };
    let all = || Cell::from("*");
    match by {
        Dimension::Country => with_metrics(&["country", "region", "city"], counts, |row| {
            vec![Cell::from(text(row.first(), Dimension::Country)), all(), all()]
        }),
        Dimension::Region => with_metrics(&["country", "region", "city"], counts, |row| {
            let country = text(row.first(), Dimension::Country);
            let region = region(&country, row.get(1));
            vec![Cell::from(country), Cell::from(region), all()]
        }),
        Dimension::City => with_metrics(&["country", "region", "city"], counts, |row| {
            let country = text(row.first(), Dimension::Country);
            let region = region(&country, row.get(1));
            vec![Cell::from(country), Cell::from(region), Cell::from(text(row.get(2), Dimension::City))]
        }),
        _ => with_metrics(&[by.info().dub_field], counts, |row| vec![Cell::from(text(row.first(), by))]),
    }
}

/// Links in the order of their clicks; those deleted since are left out (Dub contract, 4.1).
async fn top_links(
    app: &App,
    analytics: &Analytics,
    workspace: WorkspaceId,
    counts: Table,
) -> Result<Table, analytics::Error> {
    let id_of = |row: &[Cell]| match row.first() {
        Some(Cell::Text(id)) => id.parse().ok().map(LinkId),
        _ => None,
    };
    let ids: Vec<LinkId> = counts.rows.iter().filter_map(|row| id_of(row)).collect();
    let links: HashMap<LinkId, Link> = analytics
        .links(workspace, &ids)
        .await?
        .into_iter()
        .filter(|link| link.deleted_at_ms.is_none())
        .map(|link| (link.id, link))
        .collect();
    let first =
        ["link", "id", "domain", "key", "shortLink", "url", "title", "comments", "folderId", "partnerId", "createdAt"];
    let known = Table {
        columns: counts.columns.clone(),
        rows: counts.rows.into_iter().filter(|row| id_of(row).is_some_and(|id| links.contains_key(&id))).collect(),
    };
    Ok(with_metrics(&first, known, |row| {
        let Some(link) = id_of(&row).and_then(|id| links.get(&id)) else { return vec![Cell::Null; first.len()] };
        let id = link.id.to_string();
        vec![
            Cell::from(id.clone()),
            Cell::from(id),
            Cell::from(link.domain.as_str()),
            Cell::from(link.slug.as_str()),
            Cell::from(short_link(app, &link.domain, &link.slug)),
            Cell::from(link.fields.url.as_str()),
            Cell::from(link.fields.title.clone()),
            Cell::from(link.fields.notes.clone()),
            Cell::from(link.fields.folder.map(|folder| folder.to_string())),
            Cell::from(link.fields.partner_id.clone()),
            Cell::from(instant::format(link.created_at_ms)),
        ]
    }))
}
