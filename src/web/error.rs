//! The one place where errors meet HTTP: every failure of a request is one of these, and one match gives its status and
//! code. A surface dresses them in its own envelope.

use axum::http::StatusCode;

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
    /// Too many requests.
    #[error("too many requests")]
    RateLimited {
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

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid { .. } | Self::TooExpensive(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Seconds after which another try makes sense, for the `Retry-After` header.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after_secs } => Some(*retry_after_secs),
            Self::Unavailable(_) => Some(5),
            Self::BadRequest(_)
            | Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::TooLarge(_)
            | Self::Invalid { .. }
            | Self::TooExpensive(_)
            | Self::Internal => None,
        }
    }
}
