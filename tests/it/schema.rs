//! What the program believes of its schemas, against the stores.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt;
use linktrail::analytics::Analytics;
use linktrail::calendar::Range;
use linktrail::catalog::Catalog;
use linktrail::config::QueriesConfig;
use linktrail::domain::click_id::EventId;
use linktrail::domain::dimension::DIMENSIONS;
use linktrail::domain::event::{
    Agent, Channel, Conversion, Coordinates, Event, EventKind, Network, PageEvent, Place, Referrer, Utm,
};
use linktrail::domain::hit::Trigger;
use linktrail::domain::id::{CustomerId, LinkId, SiteId, WorkspaceId};
use linktrail::plan::{Bots, Counting, From, Order, Page, Request, Shape, build};
use linktrail::warehouse::event::EventRow;
use linktrail::warehouse::insert::WRITTEN_COLUMNS;
use linktrail::warehouse::migrate::MIGRATIONS;
use linktrail::warehouse::{Warehouse, WarehouseOptions};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::world::{self, clickhouse_client};

/// A migrated ClickHouse database: the program's way in, and the tests' own.
async fn warehouse(test: &str) -> (Warehouse, clickhouse::Client) {
    let urls = world::clickhouse(test).await;
    let client = clickhouse_client(&urls.writer);
    let options = WarehouseOptions {
        writer_url: urls.writer.into(),
        reader_url: urls.reader.into(),
        cluster: None,
        queries: QueriesConfig::default(),
    };
    (Warehouse::new(&options).unwrap(), client)
}

async fn catalog(test: &str) -> (Catalog, tokio_postgres::Client) {
    let url = world::database_url(test).await;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    (Catalog::connect(&SecretString::from(url), 2).unwrap(), client)
}

/// What the first version of the program stored is still there, and read, after every later file.
#[tokio::test]
async fn events_of_the_first_schema_are_read_after_the_last() {
    let (warehouse, client) = warehouse("schema_upgrade").await;
    let first = MIGRATIONS[0].text.replace("{merge_tree}", "MergeTree");
    let first = first.replace("{aggregating_merge_tree}", "AggregatingMergeTree");
    let first = first.replace("{window}", "non_replicated_deduplication_window");
    let first = first.replace("{on_cluster}", "").replace("{local}", "");
    let for_one_server =
        |statement: &&str| !statement.trim().is_empty() && statement.lines().all(|line| line != "-- only: cluster");
    for statement in first.split(";\n").filter(for_one_server) {
        client.query(statement).execute().await.unwrap();
    }
    let log = "CREATE TABLE schema_version (version UInt32, name String, applied DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY version";
    client.query(log).execute().await.unwrap();
    client.query("INSERT INTO schema_version (version, name) VALUES (1, '0001_events.sql')").execute().await.unwrap();
    let old = "INSERT INTO events (workspace_id, kind, timestamp, event_id, link_id, visitor, country, url) \
               SELECT 3, 'click', toDateTime64('2026-03-10 15:00:00', 3, 'UTC') + number, number + 1, number % 5, number, 'FR', 'u' \
               FROM numbers(1000)";
    client.query(old).execute().await.unwrap();

    let applied = warehouse.migrate().await.unwrap();
    assert_eq!(applied, MIGRATIONS[1..].iter().map(|migration| migration.name).collect::<Vec<_>>());
    let new =
        Event { workspace: WorkspaceId(3), link: LinkId(1), at_ms: 1_773_155_045_123, id: EventId(5_000), ..full() };
    warehouse.insert("new", &[Event { kind: EventKind::Click, ..new }]).await.unwrap();
    let by_link = "SELECT count(), countIf(country = 'FR'), countIf(channel = 'Paid') FROM events \
                   WHERE workspace_id = 3 AND link_id = 1 SETTINGS force_optimize_projection = 1";
    // Refused until the projection has been made for the rows that were there before.
    let counts: (u64, u64, u64) = loop {
        match client.query(by_link).fetch_one().await {
            Ok(counts) => break counts,
            Err(error) => assert!(error.to_string().contains("PROJECTION_NOT_USED"), "{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(counts, (201, 201, 1));
}

async fn columns(client: &clickhouse::Client, table: &str) -> Vec<String> {
    // What is worked out when it is read is never written.
    let sql = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = ? AND default_kind != 'ALIAS' \
               ORDER BY position";
    client.query(sql).bind(table).fetch_all().await.unwrap()
}

/// A sale with something in every field.
fn full() -> Event {
    let text = |text: &str| format!("{text} '\\\t\n\"é\u{1f600}");
    Event {
        workspace: WorkspaceId(u64::MAX >> 1),
        kind: EventKind::Sale,
        at_ms: 1_773_155_045_123,
        id: EventId::new(u16::MAX, (1 << 48) - 1),
        link: LinkId(u64::MAX >> 1),
        site: SiteId(u64::MAX >> 3),
        visitor: u64::MAX,
        session: u64::MAX - 1,
        repeat: true,
        idempotency: u64::MAX - 2,
        network: Network { isp: text("isp"), asn: u32::MAX, hosting: true },
        address: "203.0.113.9".to_owned(),
        channel: Channel::Paid,
        params: text("a=1"),
        language: text("de"),
        place: Place {
            continent: "EU".to_owned(),
            country: "FR".to_owned(),
            region: "FR-IDF".to_owned(),
            city: text("Paris"),
        },
        coordinates: Coordinates { latitude: -899_999, longitude: 1_800_000 },
        agent: Arc::new(Agent {
            user_agent: text("agent"),
            device: text("device"),
            browser: text("browser"),
            browser_version: text("1.2"),
            os: text("os"),
            os_version: text("3.4"),
            bot: text("bot"),
            bot_category: text("category"),
        }),
        trigger: Trigger::Deeplink,
        referrer: Referrer { host: text("host"), url: text("https://host/"), name: text("Host") },
        url: text("https://example.com/?a=1"),
        utm: Utm {
            source: text("source"),
            medium: text("medium"),
            campaign: text("campaign"),
            term: text("term"),
            content: text("content"),
        },
        conversion: Some(Box::new(Conversion {
            click: EventId(u64::MAX),
            customer: CustomerId(u64::MAX >> 2),
            name: text("Purchase"),
            amount: i64::MIN,
            currency: "eur".to_owned(),
            payment_processor: text("stripe"),
            invoice_id: text("invoice"),
            metadata: "{\"a\": [1]}".to_owned(),
        })),
        ..Event::default()
    }
}

/// A pageview with something in every field that a sale has not.
fn page() -> Event {
    let text = |text: &str| format!("{text} '\\\t\n\"é\u{1f600}");
    Event {
        kind: EventKind::Pageview,
        id: EventId(1),
        conversion: None,
        page: Some(Box::new(PageEvent {
            event_type: text("type"),
            name: text("name"),
            page: text("/page"),
            title: text("title"),
            user_id: text("user"),
            props: "{\"b\":2}".to_owned(),
            screen_width: u16::MAX,
            screen_height: u16::MAX - 1,
            duration_ms: u32::MAX,
            click: EventId(5),
        })),
        ..full()
    }
}

#[tokio::test]
async fn every_column_is_written_and_read_back() {
    let (warehouse, client) = warehouse("schema_columns").await;
    warehouse.migrate().await.unwrap();
    let columns = columns(&client, "events").await;
    assert_eq!(
        columns, WRITTEN_COLUMNS,
        "the columns of clickhouse/ are those of warehouse::insert, in the same order"
    );
    for line in DIMENSIONS {
        let column = format!("SELECT {} FROM events LIMIT 0", line.column);
        assert!(client.query(&column).execute().await.is_ok(), "{:?} has no column", line.dimension);
    }

    let event = full();
    warehouse.insert("full", std::slice::from_ref(&event)).await.unwrap();
    let sql = "SELECT * FROM events SETTINGS output_format_json_quote_64bit_integers = 0";
    let stored = client.query(sql).fetch_bytes("JSONEachRow").unwrap().collect().await.unwrap();
    let stored: BTreeMap<String, Value> = serde_json::from_slice(&stored).unwrap();
    let (agent, conversion) = (&event.agent, event.conversion.as_deref().unwrap());
    let expected = json!({
        "workspace_id": event.workspace.0,
        "kind": "sale",
        "timestamp": "2026-03-10 15:04:05.123",
        "event_id": event.id.0,
        "link_id": event.link.0,
        "visitor": event.visitor,
        "repeat": true,
        "bot": agent.bot,
        "trigger": "deeplink",
        "continent": "EU",
        "country": "FR",
        "region": "FR-IDF",
        "city": event.place.city,
        "device": agent.device,
        "browser": agent.browser,
        "browser_version": agent.browser_version,
        "os": agent.os,
        "os_version": agent.os_version,
        "user_agent": agent.user_agent,
        "referrer_host": event.referrer.host,
        "referrer_url": event.referrer.url,
        "url": event.url,
        "base_url": "https://example.com/",
        "utm_source": event.utm.source,
        "utm_medium": event.utm.medium,
        "utm_campaign": event.utm.campaign,
        "utm_term": event.utm.term,
        "utm_content": event.utm.content,
        "click_event_id": conversion.click.0,
        "customer_id": conversion.customer.0,
        "event_name": conversion.name,
        "amount": conversion.amount,
        "currency": "eur",
        "payment_processor": conversion.payment_processor,
        "invoice_id": conversion.invoice_id,
        "metadata": conversion.metadata,
        "site_id": event.site.0,
        "session": event.session,
        "idempotency": event.idempotency,
        "event_type": "",
        "page": "",
        "page_title": "",
        "user_id": "",
        "screen_width": 0,
        "screen_height": 0,
        "duration_ms": 0,
        "params": event.params,
        "language": event.language,
        "bot_category": agent.bot_category,
        "referrer_name": event.referrer.name,
        "channel": "Paid",
        "isp": event.network.isp,
        "asn": event.network.asn,
        "hosting": true,
        "address": event.address,
        "latitude": -899_999,
        "longitude": 1_800_000,
    });
    assert_eq!(serde_json::to_value(&stored).unwrap(), expected);

    let seen = page();
    warehouse.insert("page", std::slice::from_ref(&seen)).await.unwrap();
    let sql = "SELECT event_type, event_name, page, page_title, user_id, metadata, screen_width, screen_height, \
               duration_ms, click_event_id FROM events WHERE kind = 'pageview' SETTINGS output_format_json_quote_64bit_integers = 0";
    let stored = client.query(sql).fetch_bytes("JSONEachRow").unwrap().collect().await.unwrap();
    let of = seen.page.as_deref().unwrap();
    let expected = json!({
        "event_type": of.event_type,
        "event_name": of.name,
        "page": of.page,
        "page_title": of.title,
        "user_id": of.user_id,
        "metadata": of.props,
        "screen_width": u16::MAX,
        "screen_height": u16::MAX - 1,
        "duration_ms": u32::MAX,
        "click_event_id": 5,
    });
    assert_eq!(serde_json::from_slice::<Value>(&stored).unwrap(), expected);

    let (catalog, _) = catalog("schema_columns").await;
    catalog.migrate().await.unwrap();
    let query = build(Request {
        workspace: event.workspace,
        kind: event.kind,
        range: Range::new(event.at_ms, event.at_ms + 1).unwrap(),
        counting: Counting { bots: Bots::Include, repeats: true, unique: false },
        filters: Vec::new(),
        link: None,
        root: None,
        shape: Shape::Events { order: Order::Descending, page: Page { limit: 10, from: From::Offset(0) } },
    });
    let shown: Vec<Vec<EventRow>> = Analytics::new(warehouse, catalog).events(query).try_collect().await.unwrap();
    let row = EventRow {
        visitor: event.visitor,
        latitude: event.coordinates.latitude,
        longitude: event.coordinates.longitude,
        event_id: event.id.0,
        at_ms: event.at_ms,
        link_id: event.link.0,
        url: event.url.clone(),
        continent: event.place.continent.clone(),
        country: event.place.country.clone(),
        region: event.place.region.clone(),
        city: event.place.city.clone(),
        device: agent.device.clone(),
        browser: agent.browser.clone(),
        os: agent.os.clone(),
        trigger: "deeplink".to_owned(),
        referrer_host: event.referrer.host.clone(),
        referrer_url: event.referrer.url.clone(),
        user_agent: agent.user_agent.clone(),
        bot: agent.bot.clone(),
        utm_source: event.utm.source.clone(),
        utm_medium: event.utm.medium.clone(),
        utm_campaign: event.utm.campaign.clone(),
        utm_term: event.utm.term.clone(),
        utm_content: event.utm.content.clone(),
        click_event_id: conversion.click.0,
        customer_id: conversion.customer.0,
        event_name: conversion.name.clone(),
        amount: conversion.amount,
        currency: "eur".to_owned(),
        payment_processor: conversion.payment_processor.clone(),
        invoice_id: conversion.invoice_id.clone(),
        metadata: conversion.metadata.clone(),
    };
    assert_eq!(shown, [[row]]);
}

/// The numbered files of a folder of ours, in order, with their text.
fn files(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "README.md")
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap()))
        .collect();
    // By their number: V10 comes after V9.
    files.sort_by_key(|(name, _)| {
        let digits = name.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        digits.split(|letter: char| !letter.is_ascii_digit()).next().and_then(|number| number.parse::<u32>().ok())
    });
    files
}

#[tokio::test]
async fn clickhouse_files_are_applied_once_each() {
    let listed: Vec<_> =
        MIGRATIONS.iter().map(|migration| (migration.name.to_owned(), migration.text.to_owned())).collect();
    assert_eq!(listed, files("clickhouse"), "every file of clickhouse/ is listed in warehouse/migrate.rs");
    for (place, migration) in MIGRATIONS.iter().enumerate() {
        assert_eq!(migration.version as usize, place + 1, "{}: versions run from 1 without a gap", migration.name);
        assert!(migration.name.starts_with(&format!("{:04}_", migration.version)), "{}", migration.name);
    }

    let (warehouse, client) = warehouse("schema_clickhouse").await;
    let names: Vec<&str> = MIGRATIONS.iter().map(|migration| migration.name).collect();
    assert_eq!(warehouse.migrate().await.unwrap(), names);
    warehouse.insert("kept", &[full()]).await.unwrap();
    assert_eq!(warehouse.migrate().await.unwrap(), Vec::<&str>::new());
    let applied: Vec<String> =
        client.query("SELECT name FROM schema_version ORDER BY version").fetch_all().await.unwrap();
    assert_eq!(applied, names);
    assert_eq!(client.query("SELECT count() FROM events").fetch_one::<u64>().await.unwrap(), 1);

    // A migration that was cut short runs again.
    client.query("TRUNCATE TABLE schema_version").execute().await.unwrap();
    assert_eq!(warehouse.migrate().await.unwrap(), names);
    assert_eq!(client.query("SELECT count() FROM events").fetch_one::<u64>().await.unwrap(), 1);

    client.query("INSERT INTO schema_version (version, name) VALUES (99, 'x')").execute().await.unwrap();
    let message = warehouse.migrate().await.unwrap_err().to_string();
    let newest = MIGRATIONS.last().unwrap().version;
    let expected = format!("schema version 99, this program knows up to {newest}: run the newer program");
    assert!(message.ends_with(&expected), "{message}");
}

#[tokio::test]
async fn postgres_files_are_applied_once_each() {
    let (catalog, client) = catalog("schema_postgres").await;
    let files = files("schema");
    assert_eq!(catalog.migrate().await.unwrap(), files.len());
    assert_eq!(catalog.migrate().await.unwrap(), 0);
    let rows = client
        .query("SELECT 'V' || version || '__' || name || '.sql' FROM refinery_schema_history ORDER BY version", &[])
        .await
        .unwrap();
    let applied: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(applied, files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());

    client
        .execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
             VALUES (99, 'x', '2026-01-01T00:00:00Z', '1')",
            &[],
        )
        .await
        .unwrap();
    let message = catalog.migrate().await.unwrap_err().to_string();
    let expected = format!("schema version 99, this program knows up to {}: run the newer program", files.len());
    assert!(message.ends_with(&expected), "{message}");

    // A file that was edited after it had been applied.
    client.execute("DELETE FROM refinery_schema_history WHERE version = 99", &[]).await.unwrap();
    client.execute("UPDATE refinery_schema_history SET checksum = '1' WHERE version = 1", &[]).await.unwrap();
    let message = catalog.migrate().await.unwrap_err().to_string();
    assert!(message.contains("V1__catalog") && message.contains("different"), "{message}");
}
