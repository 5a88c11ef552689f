//! The body of a request that makes or changes a link.

use serde_json::Value;

use crate::domain::id::{FolderId, TagId};
use crate::domain::link::TestVariant;
use crate::links::{LinkChange, SlugChoice, TagChoice};
use crate::web::body::{Body, Field, expected};
use crate::web::error::{ApiError, quoted};

/// Fields of Dub's that this version does not act on. Asking for them is refused, rather than silently not done.
const NOT_SUPPORTED: [&str; 1] = ["webhookIds"];

/// Reads what is asked of a link. A field that cannot be null stays as it is when null is sent.
pub fn read(body: &Body) -> Result<LinkChange, ApiError> {
    if let Some(name) = NOT_SUPPORTED.into_iter().find(|name| body.asks_for(name)) {
        return Err(ApiError::invalid("custom", name, "This field is not supported; leave it out or send null"));
    }
    let mut change = LinkChange {
        domain: body.text("domain")?.flatten().filter(|name| !name.is_empty()),
        slug: slug(body)?,
        tags: tags(body)?,
        ..LinkChange::default()
    };
    change.set_password(body.text("password")?);
    let utm = &mut change.utm;
    utm.source = body.text("utm_source")?;
    utm.medium = body.text("utm_medium")?;
    utm.campaign = body.text("utm_campaign")?;
    utm.term = body.text("utm_term")?;
    utm.content = body.text("utm_content")?;
    utm.reference = body.text("ref")?;

    let patch = &mut change.patch;
    patch.url = body.text("url")?.flatten();
    patch.external_id = body.text("externalId")?;
    patch.tenant_id = body.text("tenantId")?;
    patch.program_id = body.text("programId")?;
    patch.partner_id = body.text("partnerId")?;
    patch.group_id = body.text("groupId")?;
    patch.partner_tags = body.texts("partnerTagIds")?.map(Option::unwrap_or_default);
    patch.track_conversion = body.boolean("trackConversion")?.flatten();
    patch.archived = body.boolean("archived")?.flatten();
    patch.public_statistics = body.boolean("publicStats")?.flatten();
    patch.expires_at_ms = body.instant("expiresAt")?;
    patch.expired_url = body.text("expiredUrl")?;
    patch.disabled_at_ms = body.instant("disabledAt")?;
    patch.custom_preview = body.boolean("proxy")?.flatten();
    patch.title = body.text("title")?;
    patch.description = body.text("description")?;
    patch.image = body.text("image")?;
    patch.video = body.text("video")?;
    patch.cloak = body.boolean("rewrite")?.flatten();
    patch.index = body.boolean("doIndex")?.flatten();
    patch.ios_url = body.text("ios")?;
    patch.android_url = body.text("android")?;
    patch.geo_urls = body.text_map("geo")?.map(|geo| geo.unwrap_or_default().into_iter().collect());
    patch.test_variants = test_variants(body)?;
    patch.test_started_at_ms = body.instant("testStartedAt")?;
    patch.test_completed_at_ms = body.instant("testCompletedAt")?;
    patch.notes = body.text("comments")?;
    patch.forward_parameters = body.boolean("forwardParameters")?.flatten();
    patch.folder = folder(body)?;
    Ok(change)
}

fn slug(body: &Body) -> Result<SlugChoice, ApiError> {
    if let Some(key) = body.text("key")?.flatten().filter(|key| !key.is_empty()) {
        return Ok(SlugChoice::Fixed(key));
    }
    let length = body.count("keyLength")?.flatten().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let prefix = body.text("prefix")?.flatten().filter(|prefix| !prefix.is_empty());
    if length.is_none() && prefix.is_none() {
        return Ok(SlugChoice::Keep);
    }
    Ok(SlugChoice::Random { length, prefix })
}

/// `tagIds`, else the older `tagId`, else `tagNames`.
fn tags(body: &Body) -> Result<Option<TagChoice>, ApiError> {
    let ids = match body.texts("tagIds")?.flatten() {
        Some(ids) => Some(ids),
        None => body.text("tagId")?.flatten().filter(|id| !id.is_empty()).map(|id| vec![id]),
    };
    let Some(ids) = ids else {
        return Ok(body.texts("tagNames")?.flatten().map(TagChoice::Names));
    };
    let parsed: Vec<Option<TagId>> = ids.iter().map(|id| TagId::parse(id)).collect();
    let malformed: Vec<String> =
        ids.iter().zip(&parsed).filter(|(_, tag)| tag.is_none()).take(10).map(|(id, _)| quoted(id)).collect();
    if !malformed.is_empty() {
        return Err(ApiError::Unprocessable(format!("Invalid tagIds detected: {}", malformed.join(", "))));
    }
    Ok(Some(TagChoice::Ids(parsed.into_iter().flatten().collect())))
}

/// `testVariants`; null removes them. How many and what shares there may be is the link service's to know.
fn test_variants(body: &Body) -> Result<Option<Vec<TestVariant>>, ApiError> {
    let Some(items) = body.list("testVariants")? else { return Ok(None) };
    let read = |(place, item): (usize, &Value)| {
        let wrong = |path: &str, wanted: &str, given: &Value| {
            ApiError::invalid("invalid_type", format!("testVariants.{place}{path}"), expected(wanted, given))
        };
        let object = item.as_object().ok_or_else(|| wrong("", "object", item))?;
        let field = |name: &str| object.get(name).unwrap_or(&Value::Null);
        let url = field("url").as_str().ok_or_else(|| wrong(".url", "string", field("url")))?;
        let percentage =
            field("percentage").as_f64().ok_or_else(|| wrong(".percentage", "number", field("percentage")))?;
        Ok(TestVariant { url: url.to_owned(), percentage })
    };
    items.unwrap_or_default().iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
}

fn folder(body: &Body) -> Field<FolderId> {
    match body.text("folderId")? {
        Some(Some(id)) if !id.is_empty() => match FolderId::parse(&id) {
            Some(folder) => Ok(Some(Some(folder))),
            None => Err(ApiError::NotFound("Folder not found.".to_owned())),
        },
        Some(_) => Ok(Some(None)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn change(text: &str) -> Result<LinkChange, ApiError> {
        read(&Body::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn absent_null_and_value() {
        let nothing = change("{}").unwrap();
        assert_eq!(nothing.patch, Default::default());
        assert_eq!((nothing.slug, nothing.tags), (SlugChoice::Keep, None));
        assert!(nothing.password.is_none());
        let nulls =
            change(r#"{"title": null, "archived": null, "tagIds": null, "geo": null, "utm_source": null}"#).unwrap();
        assert_eq!(nulls.patch.title, Some(None));
        assert_eq!((nulls.patch.archived, nulls.tags), (None, None));
        assert_eq!(nulls.patch.geo_urls, Some(Default::default()));
        assert_eq!(nulls.utm.source, Some(None));
    }

    #[test]
    fn a_masked_password_changes_nothing() {
        let password = |text: &str| change(text).unwrap().password;
        assert!(password(r#"{"password": "********"}"#).is_none());
        assert!(matches!(password(r#"{"password": null}"#), Some(None)));
        let set = password(r#"{"password": "x"}"#).flatten().unwrap();
        assert_eq!(set.expose_secret(), "x");
    }

    #[test]
    fn tags_and_slugs_in_their_forms() {
        let id = TagId(5).to_string();
        let ids = Some(TagChoice::Ids(vec![TagId(5)]));
        assert_eq!(change(&format!(r#"{{"tagIds": ["{id}"]}}"#)).unwrap().tags, ids);
        assert_eq!(change(&format!(r#"{{"tagIds": "{id}"}}"#)).unwrap().tags, ids);
        assert_eq!(change(&format!(r#"{{"tagId": "{id}"}}"#)).unwrap().tags, ids);
        assert!(change(r#"{"tagIds": ["tag_x"]}"#).unwrap_err().to_string().contains("tag_x"));
        let random = SlugChoice::Random { length: Some(9), prefix: Some("p".to_owned()) };
        assert_eq!(change(r#"{"keyLength": 9, "prefix": "p"}"#).unwrap().slug, random);
    }

    #[test]
    fn what_is_not_done_is_refused() {
        assert!(change(r#"{"webhookIds": ["wh_1"]}"#).is_err());
        assert!(change(r#"{"webhookIds": []}"#).is_ok());
    }

    #[test]
    fn tests_are_read_or_removed() {
        let read = |text: &str| change(text).map(|change| change.patch.test_variants);
        assert_eq!(read("{}").unwrap(), None);
        assert_eq!(read(r#"{"testVariants": null}"#).unwrap(), Some(Vec::new()));
        let variant = TestVariant { url: "https://a.b".to_owned(), percentage: 12.5 };
        let given = r#"{"testVariants": [{"url": "https://a.b", "percentage": 12.5, "x": 1}]}"#;
        assert_eq!(read(given).unwrap(), Some(vec![variant]));
        for (given, path) in [
            ("{}", "testVariants: Invalid input: expected array, received object"),
            ("[1]", "testVariants.0: Invalid input: expected object"),
            (r#"[{"percentage": 50}]"#, "testVariants.0.url: Invalid input: expected string, received null"),
            (
                r#"[{"url": "https://a.b", "percentage": "50"}]"#,
                "testVariants.0.percentage: Invalid input: expected number",
            ),
        ] {
            let refused = read(&format!("{{\"testVariants\": {given}}}")).unwrap_err().to_string();
            assert!(refused.contains(path), "{refused}");
        }
    }
}
