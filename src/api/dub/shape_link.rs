//! A link as Dub shows it: every field is there, unknown ones as null.

use std::collections::{BTreeMap, HashMap};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::domain::id::{LinkId, TagId, WorkspaceId};
use crate::domain::link::{Counters, Link, LinkFields, TestVariant};
use crate::domain::password;
use crate::domain::tag::Tag;
use crate::web::error::ApiError;
use crate::web::instant;
pub use crate::web::short_link::short_link;
use crate::web::state::App;

/// Columns of links as CSV and TSV.
pub(super) const COLUMNS: [&str; 51] = [
    "id",
    "domain",
    "key",
    "url",
    "trackConversion",
    "externalId",
    "tenantId",
    "programId",
    "partnerId",
    "archived",
    "expiresAt",
    "expiredUrl",
    "disabledAt",
    "password",
    "proxy",
    "title",
    "description",
    "image",
    "video",
    "rewrite",
    "doIndex",
    "ios",
    "android",
    "geo",
    "publicStats",
    "tags.name",
    "folderId",
    "comments",
    "shortLink",
    "qrCode",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "testVariants",
    "testStartedAt",
    "testCompletedAt",
    "userId",
    "workspaceId",
    "clicks",
    "leads",
    "conversions",
    "sales",
    "saleAmount",
    "lastClicked",
    "createdAt",
    "updatedAt",
    "groupId",
    "partnerTagIds",
    "forwardParameters",
];

/// The link object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkObject<'a> {
    id: String,
    domain: &'a str,
    key: &'a str,
    url: &'a str,
    track_conversion: bool,
    external_id: Option<&'a str>,
    tenant_id: Option<&'a str>,
    program_id: Option<&'a str>,
    partner_id: Option<&'a str>,
    archived: bool,
    expires_at: Option<String>,
    expired_url: Option<&'a str>,
    disabled_at: Option<String>,
    password: Option<&'static str>,
    proxy: bool,
    title: Option<&'a str>,
    description: Option<&'a str>,
    image: Option<&'a str>,
    video: Option<&'a str>,
    rewrite: bool,
    do_index: bool,
    ios: Option<&'a str>,
    android: Option<&'a str>,
    geo: Option<&'a BTreeMap<String, String>>,
    public_stats: bool,
    tags: Vec<TagObject<'a>>,
    folder_id: Option<String>,
    comments: Option<&'a str>,
    short_link: String,
    qr_code: String,
    #[serde(rename = "utm_source")]
    utm_source: Option<&'a str>,
    #[serde(rename = "utm_medium")]
    utm_medium: Option<&'a str>,
    #[serde(rename = "utm_campaign")]
    utm_campaign: Option<&'a str>,
    #[serde(rename = "utm_term")]
    utm_term: Option<&'a str>,
    #[serde(rename = "utm_content")]
    utm_content: Option<&'a str>,
    test_variants: Option<&'a [TestVariant]>,
    test_started_at: Option<String>,
    test_completed_at: Option<String>,
    user_id: Option<String>,
    workspace_id: String,
    clicks: u64,
    leads: u64,
    conversions: u64,
    sales: u64,
    sale_amount: i64,
    last_clicked: Option<String>,
    created_at: String,
    updated_at: String,
    tag_id: Option<String>,
    project_id: String,
    webhook_ids: [String; 0],
    /// Not in Dub's model: the group of partners, by which `/analytics` groups and filters.
    group_id: Option<&'a str>,
    /// Not Dub's: tags of the partner, by which `/analytics` groups and filters.
    partner_tag_ids: &'a [String],
    /// Not Dub's: whether the visit's own parameters are handed on.
    forward_parameters: bool,
    /// `Some(())` is shown as null; `None` is left out, as the link of an event has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_retention_cleanup_disabled_at: Option<()>,
}

#[derive(Debug, Serialize)]
struct TagObject<'a> {
    id: String,
    name: &'a str,
    color: &'static str,
}

/// What links are shown with, looked up for many at once.
#[derive(Debug, Default)]
pub struct LinkContext {
    /// By id; a tag that is not here was removed meanwhile.
    pub tags: HashMap<TagId, Tag>,
    /// By link; one that is not here has none yet.
    pub counters: HashMap<LinkId, Counters>,
}

impl LinkContext {
    /// As [`of`](Self::of), of links that were made just now: of them nothing has come yet.
    pub async fn of_new(app: &App, workspace: WorkspaceId, links: &[Link]) -> Result<Self, ApiError> {
        let mut tags: Vec<TagId> = links.iter().flat_map(|link| link.fields.tags.iter().copied()).collect();
        tags.sort_unstable();
        tags.dedup();
        let tags = app.catalog.tags_by_ids(workspace, &tags).await?;
        Ok(Self { tags: tags.into_iter().map(|tag| (tag.id, tag)).collect(), counters: HashMap::new() })
    }

    /// Looks up what these links of the workspace are shown with.
    pub async fn of(app: &App, workspace: WorkspaceId, links: &[Link]) -> Result<Self, ApiError> {
        let ids: Vec<LinkId> = links.iter().map(|link| link.id).collect();
        let counters = async { Ok(app.analytics.counters(workspace, &ids).await?) };
        let (counters, context) = tokio::try_join!(counters, Self::of_new(app, workspace, links))?;
        Ok(Self { counters, ..context })
    }

    /// The links with these ids that belong to the workspace, deleted ones too, and what they are shown with.
    pub async fn with_links(app: &App, workspace: WorkspaceId, ids: &[LinkId]) -> Result<(Vec<Link>, Self), ApiError> {
        let counters = async { Ok(app.analytics.counters(workspace, ids).await?) };
        let links = async {
            let links = app.analytics.links(workspace, ids).await?;
            let context = Self::of_new(app, workspace, &links).await?;
            Ok::<_, ApiError>((links, context))
        };
        let (counters, (links, context)) = tokio::try_join!(counters, links)?;
        Ok((links, Self { counters, ..context }))
    }

    /// The answer of an endpoint for links.
    pub fn answer<'a>(&'a self, app: &App, link: &'a Link) -> LinkObject<'a> {
        LinkObject { identifier: Some(()), link_retention_cleanup_disabled_at: Some(()), ..self.object(app, link) }
    }

    /// The link of an event.
    pub fn object<'a>(&'a self, app: &App, link: &'a Link) -> LinkObject<'a> {
        let fields: &LinkFields = &link.fields;
        let counters = self.counters.get(&link.id).cloned().unwrap_or_default();
        let tags: Vec<TagObject<'_>> = fields
            .tags
            .iter()
            .filter_map(|id| self.tags.get(id))
            .map(|tag| TagObject { id: tag.id.to_string(), name: &tag.name, color: tag.color.name() })
            .collect();
        let short_link = short_link(app, &link.domain, &link.slug);
        LinkObject {
            id: link.id.to_string(),
            domain: &link.domain,
            key: &link.slug,
            url: &fields.url,
            track_conversion: fields.track_conversion,
            external_id: fields.external_id.as_deref(),
            tenant_id: fields.tenant_id.as_deref(),
            program_id: fields.program_id.as_deref(),
            partner_id: fields.partner_id.as_deref(),
            archived: fields.archived,
            expires_at: fields.expires_at_ms.map(instant::format),
            expired_url: fields.expired_url.as_deref(),
            disabled_at: fields.disabled_at_ms.map(instant::format),
            password: fields.password_hash.as_ref().map(|_| password::MASK),
            proxy: fields.custom_preview,
            title: fields.title.as_deref(),
            description: fields.description.as_deref(),
            image: fields.image.as_deref(),
            video: fields.video.as_deref(),
            rewrite: fields.cloak,
            do_index: fields.index,
            ios: fields.ios_url.as_deref(),
            android: fields.android_url.as_deref(),
            geo: Some(&fields.geo_urls).filter(|geo| !geo.is_empty()),
            public_stats: fields.public_statistics,
            tag_id: tags.first().map(|tag| tag.id.clone()),
            tags,
            folder_id: fields.folder.map(|folder| folder.to_string()),
            comments: fields.notes.as_deref(),
            qr_code: qr_code(app, &short_link),
            short_link,
            utm_source: fields.utm.source.as_deref(),
            utm_medium: fields.utm.medium.as_deref(),
            utm_campaign: fields.utm.campaign.as_deref(),
            utm_term: fields.utm.term.as_deref(),
            utm_content: fields.utm.content.as_deref(),
            test_variants: Some(fields.test_variants.as_slice()).filter(|variants| !variants.is_empty()),
            test_started_at: fields.test_started_at_ms.map(instant::format),
            test_completed_at: fields.test_completed_at_ms.map(instant::format),
            user_id: link.created_by.map(|user| user.to_string()),
            workspace_id: link.workspace.to_string(),
            clicks: counters.clicks,
            leads: counters.leads,
            conversions: counters.conversions,
            sales: counters.takings.sales(),
            sale_amount: counters.takings.main_amount(),
            last_clicked: counters.last_clicked_ms.map(instant::format),
            created_at: instant::format(link.created_at_ms),
            updated_at: instant::format(link.updated_at_ms),
            project_id: link.workspace.to_string(),
            webhook_ids: [],
            group_id: fields.group_id.as_deref(),
            partner_tag_ids: &fields.partner_tags,
            forward_parameters: fields.forward_parameters,
            identifier: None,
            link_retention_cleanup_disabled_at: None,
        }
    }
}

fn qr_code(app: &App, short_link: &str) -> String {
    let target = format!("{short_link}?qr=1");
    format!("{}/qr?url={}", app.origin(), utf8_percent_encode(&target, NON_ALPHANUMERIC))
}
