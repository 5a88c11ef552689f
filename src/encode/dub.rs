//! Objects of Dub's API that more than its own surface writes: what lists, live streams and webhooks show of a click and of a
//! customer is the same (Dub contract, 5.1 and 5.2).

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::calendar::rfc3339;
use crate::domain::customer::Customer;
use crate::domain::dimension::Dimension;
use crate::domain::id::CustomerId;

/// What is known of a click, or of the click that a lead or a sale follows, as it is stored: the unknown is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// Final destination.
    pub url: &'a str,
    /// Continent code.
    pub continent: &'a str,
    /// Country code.
    pub country: &'a str,
    /// Region code with its country.
    pub region: &'a str,
    /// City name.
    pub city: &'a str,
    /// Device class.
    pub device: &'a str,
    /// Browser name.
    pub browser: &'a str,
    /// System name.
    pub os: &'a str,
    /// The header as sent.
    pub user_agent: &'a str,
    /// Robot name.
    pub bot: &'a str,
    /// How the link was reached.
    pub trigger: &'a str,
    /// Referrer host.
    pub referrer_host: &'a str,
    /// Referrer without its query.
    pub referrer_url: &'a str,
}

impl<'a> Seen<'a> {
    /// What is shown of a dimension: its label where it is unknown. A continent has none, and what is no part of a click is
    /// empty.
    pub fn shown(&self, dimension: Dimension) -> Cow<'a, str> {
        let value = match dimension {
            Dimension::Continent => return Cow::Borrowed(self.continent),
            Dimension::Region => return self.region(),
            Dimension::Country => self.country,
            Dimension::City => self.city,
            Dimension::Device => self.device,
            Dimension::Browser => self.browser,
            Dimension::Os => self.os,
            Dimension::Trigger => self.trigger,
            Dimension::Referrer => self.referrer_host,
            Dimension::ReferrerUrl => self.referrer_url,
            _ => return Cow::Borrowed(""),
        };
        Cow::Borrowed(if value.is_empty() { dimension.info().blank.label() } else { value })
    }

    fn region(&self) -> Cow<'a, str> {
        match (self.country, self.region) {
            ("", "") => Cow::Borrowed(Dimension::Region.info().blank.label()),
            (country, "") => Cow::Owned(format!("{country}-Unknown")),
            (_, region) => Cow::Borrowed(region),
        }
    }

    /// Whether a QR code was scanned.
    pub fn is_qr(&self) -> bool {
        self.trigger == "qr"
    }

    /// The `click` of an event that happened at this time. `id` is that of the click, empty where none is known.
    pub fn object(&self, id: &'a str, at_ms: i64) -> ClickObject<'a> {
        ClickObject {
            id,
            timestamp: rfc3339(at_ms),
            url: self.url,
            country: self.shown(Dimension::Country),
            city: self.shown(Dimension::City),
            region: self.region(),
            continent: self.continent,
            device: self.shown(Dimension::Device),
            browser: self.shown(Dimension::Browser),
            os: self.shown(Dimension::Os),
            ua: self.user_agent,
            trigger: self.trigger,
            referer: self.shown(Dimension::Referrer),
            referer_url: self.shown(Dimension::ReferrerUrl),
            qr: self.is_qr(),
            ip: "",
            bot: Some(self.bot).filter(|bot| !bot.is_empty()),
        }
    }
}

/// The `click` of an event. Addresses of visitors are never shown; `bot` is ours.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClickObject<'a> {
    id: &'a str,
    timestamp: String,
    url: &'a str,
    country: Cow<'a, str>,
    city: Cow<'a, str>,
    region: Cow<'a, str>,
    continent: &'a str,
    device: Cow<'a, str>,
    browser: Cow<'a, str>,
    os: Cow<'a, str>,
    ua: &'a str,
    trigger: &'a str,
    referer: Cow<'a, str>,
    referer_url: Cow<'a, str>,
    qr: bool,
    ip: &'static str,
    bot: Option<&'a str>,
}

/// The `customer` of a lead or a sale. Dub shows an unknown mail address and country as empty texts here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerObject {
    /// Public id; empty where a conversion names nobody.
    pub id: String,
    /// What is shown as the name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// Address of a picture.
    pub avatar: Option<String>,
    /// The id in the user's own database.
    pub external_id: String,
    /// Country code of the first click.
    pub country: String,
    /// When it was made known.
    pub created_at: String,
}

impl From<&Customer> for CustomerObject {
    fn from(customer: &Customer) -> Self {
        let profile = &customer.profile;
        Self {
            id: customer.id.to_string(),
            name: customer.shown_name().into_owned(),
            email: profile.email.clone().unwrap_or_default(),
            avatar: profile.avatar.clone(),
            external_id: profile.external_id.clone(),
            country: customer.country.clone().unwrap_or_default(),
            created_at: rfc3339(customer.created_at_ms),
        }
    }
}

impl CustomerObject {
    /// A customer who is no longer there. The number 0 is nobody: a conversion that named no customer.
    pub fn missing(id: CustomerId) -> Self {
        let nobody = id == CustomerId::default();
        let id = if nobody { String::new() } else { id.to_string() };
        let text = |deleted: &str, unnamed: &str| if nobody { unnamed } else { deleted }.to_owned();
        Self {
            name: text("Deleted Customer", "Unknown Customer"),
            email: text("deleted@customer.com", ""),
            avatar: None,
            external_id: id.clone(),
            country: String::new(),
            created_at: rfc3339(0),
            id,
        }
    }
}

/// Metadata as JSON; `None` where there is none. What was stored as no JSON is shown as the text that it is.
pub fn metadata(stored: &str) -> Option<Value> {
    if stored.is_empty() {
        return None;
    }
    Some(serde_json::from_str(stored).unwrap_or_else(|_| Value::from(stored)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_unknown_has_dubs_labels() {
        let click = |seen: Seen<'_>| serde_json::to_value(seen.object("id", 0)).unwrap_or_default();
        let unknown = click(Seen::default());
        for (field, value) in [
            ("country", "Unknown"),
            ("city", "Unknown"),
            ("region", "Unknown"),
            ("continent", ""),
            ("device", "Unknown"),
            ("browser", "Unknown"),
            ("os", "Unknown"),
            ("referer", "(direct)"),
            ("refererUrl", "(direct)"),
            ("ua", ""),
            ("ip", ""),
            ("timestamp", "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(unknown[field], value, "{field}");
        }
        assert_eq!((&unknown["qr"], &unknown["bot"]), (&json!(false), &Value::Null));
        let known = click(Seen { country: "US", trigger: "qr", bot: "curl", ..Seen::default() });
        assert_eq!(
            (&known["region"], &known["qr"], &known["bot"]),
            (&json!("US-Unknown"), &json!(true), &json!("curl"))
        );
    }

    #[test]
    fn customers_are_always_somebody() {
        let gone = CustomerObject::missing(CustomerId(7));
        assert_eq!((gone.name.as_str(), gone.email.as_str()), ("Deleted Customer", "deleted@customer.com"));
        assert_eq!((&gone.id, &gone.external_id), (&CustomerId(7).to_string(), &CustomerId(7).to_string()));
        assert_eq!(gone.created_at, "1970-01-01T00:00:00.000Z");
        let nobody = CustomerObject::missing(CustomerId::default());
        assert_eq!((nobody.id.as_str(), nobody.name.as_str(), nobody.email.as_str()), ("", "Unknown Customer", ""));
    }

    #[test]
    fn metadata_is_json_or_text() {
        for (stored, shown) in
            [("", None), (r#"{"a":{"b":[1]}}"#, Some(json!({"a": {"b": [1]}}))), ("a=b", Some(json!("a=b")))]
        {
            assert_eq!(metadata(stored), shown);
        }
    }
}
