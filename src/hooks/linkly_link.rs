//! A link as Linkly shows it, in bodies of webhooks and in answers of its API alike (Linkly contract, 1.3).

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::domain::destination;
use crate::domain::id::{LinkId, UserId, WorkspaceId};
use crate::domain::link::{Link, LinkFields, ROOT_SLUG, Rule, RuleOn};
use crate::domain::password;
use crate::domain::pixel::Network;
use crate::domain::webhook::{Flavour, Webhook};

/// What rules look at, by Linkly's names.
pub const RULES: [(&str, RuleOn); 4] = [
    ("country", RuleOn::Country),
    ("platform", RuleOn::Platform),
    ("device", RuleOn::Device),
    ("rotator", RuleOn::Split),
];
/// Under this name the destination is kept as it was given: what a link leads to carries the campaign, and Linkly's clients
/// see it apart.
pub const GIVEN_URL: &str = "linkly_url";

/// Names of what is kept for Linkly's clients and acted on by nothing here.
pub mod kept {
    /// `linkify_words`
    pub const LINKIFY_WORDS: &str = "linkly_linkify_words";
    /// `replacements`
    pub const REPLACEMENTS: &str = "linkly_replacements";
    /// `notify_slack`
    pub const NOTIFY_SLACK: &str = "linkly_notify_slack";
    /// `notify_user_ids`
    pub const NOTIFY_USER_IDS: &str = "linkly_notify_user_ids";
}

/// A link, ready to be written as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct LinklyLink<'a> {
    id: LinkId,
    url: Cow<'a, str>,
    full_url: String,
    slug: String,
    domain: &'a str,
    workspace_id: WorkspaceId,
    name: Option<&'a str>,
    note: Option<&'a str>,
    enabled: bool,
    deleted: bool,
    utm_source: Option<&'a str>,
    utm_medium: Option<&'a str>,
    utm_campaign: Option<&'a str>,
    utm_term: Option<&'a str>,
    utm_content: Option<&'a str>,
    fb_pixel_id: Option<&'a str>,
    ga4_tag_id: Option<&'a str>,
    gtm_id: Option<&'a str>,
    tiktok_pixel_id: Option<&'a str>,
    linkedin_partner_id: Option<&'a str>,
    microsoft_uet_tag_id: Option<&'a str>,
    pinterest_tag_id: Option<&'a str>,
    reddit_pixel_id: Option<&'a str>,
    snapchat_pixel_id: Option<&'a str>,
    twitter_pixel_id: Option<&'a str>,
    head_tags: Option<&'a str>,
    body_tags: Option<&'a str>,
    og_title: Option<&'a str>,
    og_description: Option<&'a str>,
    og_image: Option<&'a str>,
    cloaking: bool,
    forward_params: bool,
    hide_referrer: bool,
    block_bots: bool,
    skip_social_crawler_tracking: bool,
    public_analytics: bool,
    linkify_words: Option<&'a Value>,
    replacements: Option<&'a Value>,
    expiry_datetime: Option<String>,
    expiry_destination: Option<&'a str>,
    expiry_clicks: Option<u64>,
    /// Null, or [`password::MASK`].
    password: Option<&'static str>,
    rules: Vec<LinklyRule<'a>>,
    webhooks: Vec<String>,
    notify_slack: bool,
    notify_user_ids: Vec<u64>,
    created_by_user_id: Option<UserId>,
    /// In bodies of clicks: where the visitor was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<&'a str>,
    /// Not in bodies of clicks.
    #[serde(skip_serializing_if = "Option::is_none")]
    inserted_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct LinklyRule<'a> {
    what: &'static str,
    /// The values with commas between them; null where nothing is looked at.
    matches: Option<String>,
    percentage: Option<Value>,
    url: &'a str,
}

impl<'a> LinklyLink<'a> {
    /// A link whose short address is `full_url`, with the addresses that are told of it alone.
    pub fn new(link: &'a Link, full_url: String, webhooks: Vec<String>) -> Self {
        let fields = &link.fields;
        let pixel = |network: Network| fields.pixels.get(network.key()).map(String::as_str);
        let kept = |name: &str| fields.kept.get(name);
        let instant = |at_ms| DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default();
        let shown = |at_ms| instant(at_ms).to_rfc3339_opts(SecondsFormat::Secs, true);
        Self {
            id: link.id,
            url: given_url(fields),
            full_url,
            slug: if link.slug == ROOT_SLUG { "/".to_owned() } else { format!("/{}", link.slug) },
            domain: &link.domain,
            workspace_id: link.workspace,
            name: fields.title.as_deref(),
            note: fields.notes.as_deref(),
            enabled: fields.disabled_at_ms.is_none(),
            deleted: link.trashed_at_ms.is_some() || link.deleted_at_ms.is_some(),
            utm_source: fields.utm.source.as_deref(),
            utm_medium: fields.utm.medium.as_deref(),
            utm_campaign: fields.utm.campaign.as_deref(),
            utm_term: fields.utm.term.as_deref(),
            utm_content: fields.utm.content.as_deref(),
            fb_pixel_id: pixel(Network::Meta),
            ga4_tag_id: pixel(Network::Ga4),
            gtm_id: pixel(Network::Gtm),
            tiktok_pixel_id: pixel(Network::Tiktok),
            linkedin_partner_id: pixel(Network::Linkedin),
            microsoft_uet_tag_id: pixel(Network::MicrosoftUet),
            pinterest_tag_id: pixel(Network::Pinterest),
            reddit_pixel_id: pixel(Network::Reddit),
            snapchat_pixel_id: pixel(Network::Snapchat),
            twitter_pixel_id: pixel(Network::X),
            head_tags: fields.head_tags.as_deref(),
            body_tags: fields.body_tags.as_deref(),
            og_title: fields.preview.title.as_deref(),
            og_description: fields.preview.description.as_deref(),
            og_image: fields.preview.image.as_deref(),
            cloaking: fields.cloak,
            forward_params: fields.forward_parameters,
            hide_referrer: fields.hide_referrer,
            block_bots: fields.block_bots,
            skip_social_crawler_tracking: fields.skip_social_crawlers,
            public_analytics: fields.public_statistics,
            linkify_words: kept(kept::LINKIFY_WORDS),
            replacements: kept(kept::REPLACEMENTS),
            expiry_datetime: fields.expires_at_ms.map(shown),
            expiry_destination: fields.expired_url.as_deref(),
            expiry_clicks: fields.max_clicks,
            password: fields.password_hash.as_ref().map(|_| password::MASK),
            rules: fields.rules.iter().map(LinklyRule::from).collect(),
            webhooks,
            notify_slack: kept(kept::NOTIFY_SLACK).and_then(Value::as_bool).unwrap_or(false),
            notify_user_ids: kept(kept::NOTIFY_USER_IDS)
                .and_then(Value::as_array)
                .map(|ids| ids.iter().filter_map(Value::as_u64).collect())
                .unwrap_or_default(),
            created_by_user_id: link.created_by,
            destination: None,
            inserted_at: Some(shown(link.created_at_ms)),
            updated_at: Some(shown(link.updated_at_ms)),
        }
    }

    /// The same as bodies of clicks show it.
    #[must_use]
    pub fn with_destination(self, destination: &'a str) -> Self {
        Self { destination: Some(destination), inserted_at: None, updated_at: None, ..self }
    }
}

impl<'a> From<&'a Rule> for LinklyRule<'a> {
    fn from(rule: &'a Rule) -> Self {
        let what = RULES.iter().find(|(_, on)| *on == rule.on).map_or("rotator", |(what, _)| what);
        let percentage = rule.percent.map(|percent| match percent {
            whole if whole.fract() == 0.0 && whole.abs() < 1e9 => Value::from(whole as i64),
            other => Value::from(other),
        });
        Self { what, matches: (!rule.values.is_empty()).then(|| rule.values.join(",")), percentage, url: &rule.url }
    }
}

/// The destination as a client of Linkly's gave it; what it is now, when somebody else gave it another.
fn given_url(fields: &LinkFields) -> Cow<'_, str> {
    let bare = |url: &str| {
        fields.utm.pairs().iter().fold(url.to_owned(), |url, (name, _)| destination::with_parameter(&url, name, None))
    };
    match fields.kept.get(GIVEN_URL).and_then(Value::as_str) {
        Some(given) if bare(given) == bare(&fields.url) => Cow::Borrowed(given),
        _ => Cow::Borrowed(&fields.url),
    }
}

/// The addresses that are told of this link alone, among the webhooks of its workspace.
pub fn webhooks_of<'a>(link: LinkId, webhooks: impl IntoIterator<Item = &'a Webhook>) -> Vec<String> {
    let own = |webhook: &&Webhook| webhook.flavour == Flavour::Linkly && webhook.link == Some(link);
    webhooks.into_iter().filter(own).map(|webhook| webhook.url.clone()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::link::LinkUtm;

    fn link(url: &str, given: Option<&str>) -> Link {
        let mut fields = LinkFields { url: url.to_owned(), utm: destination::utm_of(url), ..LinkFields::default() };
        if let Some(given) = given {
            fields.kept.insert(GIVEN_URL.to_owned(), given.into());
        }
        Link { slug: "promo".to_owned(), domain: "go.example.com".to_owned(), fields, ..Link::default() }
    }

    fn shown(link: &Link) -> Value {
        serde_json::to_value(LinklyLink::new(link, "https://go.example.com/promo".to_owned(), Vec::new())).unwrap()
    }

    #[test]
    fn the_destination_is_shown_as_it_was_given() {
        let campaign = "https://www.example.com/?utm_source=newsletter";
        for (url, given, expected) in [
            (campaign, Some("https://www.example.com/"), "https://www.example.com/"),
            (campaign, Some(campaign), campaign),
            (campaign, None, campaign),
            (
                "https://other.example/?utm_source=newsletter",
                Some("https://www.example.com/"),
                "https://other.example/?utm_source=newsletter",
            ),
        ] {
            let shown = shown(&link(url, given));
            assert_eq!((&shown["url"], &shown["utm_source"]), (&json!(expected), &json!("newsletter")));
        }
    }

    #[test]
    fn passwords_and_hashes_are_not_shown() {
        let mut with = link("https://a.b", None);
        with.fields.password_hash = Some("$argon2id$secret".to_owned());
        with.fields.utm = LinkUtm::default();
        assert_eq!(shown(&with)["password"], password::MASK);
        assert!(!shown(&with).to_string().contains("argon2"));
        assert_eq!(shown(&link("https://a.b", None))["password"], Value::Null);
    }

    #[test]
    fn rules_have_linklys_names() {
        let rule = |on, values: &[&str], percent| Rule {
            on,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            percent,
            url: "https://a.b".to_owned(),
        };
        let mut with = link("https://a.b", None);
        with.fields.rules = vec![
            rule(RuleOn::Country, &["US", "GB"], None),
            rule(RuleOn::Split, &[], Some(30.0)),
            rule(RuleOn::Split, &[], Some(12.5)),
        ];
        let expected = json!([
            {"what": "country", "matches": "US,GB", "percentage": null, "url": "https://a.b"},
            {"what": "rotator", "matches": null, "percentage": 30, "url": "https://a.b"},
            {"what": "rotator", "matches": null, "percentage": 12.5, "url": "https://a.b"},
        ]);
        assert_eq!(shown(&with)["rules"], expected);
    }

    #[test]
    fn clicks_say_where_they_led() {
        let link = link("https://a.b", None);
        let object = LinklyLink::new(&link, String::new(), Vec::new());
        let click = serde_json::to_value(object.clone().with_destination("https://a.b/c")).unwrap();
        assert_eq!(click["destination"], "https://a.b/c");
        assert!(click.get("inserted_at").is_none());
        let change = serde_json::to_value(object).unwrap();
        assert_eq!((&change["inserted_at"], change.get("destination")), (&json!("1970-01-01T00:00:00Z"), None));
    }
}
