//! The checks of a change that need no store: texts that fit, targets that are allowed. Targets are put into their checked
//! form on the way.

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;

use secrecy::ExposeSecret;

use super::failure::Measure;
use super::hook_urls::check_hook_urls;
use super::rules::check_rules;
use super::{Error, LinkChange, Result, SlugChoice, TagChoice};
use crate::domain::contact;
use crate::domain::country;
use crate::domain::destination::{self, Destination, DestinationError};
use crate::domain::hook_target::Policy;
use crate::domain::link::{LinkKind, TestVariant};
use crate::domain::password;
use crate::domain::pixel::Network;

/// Longest ids, campaign values and names, in characters.
pub(super) const SHORT: usize = 255;
/// Longest notes and head or body tags, in characters.
const LONG: usize = 10_000;
/// Most tags of a link.
const MAX_TAGS: usize = 100;
/// Most country targets of a link, and most rules.
const MAX_TARGETS: usize = 300;

/// How many destinations a test compares.
const VARIANTS: RangeInclusive<usize> = 2..=5;
/// The share of visitors that one of them may have, in percent.
const SHARES: RangeInclusive<f64> = 10.0..=90.0;

/// A host that a target leads to.
#[derive(Debug)]
pub(super) struct TargetHost {
    pub(super) field: &'static str,
    /// Its place in a list of targets.
    pub(super) place: Option<usize>,
    pub(super) name: String,
    pub(super) port: Option<u16>,
}

/// Checks a change and answers the hosts that its targets lead to.
pub(super) fn check(change: &mut LinkChange, policy: &Policy) -> Result<Vec<TargetHost>> {
    check_texts(change)?;
    check_tags(change)?;
    check_pixels(change)?;
    if change.patch.max_clicks == Some(Some(0)) {
        return Err(Error::too_small("maxClicks", Measure::Number, 1, 0));
    }
    if let Some(urls) = &mut change.patch.webhook_urls {
        check_hook_urls(urls, policy)?;
    }
    check_targets(change)
}

fn check_texts(change: &mut LinkChange) -> Result<()> {
    let patch = &mut change.patch;
    if let Some(Some(id)) = &mut patch.external_id {
        // The prefix says "external id follows" and is no part of it.
        if let Some(bare) = id.strip_prefix("ext_") {
            *id = bare.to_owned();
        }
        if id.is_empty() {
            return Err(Error::too_small("externalId", Measure::Text, 1, 0));
        }
    }
    for text in [&mut patch.tenant_id, &mut patch.program_id, &mut patch.partner_id, &mut patch.group_id] {
        // A blank id is none.
        if text.as_ref().is_some_and(|id| id.as_deref() == Some("")) {
            *text = Some(None);
        }
    }
    let utm = &mut change.utm;
    let parts =
        [&mut utm.source, &mut utm.medium, &mut utm.campaign, &mut utm.term, &mut utm.content, &mut utm.reference];
    for value in parts.into_iter().flatten() {
        *value = value.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    }
    let texts = [
        ("externalId", &patch.external_id, SHORT),
        ("tenantId", &patch.tenant_id, SHORT),
        ("programId", &patch.program_id, SHORT),
        ("partnerId", &patch.partner_id, SHORT),
        ("groupId", &patch.group_id, SHORT),
        ("utm_source", &utm.source, SHORT),
        ("utm_medium", &utm.medium, SHORT),
        ("utm_campaign", &utm.campaign, SHORT),
        ("utm_term", &utm.term, SHORT),
        ("utm_content", &utm.content, SHORT),
        ("ref", &utm.reference, SHORT),
        ("placement", &patch.placement, SHORT),
        ("previewTitle", &change.preview.title, LONG),
        ("previewDescription", &change.preview.description, LONG),
        ("title", &patch.title, LONG),
        ("description", &patch.description, LONG),
        ("comments", &patch.notes, LONG),
        ("headTags", &patch.head_tags, LONG),
        ("bodyTags", &patch.body_tags, LONG),
    ];
    for (field, value, limit) in texts {
        if let Some(Some(text)) = value {
            fits(field, text, limit)?;
        }
    }
    for value in change.kept.values().flatten() {
        fits("kept", &value.to_string(), LONG)?;
    }
    if let Some(tags) = &mut patch.partner_tags {
        tags.retain(|tag| !tag.is_empty());
        if tags.len() > MAX_TAGS {
            return Err(Error::too_big("partnerTagIds", Measure::List, MAX_TAGS, tags.len()));
        }
        for tag in &*tags {
            fits("partnerTagIds", tag, SHORT)?;
        }
        let mut known = HashSet::new();
        tags.retain(|tag| known.insert(tag.clone()));
    }
    if let Some(Some(password)) = &change.password {
        let clear = password.expose_secret();
        // A character takes four bytes at most, and the limit is one of bytes.
        fits("password", clear, password::MAX_LENGTH / 4)?;
        if clear.is_empty() {
            change.password = Some(None);
        }
    }
    if change.password_hash.as_deref().is_some_and(|hash| !password::is_hash(hash)) {
        return Err(Error::invalid("password_hash", "it is no argon2id hash in the PHC string format"));
    }
    match &change.slug {
        // The slug's own limit is checked with its letters.
        SlugChoice::Random { prefix: Some(prefix), .. } => fits("prefix", prefix, SHORT),
        SlugChoice::Keep | SlugChoice::Fixed(_) | SlugChoice::Random { .. } => Ok(()),
    }
}

pub(super) fn fits(field: &'static str, text: &str, limit: usize) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::invalid(field, "it holds a NUL character"));
    }
    let length = text.chars().count();
    if length > limit {
        return Err(Error::too_big(field, Measure::Text, limit, length));
    }
    Ok(())
}

fn check_tags(change: &LinkChange) -> Result<()> {
    let (field, count) = match &change.tags {
        None => return Ok(()),
        Some(TagChoice::Ids(ids)) => ("tagIds", ids.len()),
        Some(TagChoice::Names(names)) => {
            for name in names {
                fits("tagNames", name, SHORT)?;
            }
            ("tagNames", names.len())
        }
    };
    if count > MAX_TAGS {
        return Err(Error::too_big(field, Measure::List, MAX_TAGS, count));
    }
    Ok(())
}

/// Ids take the form that their network writes them in; blank ones are none. The field of an error is the network's key.
fn check_pixels(change: &mut LinkChange) -> Result<()> {
    if let Some(pixels) = &mut change.patch.pixels {
        let mut checked = BTreeMap::new();
        for (key, text) in std::mem::take(pixels) {
            if let Some(id) = pixel_id(&key, &text)? {
                checked.insert(key, id);
            }
        }
        *pixels = checked;
    }
    for (key, text) in &mut change.pixels {
        let id = pixel_id(key, text.as_deref().unwrap_or_default())?;
        *text = id;
    }
    Ok(())
}

fn pixel_id(key: &str, text: &str) -> Result<Option<String>> {
    let given = |text: &str| text.chars().take(100).collect::<String>();
    let Some(network) = Network::of_key(key) else {
        let known = Network::ALL.map(Network::key).join(", ");
        return Err(Error::invalid("pixels", format!("'{}' is no network; known are {known}", given(key))));
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    network.parse_id(text).map(Some).map_err(|no_id| {
        let message = format!("'{}' is no id of {}: {no_id}", given(text), network.label());
        Error::invalid(network.key(), message)
    })
}

fn check_targets(change: &mut LinkChange) -> Result<Vec<TargetHost>> {
    let mut hosts = Vec::new();
    let patch = &mut change.patch;
    if let Some(url) = &mut patch.url {
        if url.trim().is_empty() {
            // Allowed for root links only, which is known later.
            url.clear();
            patch.kind = Some(LinkKind::Url);
        } else {
            if let Some(whole) = patch.kind.and_then(|kind| contact::with_scheme(url, kind)) {
                *url = whole;
            }
            let checked = target("url", url, &mut hosts)?;
            if patch.kind.is_some_and(|kind| kind != checked.kind) {
                return Err(refused("url", url, DestinationError::Scheme));
            }
            patch.kind = Some(checked.kind);
            *url = checked.url;
        }
    }
    for (field, text) in [
        ("expiredUrl", &mut patch.expired_url),
        ("ios", &mut patch.ios_url),
        ("android", &mut patch.android_url),
        ("image", &mut patch.image),
        ("previewImage", &mut change.preview.image),
        ("video", &mut patch.video),
    ] {
        let Some(inner) = text else { continue };
        *inner = match inner.take().filter(|text| !text.trim().is_empty()) {
            // Pictures are shown, nobody is sent there: our own host is as good as any.
            Some(text) if matches!(field, "image" | "previewImage" | "video") => {
                Some(web_target(field, &text, &mut Vec::new())?)
            }
            Some(text) => Some(web_target(field, &text, &mut hosts)?),
            None => None,
        };
    }
    if let Some(geo) = &mut patch.geo_urls {
        limit("geo", geo.len())?;
        let mut checked = BTreeMap::new();
        for (country, text) in std::mem::take(geo) {
            let code = country.to_ascii_uppercase();
            if country::name(&code).is_none() {
                let given: String = country.chars().take(20).collect();
                return Err(Error::invalid("geo", format!("'{given}' is no country code of ISO 3166-1, such as US")));
            }
            checked.insert(code, web_target("geo", &text, &mut hosts)?);
        }
        *geo = checked;
    }
    if let Some(variants) = &mut patch.test_variants {
        check_shares(variants)?;
        for variant in variants {
            variant.url = web_target("testVariants", &variant.url, &mut hosts)?;
        }
    }
    if let Some(rules) = &mut patch.rules {
        limit("rules", rules.len())?;
        check_rules(rules, &mut hosts)?;
    }
    Ok(hosts)
}

/// No variants at all are no test.
fn check_shares(variants: &[TestVariant]) -> Result<()> {
    let wrong = |message: String| Err(Error::invalid("testVariants", message));
    if variants.is_empty() {
        return Ok(());
    }
    if !VARIANTS.contains(&variants.len()) {
        let (least, most) = (VARIANTS.start(), VARIANTS.end());
        return wrong(format!("there are {}, expected {least} to {most}", variants.len()));
    }
    for TestVariant { percentage, .. } in variants {
        if !SHARES.contains(percentage) {
            let (least, most) = (SHARES.start(), SHARES.end());
            return wrong(format!("a percentage is {percentage}, expected {least} to {most}"));
        }
    }
    // Thirds and the like add up as far as their writer cared.
    let total: f64 = variants.iter().map(|variant| variant.percentage).sum();
    if (total - 100.0).abs() > 0.2 {
        return wrong(format!("the percentages add up to {total}, expected 100"));
    }
    Ok(())
}

fn limit(field: &'static str, count: usize) -> Result<()> {
    if count > MAX_TARGETS {
        return Err(Error::too_big(field, Measure::List, MAX_TARGETS, count));
    }
    Ok(())
}

fn web_target(field: &'static str, text: &str, hosts: &mut Vec<TargetHost>) -> Result<String> {
    let checked = target(field, text, hosts)?;
    if checked.kind == LinkKind::Url { Ok(checked.url) } else { Err(refused(field, text, DestinationError::Scheme)) }
}

pub(super) fn target(field: &'static str, text: &str, hosts: &mut Vec<TargetHost>) -> Result<Destination> {
    let checked = destination::parse(text).map_err(|reason| refused(field, text, reason))?;
    if let Some((name, port)) = destination::host_of(&checked.url) {
        hosts.push(TargetHost { field, place: None, name, port });
    }
    Ok(checked)
}

fn refused(field: &'static str, text: &str, reason: DestinationError) -> Error {
    Error::Destination { field, given: text.chars().take(100).collect(), reason }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
