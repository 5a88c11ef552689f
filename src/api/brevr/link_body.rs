//! The body of a request that makes or changes a link.
//!
//! Of a new link null is as good as absent. Of one that is there, null clears what can be empty (Brevr contract, 3.2: title,
//! description, image, password, expiresAt, maxClicks, metaPixelId, googleTagId, webhookUrls; and what else has no value by
//! default) and is refused for all else. Beyond Brevr's own list `domain`, `customSlug`, `linkType` and `utm*` can be
//! changed too; what is only shown cannot, and is refused by name.

use super::error::{invalid, missing};
use super::path::Id;
use super::rules;
use crate::domain::destination;
use crate::domain::id::PixelId;
use crate::domain::link::{LinkKind, RedirectKind};
use crate::domain::pixel::Network;
use crate::hooks::Hooks;
use crate::links::{LinkChange, SlugChoice, TagChoice};
use crate::web::body::Body;
use crate::web::error::{ApiError, quoted};

/// What links are shown with and nobody can change.
const READ_ONLY: [&str; 9] =
    ["id", "clickCount", "createdAt", "updatedAt", "createdBy", "workspaceId", "qrCode", "tags", "pixels"];
/// Addresses that one link tells of its clicks.
const MAX_WEBHOOKS: usize = 10;
/// Pixels of a workspace that are put on a link at once.
const MAX_PIXELS: usize = 20;

const REDIRECTS: [(&str, RedirectKind); 2] =
    [("PERMANENT_301", RedirectKind::Permanent), ("TEMPORARY_302", RedirectKind::Temporary)];
const KINDS: [(&str, LinkKind); 4] =
    [("URL", LinkKind::Url), ("MAILTO", LinkKind::Mailto), ("TEL", LinkKind::Tel), ("SMS", LinkKind::Sms)];

/// The name of a kind of redirect.
pub(super) fn redirect_name(kind: RedirectKind) -> &'static str {
    REDIRECTS.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| *name)
}

/// The name of a kind of link.
pub(super) fn kind_name(kind: LinkKind) -> &'static str {
    KINDS.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| *name)
}

/// What is asked of a link.
pub(super) struct Asked {
    /// All but the pixels that are named by their ids here.
    pub change: LinkChange,
    /// Pixels of the workspace to put on the link.
    pub pixels: Vec<PixelId>,
}

/// Reads what a link is to be that is made at `now_ms`.
pub(super) fn new_link(body: &Body, hooks: &Hooks, now_ms: i64) -> Result<Asked, ApiError> {
    let read = Reading { body, hooks, changes: false, now_ms };
    for name in ["url", "domain"] {
        if body.text(name)?.and_then(filled).is_none() {
            return Err(missing(name));
        }
    }
    read.asked()
}

/// Reads what a link is to be from `now_ms` on.
pub(super) fn changed_link(body: &Body, hooks: &Hooks, now_ms: i64) -> Result<Asked, ApiError> {
    if let Some(name) = READ_ONLY.into_iter().find(|name| body.field_value(name).is_some()) {
        let instead = if name == "tags" { ": send tagIds" } else { "" };
        return Err(invalid(name, format!("it cannot be changed{instead}")));
    }
    let mut asked = Reading { body, hooks, changes: true, now_ms }.asked()?;
    if let Some(url) = &asked.change.patch.url {
        // What is sent is the whole address, campaign included: none of the old one's stays.
        let (carried, utm) = (destination::utm_of(url), &mut asked.change.utm);
        for (asked, carried) in [
            (&mut utm.source, carried.source),
            (&mut utm.medium, carried.medium),
            (&mut utm.campaign, carried.campaign),
            (&mut utm.term, carried.term),
            (&mut utm.content, carried.content),
        ] {
            if carried.is_none() {
                asked.get_or_insert(None);
            }
        }
    }
    Ok(asked)
}

struct Reading<'a> {
    body: &'a Body,
    hooks: &'a Hooks,
    /// Of a link that is there.
    changes: bool,
    now_ms: i64,
}

impl Reading<'_> {
    fn asked(&self) -> Result<Asked, ApiError> {
        let body = self.body;
        let mut change = LinkChange {
            domain: self.value("domain", body.text("domain")?)?.filter(|name| !name.is_empty()),
            slug: self.slug()?,
            tags: self.tags()?,
            ..LinkChange::default()
        };
        change.set_password(body.text("password")?);
        let utm = &mut change.utm;
        utm.source = body.text("utmSource")?;
        utm.medium = body.text("utmMedium")?;
        utm.campaign = body.text("utmCampaign")?;
        utm.term = body.text("utmTerm")?;
        utm.content = body.text("utmContent")?;

        let patch = &mut change.patch;
        patch.url = self.value("url", body.text("url")?)?;
        patch.kind = self.one_of("linkType", &KINDS)?;
        patch.redirect = self.one_of("redirectType", &REDIRECTS)?;
        patch.title = body.text("title")?.map(filled);
        patch.description = body.text("description")?.map(filled);
        patch.image = body.text("image")?;
        patch.cloak = self.flag("cloaked")?;
        patch.expires_at_ms = body.instant("expiresAt")?;
        patch.starts_at_ms = body.instant("startsAt")?;
        patch.expired_url = body.text("expiredUrl")?;
        patch.max_clicks = self.max_clicks()?;
        patch.forward_parameters = self.flag("forwardParameters")?;
        patch.block_bots = self.flag("blockBots")?;
        patch.hide_referrer = self.flag("hideReferrer")?;
        patch.skip_social_crawlers = self.flag("skipSocialCrawlerTracking")?;
        patch.head_tags = body.text("headTags")?.map(filled);
        patch.body_tags = body.text("bodyTags")?.map(filled);
        patch.rules = rules::read(body)?;
        patch.webhook_urls = self.webhooks()?;
        patch.disabled_at_ms = self.flag("isActive")?.map(|active| (!active).then_some(self.now_ms));
        for network in Network::ALL {
            let Some(name) = network.brevr() else { continue };
            if let Some(id) = body.text(name)? {
                let id = filled(id).map(|id| pixel_id(network, name, &id)).transpose()?;
                change.pixels.insert(network.key().to_owned(), id);
            }
        }
        Ok(Asked { change, pixels: self.pixels()? })
    }

    /// A field that is never empty.
    fn value<T>(&self, name: &str, field: Option<Option<T>>) -> Result<Option<T>, ApiError> {
        match field {
            Some(None) if self.changes => {
                Err(invalid(name, "it cannot be null: leave it out to keep it as it is, or send a value"))
            }
            field => Ok(field.flatten()),
        }
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.value(name, self.body.boolean(name)?)
    }

    fn one_of<T: Copy>(&self, name: &str, known: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        let Some(given) = self.value(name, self.body.text(name)?)? else { return Ok(None) };
        match known.iter().find(|(known, _)| *known == given) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                Err(invalid(name, format!("expected one of {}. Given: {}", names.join(", "), quoted(&given))))
            }
        }
    }

    /// `customSlug`, or the `shortCode` that links are shown with. A blank one is none.
    fn slug(&self) -> Result<SlugChoice, ApiError> {
        for name in ["customSlug", "shortCode"] {
            if let Some(slug) = self.value(name, self.body.text(name)?)?.filter(|slug| !slug.trim().is_empty()) {
                return Ok(SlugChoice::Fixed(slug));
            }
        }
        Ok(SlugChoice::Keep)
    }

    fn tags(&self) -> Result<Option<TagChoice>, ApiError> {
        let Some(ids) = self.value("tagIds", self.body.texts("tagIds")?)? else { return Ok(None) };
        Ok(Some(TagChoice::Ids(parsed("tagIds", &ids)?)))
    }

    fn pixels(&self) -> Result<Vec<PixelId>, ApiError> {
        let ids = self.value("pixelIds", self.body.texts("pixelIds")?)?.unwrap_or_default();
        if ids.len() > MAX_PIXELS {
            return Err(invalid("pixelIds", format!("expected at most {MAX_PIXELS}. Given: {}", ids.len())));
        }
        parsed("pixelIds", &ids)
    }

    fn max_clicks(&self) -> Result<Option<Option<u64>>, ApiError> {
        match self.body.count("maxClicks")? {
            Some(Some(0)) => Err(invalid("maxClicks", "expected at least 1. Given: 0")),
            field => Ok(field),
        }
    }

    /// Addresses with commas between them; null or nothing is none.
    fn webhooks(&self) -> Result<Option<Vec<String>>, ApiError> {
        let Some(given) = self.body.texts("webhookUrls")? else { return Ok(None) };
        let given = given.unwrap_or_default();
        if given.len() > MAX_WEBHOOKS {
            return Err(invalid("webhookUrls", format!("expected at most {MAX_WEBHOOKS}. Given: {}", given.len())));
        }
        let mut urls = Vec::with_capacity(given.len());
        for text in given {
            let url = self
                .hooks
                .check_target(&text)
                .map_err(|error| invalid("webhookUrls", format!("{error}. Given: {}", quoted(&text))))?;
            // A comma would part it in two when it is shown; `%2C` means the same.
            let url = url.replace(',', "%2C");
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        Ok(Some(urls))
    }
}

/// An id of a pixel, in the form that its network writes it in.
pub(super) fn pixel_id(network: Network, field: &str, id: &str) -> Result<String, ApiError> {
    network.parse_id(id).map_err(|error| invalid(field, format!("{error}. Given: {}", quoted(id))))
}

/// Ids that are written as ids are here.
fn parsed<T: Id>(field: &str, ids: &[String]) -> Result<Vec<T>, ApiError> {
    let malformed: Vec<String> = ids.iter().filter(|id| T::read(id).is_none()).take(10).map(|id| quoted(id)).collect();
    if !malformed.is_empty() {
        let message =
            format!("there are no such {}s in this workspace: {}", T::KIND.to_lowercase(), malformed.join(", "));
        return Err(invalid(field, message));
    }
    Ok(ids.iter().filter_map(|id| T::read(id)).collect())
}

/// A blank text is none.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::domain::id::TagId;
    use crate::hooks::guard::Policy;

    fn new(text: &str) -> Result<LinkChange, String> {
        let fields = text.trim_start_matches('{');
        let text = format!(
            r#"{{"url": "https://a.b", "domain": "go.example.com"{}{fields}"#,
            if fields == "}" { "" } else { "," }
        );
        let body = Body::parse(text.as_bytes()).unwrap();
        new_link(&body, &Hooks::new(Policy::default()), 7).map(|asked| asked.change).map_err(|error| error.to_string())
    }

    fn changed(text: &str) -> Result<LinkChange, String> {
        let body = Body::parse(text.as_bytes()).unwrap();
        let asked = changed_link(&body, &Hooks::new(Policy::default()), 7);
        asked.map(|asked| asked.change).map_err(|error| error.to_string())
    }

    #[test]
    fn null_clears_what_can_be_empty() {
        let all = changed(
            r#"{"title": null, "description": null, "image": null, "password": null, "expiresAt": null, "maxClicks": null,
                "metaPixelId": null, "googleTagId": null, "webhookUrls": null, "rules": null, "expiredUrl": null,
                "startsAt": null, "gtmContainerId": null, "headTags": null, "bodyTags": null, "utmSource": null}"#,
        )
        .unwrap();
        let patch = &all.patch;
        assert_eq!((&patch.title, &patch.description, &patch.image), (&Some(None), &Some(None), &Some(None)));
        assert_eq!((patch.expires_at_ms, patch.max_clicks, patch.starts_at_ms), (Some(None), Some(None), Some(None)));
        assert!(matches!(all.password, Some(None)));
        assert_eq!((&patch.webhook_urls, &patch.rules), (&Some(Vec::new()), &Some(Vec::new())));
        assert_eq!(all.pixels, ["ga4", "gtm", "meta"].map(|key| (key.to_owned(), None)).into());
        assert_eq!(all.utm.source, Some(None));
        let nothing = changed("{}").unwrap();
        assert_eq!((nothing.patch, nothing.pixels.len()), (Default::default(), 0));
    }

    #[test]
    fn null_is_refused_for_what_is_never_empty() {
        for name in [
            "url",
            "domain",
            "customSlug",
            "redirectType",
            "linkType",
            "cloaked",
            "tagIds",
            "forwardParameters",
            "blockBots",
            "hideReferrer",
            "isActive",
            "pixelIds",
        ] {
            let refused = changed(&format!("{{\"{name}\": null}}")).unwrap_err();
            assert!(refused.starts_with(&format!("custom: {name}: it cannot be null")), "{refused}");
            if !matches!(name, "url" | "domain") {
                assert!(new(&format!("{{\"{name}\": null}}")).is_ok(), "{name}");
            }
        }
        for name in READ_ONLY {
            let refused = changed(&format!("{{\"{name}\": null}}")).unwrap_err();
            assert!(refused.starts_with(&format!("custom: {name}: it cannot be changed")), "{refused}");
        }
    }

    #[test]
    fn fields_of_a_new_link() {
        let tag = TagId(5).cuid();
        let all = new(&format!(
            r#"{{"customSlug": "x", "redirectType": "PERMANENT_301", "linkType": "URL", "cloaked": true, "password": "p",
                "maxClicks": 5, "tagIds": ["{tag}"], "utmSource": "s", "metaPixelId": "1234567890", "isActive": false,
                "googleTagId": "g-abcd", "webhookUrls": "https://a.example/x, https://b.example/y,"}}"#
        ))
        .unwrap();
        let patch = &all.patch;
        assert_eq!((all.slug, patch.redirect), (SlugChoice::Fixed("x".to_owned()), Some(RedirectKind::Permanent)));
        assert_eq!((patch.cloak, patch.max_clicks, patch.kind), (Some(true), Some(Some(5)), Some(LinkKind::Url)));
        assert_eq!(all.password.flatten().unwrap().expose_secret(), "p");
        assert_eq!(all.tags, Some(TagChoice::Ids(vec![TagId(5)])));
        assert_eq!(patch.webhook_urls, Some(vec!["https://a.example/x".to_owned(), "https://b.example/y".to_owned()]));
        assert_eq!(all.pixels["ga4"].as_deref(), Some("G-ABCD"));
        assert_eq!(patch.disabled_at_ms, Some(Some(7)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (given, message) in [
            (
                r#"{"redirectType": "302"}"#,
                "custom: redirectType: expected one of PERMANENT_301, TEMPORARY_302. Given: \"302\"",
            ),
            (r#"{"linkType": "url"}"#, "custom: linkType: expected one of URL, MAILTO, TEL, SMS"),
            (r#"{"cloaked": "yes"}"#, "invalid_type: cloaked: "),
            (r#"{"maxClicks": 0}"#, "custom: maxClicks: expected at least 1"),
            (r#"{"maxClicks": 1.5}"#, "invalid_type: maxClicks: "),
            (r#"{"tagIds": ["tag_x"]}"#, "custom: tagIds: there are no such tags in this workspace: \"tag_x\""),
            (r#"{"metaPixelId": "x');"}"#, "custom: metaPixelId: expected 5 to 20 digits"),
            (
                r#"{"webhookUrls": "http://127.0.0.1/x"}"#,
                "custom: webhookUrls: it leads to an address that is not public",
            ),
            (r#"{"expiresAt": "soon"}"#, "invalid_date: expiresAt: "),
        ] {
            let refused = new(given).unwrap_err();
            assert!(refused.starts_with(message), "{refused}");
            assert!(changed(given).unwrap_err().starts_with(message), "{given}");
        }
        let hooks = Hooks::new(Policy::default());
        for (given, message) in [
            (r#"{"domain": "go.example.com"}"#, "invalid_type: url: it is required"),
            (r#"{"url": "https://a.b", "domain": ""}"#, "invalid_type: domain: it is required"),
        ] {
            let refused = new_link(&Body::parse(given.as_bytes()).unwrap(), &hooks, 7).err().unwrap().to_string();
            assert_eq!(refused, message);
        }
    }

    #[test]
    fn another_address_brings_its_own_campaign() {
        let utm = changed(r#"{"url": "https://a.b/?utm_term=t", "utmSource": "s"}"#).unwrap().utm;
        assert_eq!((utm.source, utm.medium, utm.term), (Some(Some("s".to_owned())), Some(None), None));
        assert_eq!(changed(r#"{"title": "t"}"#).unwrap().utm, Default::default());
    }

    #[test]
    fn a_masked_password_changes_nothing() {
        assert!(changed(r#"{"password": "********"}"#).unwrap().password.is_none());
    }
}
