//! The body of a link -> what is asked of the link service. What is absent stays as it is, or gets its default.

use crate::domain::link::LinkPatch;
use crate::domain::site::{MAX_LINK_SLUG, is_link_slug};
use crate::domain::tag::MAX_TAG_NAME;
use crate::links::{self, LinkChange, UtmChange};
use crate::web::body::Body;
use crate::web::error::{ApiError, quoted};

/// What a link can stand in, and what it stands in unless it says otherwise.
const PLACEMENTS: [&str; 3] = ["content", "ad", "bio"];
pub(super) const PLACEMENT: &str = PLACEMENTS[0];
/// Tags of one link.
const MAX_TAGS: usize = 100;

/// What is asked of a link.
#[derive(Debug)]
pub(super) struct Asked {
    /// For the link service, but for the tags.
    pub change: LinkChange,
    /// `slug`
    pub slug: Option<String>,
    /// `tags`: names, each once.
    pub tags: Option<Vec<String>>,
}

impl Asked {
    /// Reads the fields (seed, "Request Body").
    ///
    /// # Errors
    /// The first field that is wrong.
    pub(super) fn read(body: &Body, now_ms: i64) -> Result<Self, ApiError> {
        let mut patch = LinkPatch { notes: body.text("notes")?.map(filled), ..LinkPatch::default() };
        if let Some(url) = body.text("destinationUrl")? {
            patch.url =
                Some(filled(url).ok_or_else(|| refused("destinationUrl", "it is needed, and may not be empty"))?);
        }
        if let Some(Some(placement)) = body.text("link_type")? {
            if !PLACEMENTS.contains(&placement.as_str()) {
                let message = format!("expected one of {}. Given: {}", PLACEMENTS.join(", "), quoted(&placement));
                return Err(refused("link_type", &message));
            }
            patch.placement = Some(Some(placement));
        }
        if let Some(is_active) = body.boolean("is_active")? {
            patch.disabled_at_ms = Some(if is_active.unwrap_or(true) { None } else { Some(now_ms) });
        }
        patch.expires_at_ms = body.instant("expires_at")?;
        patch.max_clicks = body.count("max_clicks")?;
        if patch.max_clicks == Some(Some(0)) {
            return Err(refused("max_clicks", "expected a whole number of at least 1, or null for no limit. Given: 0"));
        }
        let label = |name| Ok::<_, ApiError>(body.text(name)?.map(filled));
        let utm = UtmChange {
            source: label("source")?,
            medium: label("medium")?,
            campaign: label("campaign")?,
            content: label("content")?,
            ..UtmChange::default()
        };
        let slug = match body.text("slug")?.and_then(filled) {
            Some(slug) if !is_link_slug(&slug) => {
                let message = format!("expected 1 to {MAX_LINK_SLUG} of a-z, 0-9 and dashes. Given: {}", quoted(&slug));
                return Err(refused("slug", &message));
            }
            slug => slug,
        };
        let change = LinkChange { patch, utm, ..LinkChange::default() };
        Ok(Self {
            change,
            slug,
            tags: body.texts("tags")?.map(|tags| checked_tags(tags.unwrap_or_default())).transpose()?,
        })
    }
}

/// Each tag once, whatever its case.
fn checked_tags(given: Vec<String>) -> Result<Vec<String>, ApiError> {
    let mut tags: Vec<String> = Vec::new();
    for (place, name) in given.into_iter().enumerate() {
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > MAX_TAG_NAME {
            let message = format!("expected a name of 1 to {MAX_TAG_NAME} characters. Given: {}", quoted(&name));
            return Err(refused(&format!("tags.{place}"), &message));
        }
        if !tags.iter().any(|known| known.to_lowercase() == name.to_lowercase()) {
            tags.push(name);
        }
    }
    if tags.len() > MAX_TAGS {
        return Err(refused("tags", &format!("expected at most {MAX_TAGS}. Given: {}", tags.len())));
    }
    Ok(tags)
}

/// Null and blank texts are none.
fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn refused(field: &str, message: &str) -> ApiError {
    ApiError::invalid("custom", field, message)
}

/// What the link service refused, in the words of this surface.
pub(super) fn refusal(error: links::Error) -> ApiError {
    let named = |field: &'static str| match field {
        "url" => "destinationUrl",
        "utm_source" => "source",
        "utm_medium" => "medium",
        "utm_campaign" => "campaign",
        "utm_content" => "content",
        "comments" => "notes",
        "tagIds" | "tagNames" => "tags",
        other => other,
    };
    match error {
        links::Error::SlugTaken => ApiError::Conflict("The site has a link with this slug already.".to_owned()),
        links::Error::NoDestination => refused("destinationUrl", "it is needed, and may not be empty"),
        links::Error::Destination { field, given, reason } => {
            refused(named(field), &format!("{reason}. Given: {}", quoted(&given)))
        }
        links::Error::Loop { field, host } => {
            refused(named(field), &format!("{host} is a short domain itself, so a visit could go round and round"))
        }
        links::Error::Invalid { code, field, message } => ApiError::invalid(code, named(field), message),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &Value) -> Result<Asked, String> {
        Asked::read(&Body::parse(body.to_string().as_bytes()).unwrap(), 7).map_err(|error| error.to_string())
    }

    #[test]
    fn absent_null_and_value_are_three_things() {
        let none = read(&json!({})).unwrap();
        assert_eq!(none.change.patch, LinkPatch::default());
        assert_eq!((none.change.utm, none.slug, none.tags), (UtmChange::default(), None, None));
        let cleared =
            read(&json!({"notes": null, "campaign": " ", "expires_at": "", "max_clicks": null, "tags": null}));
        let cleared = cleared.unwrap();
        let patch = &cleared.change.patch;
        assert_eq!((&patch.notes, patch.expires_at_ms, patch.max_clicks), (&Some(None), Some(None), Some(None)));
        assert_eq!((cleared.change.utm.campaign, cleared.tags), (Some(None), Some(Vec::new())));
        let set =
            read(&json!({"is_active": false, "tags": ["A", "a ", "b"], "slug": "x", "link_type": "bio"})).unwrap();
        assert_eq!(set.change.patch.disabled_at_ms, Some(Some(7)));
        assert_eq!(set.tags.unwrap(), ["A", "b"]);
        assert_eq!(read(&json!({"is_active": true})).unwrap().change.patch.disabled_at_ms, Some(None));
    }

    #[test]
    fn refusals_name_the_field() {
        for (body, words) in [
            (json!({"destinationUrl": ""}), "destinationUrl"),
            (json!({"destinationUrl": null}), "destinationUrl"),
            (json!({"slug": "Spring"}), "slug"),
            (json!({"slug": "a/b"}), "slug"),
            (json!({"slug": "a".repeat(101)}), "slug"),
            (json!({"link_type": "banner"}), "content, ad, bio"),
            (json!({"is_active": "yes"}), "is_active"),
            (json!({"expires_at": "soon"}), "expires_at"),
            (json!({"max_clicks": 0}), "max_clicks"),
            (json!({"max_clicks": -1}), "max_clicks"),
            (json!({"max_clicks": 1.5}), "max_clicks"),
            (json!({"tags": [""]}), "tags.0"),
            (json!({"tags": [1]}), "tags.0"),
            (json!({"tags": ["x".repeat(51)]}), "tags.0"),
            (json!({"tags": (0..101).map(|tag| tag.to_string()).collect::<Vec<_>>()}), "tags"),
            (json!({"notes": 1}), "notes"),
        ] {
            let error = read(&body).unwrap_err();
            assert!(error.contains(words), "{body}: {error}");
        }
    }
}
