//! Links as they are answered: alone, and as rows with their counters (Linkly contract, 1.3).

use std::collections::HashMap;

use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use super::click_params::boolean;
use super::clicks::accept;
use crate::analytics::LinkClicks;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::webhook::{Flavour, Webhook};
use crate::encode::Format;
use crate::hooks::linkly_link::{LinklyLink, webhooks_of};
use crate::table::Cell;
use crate::web::answer::{self, Record, Writing};
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::listing;
use crate::web::params::Params;
use crate::web::short_link::short_link;
use crate::web::state::App;

/// The columns of links in CSV and TSV. A list stands in its cell with commas between its items, rules as JSON.
pub(super) const COLUMNS: [&str; 60] = [
    "id",
    "name",
    "url",
    "full_url",
    "clicks_count",
    "slug",
    "domain",
    "workspace_id",
    "note",
    "enabled",
    "deleted",
    "clicks_total",
    "clicks_today",
    "clicks_thirty_days",
    "human_clicks_total",
    "human_clicks_today",
    "human_clicks_previous_day",
    "human_clicks_thirty_days",
    "sparkline",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "fb_pixel_id",
    "ga4_tag_id",
    "gtm_id",
    "tiktok_pixel_id",
    "linkedin_partner_id",
    "microsoft_uet_tag_id",
    "pinterest_tag_id",
    "reddit_pixel_id",
    "snapchat_pixel_id",
    "twitter_pixel_id",
    "head_tags",
    "body_tags",
    "og_title",
    "og_description",
    "og_image",
    "cloaking",
    "forward_params",
    "hide_referrer",
    "block_bots",
    "skip_social_crawler_tracking",
    "public_analytics",
    "linkify_words",
    "replacements",
    "expiry_datetime",
    "expiry_destination",
    "expiry_clicks",
    "password",
    "rules",
    "webhooks",
    "notify_slack",
    "notify_user_ids",
    "created_by_user_id",
    "inserted_at",
    "updated_at",
    "last_clicked_at",
    "last_human_clicked_at",
];

/// A link with what goes with it.
#[derive(Clone, Debug)]
pub(super) struct LinkRow {
    link: Link,
    full_url: String,
    webhooks: Vec<String>,
    /// `None` where counters are not shown.
    clicks: Option<LinkClicks>,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    link: LinklyLink<'a>,
    #[serde(flatten)]
    counters: Option<Counters>,
}

/// Clicks by everybody, and by humans. Days are those of UTC.
#[derive(Serialize)]
struct Counters {
    /// The same as `clicks_total`, by the name that exports have.
    clicks_count: u64,
    clicks_total: u64,
    clicks_today: u64,
    clicks_thirty_days: u64,
    human_clicks_total: u64,
    human_clicks_today: u64,
    human_clicks_previous_day: u64,
    human_clicks_thirty_days: u64,
    /// By humans on each of the last 30 days, oldest first.
    sparkline: [u64; 30],
    last_clicked_at: Option<String>,
    last_human_clicked_at: Option<String>,
}

impl From<&LinkClicks> for Counters {
    fn from(clicks: &LinkClicks) -> Self {
        Self {
            clicks_count: clicks.clicks.total,
            clicks_total: clicks.clicks.total,
            clicks_today: clicks.clicks.today,
            clicks_thirty_days: clicks.clicks.thirty_days,
            human_clicks_total: clicks.humans.total,
            human_clicks_today: clicks.humans.today,
            human_clicks_previous_day: clicks.humans_previous_day,
            human_clicks_thirty_days: clicks.humans.thirty_days,
            sparkline: clicks.daily_humans,
            last_clicked_at: clicks.last_ms.map(instant::format),
            last_human_clicked_at: clicks.last_human_ms.map(instant::format),
        }
    }
}

impl LinkRow {
    /// The row as JSON has it.
    pub(super) fn shown(&self) -> impl Serialize + '_ {
        Shown {
            link: LinklyLink::new(&self.link, self.full_url.clone(), self.webhooks.clone()),
            counters: self.clicks.as_ref().map(Counters::from),
        }
    }
}

impl Record for LinkRow {
    fn row(&self) -> Vec<Cell> {
        let table = listing::table(&[self.shown()], &COLUMNS).unwrap_or_default();
        table.rows.into_iter().next().unwrap_or_default()
    }

    fn json(&self) -> impl Serialize {
        self.shown()
    }
}

/// What the rows of one workspace are made with.
pub(super) struct Rows<'a> {
    app: &'a App,
    webhooks: Vec<Webhook>,
}

impl<'a> Rows<'a> {
    pub(super) async fn of(app: &'a App, workspace: WorkspaceId) -> Result<Self, ApiError> {
        Ok(Self { app, webhooks: app.catalog.webhooks(workspace, Flavour::Linkly).await? })
    }

    /// A row without counters.
    pub(super) fn plain(&self, link: Link) -> LinkRow {
        LinkRow {
            full_url: short_link(self.app, &link.domain, &link.slug),
            webhooks: webhooks_of(link.id, &self.webhooks),
            clicks: None,
            link,
        }
    }

    /// A row with its link's counters.
    pub(super) fn counted(&self, link: Link, clicks: &HashMap<LinkId, LinkClicks>) -> LinkRow {
        let clicks = Some(clicks.get(&link.id).cloned().unwrap_or_default());
        LinkRow { clicks, ..self.plain(link) }
    }

    /// A row with its link's counters; without them while the event store does not answer.
    pub(super) async fn counted_if_known(&self, link: Link) -> LinkRow {
        let now_ms = self.app.clock.now_ms();
        match self.app.analytics.link_clicks(link.workspace, Some(&[link.id]), now_ms).await {
            Ok(clicks) => self.counted(link, &clicks),
            Err(error) => {
                tracing::warn!(%error, "a link is shown without its counters");
                self.plain(link)
            }
        }
    }
}

/// How an answer called `what` is written: `format`, else `Accept`, else JSON.
///
/// # Errors
/// A format that there is none of.
pub(super) fn writing(app: &App, params: &Params, headers: &HeaderMap, what: &str) -> Result<Writing, ApiError> {
    let day = instant::format(app.clock.now_ms());
    Ok(Writing {
        format: params.one_of("format", &Format::NAMES)?.unwrap_or_else(|| Format::from_accept(accept(headers))),
        spreadsheet_safe: boolean(params, "spreadsheet_safe")?.unwrap_or(false),
        file_name: format!("{what}_{}", day.get(..10).unwrap_or(&day)),
    })
}

/// One link: as JSON an object, else a table of one row.
///
/// # Errors
/// When it cannot be written.
pub(super) fn one(row: &LinkRow, writing: &Writing) -> Result<Response, ApiError> {
    let shown = row.shown();
    let table = listing::table_for(writing, &[&shown], &COLUMNS)?;
    answer::value(&shown, &table, writing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_column() {
        let row = LinkRow {
            link: Link::default(),
            full_url: String::new(),
            webhooks: Vec::new(),
            clicks: Some(LinkClicks::default()),
        };
        let object = serde_json::to_value(row.shown()).unwrap();
        let mut fields: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        let mut columns = COLUMNS.to_vec();
        fields.sort_unstable();
        columns.sort_unstable();
        assert_eq!(columns, fields);
        assert_eq!(row.row().len(), COLUMNS.len());
    }
}
