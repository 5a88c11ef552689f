//! What webhooks are told of leads and sales: Dub's `data` without the link, which is added when it is told (Dub contract,
//! 6.5). The note is written in the transaction that records the event, so webhooks hear of what was recorded and of
//! nothing else.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Conversions;
use crate::domain::click_id::EventId;
use crate::domain::customer::Customer;
use crate::domain::hit::Trigger;
use crate::warehouse::conversion::ClickFacts;

const UNKNOWN: &str = "Unknown";
const DIRECT: &str = "(direct)";

impl Conversions {
    /// A lead as it is told; a sale adds to it.
    pub(super) fn told(
        &self,
        name: &str,
        customer: &Customer,
        click: EventId,
        of: &ClickFacts,
        metadata: Option<&Value>,
    ) -> Value {
        let profile = &customer.profile;
        json!({
            "eventName": name,
            "customer": {
                "id": customer.id.to_string(),
                "name": profile.shown_name(),
                "email": profile.email,
                "avatar": profile.avatar,
                "externalId": profile.external_id,
                "country": customer.country,
                "createdAt": instant(customer.created_at_ms),
            },
            "click": self.told_click(click, of),
            "metadata": metadata,
        })
    }

    fn told_click(&self, click: EventId, of: &ClickFacts) -> Value {
        let carried = &of.carried;
        json!({
            "id": self.public_click(click),
            "url": of.url,
            "country": known(&carried.place.country, UNKNOWN),
            "city": known(&carried.place.city, UNKNOWN),
            "region": known(&carried.place.region, UNKNOWN),
            "continent": carried.place.continent,
            "device": known(&carried.agent.device, UNKNOWN),
            "browser": known(&carried.agent.browser, UNKNOWN),
            "os": known(&carried.agent.os, UNKNOWN),
            "trigger": of.trigger.name(),
            "referer": known(&carried.referrer.host, DIRECT),
            "refererUrl": known(&carried.referrer.url, DIRECT),
            "qr": of.trigger == Trigger::Qr,
            "ip": "",
        })
    }
}

fn known<'a>(value: &'a str, otherwise: &'a str) -> &'a str {
    if value.is_empty() { otherwise } else { value }
}

fn instant(at_ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
