//! Rows that cannot be taken, and files that cannot be.

use std::ops::Range;
use std::sync::Arc;

use linktrail::domain::click_id::EventId;
use linktrail::domain::event::Event;
use linktrail::ingest::{Disposition, EventStore, PackedEvents, RecentClick, Sameness, StoreError};
use linktrail::transfer::{Outcome, Source};
use linktrail::warehouse::Warehouse;
use linktrail::warehouse::insert::EventColumns;
use serde_json::Value;

use super::scene::Scene;

const AT: &str = "2026-03-08T14:00:00Z";

/// Line number and reason of each row of a rejects file in NDJSON.
fn reasons(text: &str) -> Vec<(u64, String)> {
    let read = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        (row["rejected_line"].as_u64().unwrap(), row["rejected_reason"].as_str().unwrap().to_owned())
    };
    text.lines().map(read).collect()
}

#[tokio::test]
async fn every_fault_has_its_line_and_reason() {
    let scene = Scene::new("transfer_faults").await;
    let click = |more: &str| format!("{{\"timestamp\":\"{AT}\",\"link\":\"go.example.com/l0\"{more}}}");
    let page = |more: &str| format!("{{\"timestamp\":\"{AT}\",\"kind\":\"custom\",\"site\":\"shop\"{more}}}");
    let at = |text: &str| format!("{{\"timestamp\":\"{text}\",\"link\":\"go.example.com/l0\"}}");
    let faults = [
        ("{\"link\":\"go.example.com/l0\"}".to_owned(), "timestamp: an event needs one"),
        (at("2026-03-08"), "timestamp: '2026-03-08' is not RFC 3339, such as 2026-03-08T14:30:00Z"),
        (at("1969-12-31T23:59:59Z"), "timestamp: '1969-12-31T23:59:59Z' is not in the years 1970 to 2099"),
        (at("9999-01-01T00:00:00Z"), "timestamp: '9999-01-01T00:00:00Z' is not in the years 1970 to 2099"),
        (at("2026-02-30T00:00:00Z"), "timestamp: '2026-02-30T00:00:00Z' is not RFC 3339"),
        (at("+262000-01-01T00:00:00Z"), "timestamp: '+262000-01-01T00:00:00Z' is not RFC 3339"),
        (format!("{{\"timestamp\":\"{AT}\"}}"), "link: a click needs one"),
        (format!("{{\"timestamp\":\"{AT}\",\"kind\":\"pageview\"}}"), "site: a pageview event needs one"),
        (click(",\"link\":\"x\""), "link is there twice"),
        (click(",\"kind\":\"view\""), "kind: 'view' is not click, pageview, custom, lead or sale"),
        (click(",\"colour\":1"), "unknown column 'colour'; known are kind, timestamp, link"),
        (click(",\"ip\":\"1.2.3\""), "ip: '1.2.3' is not an IP address"),
        (click(",\"country\":\"Germany\""), "country: 'Germany' is not a country code of two letters"),
        (click(",\"continent\":\"XX\""), "continent: 'XX' is not AF, AN"),
        (click(",\"trigger\":\"nfc\""), "trigger: 'nfc' is not link, qr, pageview or deeplink"),
        (click(",\"channel\":\"x\""), "channel: 'x' is not one of Direct, Organic"),
        (click(",\"repeat\":\"maybe\""), "repeat: 'maybe' is not true or false"),
        (click(",\"latitude\":91,\"longitude\":1"), "latitude: '91' is not degrees from -90 to 90"),
        (click(",\"latitude\":9"), "longitude: it is missing beside latitude"),
        (click(",\"asn\":\"x\""), "asn: 'x' is not a number"),
        (click(",\"amount\":5"), "amount: it is for sales and custom events, and this is a click"),
        (click(",\"page\":\"/\""), "page: it is for pageviews and custom events, and this is a click"),
        (click(&format!(",\"city\":\"{}\"", "x".repeat(5_000))), "city: it has 5000 bytes, at most 4096 are allowed"),
        (page(",\"props\":\"[1]\""), "props: '[1]' is not a JSON object"),
        (page(",\"props\":\"{\""), "props: '{' is not a JSON object"),
        (page(",\"screen_width\":70000"), "screen_width: '70000' is not a whole number that is small enough"),
        (page(&format!(",\"customer_external_id\":\"{}\"", "x".repeat(101))), "customer_external_id: 'xxxx"),
        (page(",\"metadata\":{}"), "metadata: it is for leads and sales, and this is a custom"),
        (format!("{{\"timestamp\":\"{AT}\",\"kind\":\"sale\",\"currency\":\"eur\"}}"), "amount: a sale needs one"),
        (format!("{{\"timestamp\":\"{AT}\",\"kind\":\"sale\",\"amount\":1}}"), "currency: a sale needs one"),
        (
            format!("{{\"timestamp\":\"{AT}\",\"kind\":\"sale\",\"amount\":1.5,\"currency\":\"eur\"}}"),
            "amount: '1.5' is not a whole number of smallest units",
        ),
        (
            format!("{{\"timestamp\":\"{AT}\",\"kind\":\"sale\",\"amount\":1,\"currency\":\"euro\"}}"),
            "currency: 'euro' is not a currency code",
        ),
        (format!("{{\"timestamp\":\"{AT}\",\"link\":\"go.example.com/l9\"}}"), "link: 'go.example.com/l9' is no link"),
        (
            format!("{{\"timestamp\":\"{AT}\",\"link\":\"https://other.example/l0\"}}"),
            "link: 'https://other.example/l0'",
        ),
        (
            format!("{{\"timestamp\":\"{AT}\",\"link\":\"link_0000000000001\"}}"),
            "link: 'link_0000000000001' is no link",
        ),
        (page(",\"site\":null").replace("shop", "blog"), "site is there twice"),
        (page("").replace("shop", "blog"), "site: 'blog' is no site of the workspace"),
        ("nonsense".to_owned(), "the row is no JSON object"),
    ];
    let mut text = String::new();
    for (row, _) in &faults {
        // A good one between each two.
        text.push_str(&format!("{row}\n{}\n", at("2026-03-08T14:00:00.123456+05:45")));
    }
    let summary = scene.imported("faults.ndjson", text).await;
    let found = reasons(&scene.read("rejects"));
    for (place, (row, reason)) in faults.iter().enumerate() {
        assert_eq!(found[place].0, 2 * place as u64 + 1, "{row}");
        assert!(found[place].1.starts_with(reason), "{row}: {}", found[place].1);
    }
    assert_eq!((summary.stored, summary.rejected), (faults.len() as u64, faults.len() as u64));
    scene.assert_exactly(faults.len() as u64).await;
}

#[tokio::test]
async fn lines_of_csv_are_those_of_the_file_and_a_corrected_rejects_file_is_taken() {
    let scene = Scene::new("transfer_lines").await;
    let good = format!("{AT},go.example.com/l0");
    let text = format!(
        "\u{feff}timestamp,link,city\r\n{good},\"two\r\nlines\"\r\n\r\nyesterday,go.example.com/l0,\"a,\"\"b\"\"\"\r\n\
         {good}\r\n{good},\"never closed\nlast,go.example.com/l0,x"
    );
    let summary = scene.imported("a.csv", text).await;
    assert_eq!((summary.stored, summary.rejected), (2, 2));
    let rejects = scene.read("rejects");
    let expected = format!(
        "rejected_line,rejected_reason,timestamp,link,city\n\
         5,\"timestamp: 'yesterday' is not RFC 3339, such as 2026-03-08T14:30:00Z\",yesterday,go.example.com/l0,\"a,\"\"b\"\"\"\n\
         6,\"the row has 2 fields, the header 3\",{good}\n"
    );
    assert_eq!(rejects, expected);
    let cities: Vec<Value> = scene.stored().await.into_iter().map(|event| event["city"].clone()).collect();
    assert_eq!(cities, ["two\r\nlines", "never closed\nlast,go.example.com/l0,x"]);
    let corrected = rejects.replace(",yesterday,", &format!(",{AT},")).replace("l0\n", "l0,x\n");
    let summary = scene.imported("rejects.csv", corrected).await;
    assert_eq!((summary.stored, summary.rejected), (2, 0));
    scene.assert_exactly(4).await;
}

#[tokio::test]
async fn files_that_are_none_change_nothing() {
    let scene = Scene::new("transfer_files").await;
    for (name, text, message) in [
        ("empty.csv", "", "the file is empty; CSV begins with a header"),
        ("columns.csv", "timestamp,colour,link,size\n", "unknown columns: 'colour', 'size'; known are kind, timestamp"),
        ("twice.csv", "timestamp,link,link\n", "the column link is there twice"),
    ] {
        let error = scene.import(&scene.file(name, text)).await.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(Source::open(&scene.file("what", "?"), None).unwrap_err().to_string().contains("--format"));
    assert!(Source::open(&scene.folder.path().join("no.csv"), None).is_err());
    let unpacked = scene.import(&scene.file("broken.csv.gz", b"\x1f\x8bxxxxxxxxxxxxxxxx")).await;
    assert!(unpacked.unwrap_err().to_string().contains("cannot read"));
    assert_eq!(scene.number("SELECT count() FROM events").await, 0);
    assert_eq!(scene.catalog.register_node("the first one").await.unwrap(), 1, "no number was used");
}

/// ClickHouse that does not take some events for what is in them.
struct Picky(Warehouse);

/// With the places of those that it does not take.
#[derive(Default)]
struct PickyEvents(EventColumns, Vec<usize>);

impl PackedEvents for PickyEvents {
    fn add(&mut self, events: &[Event]) {
        let bad = events.iter().enumerate().filter(|(_, event)| event.url == "bad");
        self.1.extend(bad.map(|(place, _)| self.0.len() + place));
        self.0.add(events);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn key(&self, place: usize) -> (EventId, i64) {
        self.0.key(place)
    }

    fn part(&self, range: Range<usize>) -> Self {
        let bad = self.1.iter().filter(|place| range.contains(place)).map(|place| place - range.start).collect();
        Self(self.0.part(range), bad)
    }
}

impl EventStore for Picky {
    type Packed = PickyEvents;

    async fn insert(&self, token: &str, events: &PickyEvents) -> Result<(), StoreError> {
        if !events.1.is_empty() {
            return Err(StoreError { disposition: Disposition::SetAside, message: "I do not like it".to_owned() });
        }
        EventStore::insert(&self.0, token, &events.0).await
    }

    async fn stored(&self, first: EventId, last: EventId, start_ms: i64, end_ms: i64) -> Result<u64, StoreError> {
        EventStore::stored(&self.0, first, last, start_ms, end_ms).await
    }

    async fn reconcile(&self, node: u16, start_ms: i64, end_ms: i64) -> Result<(), StoreError> {
        EventStore::reconcile(&self.0, node, start_ms, end_ms).await
    }

    async fn recent(
        &self,
        sameness: Sameness,
        before: EventId,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<RecentClick>, StoreError> {
        self.0.recent(sameness, before, start_ms, end_ms).await
    }
}

#[tokio::test]
async fn what_the_store_refuses_is_rejected_and_the_rest_is_stored() {
    let scene = Scene::new("transfer_refused").await;
    let mut text = String::new();
    for line in 1..=300 {
        let url = if line == 17 || line == 200 { "bad" } else { "https://example.com/" };
        text.push_str(&format!("{{\"timestamp\":\"{AT}\",\"link\":\"go.example.com/l0\",\"url\":\"{url}\"}}\n"));
    }
    text.push_str("x\n");
    let file = scene.file("a.ndjson", text);
    let outcome = scene.import_into(Arc::new(Picky(scene.warehouse.clone())), &file, false).await.unwrap();
    let Outcome::Done(summary) = outcome else { panic!("{outcome:?}") };
    assert_eq!((summary.stored, summary.rejected), (298, 3));
    let found = reasons(&scene.read("rejects"));
    assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [17, 200, 301]);
    assert_eq!(found[0].1, "the store refuses it: I do not like it");
    scene.assert_exactly(298).await;
}
