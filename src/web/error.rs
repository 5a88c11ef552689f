//! The one place where errors meet HTTP: every failure of a request is one of these, and one match gives its status and
//! code. A surface dresses them in its own envelope: the error travels in the response's extensions beside a plain body.

use std::fmt;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use metrics::counter;

use crate::domain::destination;
use crate::telemetry::name::{QUERIES_CAPPED_TOTAL, RATE_LIMITED_TOTAL};
use crate::throttle::{Crowd, Refusal};
use crate::warehouse::Cap;
use crate::{analytics, auth, catalog, conversions, holdings, ingest, links, sites, warehouse};

/// Why a request failed. Messages are meant for the caller and hold nothing of our insides.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApiError {
    /// The request makes no sense.
    #[error("{0}")]
    BadRequest(String),
    /// No credentials, or wrong ones.
    #[error("{0}")]
    Unauthorized(String),
    /// Known, but not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// Not there, or not the caller's.
    #[error("{0}")]
    NotFound(String),
    /// Taken.
    #[error("{0}")]
    Conflict(String),
    /// The body is larger than allowed.
    #[error("{0}")]
    TooLarge(String),
    /// A parameter or a field is wrong: which, what was given, what is allowed.
    #[error("{code}: {field}: {message}")]
    Invalid {
        /// What kind of fault, such as `invalid_value` or `too_big`.
        code: &'static str,
        /// The parameter or field.
        field: String,
        /// What was given and what is allowed.
        message: String,
    },
    /// The request is understood and cannot be done as it is, for a reason that no single field bears alone.
    #[error("{0}")]
    Unprocessable(String),
    /// The path is there, for another method.
    #[error("{0}")]
    MethodNotAllowed(String),
    /// Too many requests.
    #[error("Too many requests.")]
    RateLimited {
        /// Seconds to wait.
        retry_after_secs: u64,
    },
    /// The workspace has as many queries running and waiting as it may.
    #[error("Too many queries of this workspace are running. Please try again.")]
    Crowded {
        /// Seconds to wait.
        retry_after_secs: u64,
    },
    /// A store does not answer; worth another try.
    #[error("{0}")]
    Unavailable(&'static str),
    /// The query took more than it may.
    #[error("{0}")]
    TooExpensive(String),
    /// Our fault. The cause was logged where it was found.
    #[error("an internal error occurred")]
    Internal,
}

impl ApiError {
    /// A wrong parameter or field.
    pub fn invalid(code: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { code, field: field.into(), message: message.into() }
    }

    /// The same of a field inside `outer`, such as the third entry of a list (`2`).
    pub fn within(self, outer: impl fmt::Display) -> Self {
        match self {
            Self::Invalid { code, field, message } => {
                Self::Invalid { code, field: format!("{outer}.{field}"), message }
            }
            other => other,
        }
    }

    /// What a response failed with: the error that travels with it, or the framework's own refusal of a path that is no
    /// UTF-8, where nothing of ours is.
    pub fn of(response: &Response) -> Option<Self> {
        if let Some(error) = response.extensions().get::<Self>() {
            return Some(error.clone());
        }
        let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let refused = response.status() == StatusCode::BAD_REQUEST && content_type.starts_with(b"text/plain");
        refused.then(|| Self::NotFound("The requested path does not exist.".to_owned()))
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid { .. } | Self::Unprocessable(_) | Self::TooExpensive(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::RateLimited { .. } | Self::Crowded { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Seconds after which another try makes sense, for the `Retry-After` header.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after_secs } | Self::Crowded { retry_after_secs } => Some(*retry_after_secs),
            Self::Unavailable(_) => Some(5),
            Self::BadRequest(_)
            | Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::TooLarge(_)
            | Self::Invalid { .. }
            | Self::Unprocessable(_)
            | Self::MethodNotAllowed(_)
            | Self::TooExpensive(_)
            | Self::Internal => None,
        }
    }
}

/// The beginning of what a caller sent, in double quotes, fit for a message: at most 100 characters; control characters,
/// double quotes and backslashes escaped.
pub fn quoted(given: &str) -> String {
    let mut text = String::new();
    for letter in given.chars().take(100) {
        match letter {
            '\'' => text.push(letter),
            _ => text.extend(letter.escape_debug()),
        }
    }
    if given.chars().nth(100).is_some() {
        text.push_str("...");
    }
    format!("\"{text}\"")
}

/// What a caller sent, without quotes: at most 100 characters, control characters escaped.
fn shortened(given: &str) -> String {
    let quoted = quoted(given);
    quoted[1..quoted.len() - 1].to_owned()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(serde_json::json!({ "error": self.to_string() }));
        let mut response = (self.status(), body).into_response();
        if let Some(seconds) = self.retry_after_secs() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<catalog::Error> for ApiError {
    /// Faults of ours are logged here, once.
    fn from(error: catalog::Error) -> Self {
        match error {
            catalog::Error::Taken(name) => Self::Conflict(format!("{} is in use already.", name.replace('_', " "))),
            catalog::Error::Missing(name) => Self::Unprocessable(format!("{} does not exist.", name.replace('_', " "))),
            catalog::Error::Unstorable(cause) => {
                tracing::debug!(%cause, "a value was refused by postgres");
                Self::Unprocessable("A value holds characters that cannot be stored, or is too long.".to_owned())
            }
            catalog::Error::Unavailable(cause) => {
                tracing::warn!(%cause, "postgres is unavailable");
                Self::Unavailable("The database does not answer at the moment. Please try again.")
            }
            catalog::Error::Settings(cause) | catalog::Error::Schema(cause) | catalog::Error::Bug(cause) => {
                tracing::error!(%cause, "catalog failed");
                Self::Internal
            }
        }
    }
}

impl From<warehouse::Error> for ApiError {
    /// Faults of ours are logged here, once.
    fn from(error: warehouse::Error) -> Self {
        match error {
            warehouse::Error::Unavailable(cause) => {
                tracing::warn!(%cause, "clickhouse is unavailable");
                Self::Unavailable("The event store does not answer at the moment. Please try again.")
            }
            warehouse::Error::Busy(Refusal { crowd: Crowd::Own, retry_after_secs }) => {
                Self::Crowded { retry_after_secs }
            }
            warehouse::Error::Busy(Refusal { crowd: Crowd::All, .. }) => {
                Self::Unavailable("Too many queries are running at the moment. Please try again.")
            }
            warehouse::Error::TooExpensive { cap, allowed, cause } => {
                counter!(QUERIES_CAPPED_TOTAL, "cap" => cap.name()).increment(1);
                tracing::info!(%cause, raised_by = cap.setting(), allowed, "query hit a cap");
                Self::TooExpensive(too_expensive(cap, allowed))
            }
            warehouse::Error::Refused(cause)
            | warehouse::Error::Misconfigured(cause)
            | warehouse::Error::Unexpected(cause) => {
                tracing::error!(%cause, "clickhouse failed");
                Self::Internal
            }
        }
    }
}

/// Which cap a query hit, and what would keep below it. What raises the cap is not the caller's to know.
fn too_expensive(cap: Cap, allowed: Option<u64>) -> String {
    let fewer = "Ask for a shorter range, or for fewer links.";
    match (cap, allowed) {
        (Cap::Time, Some(secs)) => format!("The query takes longer than the {secs} seconds that one may. {fewer}"),
        (Cap::Rows, Some(rows)) => format!("The query reads more than the {rows} rows that one may. {fewer}"),
        (Cap::Memory, Some(bytes)) => format!(
            "The query takes more than the {bytes} bytes of memory that one may. Ask for a shorter range, or by something \
             that has fewer different values."
        ),
        (Cap::Time | Cap::Rows | Cap::Memory | Cap::Server, _) => format!("The query reads more than one may. {fewer}"),
    }
}

impl From<analytics::Error> for ApiError {
    fn from(error: analytics::Error) -> Self {
        match error {
            analytics::Error::Warehouse(error) => error.into(),
            analytics::Error::Catalog(error) => error.into(),
        }
    }
}

impl From<auth::Error> for ApiError {
    fn from(error: auth::Error) -> Self {
        match error {
            auth::Error::UnknownKey => Self::Unauthorized("Unauthorized: Invalid API key.".to_owned()),
            auth::Error::OnlyPublishable => Self::Forbidden(
                "A publishable key may only report leads and sales: /track/lead/client, /track/sale/client.".to_owned(),
            ),
            auth::Error::NotPublishable => Self::Forbidden(
                "Pages report with a publishable key (dub_pk_...); a secret key must not stand in a page.".to_owned(),
            ),
            auth::Error::TooManyGuesses => {
                counter!(RATE_LIMITED_TOTAL, "budget" => "wrong_keys").increment(1);
                Self::RateLimited { retry_after_secs: auth::GUESSES_WINDOW_SECS }
            }
            auth::Error::NotSignedIn => Self::Unauthorized("Unauthorized".to_owned()),
            auth::Error::WrongPassword => Self::Unauthorized("Wrong email address or password.".to_owned()),
            auth::Error::TooManyTries => {
                counter!(RATE_LIMITED_TOTAL, "budget" => "wrong_passwords").increment(1);
                Self::RateLimited { retry_after_secs: auth::TRIES_WINDOW_SECS }
            }
            auth::Error::NoInvitation => {
                Self::NotFound("There is no such invitation: it was used, withdrawn, or its time is over.".to_owned())
            }
            weak @ auth::Error::WeakPassword => Self::BadRequest(format!("password: {weak}")),
            auth::Error::Busy => Self::Unavailable("Too many sign in at the moment. Please try again."),
            auth::Error::ExpiredKey => Self::Unauthorized("Unauthorized: Access token expired.".to_owned()),
            auth::Error::Refused(message) => Self::Unprocessable(message),
            auth::Error::System(cause) => {
                tracing::error!(%cause, "authentication failed");
                Self::Internal
            }
            auth::Error::Catalog(error) => error.into(),
        }
    }
}

impl From<ingest::Refused> for ApiError {
    fn from(refused: ingest::Refused) -> Self {
        tracing::debug!(reason = refused.name(), "event not recorded");
        Self::Unavailable("Events cannot be recorded at the moment. Please try again.")
    }
}

impl From<conversions::Error> for ApiError {
    fn from(error: conversions::Error) -> Self {
        match error {
            conversions::Error::NoClick(click) => {
                Self::NotFound(format!("Click event not found for clickId: {}", shortened(&click)))
            }
            conversions::Error::NoLink(click) => {
                Self::NotFound(format!("Link not found for clickId: {}", shortened(&click)))
            }
            conversions::Error::NoCustomer(external_id) => Self::BadRequest(format!(
                "The `clickId` property was not provided, and there is no customer with a click of the externalId: {}",
                shortened(&external_id)
            )),
            conversions::Error::NoLead { external_id, name } => Self::NotFound(format!(
                "Lead event not found for externalId: {} and leadEventName: {}",
                shortened(&external_id),
                name.as_deref().map_or_else(|| "undefined".to_owned(), shortened)
            )),
            conversions::Error::Late => {
                Self::Unavailable("The click is recorded but not yet stored. Please try again.")
            }
            conversions::Error::Refused(refused) => refused.into(),
            conversions::Error::Memory(cause) => {
                tracing::error!(%cause, "a remembered answer cannot be read");
                Self::Internal
            }
            conversions::Error::Catalog(error) => error.into(),
            conversions::Error::Warehouse(error) => error.into(),
        }
    }
}

impl From<sites::Unavailable> for ApiError {
    fn from(_: sites::Unavailable) -> Self {
        Self::Unavailable("The database does not answer at the moment. Please try again.")
    }
}

impl From<sites::Error> for ApiError {
    fn from(error: sites::Error) -> Self {
        match error {
            sites::Error::Invalid { field, message } => Self::invalid("invalid_value", field, message),
            sites::Error::Taken { domain, site } => Self::Conflict(format!(
                "There is a site of this domain already: siteId {}. Given: {}",
                site.0,
                quoted(&domain)
            )),
            sites::Error::Missing => Self::NotFound("Site not found.".to_owned()),
            sites::Error::Catalog(error) => error.into(),
        }
    }
}

impl From<holdings::Error> for ApiError {
    fn from(error: holdings::Error) -> Self {
        match error {
            holdings::Error::NoTag => Self::NotFound("Tag not found.".to_owned()),
            holdings::Error::NoFolder => Self::NotFound("Folder not found.".to_owned()),
            holdings::Error::NoPixel => Self::NotFound("Pixel not found.".to_owned()),
            holdings::Error::PixelTaken => Self::Conflict("A pixel with that name already exists.".to_owned()),
            holdings::Error::NoDomain => Self::NotFound("Domain not found.".to_owned()),
            holdings::Error::NoWorkspace => Self::NotFound("Workspace not found.".to_owned()),
            holdings::Error::DomainTaken(name) => {
                Self::Conflict(format!("Domain is already in use. Given: {}", quoted(&name)))
            }
            holdings::Error::DomainClaimed(name) => {
                Self::Conflict(format!("The workspace has this domain already. Given: {}", quoted(&name)))
            }
            holdings::Error::DomainPending(name) => not_verified(&name),
            holdings::Error::Unanswered => Self::Unavailable(
                "The DNS does not answer at the moment, so the proof cannot be looked for. Please try again.",
            ),
            holdings::Error::DomainOfSites(name) => Self::Conflict(format!(
                "Links of sites of other workspaces live on this domain, so it keeps its name and stays. Domain: {}",
                quoted(&name)
            )),
            holdings::Error::TagTaken => Self::Conflict("A tag with that name already exists.".to_owned()),
            holdings::Error::FolderTaken => Self::Conflict("A folder with that name already exists.".to_owned()),
            holdings::Error::Invalid { code, field, message } => Self::invalid(code, field, message),
            holdings::Error::NoRandomness => {
                tracing::error!("no random bytes for a tag");
                Self::Internal
            }
            holdings::Error::Catalog(error) => error.into(),
        }
    }
}

/// A domain of the workspace's that is not known to be its own.
fn not_verified(name: &str) -> ApiError {
    let message =
        "the domain is not verified yet: it takes no links and answers no visits until its DNS record is found";
    ApiError::invalid("custom", "domain", format!("{message}. Given: {}", quoted(name)))
}

impl From<links::Error> for ApiError {
    fn from(error: links::Error) -> Self {
        match error {
            links::Error::NoLink => Self::NotFound("Link not found.".to_owned()),
            links::Error::NoFolder => Self::NotFound("Folder not found.".to_owned()),
            links::Error::UnknownTags { field, unknown } => {
                let shown: Vec<String> = unknown.iter().take(10).map(|tag| quoted(tag)).collect();
                Self::Unprocessable(format!("Invalid {field} detected: {}", shown.join(", ")))
            }
            links::Error::UnknownCursor => {
                Self::Unprocessable("Invalid cursor: the provided ID does not exist.".to_owned())
            }
            links::Error::ForeignDomain => Self::Forbidden("Domain does not belong to workspace.".to_owned()),
            links::Error::PendingDomain(name) => not_verified(&name),
            links::Error::NoDomain => {
                Self::invalid("custom", "domain", "the workspace has no short domain yet, so none can be chosen")
            }
            links::Error::SlugTaken => Self::Conflict("Duplicate key: This short link already exists.".to_owned()),
            links::Error::Twice { domain, slug } => Self::BadRequest(format!(
                "Duplicate links found: two links of one request cannot have the same domain and key. Given twice: {}",
                quoted(&format!("{domain}/{slug}"))
            )),
            links::Error::ExternalIdTaken => {
                Self::Conflict("Duplicate externalId: Another link of the workspace has it.".to_owned())
            }
            links::Error::Slug(reason) => Self::Unprocessable(format!("Invalid key. key: {reason}.")),
            links::Error::ReservedSlug => {
                Self::Forbidden("This key is reserved: something of ours answers there.".to_owned())
            }
            links::Error::NoDestination => Self::BadRequest("Missing destination URL".to_owned()),
            links::Error::Destination { reason: destination::DestinationError::Empty, field: "url", .. } => {
                Self::BadRequest("Missing destination URL".to_owned())
            }
            links::Error::Destination { field: "url", given, reason } => {
                Self::Unprocessable(format!("Invalid destination URL: url: {reason}. Given: {}", quoted(&given)))
            }
            links::Error::Destination { field, given, reason } => {
                Self::invalid("custom", field, format!("{reason}. Given: {}", quoted(&given)))
            }
            links::Error::Loop { field, host } => Self::Unprocessable(format!(
                "Invalid destination URL: {field}: {host} is a short domain itself, so a visit could go round and round."
            )),
            links::Error::NoHome => Self::BadRequest(
                "There is no short domain yet on which links of sites could live: `linktrail domain add NAME` makes one."
                    .to_owned(),
            ),
            links::Error::NoSite => Self::NotFound("Site not found.".to_owned()),
            links::Error::SitePlace => Self::Forbidden(
                "A link of a site stays below the site's address; its slug is changed by PUT /api/links/{id}.".to_owned(),
            ),
            links::Error::RootLink => Self::Forbidden("You cannot delete the root link of a domain.".to_owned()),
            links::Error::Invalid { code, field, message } => Self::invalid(code, field, message),
            links::Error::NoRandomness => {
                tracing::error!("no random bytes or no thread for a link");
                Self::Internal
            }
            links::Error::Catalog(error) => error.into(),
        }
    }
}
