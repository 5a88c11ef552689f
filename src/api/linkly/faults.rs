//! What is wrong with the fields of a link, all at once, in the place of the envelope: `{"slug": ["is invalid"]}` (Linkly
//! contract, 1.1). The first word on a field is short and stays the same; what would do follows.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::domain::pixel::Network;
use crate::web::error::{ApiError, quoted};
use crate::{catalog, links};

/// Said of what is missing.
pub(super) const BLANK: &str = "can't be blank";
/// Said of what is there and will not do.
pub(super) const INVALID: &str = "is invalid";
/// Said of a slug that another link has.
pub(super) const TAKEN: &str = "has already been taken";

/// Words on fields, by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults(BTreeMap<String, Vec<String>>);

impl Faults {
    /// Notes what is wrong with a field: in short, and what would do where that does not go without saying.
    pub(super) fn add(&mut self, field: impl Into<String>, short: &str, advice: impl Into<String>) {
        let words = self.0.entry(field.into()).or_default();
        for word in [short.to_owned(), advice.into()] {
            if !word.is_empty() && !words.contains(&word) {
                words.push(word);
            }
        }
    }

    /// Whether anything is wrong with the field.
    pub(super) fn is_on(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// The faults, if there are any.
    pub(super) fn check(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::Fields(self)) }
    }
}

/// Why a request about a link failed.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Fields are wrong.
    Fields(Faults),
    /// Anything else, in the envelope.
    Other(ApiError),
}

impl Refusal {
    /// One field is wrong.
    pub(super) fn field(field: &str, short: &str, advice: impl Into<String>) -> Self {
        let mut faults = Faults::default();
        faults.add(field, short, advice);
        Self::Fields(faults)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Fields(Faults(fields)) => (StatusCode::BAD_REQUEST, Json(fields)).into_response(),
            Self::Other(error) => error.into_response(),
        }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

impl From<catalog::Error> for Refusal {
    fn from(error: catalog::Error) -> Self {
        Self::Other(error.into())
    }
}

impl From<links::Error> for Refusal {
    fn from(error: links::Error) -> Self {
        match error {
            links::Error::SlugTaken => Self::field("slug", TAKEN, ""),
            links::Error::Slug(reason) => Self::field("slug", INVALID, reason.to_string()),
            links::Error::ReservedSlug => {
                Self::field("slug", "is reserved", "something of ours answers there; choose another one")
            }
            links::Error::ForeignDomain => Self::field(
                "domain",
                INVALID,
                "it is no domain of this workspace; GET /api/v1/workspace/{id}/domains lists those that are",
            ),
            links::Error::NoDomain => Self::field(
                "domain",
                BLANK,
                "the workspace has no domain yet; POST /api/v1/workspace/{id}/domains adds one",
            ),
            links::Error::NoDestination => {
                Self::field("url", BLANK, "where the link leads, such as https://example.com")
            }
            links::Error::Destination { field, given, reason } => {
                Self::field(linkly_name(field), INVALID, format!("{reason}. Given: {}", quoted(&given)))
            }
            links::Error::Loop { field, host } => Self::field(
                linkly_name(field),
                INVALID,
                format!("{host} is a short domain itself, so a visit could go round and round"),
            ),
            links::Error::Invalid { field, message, .. } => Self::field(linkly_name(field), INVALID, message),
            other => Self::Other(other.into()),
        }
    }
}

/// What Linkly calls a field of the link service.
fn linkly_name(field: &str) -> &str {
    match field {
        "key" | "prefix" | "keyLength" => "slug",
        "title" => "name",
        "comments" => "note",
        "expiredUrl" => "expiry_destination",
        "headTags" => "head_tags",
        "bodyTags" => "body_tags",
        "previewTitle" => "og_title",
        "previewDescription" => "og_description",
        "previewImage" => "og_image",
        other => match Network::of_key(other) {
            Some(network) => network.linkly(),
            None => other,
        },
    }
}
