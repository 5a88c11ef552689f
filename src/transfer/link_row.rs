//! A link as a row of a file: the table of its columns, a row -> what is asked of a link, and a link -> a row.

use std::borrow::Cow;

use chrono::DateTime;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::export::{Cell, instant};
use super::row::shown;
use crate::domain::link::{Link, LinkPatch, Preview, RedirectKind};
use crate::links::{LinkChange, SlugChoice, UtmChange};

/// Name, whether exports have it, and what it holds.
const COLUMNS: &[(&str, bool, &str)] = &[
    ("link", false, "short URL or domain/slug, instead of the next two"),
    ("domain", true, "short domain of the workspace; the primary one when absent"),
    ("slug", true, "its place on the domain; required, or else link"),
    ("url", true, "destination"),
    ("created_at", true, "RFC 3339; now when absent"),
    ("title", true, "shown in lists"),
    ("description", true, "shown in lists"),
    ("image", true, "address of a picture"),
    ("video", true, "address of a video"),
    ("notes", true, "notes of the team"),
    ("tags", true, "names: a JSON array, or separated by commas; made when missing"),
    ("folder", true, "name; made when missing"),
    ("archived", true, "true or false"),
    ("external_id", true, "the id in your own database"),
    ("tenant_id", true, "your tenant"),
    ("program_id", true, "partner programme"),
    ("partner_id", true, "partner"),
    ("group_id", true, "group of partners"),
    ("partner_tags", true, "JSON array of the partner's tags"),
    ("redirect", true, "301 or 302; 302 when absent"),
    ("cloak", true, "true: show the destination in a frame"),
    ("password", false, "in clear; only its hash is kept"),
    ("password_hash", true, "argon2id, as exports have it"),
    ("starts_at", true, "RFC 3339: not found before"),
    ("expires_at", true, "RFC 3339: expired from then on"),
    ("expired_url", true, "where visitors of an expired link go"),
    ("max_clicks", true, "expired after this many clicks by humans"),
    ("disabled_at", true, "RFC 3339: not found since then"),
    ("forward_parameters", true, "true: hand the visit's query on"),
    ("block_bots", true, "true: robots see \"not found\""),
    ("hide_referrer", true, "true: send no referrer on"),
    ("skip_social_crawlers", true, "true: previews by social networks are no clicks"),
    ("utm_source", false, "written into the destination, as are the next four"),
    ("utm_medium", false, "campaign medium"),
    ("utm_campaign", false, "campaign name"),
    ("utm_term", false, "campaign term"),
    ("utm_content", false, "campaign content"),
    ("pixels", true, "JSON object: pixel ids by network"),
    ("head_tags", true, "HTML for the head of a cloaked page"),
    ("body_tags", true, "HTML for the body of a cloaked page"),
    ("webhook_urls", true, "JSON array of addresses told of every click"),
    ("og_title", true, "what social networks show"),
    ("og_description", true, "what social networks show"),
    ("og_image", true, "what social networks show"),
    ("custom_preview", true, "true: show the og_ fields instead of the destination's"),
    ("index", true, "true: search engines may index it"),
    ("ios_url", true, "where iOS visitors go"),
    ("android_url", true, "where Android visitors go"),
    ("geo_urls", true, "JSON object: where visitors of a country go"),
    ("rules", true, "JSON array of rules and splits, as exports have it"),
    ("test_variants", true, "JSON array of tested destinations: url, percentage"),
    ("test_started_at", true, "RFC 3339: the test runs from then on"),
    ("test_completed_at", true, "RFC 3339: the test is over from then on"),
    ("track_conversion", true, "true: append a click id to the destination"),
    ("public_statistics", true, "true: anyone may see its statistics"),
    ("site", true, "slug, host or number of the site it belongs to"),
    ("placement", true, "the content, advertisement or profile it stands in"),
    ("kept", true, "JSON object: what clients of an API keep with it and nothing here acts on"),
    ("rejected_line", false, "not looked at: so that a corrected rejects file can be imported"),
    ("rejected_reason", false, "not looked at"),
];

/// Whether there is a column of this name.
pub(super) fn is_known(name: &str) -> bool {
    COLUMNS.iter().any(|(known, _, _)| *known == name)
}

/// All names, separated by commas, for messages.
pub(super) fn names() -> String {
    COLUMNS.iter().map(|(name, _, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The names of the columns that exports have, in their order.
pub fn link_columns() -> Vec<&'static str> {
    COLUMNS.iter().filter(|(_, is_exported, _)| *is_exported).map(|(name, _, _)| *name).collect()
}

/// The list for `--help`: a line a column.
pub fn link_column_list() -> String {
    let width = COLUMNS.iter().map(|(name, _, _)| name.len()).max().unwrap_or(0);
    COLUMNS.iter().map(|(name, _, help)| format!("  {name:width$}  {help}")).collect::<Vec<_>>().join("\n")
}

/// What a row asks for.
#[derive(Debug)]
pub(super) struct LinkRow {
    /// `domain/slug`, or the slug alone.
    pub domain: Option<String>,
    pub slug: String,
    /// Names of tags; absent ones stay.
    pub tags: Option<Vec<String>>,
    /// Name of the folder; `Some(None)` takes it out.
    pub folder: Option<Option<String>>,
    /// Name of the site.
    pub site: Option<Option<String>>,
    /// The rest.
    pub change: LinkChange,
}

type Field<T> = Result<Option<T>, String>;

struct Values(Map<String, Value>);

impl Values {
    /// Absent, null or a text; a blank is null.
    fn text(&self, name: &str) -> Field<Option<String>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) if text.is_empty() => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text.clone()))),
            Some(Value::Number(number)) => Ok(Some(Some(number.to_string()))),
            Some(other) => Err(wrong(name, other, "a text")),
        }
    }

    fn some(&self, name: &str) -> Field<String> {
        Ok(self.text(name)?.flatten())
    }

    /// Absent, or whether; null is false.
    fn yes(&self, name: &str) -> Field<bool> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(false)),
            Some(Value::Bool(yes)) => Ok(Some(*yes)),
            Some(Value::String(text)) if matches!(text.as_str(), "true" | "1") => Ok(Some(true)),
            Some(Value::String(text)) if matches!(text.as_str(), "" | "false" | "0") => Ok(Some(false)),
            Some(other) => Err(wrong(name, other, "true or false")),
        }
    }

    fn instant(&self, name: &str) -> Field<Option<i64>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let Some(text) = text else { return Ok(Some(None)) };
        let at = DateTime::parse_from_rfc3339(&text)
            .map_err(|_| format!("{name}: {} is not RFC 3339, such as 2026-03-08T14:30:00Z", shown(&text)))?;
        Ok(Some(Some(at.timestamp_millis())))
    }

    /// A value of its own form, as such or as JSON text; null is its default.
    fn json<T: DeserializeOwned + Default>(&self, name: &str, form: &str) -> Field<T> {
        let read = match self.0.get(name) {
            None => return Ok(None),
            Some(Value::Null) => return Ok(Some(T::default())),
            Some(Value::String(text)) if text.is_empty() => return Ok(Some(T::default())),
            Some(Value::String(text)) => serde_json::from_str(text),
            Some(value) => serde_json::from_value(value.clone()),
        };
        read.map(Some).map_err(|error| format!("{name}: it is not {form}: {error}"))
    }

    fn tags(&self) -> Field<Vec<String>> {
        match self.0.get("tags") {
            Some(Value::String(text)) if !text.trim_start().starts_with('[') => {
                let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                Ok(Some(names.map(str::to_owned).collect()))
            }
            _ => self.json("tags", "an array of names"),
        }
    }
}

fn wrong(name: &str, given: &Value, allowed: &str) -> String {
    format!("{name}: {} is not {allowed}", shown(&given.to_string()))
}

/// Reads a row.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn read(row: Map<String, Value>) -> Result<LinkRow, String> {
    if let Some(unknown) = row.keys().find(|name| !is_known(name)) {
        return Err(format!("unknown column {}; known are {}", shown(unknown), names()));
    }
    let values = Values(row);
    let (domain, slug) = place(&values)?;
    let mut patch = LinkPatch {
        url: values.some("url")?,
        title: values.text("title")?,
        description: values.text("description")?,
        image: values.text("image")?,
        video: values.text("video")?,
        notes: values.text("notes")?,
        archived: values.yes("archived")?,
        external_id: values.text("external_id")?,
        tenant_id: values.text("tenant_id")?,
        program_id: values.text("program_id")?,
        partner_id: values.text("partner_id")?,
        group_id: values.text("group_id")?,
        partner_tags: values.json("partner_tags", "an array of texts")?,
        redirect: redirect(&values)?,
        cloak: values.yes("cloak")?,
        starts_at_ms: values.instant("starts_at")?,
        expires_at_ms: values.instant("expires_at")?,
        expired_url: values.text("expired_url")?,
        max_clicks: values.json("max_clicks", "a whole number")?,
        disabled_at_ms: values.instant("disabled_at")?,
        forward_parameters: values.yes("forward_parameters")?,
        block_bots: values.yes("block_bots")?,
        hide_referrer: values.yes("hide_referrer")?,
        skip_social_crawlers: values.yes("skip_social_crawlers")?,
        pixels: values.json("pixels", "an object of texts")?,
        kept: values.json("kept", "an object")?,
        head_tags: values.text("head_tags")?,
        body_tags: values.text("body_tags")?,
        webhook_urls: values.json("webhook_urls", "an array of addresses")?,
        custom_preview: values.yes("custom_preview")?,
        index: values.yes("index")?,
        ios_url: values.text("ios_url")?,
        android_url: values.text("android_url")?,
        geo_urls: values.json("geo_urls", "an object of addresses by country")?,
        rules: values.json("rules", "an array of rules")?,
        test_variants: values.json("test_variants", "an array of variants")?,
        test_started_at_ms: values.instant("test_started_at")?,
        test_completed_at_ms: values.instant("test_completed_at")?,
        track_conversion: values.yes("track_conversion")?,
        public_statistics: values.yes("public_statistics")?,
        placement: values.text("placement")?,
        ..LinkPatch::default()
    };
    let preview = [values.text("og_title")?, values.text("og_description")?, values.text("og_image")?];
    if preview.iter().any(Option::is_some) {
        let [title, description, image] = preview.map(Option::flatten);
        patch.preview = Some(Preview { title, description, image });
    }
    let utm = UtmChange {
        source: values.text("utm_source")?,
        medium: values.text("utm_medium")?,
        campaign: values.text("utm_campaign")?,
        term: values.text("utm_term")?,
        content: values.text("utm_content")?,
        reference: None,
    };
    let change = LinkChange {
        patch,
        utm,
        password: values.text("password")?.map(|password| password.map(SecretString::from)),
        password_hash: values.some("password_hash")?,
        created_at_ms: values.instant("created_at")?.flatten(),
        ..LinkChange::default()
    };
    let (tags, folder, site) = (values.tags()?, values.text("folder")?, values.text("site")?);
    Ok(LinkRow { domain, slug, tags, folder, site, change })
}

fn place(values: &Values) -> Result<(Option<String>, String), String> {
    let missing = "slug: a link needs one, or a second run would make it twice";
    if let Some(link) = values.some("link")? {
        let bare = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://")).unwrap_or(&link);
        let (domain, slug) =
            bare.split_once('/').ok_or_else(|| format!("link: {} is not domain/slug", shown(&link)))?;
        return Ok((Some(domain.split(':').next().unwrap_or(domain).to_owned()), slug.to_owned()));
    }
    Ok((values.some("domain")?, values.some("slug")?.ok_or(missing)?))
}

fn redirect(values: &Values) -> Field<RedirectKind> {
    match values.text("redirect")? {
        None => Ok(None),
        Some(None) => Ok(Some(RedirectKind::default())),
        Some(Some(text)) => match text.as_str() {
            "301" => Ok(Some(RedirectKind::Permanent)),
            "302" => Ok(Some(RedirectKind::Temporary)),
            other => Err(format!("redirect: {} is not 301 or 302", shown(other))),
        },
    }
}

impl LinkRow {
    /// The change with its place.
    pub fn placed(&self) -> LinkChange {
        LinkChange { domain: self.domain.clone(), slug: SlugChoice::Fixed(self.slug.clone()), ..self.change.clone() }
    }
}

/// Names that a link's row shows in the place of ids.
pub(super) struct Named<'a> {
    pub tags: Vec<&'a str>,
    pub folder: Option<&'a str>,
    pub site: Option<&'a str>,
}

/// The cells of a link, in the order of [`link_columns`].
pub(super) fn cells<'a>(link: &'a Link, named: &Named<'a>) -> Vec<Cell<'a>> {
    let fields = &link.fields;
    let optional = |text: &'a Option<String>| text.as_deref().map_or(Cell::Blank, Cell::text);
    let at = |at_ms: Option<i64>| at_ms.map_or(Cell::Blank, |at_ms| Cell::Text(Cow::Owned(instant(at_ms))));
    let json = |is_blank: bool, value: serde_json::Result<String>| match value {
        Ok(text) if !is_blank => Cell::Json(text),
        _ => Cell::Blank,
    };
    let cell = |name: &str| match name {
        "domain" => Cell::text(&link.domain),
        "slug" => Cell::text(&link.slug),
        "url" => Cell::text(&fields.url),
        "created_at" => at(Some(link.created_at_ms)),
        "title" => optional(&fields.title),
        "description" => optional(&fields.description),
        "image" => optional(&fields.image),
        "video" => optional(&fields.video),
        "notes" => optional(&fields.notes),
        "tags" => json(named.tags.is_empty(), serde_json::to_string(&named.tags)),
        "folder" => named.folder.map_or(Cell::Blank, Cell::text),
        "archived" => Cell::yes(fields.archived),
        "external_id" => optional(&fields.external_id),
        "tenant_id" => optional(&fields.tenant_id),
        "program_id" => optional(&fields.program_id),
        "partner_id" => optional(&fields.partner_id),
        "group_id" => optional(&fields.group_id),
        "partner_tags" => json(fields.partner_tags.is_empty(), serde_json::to_string(&fields.partner_tags)),
        "redirect" if fields.redirect == RedirectKind::Permanent => Cell::text("301"),
        "cloak" => Cell::yes(fields.cloak),
        "password_hash" => optional(&fields.password_hash),
        "starts_at" => at(fields.starts_at_ms),
        "expires_at" => at(fields.expires_at_ms),
        "expired_url" => optional(&fields.expired_url),
        "max_clicks" => json(fields.max_clicks.is_none(), serde_json::to_string(&fields.max_clicks)),
        "disabled_at" => at(fields.disabled_at_ms),
        "forward_parameters" => Cell::yes(fields.forward_parameters),
        "block_bots" => Cell::yes(fields.block_bots),
        "hide_referrer" => Cell::yes(fields.hide_referrer),
        "skip_social_crawlers" => Cell::yes(fields.skip_social_crawlers),
        "pixels" => json(fields.pixels.is_empty(), serde_json::to_string(&fields.pixels)),
        "head_tags" => optional(&fields.head_tags),
        "body_tags" => optional(&fields.body_tags),
        "webhook_urls" => json(fields.webhook_urls.is_empty(), serde_json::to_string(&fields.webhook_urls)),
        "og_title" => optional(&fields.preview.title),
        "og_description" => optional(&fields.preview.description),
        "og_image" => optional(&fields.preview.image),
        "custom_preview" => Cell::yes(fields.custom_preview),
        "index" => Cell::yes(fields.index),
        "ios_url" => optional(&fields.ios_url),
        "android_url" => optional(&fields.android_url),
        "geo_urls" => json(fields.geo_urls.is_empty(), serde_json::to_string(&fields.geo_urls)),
        "rules" => json(fields.rules.is_empty(), serde_json::to_string(&fields.rules)),
        "test_variants" => json(fields.test_variants.is_empty(), serde_json::to_string(&fields.test_variants)),
        "test_started_at" => at(fields.test_started_at_ms),
        "test_completed_at" => at(fields.test_completed_at_ms),
        "track_conversion" => Cell::yes(fields.track_conversion),
        "public_statistics" => Cell::yes(fields.public_statistics),
        "site" => named.site.map_or(Cell::Blank, Cell::text),
        "placement" => optional(&fields.placement),
        "kept" => json(fields.kept.is_empty(), serde_json::to_string(&fields.kept)),
        _ => Cell::Blank,
    };
    link_columns().into_iter().map(cell).collect()
}
