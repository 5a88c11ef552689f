//! What a caller asks of a link, and how it is written over what is there.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Error, Result};
use crate::domain::destination::{self, DestinationError};
use crate::domain::id::TagId;
use crate::domain::link::{LinkFields, LinkKind, LinkPatch, LinkUtm, Preview};
use crate::domain::password;

/// In characters; longer ones are cut.
const TITLE_LENGTH: usize = 120;
/// In characters; longer ones are cut.
const DESCRIPTION_LENGTH: usize = 240;

/// What is asked of a new or an existing link. What is absent gets its default, or stays as it is.
#[derive(Clone, Debug, Default)]
pub struct LinkChange {
    /// The short domain's name. A new link without one gets the workspace's primary domain.
    pub domain: Option<String>,
    /// Its place on the domain.
    pub slug: SlugChoice,
    /// The fields. Campaign, tags and password are given by the members below; those here are not looked at.
    pub patch: LinkPatch,
    /// Campaign parameters to write into the destination.
    pub utm: UtmChange,
    /// Its tags, instead of those it has.
    pub tags: Option<TagChoice>,
    /// The password in clear, or `Some(None)` to remove it. Only its hash is kept.
    pub password: Option<Option<SecretString>>,
    /// What stands for a password was sent: it stays as it is. A new link has none that could.
    pub keeps_password: bool,
    /// The password's hash, of a link that comes over from elsewhere with the one it had; not looked at beside a password.
    pub password_hash: Option<String>,
    /// What social networks show, one by one. They show it instead of the destination's own as soon as there is any of it.
    /// Written over that of the patch.
    pub preview: PreviewChange,
    /// Pixel and tag ids by network, `None` to remove one; the other networks' stay. Written over those of the patch.
    pub pixels: BTreeMap<String, Option<String>>,
    /// What is kept for a surface's clients by its name there, `None` to remove one; the others stay. Written over those of
    /// the patch.
    pub kept: BTreeMap<String, Option<Value>>,
    /// Since when a new link is there, in milliseconds since the epoch; now, if absent.
    pub created_at_ms: Option<i64>,
}

impl LinkChange {
    /// Takes the password as a body gives it: null to remove it, what stands for a password where links are shown to keep it.
    pub fn set_password(&mut self, given: Option<Option<String>>) {
        self.keeps_password = given.as_ref().and_then(Option::as_deref) == Some(password::MASK);
        self.password = given.filter(|_| !self.keeps_password).map(|clear| clear.map(SecretString::from));
    }
}

/// Which slug a link is to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SlugChoice {
    /// The one it has; for a new link a random one.
    #[default]
    Keep,
    /// This one.
    Fixed(String),
    /// A random one, for new links.
    Random {
        /// Its letters; 7 by default, 3 to 190.
        length: Option<usize>,
        /// Put in front of it, with a slash.
        prefix: Option<String>,
    },
}

/// Tags by id or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagChoice {
    /// By id.
    Ids(Vec<TagId>),
    /// By name, without regard to case.
    Names(Vec<String>),
}

/// Campaign parameters: absent ones stay, `Some(None)` removes, `Some(Some(..))` sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UtmChange {
    /// `utm_source`
    pub source: Option<Option<String>>,
    /// `utm_medium`
    pub medium: Option<Option<String>>,
    /// `utm_campaign`
    pub campaign: Option<Option<String>>,
    /// `utm_term`
    pub term: Option<Option<String>>,
    /// `utm_content`
    pub content: Option<Option<String>>,
    /// `ref`, which is written into the destination and kept nowhere else.
    pub reference: Option<Option<String>>,
}

/// What social networks show: absent parts stay, `Some(None)` removes, `Some(Some(..))` sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreviewChange {
    /// `og:title`
    pub title: Option<Option<String>>,
    /// `og:description`
    pub description: Option<Option<String>>,
    /// `og:image`
    pub image: Option<Option<String>>,
}

impl PreviewChange {
    fn write_over(self, fields: &mut LinkFields) {
        if self == Self::default() {
            return;
        }
        let preview = &mut fields.preview;
        for (part, change) in [
            (&mut preview.title, self.title),
            (&mut preview.description, self.description),
            (&mut preview.image, self.image),
        ] {
            if let Some(value) = change {
                *part = value;
            }
        }
        fields.custom_preview = *preview != Preview::default();
    }
}

impl LinkChange {
    /// Whether nothing is asked. When a link was made is not looked at.
    pub fn is_empty(&self) -> bool {
        self.domain.is_none()
            && self.slug == SlugChoice::Keep
            && self.patch == LinkPatch::default()
            && self.utm == UtmChange::default()
            && self.tags.is_none()
            && self.password.is_none()
            && self.password_hash.is_none()
            && self.preview == PreviewChange::default()
            && self.pixels.is_empty()
            && self.kept.is_empty()
    }

    /// Replaces the password by its hash, on a blocking thread.
    pub(super) async fn hash_password(&mut self) -> Result<()> {
        self.patch.password_hash = match self.password.take() {
            None => self.password_hash.take().map(Some),
            Some(None) => Some(None),
            Some(Some(clear)) => {
                let hash = tokio::task::spawn_blocking(move || password::hash(clear.expose_secret()))
                    .await
                    .map_err(|_| Error::NoRandomness)?
                    .map_err(|_| Error::NoRandomness)?;
                Some(Some(hash))
            }
        };
        Ok(())
    }

    /// Writes a checked change over `fields`.
    ///
    /// The destination carries the campaign: parameters that are asked for are written into it. A new destination keeps
    /// the parameters it comes with, and takes over those of the old one that it lacks.
    pub(super) fn write_over(self, fields: &mut LinkFields, is_root: bool) -> Result<()> {
        let Self { mut patch, utm, preview, pixels, kept, .. } = self;
        patch.utm = None;
        cut(&mut patch.title, TITLE_LENGTH);
        cut(&mut patch.description, DESCRIPTION_LENGTH);
        let is_new_url = patch.url.is_some();
        let is_other_kind = !is_new_url && patch.kind.is_some_and(|kind| kind != fields.kind);
        if is_other_kind && !fields.url.is_empty() {
            // What leads to a page leads to no mailbox: a kind comes with its destination.
            return Err(Error::Destination {
                field: "url",
                given: fields.url.chars().take(100).collect(),
                reason: DestinationError::Scheme,
            });
        }
        let moves_test = patch.test_started_at_ms.is_some() || patch.test_completed_at_ms.is_some();
        patch.apply(fields);
        preview.write_over(fields);
        merge(&mut fields.pixels, pixels);
        merge(&mut fields.kept, kept);
        if let (true, Some(started_at_ms), Some(completed_at_ms)) =
            (moves_test, fields.test_started_at_ms, fields.test_completed_at_ms)
            && completed_at_ms <= started_at_ms
        {
            return Err(Error::invalid("testCompletedAt", "it is not after testStartedAt"));
        }
        if fields.url.is_empty() {
            fields.utm = LinkUtm::default();
            return if is_root { Ok(()) } else { Err(Error::NoDestination) };
        }
        if fields.kind != LinkKind::Url {
            fields.utm = LinkUtm::default();
            return Ok(());
        }
        let carried = destination::utm_of(&fields.url);
        let inherited = if is_new_url { std::mem::take(&mut fields.utm) } else { LinkUtm::default() };
        let parts = [
            ("utm_source", utm.source, carried.source, inherited.source),
            ("utm_medium", utm.medium, carried.medium, inherited.medium),
            ("utm_campaign", utm.campaign, carried.campaign, inherited.campaign),
            ("utm_term", utm.term, carried.term, inherited.term),
            ("utm_content", utm.content, carried.content, inherited.content),
            ("ref", utm.reference, None, None),
        ];
        for (name, asked, carried, inherited) in parts {
            match (asked, carried, inherited) {
                (Some(value), _, _) => {
                    fields.url = destination::with_parameter(&fields.url, name, value.as_deref());
                }
                (None, None, Some(value)) => {
                    fields.url = destination::with_parameter(&fields.url, name, Some(&value));
                }
                (None, _, _) => {}
            }
        }
        if fields.url.len() > destination::MAX_LENGTH {
            return Err(Error::Destination {
                field: "url",
                given: fields.url.chars().take(100).collect(),
                reason: DestinationError::TooLong,
            });
        }
        fields.utm = destination::utm_of(&fields.url);
        Ok(())
    }
}

/// Writes those that are there over `values`, and takes out those that are to be none.
fn merge<T>(values: &mut BTreeMap<String, T>, changes: BTreeMap<String, Option<T>>) {
    for (name, change) in changes {
        match change {
            Some(value) => drop(values.insert(name, value)),
            None => drop(values.remove(&name)),
        }
    }
}

fn cut(text: &mut Option<Option<String>>, length: usize) {
    if let Some(Some(text)) = text
        && let Some((end, _)) = text.char_indices().nth(length)
    {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> LinkPatch {
        LinkPatch { url: Some(text.to_owned()), ..LinkPatch::default() }
    }

    fn source(value: Option<&str>) -> UtmChange {
        UtmChange { source: Some(value.map(str::to_owned)), ..UtmChange::default() }
    }

    fn written(fields: &LinkFields, patch: LinkPatch, utm: UtmChange) -> LinkFields {
        let mut fields = fields.clone();
        LinkChange { patch, utm, ..LinkChange::default() }.write_over(&mut fields, false).unwrap();
        fields
    }

    #[test]
    fn the_destination_carries_the_campaign() {
        let none = LinkFields::default();
        let carried = written(&none, url("https://a.b/?utm_source=x&utm_term=t"), UtmChange::default());
        assert_eq!(carried.utm.source.as_deref(), Some("x"));
        assert_eq!(carried.url, "https://a.b/?utm_source=x&utm_term=t");

        let asked = written(&none, url("https://a.b/?utm_source=x"), source(Some("y z")));
        assert_eq!((asked.url.as_str(), asked.utm.source.as_deref()), ("https://a.b/?utm_source=y%20z", Some("y z")));

        let removed = written(&carried, LinkPatch::default(), source(None));
        assert_eq!((removed.url.as_str(), removed.utm.source), ("https://a.b/?utm_term=t", None));

        let moved = written(&carried, url("https://c.d/?utm_term=other"), UtmChange::default());
        assert_eq!(moved.url, "https://c.d/?utm_term=other&utm_source=x");
        assert_eq!((moved.utm.source.as_deref(), moved.utm.term.as_deref()), (Some("x"), Some("other")));

        let renamed = written(
            &carried,
            LinkPatch { title: Some(Some("t".repeat(200))), ..LinkPatch::default() },
            UtmChange::default(),
        );
        assert_eq!((renamed.url, renamed.title.map(|title| title.len())), (carried.url, Some(120)));
    }

    #[test]
    fn pixels_and_what_is_kept_change_one_by_one() {
        let mut fields = written(&LinkFields::default(), url("https://a.b"), UtmChange::default());
        let mut say = |pixels: &[(&str, Option<&str>)], kept: &[(&str, Option<i64>)]| {
            let change = LinkChange {
                pixels: pixels.iter().map(|(name, id)| ((*name).to_owned(), id.map(str::to_owned))).collect(),
                kept: kept.iter().map(|(name, value)| ((*name).to_owned(), value.map(Value::from))).collect(),
                ..LinkChange::default()
            };
            change.write_over(&mut fields, false).unwrap();
            let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>().join(" ");
            (names(fields.pixels.keys().collect()), names(fields.kept.keys().collect()))
        };
        assert_eq!(say(&[("meta", Some("1")), ("gtm", Some("2"))], &[("a", Some(1))]), ("gtm meta".into(), "a".into()));
        assert_eq!(say(&[("meta", None), ("x", None)], &[("b", Some(2))]), ("gtm".into(), "a b".into()));
        assert_eq!(say(&[], &[("a", None)]), ("gtm".into(), "b".into()));
    }

    #[test]
    fn a_test_ends_after_its_start() {
        let fields = LinkFields {
            test_started_at_ms: Some(5),
            ..written(&LinkFields::default(), url("https://a.b"), UtmChange::default())
        };
        let ending = |at_ms| {
            let patch = LinkPatch { test_completed_at_ms: Some(at_ms), ..LinkPatch::default() };
            LinkChange { patch, ..LinkChange::default() }.write_over(&mut fields.clone(), false)
        };
        for (at_ms, fits) in [(Some(6), true), (Some(5), false), (Some(0), false), (None, true)] {
            assert_eq!(ending(at_ms).is_ok(), fits, "{at_ms:?}");
        }
    }

    #[test]
    fn a_mask_keeps_the_password() {
        let text = |text: &str| Some(Some(text.to_owned()));
        for (given, keeps, clear) in [
            (None, false, None),
            (Some(None), false, Some(None)),
            (text("open sesame"), false, Some(Some("open sesame"))),
            (text(password::MASK), true, None),
            (text("*******"), false, Some(Some("*******"))),
        ] {
            let mut change = LinkChange::default();
            change.set_password(given);
            let read = change.password.as_ref().map(|password| password.as_ref().map(ExposeSecret::expose_secret));
            assert_eq!((change.keeps_password, read), (keeps, clear));
        }
    }

    #[test]
    fn only_a_root_goes_without_destination() {
        let mut fields = LinkFields::default();
        assert!(matches!(LinkChange::default().write_over(&mut fields, false), Err(Error::NoDestination)));
        assert!(LinkChange::default().write_over(&mut fields, true).is_ok());
    }

    #[test]
    fn a_destination_does_not_grow_beyond_its_limit() {
        let long = format!("https://a.b/{}", "x".repeat(destination::MAX_LENGTH - 20));
        let change = LinkChange { patch: url(&long), utm: source(Some("y")), ..LinkChange::default() };
        assert!(matches!(change.write_over(&mut LinkFields::default(), false), Err(Error::Destination { .. })));
    }
}
