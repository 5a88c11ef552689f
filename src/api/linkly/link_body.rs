//! The body of a request that makes or changes a link (Linkly contract, 1.3). What is absent stays as it is; null, or an
//! empty text, clears what can be without a value and puts everything else back to its default. What cannot be written
//! (`full_url`, `created_by_user_id`, counters and the like) is ignored, so that an object can be sent back as it was read.

use serde_json::Value;

use super::faults::{BLANK, INVALID, Refusal};
use super::link_fields::{Fields, Said, number};
use super::link_rules;
use crate::domain::link::ROOT_SLUG;
use crate::domain::pixel::Network;
use crate::domain::slug;
use crate::domain::workspace::parse_domain_name;
use crate::hooks::Hooks;
use crate::hooks::linkly_link::{GIVEN_URL, kept};
use crate::links::{LinkChange, SlugChoice};
use crate::web::body::Body;
use crate::web::error::quoted;

/// Longest campaign values and previews, in characters.
const SHORT: usize = 255;
/// Longest names, in characters.
const NAME: usize = 120;
/// Longest notes, tags for pages and values that are kept, in characters.
const LONG: usize = 10_000;
/// Longest passwords, in characters.
const PASSWORD: usize = 256;
/// Most addresses that are told of a link, and most people.
const MAX_TOLD: usize = 50;

/// What a body asks of a link.
#[derive(Debug)]
pub(super) struct LinkRequest {
    /// Into the trash or out of it.
    pub deleted: Option<bool>,
    /// Its fields.
    pub change: LinkChange,
    /// The addresses that are told of this link alone, instead of those that are.
    pub webhooks: Option<Vec<String>>,
}

/// Reads a body that makes a link, or changes one.
///
/// # Errors
/// All faults at once.
pub(super) fn read(body: &Body, is_new: bool, hooks: &Hooks, now_ms: i64) -> Result<LinkRequest, Refusal> {
    let mut fields = Fields::new(body);
    let mut change = LinkChange::default();
    place(&mut fields, is_new, &mut change);
    destination(&mut fields, is_new, &mut change);
    texts(&mut fields, &mut change);
    switches(&mut fields, now_ms, &mut change);
    expiry(&mut fields, &mut change);
    pixels(&mut fields, &mut change);
    kept_values(&mut fields, &mut change);
    change.patch.rules = link_rules::read(&mut fields).map(Option::unwrap_or_default);
    let webhooks = webhooks(&mut fields, hooks);
    let deleted = fields.boolean("deleted").flatten();
    if is_new && deleted == Some(true) {
        fields.faults.add("deleted", INVALID, "a new link cannot be in the trash");
    }
    fields.faults.check()?;
    Ok(LinkRequest { deleted, change, webhooks })
}

/// The link that a body changes, as written; none for one that makes a link.
pub(super) fn named(body: &Body) -> Option<String> {
    let value = Fields::new(body).raw("id").flatten()?;
    Some(value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned()))
}

/// `domain` and `slug`. A new link with a slug says on which domain; with neither it gets the workspace's primary one.
fn place(fields: &mut Fields<'_>, is_new: bool, change: &mut LinkChange) {
    change.domain = fields.text("domain", SHORT).flatten().map(|name| name.trim().to_owned());
    if let Some(name) = &change.domain
        && parse_domain_name(name).is_none()
    {
        let advice = format!(
            "expected a domain's name without scheme and slash, such as go.example.com. Given: {}",
            quoted(name)
        );
        fields.faults.add("domain", INVALID, advice);
    }
    let Some(given) = fields.text("slug", SHORT).flatten() else { return };
    let text = given.trim();
    if !text.starts_with('/') {
        fields.faults.add(
            "slug",
            INVALID,
            format!("expected a '/' at its beginning, such as /promo. Given: {}", quoted(text)),
        );
    } else if text.trim_matches('/').is_empty() {
        // The domain's own page.
        change.slug = SlugChoice::Fixed(ROOT_SLUG.to_owned());
    } else {
        match slug::parse(text) {
            Ok(slug) if slug == ROOT_SLUG => {
                fields.faults.add("slug", INVALID, "the page of the domain itself is '/'");
            }
            Ok(slug) => change.slug = SlugChoice::Fixed(slug.to_owned()),
            Err(reason) => fields.faults.add("slug", INVALID, format!("{reason}. Given: {}", quoted(text))),
        }
    }
    if is_new && change.domain.is_none() && !fields.faults.is_on("domain") {
        fields.faults.add("domain", BLANK, "a slug is one on a domain; name it, or leave both out");
    }
}

/// `url` and the campaign that is written into it.
fn destination(fields: &mut Fields<'_>, is_new: bool, change: &mut LinkChange) {
    change.patch.url = fields.destination("url");
    if is_new && change.patch.url.is_none() && !fields.faults.is_on("url") {
        fields.faults.add("url", BLANK, "where the link leads, such as https://example.com");
    }
    if let Some(url) = &change.patch.url {
        change.kept.insert(GIVEN_URL.to_owned(), Some(Value::from(url.as_str())));
    }
    let utm = &mut change.utm;
    utm.source = fields.text("utm_source", SHORT);
    utm.medium = fields.text("utm_medium", SHORT);
    utm.campaign = fields.text("utm_campaign", SHORT);
    utm.term = fields.text("utm_term", SHORT);
    utm.content = fields.text("utm_content", SHORT);
}

fn texts(fields: &mut Fields<'_>, change: &mut LinkChange) {
    let patch = &mut change.patch;
    patch.title = fields.text("name", NAME);
    patch.notes = fields.text("note", LONG);
    patch.head_tags = fields.text("head_tags", LONG);
    patch.body_tags = fields.text("body_tags", LONG);
    change.preview.title = fields.text("og_title", SHORT);
    change.preview.description = fields.text("og_description", LONG);
    change.preview.image = fields.address("og_image");
    change.set_password(fields.text("password", PASSWORD));
}

/// Switches; null is the default: on for `enabled`, off for all others.
fn switches(fields: &mut Fields<'_>, now_ms: i64, change: &mut LinkChange) {
    let mut off = |name: &str| fields.boolean(name).map(|yes| yes.unwrap_or(false));
    let patch = &mut change.patch;
    patch.cloak = off("cloaking");
    patch.forward_parameters = off("forward_params");
    patch.hide_referrer = off("hide_referrer");
    patch.block_bots = off("block_bots");
    patch.skip_social_crawlers = off("skip_social_crawler_tracking");
    patch.public_statistics = off("public_analytics");
    let enabled = fields.boolean("enabled").map(|yes| yes.unwrap_or(true));
    patch.disabled_at_ms = enabled.map(|enabled| (!enabled).then_some(now_ms));
}

/// `expiry_datetime`, `expiry_clicks` and `expiry_destination`; without the last, visitors of an expired link find none.
fn expiry(fields: &mut Fields<'_>, change: &mut LinkChange) {
    let patch = &mut change.patch;
    patch.expires_at_ms = fields.instant("expiry_datetime");
    patch.max_clicks = fields.count("expiry_clicks");
    patch.expired_url = fields.address("expiry_destination");
}

fn pixels(fields: &mut Fields<'_>, change: &mut LinkChange) {
    for network in Network::ALL {
        let Some(id) = fields.text(network.linkly(), SHORT) else { continue };
        let id = match id.map(|id| (network.parse_id(&id), id)) {
            None => None,
            Some((Ok(id), _)) => Some(id),
            Some((Err(reason), given)) => {
                fields.faults.add(network.linkly(), INVALID, format!("{reason}. Given: {}", quoted(&given)));
                continue;
            }
        };
        change.pixels.insert(network.key().to_owned(), id);
    }
}

/// What is given back as it came.
fn kept_values(fields: &mut Fields<'_>, change: &mut LinkChange) {
    let mut keep = |name: &str, value: Said<Value>| {
        if let Some(value) = value {
            change.kept.insert(name.to_owned(), value);
        }
    };
    keep(kept::LINKIFY_WORDS, fields.anything("linkify_words", LONG));
    keep(kept::REPLACEMENTS, fields.anything("replacements", LONG));
    keep(kept::NOTIFY_SLACK, fields.boolean("notify_slack").map(|yes| yes.filter(|yes| *yes).map(Value::from)));
    let people = fields.list("notify_user_ids").and_then(|ids| {
        let Some(ids) = ids else { return Some(None) };
        let numbers: Option<Vec<u64>> = ids.iter().map(number).collect();
        match numbers {
            Some(numbers) if numbers.len() <= MAX_TOLD => Some((!numbers.is_empty()).then(|| Value::from(numbers))),
            _ => fields.refuse("notify_user_ids", "a list of at most 50 ids of people", &Value::Array(ids)),
        }
    });
    keep(kept::NOTIFY_USER_IDS, people);
}

/// `webhooks`: null and an empty list end them all.
fn webhooks(fields: &mut Fields<'_>, hooks: &Hooks) -> Option<Vec<String>> {
    let items = fields.list("webhooks")?.unwrap_or_default();
    if items.len() > MAX_TOLD {
        let short = format!("should have at most {MAX_TOLD} item(s)");
        fields.faults.add("webhooks", &short, format!("given are {}", items.len()));
    }
    let mut urls: Vec<String> = Vec::with_capacity(items.len());
    for item in &items {
        let Some(url) = item.as_str().map(str::trim) else {
            fields.refuse::<()>("webhooks", "a list of addresses", item);
            continue;
        };
        match hooks.check_target(url) {
            Ok(_) if urls.iter().any(|known| known == url) => {}
            // Kept as it was given, since it is the subscription's name.
            Ok(_) => urls.push(url.to_owned()),
            Err(reason) => fields.faults.add("webhooks", INVALID, format!("{reason}. Given: {}", quoted(url))),
        }
    }
    Some(urls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{destination, password};
    use crate::hooks::guard::Policy;
    use proptest::prelude::*;
    use serde_json::json;

    const FIELDS: &[&str] = &[
        "id",
        "deleted",
        "url",
        "domain",
        "slug",
        "name",
        "note",
        "enabled",
        "utm_source",
        "fb_pixel_id",
        "gtm_id",
        "head_tags",
        "og_title",
        "og_image",
        "cloaking",
        "linkify_words",
        "expiry_datetime",
        "expiry_destination",
        "expiry_clicks",
        "password",
        "rules",
        "webhooks",
        "notify_slack",
        "notify_user_ids",
    ];

    fn read_of(body: &Value) -> Result<LinkRequest, String> {
        let body = Body::parse(body.to_string().as_bytes()).unwrap();
        let hooks = Hooks::new(Policy { allowed: Vec::new() });
        read(&body, named(&body).is_none(), &hooks, 7).map_err(|refusal| format!("{refusal:?}"))
    }

    #[test]
    fn absent_null_and_values_are_three_things() {
        let nothing = read_of(&json!({"id": 5})).unwrap();
        assert_eq!(nothing.change.patch, Default::default());
        assert!(nothing.change.pixels.is_empty() && nothing.change.kept.is_empty() && nothing.webhooks.is_none());

        let cleared = read_of(&json!({
            "id": "5", "name": null, "note": "", "cloaking": null, "enabled": null, "expiry_clicks": "", "password": "",
            "fb_pixel_id": null, "rules": null, "og_title": null, "linkify_words": null, "webhooks": [],
        }))
        .unwrap();
        let patch = &cleared.change.patch;
        assert_eq!((&patch.title, &patch.notes, patch.cloak), (&Some(None), &Some(None), Some(false)));
        assert_eq!(patch.disabled_at_ms, Some(None));
        assert_eq!((patch.max_clicks, patch.rules.as_deref()), (Some(None), Some(&[][..])));
        assert!(matches!(cleared.change.password, Some(None)));
        assert_eq!(cleared.change.pixels["meta"], None);
        assert_eq!(cleared.change.preview.title, Some(None));
        assert_eq!(cleared.webhooks.as_deref(), Some(&[][..]));
        let kept = read_of(&json!({"id": 5, "password": password::MASK})).unwrap();
        assert!(kept.change.password.is_none(), "what is shown of a password is none");
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let faults = read_of(&json!({
            "slug": "promo", "domain": "https://go.example.com/", "url": "javascript:alert(1)", "enabled": "perhaps",
            "expiry_clicks": 0, "expiry_datetime": "soon", "fb_pixel_id": "x", "name": "n".repeat(121),
            "webhooks": ["http://127.0.0.1/"], "rules": [{"what": "weather"}], "notify_user_ids": ["me"],
        }))
        .unwrap_err();
        for field in [
            "slug",
            "domain",
            "url",
            "enabled",
            "expiry_clicks",
            "expiry_datetime",
            "fb_pixel_id",
            "name",
            "webhooks",
            "rules.0.what",
            "notify_user_ids",
        ] {
            assert!(faults.contains(&format!("\"{field}\"")), "{field}: {faults}");
        }
        let missing = read_of(&json!({"slug": "/a"})).unwrap_err();
        assert!(missing.contains("url") && missing.contains("domain"), "{missing}");
    }

    /// Any JSON, a few levels deep.
    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            "(https?://|/|-)?[a-z0-9.,:%/-]{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let names = prop_oneof![Just("what"), Just("matches"), Just("percentage"), Just("url"), Just("x")];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(names.prop_map(str::to_owned), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_body_is_answered(
            fields in prop::collection::btree_map(prop::sample::select(FIELDS), any_value(), 0..8),
            is_new: bool,
        ) {
            let object = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let body = Body::from(serde_json::Map::from_iter::<Vec<_>>(object));
            let hooks = Hooks::new(Policy { allowed: Vec::new() });
            match read(&body, is_new, &hooks, 7) {
                Ok(request) => {
                    let url = request.change.patch.url;
                    prop_assert!(!is_new || url.is_some());
                    for rule in request.change.patch.rules.unwrap_or_default() {
                        prop_assert!(destination::parse(&rule.url).is_ok());
                    }
                }
                Err(Refusal::Fields(_)) => {}
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn the_root_is_a_slash() {
        let slug = |text: &str| {
            read_of(&json!({"url": "a.b", "domain": "go.example.com", "slug": text})).map(|read| read.change.slug)
        };
        assert_eq!(slug("/"), Ok(SlugChoice::Fixed(ROOT_SLUG.to_owned())));
        assert_eq!(slug("/a/b"), Ok(SlugChoice::Fixed("a/b".to_owned())));
        assert_eq!(slug(""), Ok(SlugChoice::Keep));
        assert!(slug("/_root").is_err() && slug("a").is_err() && slug("/a b").is_err());
    }
}
