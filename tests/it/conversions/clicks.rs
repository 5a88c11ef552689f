//! Clicks made by hand, and the events that came of them.

use clickhouse::Row;
use linktrail::domain::hit::{Hit, PlaceHint, Trigger};
use linktrail::domain::id::LinkId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::world::{NOW_MS, Tenant, World};

/// A lead or a sale as it is stored.
#[derive(Debug, PartialEq, Row, Deserialize)]
pub struct Stored {
    pub kind: String,
    pub name: String,
    pub link_id: u64,
    pub customer_id: u64,
    pub click_event_id: u64,
    pub amount: i64,
    pub currency: String,
    pub processor: String,
    pub invoice_id: String,
    pub metadata: String,
    pub at_ms: i64,
    pub repeat: bool,
}

impl World {
    /// A link of a tenant, by its slug.
    pub async fn link(&self, tenant: &Tenant, slug: &str) -> LinkId {
        let body = json!({ "url": format!("https://example.com/{slug}"), "key": slug, "trackConversion": true });
        let (status, link) = self.send_as(tenant, axum::http::Method::POST, "/links", Some(&body)).await;
        assert_eq!(status, 200, "{link}");
        LinkId::parse(link["id"].as_str().unwrap()).unwrap()
    }

    /// A click on a link a minute ago, and its public id. It is on disk, not necessarily stored.
    pub async fn click(&self, tenant: &Tenant, link: LinkId) -> String {
        let hit = Hit {
            at_ms: NOW_MS - 60_000,
            workspace: tenant.workspace,
            link,
            address: "81.2.69.142".parse().unwrap(),
            user_agent:
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                         Version/18.1 Mobile/15E148 Safari/604.1"
                    .to_owned(),
            referrer: "https://www.example.org/post?x=1".to_owned(),
            url: "https://example.com/?utm_source=mail&utm_campaign=spring".to_owned(),
            params: "utm_source=mail".to_owned(),
            accept_language: "de-AT,de;q=0.9".to_owned(),
            trigger: Trigger::Qr,
            place: Some(PlaceHint {
                country: "GB".to_owned(),
                region: "ENG".to_owned(),
                city: "London".to_owned(),
                continent: String::new(),
            }),
            repeat_window_secs: 3_600,
            ..Hit::default()
        };
        let recorded = self.app.ingest.record(&hit).unwrap();
        recorded.synced().await.unwrap();
        self.app.clicks.public(recorded.id())
    }

    /// Everything that is stored but clicks, as it happened.
    pub async fn stored(&self) -> Vec<Stored> {
        self.app.ingest.flushed().await;
        let sql = "SELECT toString(kind) AS kind, toString(event_name) AS name, link_id, customer_id, click_event_id, \
                   amount, toString(currency) AS currency, toString(payment_processor) AS processor, invoice_id, \
                   metadata, toUnixTimestamp64Milli(timestamp) AS at_ms, repeat \
                   FROM events WHERE kind != 'click' ORDER BY event_id";
        self.clickhouse.query(sql).fetch_all().await.unwrap()
    }

    /// Those that count.
    pub async fn counted(&self) -> usize {
        self.stored().await.iter().filter(|event| !event.repeat).count()
    }

    /// Posts what must be taken.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.send(axum::http::Method::POST, path, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Posts what must be refused.
    pub async fn refused(&self, path: &str, body: &Value) -> (u16, String) {
        let (status, answer) = self.send(axum::http::Method::POST, path, Some(body)).await;
        let message = answer["error"]["message"].as_str().or(answer["error"].as_str());
        (status.as_u16(), message.unwrap_or_default().to_owned())
    }
}
