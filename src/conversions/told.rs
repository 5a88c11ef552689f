//! What webhooks are told of leads and sales: Dub's `data` without the link, which is added when it is told (Dub contract,
//! 6.5). The note is written in the transaction that records the event, so webhooks hear of what was recorded and of
//! nothing else.

use serde_json::{Value, json};

use super::Conversions;
use crate::domain::click_id::EventId;
use crate::domain::customer::Customer;
use crate::encode::dub::{CustomerObject, Seen};
use crate::warehouse::conversion::ClickFacts;

impl Conversions {
    /// A lead as it is told; a sale adds to it.
    pub(super) fn told(
        &self,
        name: &str,
        customer: &Customer,
        click: EventId,
        of: &ClickFacts,
        metadata: Option<&Value>,
        at_ms: i64,
    ) -> Value {
        json!({
            "eventName": name,
            "customer": CustomerObject::from(customer),
            "click": seen(of).object(&self.public_click(click), at_ms),
            "metadata": metadata,
        })
    }
}

fn seen(of: &ClickFacts) -> Seen<'_> {
    let carried = &of.carried;
    Seen {
        url: &of.url,
        continent: &carried.place.continent,
        country: &carried.place.country,
        region: &carried.place.region,
        city: &carried.place.city,
        device: &carried.agent.device,
        browser: &carried.agent.browser,
        os: &carried.agent.os,
        user_agent: &carried.agent.user_agent,
        bot: &carried.agent.bot,
        trigger: of.trigger.name(),
        referrer_host: &carried.referrer.host,
        referrer_url: &carried.referrer.url,
    }
}
