//! What sites and their servers report: pageviews alone and in batches, leads, sales. Each has a name, under which it is sent
//! again until it is answered; a name counts once, however often it is sent.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::home::{CUSTOMER, Home, SITE_HOST};
use super::ledger::Ledger;
use super::load::Client;

/// Different visitors of the site.
const VISITORS: u64 = 300;
/// One report in so many is sent once more after its answer, and one in so many is not listened to.
const SOMETIMES: u64 = 10;

/// Kinds of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    Page,
    /// So many in one body.
    Pages(usize),
    Lead,
    Sale,
}

impl Report {
    fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Pages(_) => "pages",
            Self::Lead => "lead",
            Self::Sale => "sale",
        }
    }
}

/// Sends reports of one kind.
pub struct Reporter {
    report: Report,
    host: String,
    key: String,
    click: String,
}

impl Reporter {
    pub fn of(home: &Home, report: Report) -> Self {
        Self { report, host: home.address.to_string(), key: home.key(), click: home.click() }
    }

    /// Sends until told to stop; the last report may then be one that was never answered.
    pub async fn run(self, ledger: Arc<Ledger>, mut client: Client, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let count = if let Report::Pages(count) = self.report { count } else { 1 };
            let numbers: Vec<u64> = (0..count).map(|_| ledger.number()).collect();
            let request = self.request(&numbers);
            if rand::random_range(0..SOMETIMES) == 0 && client.connect().await {
                client.send_and_hang_up(&request).await;
            }
            if !self.send(&ledger, &mut client, &stop, &request, count).await {
                continue;
            }
            ledger.answer(self.report.name(), &numbers);
            if rand::random_range(0..SOMETIMES) == 0 && client.connect().await {
                let _ = client.exchange(&request).await;
            }
        }
    }

    /// Whether the report was answered as it should be; `false` too when it is time to stop.
    async fn send(
        &self,
        ledger: &Ledger,
        client: &mut Client,
        stop: &CancellationToken,
        request: &[u8],
        count: usize,
    ) -> bool {
        while !stop.is_cancelled() {
            if !client.connect().await {
                continue;
            }
            match client.exchange(request).await {
                Ok(answer) if answer.status == 200 => {
                    assert!(self.is_taken(&answer.body, count), "{}", answer.body);
                    return true;
                }
                // A store that is needed for it is away.
                Ok(answer) if answer.status == 503 && answer.header("retry-after").is_some() => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok(answer) => {
                    ledger.note_status(answer.status);
                    return false;
                }
                Err(failure) => ledger.note_failure(&failure),
            }
        }
        false
    }

    fn is_taken(&self, answer: &str, count: usize) -> bool {
        let answer: Value = serde_json::from_str(answer).unwrap();
        match self.report {
            Report::Page => answer == json!({ "success": true }),
            Report::Pages(_) => answer["accepted"] == count,
            Report::Lead => answer["click"]["id"] == self.click.as_str(),
            // Of a sale that is told already nothing is shown.
            Report::Sale => answer.get("sale").is_some(),
        }
    }

    fn request(&self, numbers: &[u64]) -> Vec<u8> {
        let number = numbers[0];
        let (target, body) = match self.report {
            Report::Page => ("/api/track", page(number)),
            Report::Pages(_) => ("/api/track", numbers.iter().map(|&number| page(number)).collect()),
            Report::Lead => ("/track/lead", self.lead(number)),
            Report::Sale => ("/track/sale", sale(number)),
        };
        let key = match self.report {
            Report::Page | Report::Pages(_) => String::new(),
            Report::Lead | Report::Sale => format!("Authorization: Bearer {}\r\n", self.key),
        };
        let (host, visitor, body) = (&self.host, number / 7 % VISITORS, body.to_string());
        format!(
            "POST {target} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 198.51.{}.{}\r\n{key}\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
             Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            visitor / 200,
            visitor % 200,
            body.len(),
        )
        .into_bytes()
    }

    fn lead(&self, number: u64) -> Value {
        json!({
            "clickId": self.click,
            "eventName": "Signed up",
            "customerExternalId": format!("customer {number}"),
            "metadata": { "n": number.to_string() },
        })
    }
}

fn page(number: u64) -> Value {
    let referrer = ["", "https://news.example/today", "https://www.google.com/"][number as usize % 3];
    json!({
        "site_id": 1,
        "type": "pageview",
        "hostname": SITE_HOST,
        "pathname": format!("/page/{}", number % 50),
        "querystring": format!("n={number}&utm_source=source{}", number % 5),
        "referrer": referrer,
        "event_id": format!("event {number}"),
    })
}

fn sale(number: u64) -> Value {
    json!({
        "customerExternalId": CUSTOMER,
        "amount": 1_000 + number % 100,
        "currency": "eur",
        "invoiceId": format!("invoice {number}"),
        "metadata": { "n": number.to_string() },
    })
}
