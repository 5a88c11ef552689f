//! A link as Brevr shows it (Brevr contract, 3.3): in lists, and in detail.

use std::collections::{BTreeMap, HashMap, HashSet};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;

use super::link_body::{kind_name, redirect_name};
use super::rules;
use crate::domain::id::{LinkId, TagId, UserId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::password;
use crate::domain::pixel::Network;
use crate::domain::tag::Tag;
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::short_link::short_link;
use crate::web::state::App;

/// Columns of links as CSV and TSV.
pub(super) const COLUMNS: &[&str] = &[
    "id",
    "shortCode",
    "url",
    "title",
    "domain",
    "linkType",
    "isActive",
    "clickCount",
    "createdAt",
    "tags.tag.name",
    "qrCode.shortUrl",
];

/// A link of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinkObject<'a> {
    id: String,
    short_code: &'a str,
    url: &'a str,
    title: Option<&'a str>,
    domain: &'a str,
    link_type: &'static str,
    /// Neither switched off nor out of clicks.
    is_active: bool,
    /// By humans.
    click_count: u64,
    created_at: String,
    tags: Vec<Tagged<'a>>,
    /// Links have one each.
    qr_code: Option<QrCode>,
}

#[derive(Debug, Serialize)]
struct Tagged<'a> {
    tag: TagObject<'a>,
}

#[derive(Debug, Serialize)]
struct TagObject<'a> {
    id: String,
    name: &'a str,
    color: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QrCode {
    /// What the code says.
    short_url: String,
    /// A picture of it.
    url: String,
}

/// A link with all that can be said of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinkDetail<'a> {
    #[serde(flatten)]
    link: LinkObject<'a>,
    description: Option<&'a str>,
    image: Option<&'a str>,
    password: Option<&'static str>,
    expires_at: Option<String>,
    max_clicks: Option<u64>,
    cloaked: bool,
    redirect_type: &'static str,
    workspace_id: String,
    updated_at: String,
    created_by: Option<Person<'a>>,
    rules: Vec<Value>,
    meta_pixel_id: Option<&'a str>,
    google_tag_id: Option<&'a str>,
    gtm_container_id: Option<&'a str>,
    head_tags: Option<&'a str>,
    body_tags: Option<&'a str>,
    webhook_urls: Option<String>,
    forward_parameters: bool,
    block_bots: bool,
    skip_social_crawler_tracking: bool,
    hide_referrer: bool,
    /// Not in Brevr's list: from when on it is found.
    starts_at: Option<String>,
    /// Not in Brevr's list: where visitors go when it is expired.
    expired_url: Option<&'a str>,
    /// Not in Brevr's list: ids of every network, the three above among them.
    pixels: &'a BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct Person<'a> {
    id: String,
    /// People are known by their addresses: what stands before the `@`.
    name: &'a str,
    email: &'a str,
}

/// What links are shown with, looked up for many at once.
#[derive(Debug, Default)]
pub(super) struct LinkContext {
    /// A tag that is not here was removed meanwhile.
    tags: HashMap<TagId, Tag>,
    /// A link that is not here has no clicks.
    clicks: HashMap<LinkId, u64>,
    /// Links whose clicks are used up.
    spent: HashSet<LinkId>,
    /// Addresses of those who made them.
    people: HashMap<UserId, String>,
}

impl LinkContext {
    /// Looks up what these links of the workspace are shown with in lists.
    pub(super) async fn of(app: &App, workspace: WorkspaceId, links: &[Link]) -> Result<Self, ApiError> {
        let mut tags: Vec<TagId> = links.iter().flat_map(|link| link.fields.tags.iter().copied()).collect();
        tags.sort_unstable();
        tags.dedup();
        let ids: Vec<LinkId> = links.iter().map(|link| link.id).collect();
        let tags = app.catalog.tags_by_ids(workspace, &tags).await?;
        let counted = app.analytics.link_clicks(workspace, Some(&ids), app.clock.now_ms()).await?;
        let limited: Vec<LinkId> =
            links.iter().filter(|link| link.fields.max_clicks.is_some()).map(|link| link.id).collect();
        Ok(Self {
            tags: tags.into_iter().map(|tag| (tag.id, tag)).collect(),
            clicks: counted.into_iter().map(|(link, clicks)| (link, clicks.humans.total)).collect(),
            spent: app.catalog.spent_links(workspace, &limited).await?.into_iter().collect(),
            people: HashMap::new(),
        })
    }

    /// As [`of`](Self::of), of one link in detail.
    pub(super) async fn in_detail(app: &App, link: &Link) -> Result<Self, ApiError> {
        let mut context = Self::of(app, link.workspace, std::slice::from_ref(link)).await?;
        if let Some(user) = link.created_by
            && let Some(person) = app.catalog.user(user).await?
        {
            context.people.insert(user, person.email);
        }
        Ok(context)
    }

    /// A link of a list.
    pub(super) fn object<'a>(&'a self, app: &App, link: &'a Link) -> LinkObject<'a> {
        let fields = &link.fields;
        let tags = fields.tags.iter().filter_map(|id| self.tags.get(id));
        let tagged =
            |tag: &'a Tag| Tagged { tag: TagObject { id: tag.id.cuid(), name: &tag.name, color: tag.color.name() } };
        let short_url = short_link(app, &link.domain, &link.slug);
        LinkObject {
            id: link.id.cuid(),
            short_code: &link.slug,
            url: &fields.url,
            title: fields.title.as_deref(),
            domain: &link.domain,
            link_type: kind_name(fields.kind),
            is_active: fields.disabled_at_ms.is_none() && !self.spent.contains(&link.id),
            click_count: self.clicks.get(&link.id).copied().unwrap_or_default(),
            created_at: instant::format(link.created_at_ms),
            tags: tags.map(tagged).collect(),
            qr_code: Some(qr_code(app, short_url)),
        }
    }

    /// A link in detail.
    pub(super) fn detail<'a>(&'a self, app: &App, link: &'a Link) -> LinkDetail<'a> {
        let fields = &link.fields;
        let pixel = |network: Network| fields.pixels.get(network.key()).map(String::as_str);
        let person = link.created_by.and_then(|user| Some((user, self.people.get(&user)?)));
        LinkDetail {
            link: self.object(app, link),
            description: fields.description.as_deref(),
            image: fields.image.as_deref(),
            password: fields.password_hash.as_ref().map(|_| password::MASK),
            expires_at: fields.expires_at_ms.map(instant::format),
            max_clicks: fields.max_clicks,
            cloaked: fields.cloak,
            redirect_type: redirect_name(fields.redirect),
            workspace_id: link.workspace.cuid(),
            updated_at: instant::format(link.updated_at_ms),
            created_by: person.map(|(user, email)| Person {
                id: user.cuid(),
                name: email.split('@').next().unwrap_or_default(),
                email,
            }),
            rules: fields.rules.iter().map(rules::shown).collect(),
            meta_pixel_id: pixel(Network::Meta),
            google_tag_id: pixel(Network::Ga4),
            gtm_container_id: pixel(Network::Gtm),
            head_tags: fields.head_tags.as_deref(),
            body_tags: fields.body_tags.as_deref(),
            webhook_urls: (!fields.webhook_urls.is_empty()).then(|| fields.webhook_urls.join(",")),
            forward_parameters: fields.forward_parameters,
            block_bots: fields.block_bots,
            skip_social_crawler_tracking: fields.skip_social_crawlers,
            hide_referrer: fields.hide_referrer,
            starts_at: fields.starts_at_ms.map(instant::format),
            expired_url: fields.expired_url.as_deref(),
            pixels: &fields.pixels,
        }
    }
}

/// The visit of somebody who scanned the code says so.
fn qr_code(app: &App, short_url: String) -> QrCode {
    let target = format!("{short_url}?qr=1");
    let url = format!("{}/qr?url={}", app.origin(), utf8_percent_encode(&target, NON_ALPHANUMERIC));
    QrCode { short_url, url }
}
