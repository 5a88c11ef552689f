//! The bodies of `POST /track/lead` and `POST /track/sale`. Fields are checked in the order of Dub's schema, and the first
//! that is wrong is told (Dub contract, section 1).

use serde_json::Value;

use crate::conversions::{NewLead, NewSale};
use crate::domain::currency::Currency;
use crate::domain::customer::{MAX_AVATAR, MAX_CUSTOMER_TEXT, Profile, is_email};
use crate::web::body::Body;
use crate::web::error::{ApiError, quoted};

/// Longest name of an event, in characters.
const MAX_NAME: usize = 255;
/// Longest metadata, in characters of JSON.
const MAX_METADATA: usize = 10_000;
const MAX_QUANTITY: i64 = 100;
const DEFAULT_SALE: &str = "Purchase";
const MODES: [&str; 3] = ["async", "wait", "deferred"];
/// Who may have taken a payment, as Dub's clients know them: they refuse a list that names another one.
pub(super) const PROCESSORS: [&str; 9] =
    ["stripe", "shopify", "polar", "paddle", "apple", "revenuecat", "lemonsqueezy", "dub", "custom"];

/// Reads a lead.
pub(super) fn lead(body: &Body) -> Result<NewLead, ApiError> {
    let click = trimmed(body, "clickId", MAX_NAME)?;
    let name = match text(body, "eventName", MAX_NAME)? {
        None => return Err(ApiError::invalid("invalid_type", "eventName", "eventName is required")),
        Some(name) if name.trim().is_empty() => {
            return Err(ApiError::invalid("too_small", "eventName", "eventName is required"));
        }
        Some(name) => name.trim().to_owned(),
    };
    let external_id = external_id(body)?;
    let (name_of, email, avatar) = person(body)?;
    let mode = one_of(body, "mode", &MODES)?;
    let quantity = body.integer("eventQuantity")?.flatten().unwrap_or(1);
    if quantity < 1 {
        return Err(ApiError::invalid("too_small", "eventQuantity", "Too small: expected number to be >=1"));
    }
    if quantity > MAX_QUANTITY {
        return Err(ApiError::invalid("too_big", "eventQuantity", "Too big: expected number to be <=100"));
    }
    let metadata = metadata(body)?;
    Ok(NewLead {
        click,
        name,
        customer: Profile { external_id: required(external_id)?, name: name_of, email, avatar },
        deferred: mode.as_deref() == Some("deferred"),
        quantity: u32::try_from(quantity).unwrap_or(1),
        metadata,
    })
}

/// Reads a sale.
pub(super) fn sale(body: &Body) -> Result<NewSale, ApiError> {
    let external_id = external_id(body)?;
    let amount = match body.integer("amount")?.flatten() {
        None => return Err(ApiError::invalid("invalid_type", "amount", "amount is required")),
        Some(amount) if amount < 0 => {
            return Err(ApiError::invalid("too_small", "amount", "amount cannot be negative"));
        }
        Some(amount) => amount,
    };
    let currency = currency(body)?;
    let name = trimmed(body, "eventName", MAX_NAME)?.unwrap_or_else(|| DEFAULT_SALE.to_owned());
    let processor = one_of(body, "paymentProcessor", &PROCESSORS)?.unwrap_or_else(|| "custom".to_owned());
    let invoice = trimmed(body, "invoiceId", MAX_NAME)?;
    let metadata = metadata(body)?;
    let lead_name = trimmed(body, "leadEventName", MAX_NAME)?;
    let click = trimmed(body, "clickId", MAX_NAME)?;
    let (name_of, email, avatar) = person(body)?;
    Ok(NewSale {
        customer: Profile { external_id: required(external_id)?, name: name_of, email, avatar },
        amount,
        currency,
        name,
        processor,
        invoice,
        metadata,
        lead_name,
        click,
    })
}

/// The customer's id under its name of today, or one of its older names.
fn external_id(body: &Body) -> Result<Option<String>, ApiError> {
    for name in ["customerExternalId", "externalId", "customerId"] {
        if let Some(id) = trimmed(body, name, MAX_CUSTOMER_TEXT)? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Only after everything else was found right.
fn required(external_id: Option<String>) -> Result<String, ApiError> {
    external_id.ok_or_else(|| ApiError::BadRequest("customerExternalId is required".to_owned()))
}

type Person = (Option<String>, Option<String>, Option<String>);

fn person(body: &Body) -> Result<Person, ApiError> {
    let name = trimmed(body, "customerName", MAX_CUSTOMER_TEXT)?;
    let email = email(body, "customerEmail")?;
    let avatar = trimmed(body, "customerAvatar", MAX_AVATAR)?;
    Ok((name, email, avatar))
}

/// A mail address.
pub(super) fn email(body: &Body, field: &'static str) -> Result<Option<String>, ApiError> {
    match text(body, field, MAX_CUSTOMER_TEXT)? {
        Some(email) if !is_email(&email) => Err(ApiError::invalid("invalid_format", field, "Invalid email address")),
        email => Ok(email),
    }
}

fn currency(body: &Body) -> Result<Currency, ApiError> {
    let Some(code) = trimmed(body, "currency", MAX_NAME)? else { return Ok(Currency::USD) };
    Currency::parse(&code).ok_or_else(|| {
        let message = format!("Invalid currency: expected an ISO 4217 code such as usd. Given: {}", quoted(&code));
        ApiError::invalid("custom", "currency", message)
    })
}

fn metadata(body: &Body) -> Result<Option<Value>, ApiError> {
    let Some(object) = body.object("metadata")?.flatten() else { return Ok(None) };
    let metadata = Value::Object(object);
    if metadata.to_string().chars().count() > MAX_METADATA {
        let message = "Metadata must be less than 10,000 characters when stringified";
        return Err(ApiError::invalid("custom", "metadata", message));
    }
    Ok(Some(metadata))
}

fn one_of(body: &Body, field: &'static str, allowed: &[&str]) -> Result<Option<String>, ApiError> {
    match body.text(field)?.flatten() {
        Some(given) if !allowed.contains(&given.as_str()) => {
            let options: Vec<String> = allowed.iter().map(|option| format!("\"{option}\"")).collect();
            let message = format!("Invalid option: expected one of {}", options.join("|"));
            Err(ApiError::invalid("invalid_value", field, message))
        }
        given => Ok(given),
    }
}

/// Text without blanks around it; empty counts as absent.
pub(super) fn trimmed(body: &Body, field: &'static str, limit: usize) -> Result<Option<String>, ApiError> {
    let text = text(body, field, limit)?;
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

fn text(body: &Body, field: &'static str, limit: usize) -> Result<Option<String>, ApiError> {
    match body.text(field)?.flatten() {
        Some(text) if text.trim().chars().count() > limit => {
            let message = format!("Too big: expected string to have <={limit} characters");
            Err(ApiError::invalid("too_big", field, message))
        }
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read<T>(read: fn(&Body) -> Result<T, ApiError>, body: &Value) -> Result<T, (u16, String)> {
        let body = Body::parse(body.to_string().as_bytes()).unwrap();
        read(&body).map_err(|error| (error.status().as_u16(), error.to_string()))
    }

    #[test]
    fn leads_are_refused_by_their_first_fault() {
        let long = "x".repeat(256);
        let email = json!({"eventName": "a", "customerExternalId": "1", "customerEmail": "nobody"});
        let metadata = json!({"eventName": "a", "customerExternalId": "1", "metadata": {"a": "x".repeat(10_000)}});
        for (body, status, message) in [
            (json!({}), 422, "invalid_type: eventName: eventName is required"),
            (json!({"eventName": null}), 422, "invalid_type: eventName: eventName is required"),
            (json!({"eventName": " "}), 422, "too_small: eventName: eventName is required"),
            (json!({"eventName": long}), 422, "too_big: eventName: Too big: expected string to have <=255 characters"),
            (
                json!({"clickId": 5, "eventName": ""}),
                422,
                "invalid_type: clickId: Invalid input: expected string, received number 5",
            ),
            (json!({"eventName": "a"}), 400, "customerExternalId is required"),
            (json!({"eventName": "a", "customerExternalId": " "}), 400, "customerExternalId is required"),
            (
                json!({"eventName": "a", "customerExternalId": "x".repeat(101)}),
                422,
                "too_big: customerExternalId: Too big: expected string to have <=100 characters",
            ),
            (email, 422, "invalid_format: customerEmail: Invalid email address"),
            (
                json!({"eventName": "a", "mode": "later"}),
                422,
                "invalid_value: mode: Invalid option: expected one of \"async\"|\"wait\"|\"deferred\"",
            ),
            (
                json!({"eventName": "a", "eventQuantity": 0}),
                422,
                "too_small: eventQuantity: Too small: expected number to be >=1",
            ),
            (
                json!({"eventName": "a", "eventQuantity": 101}),
                422,
                "too_big: eventQuantity: Too big: expected number to be <=100",
            ),
            (
                json!({"eventName": "a", "metadata": "x"}),
                422,
                "invalid_type: metadata: Invalid input: expected object, received string \"x\"",
            ),
            (metadata, 422, "custom: metadata: Metadata must be less than 10,000 characters when stringified"),
        ] {
            let refused = read(lead, &body).unwrap_err();
            assert_eq!((refused.0, refused.1.as_str()), (status, message), "{body}");
        }
    }

    #[test]
    fn leads_are_read() {
        // As Dub's own clients send it, nulls and all.
        let body = json!({
            "clickId": "abc", "eventName": " Sign up ", "customerExternalId": "42", "customerName": null,
            "customerEmail": null, "customerAvatar": null, "mode": "async", "metadata": null,
        });
        let new = read(lead, &body).unwrap();
        assert_eq!((new.click.as_deref(), new.name.as_str(), new.quantity), (Some("abc"), "Sign up", 1));
        assert_eq!((new.customer.external_id.as_str(), new.customer.name, new.deferred), ("42", None, false));
        for old in ["externalId", "customerId"] {
            let new = read(lead, &json!({"eventName": "a", old: "7", "mode": "deferred", "clickId": ""})).unwrap();
            assert_eq!((new.customer.external_id.as_str(), new.deferred, new.click), ("7", true, None));
        }
    }

    #[test]
    fn sales_are_refused_by_their_first_fault() {
        for (body, status, message) in [
            (json!({"customerExternalId": "1"}), 422, "invalid_type: amount: amount is required"),
            (json!({"amount": -1}), 422, "too_small: amount: amount cannot be negative"),
            (json!({"amount": 1.5}), 422, "invalid_type: amount: Invalid input: expected int, received number 1.5"),
            (
                json!({"amount": 1_u64 << 53}),
                422,
                "too_big: amount: Too big: expected int to be <=9007199254740991. Given: 9007199254740992",
            ),
            (
                json!({"amount": 1, "currency": "xyz"}),
                422,
                "custom: currency: Invalid currency: expected an ISO 4217 code such as usd. Given: \"xyz\"",
            ),
            (json!({"amount": 1}), 400, "customerExternalId is required"),
        ] {
            let refused = read(sale, &body).unwrap_err();
            assert_eq!((refused.0, refused.1.as_str()), (status, message), "{body}");
        }
        let refused = read(sale, &json!({"amount": 1, "paymentProcessor": "cash"})).unwrap_err();
        assert!(refused.1.starts_with("invalid_value: paymentProcessor: Invalid option: expected one of \"stripe\"|"));
    }

    #[test]
    fn sales_are_read() {
        let new = read(sale, &json!({"customerExternalId": "1", "amount": 5000.0, "currency": "JPY"})).unwrap();
        assert_eq!((new.amount, new.currency.code(), new.name.as_str()), (5_000, "jpy", "Purchase"));
        assert_eq!((new.processor.as_str(), new.invoice, new.metadata), ("custom", None, None));
        let new = read(sale, &json!({"customerExternalId": "1", "amount": 0})).unwrap();
        assert_eq!((new.amount, new.currency), (0, Currency::USD));
    }
}
