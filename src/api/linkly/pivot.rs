//! Clicks as a matrix: days or hours as rows, links as columns (Linkly contract, 1.4 and D5, D9).

use std::borrow::Cow;
use std::collections::HashMap;

use axum::response::Response;
use serde_json::{Value, json};

use super::click_params::Asked;
use super::clicks::Labels;
use crate::calendar::Buckets;
use crate::domain::id::LinkId;
use crate::domain::link::Link;
use crate::plan::{Request, Shape, build};
use crate::table::{Cell, Table};
use crate::web::answer;
use crate::web::error::ApiError;
use crate::web::short_link::short_link;
use crate::web::state::App;

/// Most cells of a matrix.
const MOST_CELLS: usize = 5_000_000;

/// Answers one call.
///
/// # Errors
/// When the matrix would be too large; when a store does not answer.
pub(super) async fn answer(app: &App, asked: &Asked, buckets: Buckets) -> Result<Response, ApiError> {
    let labels = Labels::of(&buckets, &asked.zone);
    let query = build(Request { shape: Shape::Pivot(buckets), ..asked.request.clone() });
    let named = asked.links.as_deref().unwrap_or_default();
    let (counts, named) =
        tokio::try_join!(app.analytics.run(query), app.analytics.links(asked.request.workspace, named))?;
    let counted = counts.rows.iter().filter_map(|row| match row.as_slice() {
        [Cell::Int(start_ms), Cell::Int(link), Cell::Int(count)] => {
            Some((labels.place_of(*start_ms)?, LinkId(link.cast_unsigned()), *count))
        }
        _ => None,
    });
    let counted: Vec<(usize, LinkId, i64)> = counted.collect();
    let links = columns(app, asked, named, &counted).await?;
    let labels = labels.texts;
    if links.len().saturating_mul(labels.len()) > MOST_CELLS {
        let message = format!(
            "the matrix would have {} links in {} rows, which is more than {MOST_CELLS} cells; name fewer links or take a shorter range",
            links.len(),
            labels.len()
        );
        return Err(ApiError::invalid("too_big", "pivot", message));
    }
    let place_of: HashMap<LinkId, usize> = links.iter().enumerate().map(|(place, link)| (link.id, place)).collect();
    let mut cells = vec![vec![0_i64; links.len()]; labels.len()];
    for (row, link, count) in counted {
        if let Some(place) = place_of.get(&link) {
            cells[row][*place] += count;
        }
    }
    let full_url = |link: &Link| short_link(app, &link.domain, &link.slug);
    let value = json!({
        "links": links
            .iter()
            .map(|link| json!({ "id": link.id, "name": link.fields.title, "full_url": full_url(link) }))
            .collect::<Vec<Value>>(),
        "traffic": labels
            .iter()
            .zip(&cells)
            .map(|(label, values)| json!({ "t": label, "y": values.iter().sum::<i64>(), "values": values }))
            .collect::<Vec<Value>>(),
    });
    // Three rows of headers: names, addresses, ids.
    let header = |name: &'static str, cell: &dyn Fn(&Link) -> Cell| -> Vec<Cell> {
        [Cell::from(name)].into_iter().chain(links.iter().map(cell)).collect()
    };
    let name = |link: &Link| Cow::Owned(link.fields.title.clone().unwrap_or_default());
    let mut table = Table {
        columns: [Cow::Borrowed("name")].into_iter().chain(links.iter().map(name)).collect(),
        rows: Vec::new(),
    };
    table.push(header("full_url", &|link| Cell::from(full_url(link))));
    table.push(header("id", &|link| Cell::from(link.id.0)));
    for (label, values) in labels.into_iter().zip(cells) {
        table.push([Cell::from(label)].into_iter().chain(values.into_iter().map(Cell::from)).collect());
    }
    answer::value(&value, &table, &asked.writing)
}

/// The links that were `named` and are the workspace's, in the order given; else those with clicks, by id. Deleted ones keep
/// their history.
async fn columns(
    app: &App,
    asked: &Asked,
    named: Vec<Link>,
    counted: &[(usize, LinkId, i64)],
) -> Result<Vec<Link>, ApiError> {
    let (ids, found) = match &asked.links {
        Some(ids) => (ids.clone(), named),
        None => {
            let mut ids: Vec<LinkId> = counted.iter().map(|(_, link, _)| *link).collect();
            ids.sort_unstable();
            ids.dedup();
            let found = app.analytics.links(asked.request.workspace, &ids).await?;
            (ids, found)
        }
    };
    let mut found: HashMap<LinkId, Link> = found.into_iter().map(|link| (link.id, link)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}
