//! How this surface says no: `{"success": false, "error": text, "details": {"formErrors", "fieldErrors"}}`.

use std::any::Any;
use std::collections::BTreeMap;

use axum::Json;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::web::error::ApiError;

/// Everything that is wrong with one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    form: Vec<String>,
    fields: BTreeMap<String, Vec<String>>,
}

impl Faults {
    /// Something that no single field bears.
    pub fn form(&mut self, message: impl Into<String>) {
        self.form.push(message.into());
    }

    /// A field is wrong.
    pub fn field(&mut self, name: &str, message: impl Into<String>) {
        self.fields.entry(name.to_owned()).or_default().push(message.into());
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.form.is_empty() && self.fields.is_empty()
    }
}

/// Why one event was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It makes no sense.
    Invalid(Faults),
    /// There is no such site.
    NoSite,
    /// The key that was shown does not open the site's workspace.
    NotYours,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::NoSite => StatusCode::NOT_FOUND,
            Self::NotYours => StatusCode::FORBIDDEN,
        }
    }

    /// `error` and, where there is more to say, `details`.
    pub fn told(&self) -> Value {
        match self {
            Self::Invalid(Faults { form, fields }) => {
                json!({ "error": "Invalid payload", "details": { "formErrors": form, "fieldErrors": fields } })
            }
            Self::NoSite => json!({ "error": "Site not found" }),
            Self::NotYours => json!({ "error": "The API key has no rights on this site" }),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = self.told();
        body["success"] = Value::Bool(false);
        (self.status(), Json(body)).into_response()
    }
}

/// A failure of the whole request in this surface's shape; its headers stay.
pub fn dressed(error: ApiError) -> Response {
    let message = error.to_string();
    let mut response = error.into_response();
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Json(json!({ "success": false, "error": message })).into_response().into_body();
    response
}

/// The answer of a handler that panicked.
pub fn panicked(_panic: Box<dyn Any + Send>) -> Response {
    dressed(ApiError::Internal)
}

/// The path is there, for another method.
pub async fn method_not_allowed(method: Method) -> Response {
    dressed(ApiError::MethodNotAllowed(format!("The method {method} is not allowed here.")))
}
