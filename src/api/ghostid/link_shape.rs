//! A link as this surface shows it, and all of them as a table.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::domain::destination::with_parameter;
use crate::domain::id::{LinkId, TagId};
use crate::domain::link::Link;
use crate::domain::site::{Site, link_place, slug_at};
use crate::table::{Cell, Table};
use crate::web::instant;
use crate::web::state::App;

use super::link_body::PLACEMENT;
use super::link_counts::Clicks;

/// What ids of links begin with.
pub(super) const PREFIX: &str = "lnk_";

/// The parameters of a destination that have a field of their own here.
const LABELS: [&str; 4] = ["utm_source", "utm_medium", "utm_campaign", "utm_content"];

const COLUMNS: [&str; 19] = [
    "id",
    "site_id",
    "slug",
    "destination_url",
    "campaign",
    "source",
    "medium",
    "content",
    "notes",
    "is_active",
    "link_type",
    "tags",
    "expires_at",
    "max_clicks",
    "total_clicks",
    "clicks_today",
    "last_clicked_at",
    "created_at",
    "full_url",
];

/// The public form of a link's id.
pub(super) fn public_id(id: LinkId) -> String {
    id.with_prefix(PREFIX)
}

/// The id behind its public form.
pub(super) fn parse_id(text: &str) -> Option<LinkId> {
    LinkId::parse_with_prefix(PREFIX, text)
}

/// The address of a link of the site.
pub(super) fn full_url(app: &App, site: &Site, slug: &str) -> String {
    format!("{}/{}", app.origin(), link_place(&site.slug, slug))
}

/// The slug of a link within its site; of one that lives elsewhere, where it lives.
pub(super) fn slug<'a>(site: &Site, link: &'a Link) -> &'a str {
    slug_at(&site.slug, &link.slug).unwrap_or(&link.slug)
}

/// A link; absent texts are empty (seed, "Response Example").
pub(super) fn shown(site: &Site, link: &Link, tags: &HashMap<TagId, String>) -> Value {
    let fields = &link.fields;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let names: Vec<&str> = fields.tags.iter().filter_map(|id| tags.get(id)).map(String::as_str).collect();
    json!({
        "id": public_id(link.id),
        "site_id": site.id.0,
        "slug": slug(site, link),
        "destination_url": destination(link),
        "campaign": text(&fields.utm.campaign),
        "source": text(&fields.utm.source),
        "medium": text(&fields.utm.medium),
        "content": text(&fields.utm.content),
        "notes": text(&fields.notes),
        "is_active": fields.disabled_at_ms.is_none(),
        "link_type": fields.placement.as_deref().unwrap_or(PLACEMENT),
        "tags": names,
        "expires_at": fields.expires_at_ms.map(instant::format),
        "max_clicks": fields.max_clicks,
        "created_at": instant::format(link.created_at_ms),
        "updated_at": instant::format(link.updated_at_ms),
    })
}

/// A link with its clicks.
pub(super) fn counted(site: &Site, link: &Link, tags: &HashMap<TagId, String>, clicks: Clicks) -> Value {
    let mut value = shown(site, link, tags);
    value["total_clicks"] = Value::from(clicks.total);
    value["clicks_today"] = Value::from(clicks.today);
    value["last_clicked_at"] = clicks.last_ms.map(instant::format).into();
    value
}

/// Links with their clicks, a row each.
pub(super) fn table(
    app: &App,
    site: &Site,
    links: &[&Link],
    tags: &HashMap<TagId, String>,
    clicks: &HashMap<LinkId, Clicks>,
) -> Table {
    let mut table = Table::new(&COLUMNS);
    for link in links {
        let value = counted(site, link, tags, clicks.get(&link.id).copied().unwrap_or_default());
        let cell = |column: &&str| match &value[*column] {
            Value::String(text) if text.is_empty() => Cell::Null,
            Value::String(text) => Cell::from(text.as_str()),
            Value::Bool(yes) => Cell::from(*yes),
            Value::Number(number) => Cell::from(number.as_u64()),
            Value::Array(names) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                Cell::from(names.join(","))
            }
            _ => Cell::Null,
        };
        let mut row: Vec<Cell> = COLUMNS[..COLUMNS.len() - 1].iter().map(cell).collect();
        row.push(Cell::from(full_url(app, site, slug(site, link))));
        table.push(row);
    }
    table
}

/// The destination without what has a field of its own.
fn destination(link: &Link) -> String {
    LABELS.iter().fold(link.fields.url.clone(), |url, label| with_parameter(&url, label, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::link::LinkFields;

    #[test]
    fn destinations_are_shown_without_their_labels() {
        for (url, shown) in [
            ("https://example.com/pricing?utm_source=a&utm_campaign=b", "https://example.com/pricing"),
            ("https://example.com/?x=1&utm_medium=c&utm_content=d#top", "https://example.com/?x=1#top"),
            ("https://example.com/?utm_term=t&utm_source=", "https://example.com/?utm_term=t"),
            ("mailto:a@example.com", "mailto:a@example.com"),
        ] {
            let link = Link { fields: LinkFields { url: url.to_owned(), ..LinkFields::default() }, ..Link::default() };
            assert_eq!(destination(&link), shown);
        }
        assert_eq!(parse_id(&public_id(LinkId(9))), Some(LinkId(9)));
        assert_eq!(parse_id("link_0000000000001"), None);
    }
}
