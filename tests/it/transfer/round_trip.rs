//! What is exported can be imported elsewhere with nothing changed.

use std::sync::Arc;

use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{
    Agent, Channel, Conversion, Coordinates, Event, EventKind, Network, PageEvent, Place, Referrer, Utm,
};
use linktrail::domain::hit::Trigger;
use linktrail::domain::id::{CustomerId, LinkId, SiteId};
use linktrail::transfer::Format;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};

use super::scene::{MARCH_MS, Scene};

/// Any text, and often none.
fn text(rng: &mut SmallRng) -> String {
    const PARTS: [&str; 14] =
        ["", "", "a", "Zürich", "\"", ",", "\n", "\r\n", "🚀", "\0", "\\", "'", "=1+1", "{\"a\":[1,\"\\u0000\"]}"];
    let length = rng.random_range(0..4);
    (0..length).map(|_| *PARTS.choose(rng).unwrap()).collect()
}

fn event(rng: &mut SmallRng, scene: &Scene, customers: &[CustomerId], sequence: u64) -> Event {
    let kind = *EventKind::ALL.choose(rng).unwrap();
    let is_page = matches!(kind, EventKind::Pageview | EventKind::Custom);
    let of_customer = kind == EventKind::Custom && rng.random();
    let is_conversion = matches!(kind, EventKind::Lead | EventKind::Sale) || of_customer;
    let named = |name: String| if kind == EventKind::Pageview { String::new() } else { name };
    let link = if kind == EventKind::Click || rng.random() { scene.links.choose(rng).unwrap().id } else { LinkId(0) };
    let page = PageEvent {
        event_type: text(rng),
        name: named(text(rng)),
        page: text(rng),
        title: text(rng),
        user_id: text(rng),
        props: text(rng),
        screen_width: rng.random_range(0..3),
        screen_height: rng.random(),
        duration_ms: rng.random(),
        ..PageEvent::default()
    };
    let conversion = Conversion {
        customer: if of_customer { customers[0] } else { *customers.choose(rng).unwrap() },
        name: text(rng),
        amount: if kind == EventKind::Sale { rng.random_range(-2..3) * 1_000_000_000_007 } else { 0 },
        currency: if kind == EventKind::Sale {
            (*["eur", "jpy", ""].choose(rng).unwrap()).to_owned()
        } else {
            String::new()
        },
        payment_processor: if kind == EventKind::Sale { text(rng) } else { String::new() },
        invoice_id: if kind == EventKind::Sale { text(rng) } else { String::new() },
        metadata: text(rng),
        ..Conversion::default()
    };
    Event {
        workspace: scene.workspace.id,
        kind,
        // Whole minutes too, so that some happen at once; over a year, and over the end of it.
        at_ms: MARCH_MS
            + rng.random_range(-300..300) * 100_000_000
            + if rng.random() { rng.random_range(0..1_000) } else { 0 },
        id: EventId::new(7, sequence),
        link,
        site: if is_page || rng.random() { scene.site } else { SiteId(0) },
        visitor: *[0, 1, rng.next_u64()].choose(rng).unwrap(),
        session: *[0, rng.next_u64()].choose(rng).unwrap(),
        repeat: rng.random(),
        place: Place {
            continent: (*["", "EU"].choose(rng).unwrap()).to_owned(),
            country: (*["", "CH"].choose(rng).unwrap()).to_owned(),
            region: text(rng),
            city: text(rng),
        },
        coordinates: Coordinates {
            latitude: rng.random_range(-2..900_000),
            longitude: rng.random_range(-1_800_000..3),
        },
        network: Network { isp: text(rng), asn: rng.random_range(0..3), hosting: rng.random() },
        agent: Arc::new(Agent {
            user_agent: (*["", "curl/8", "Mozilla/5.0 Firefox/130.0", "Googlebot/2.1"].choose(rng).unwrap()).to_owned(),
            device: text(rng),
            browser: text(rng),
            browser_version: text(rng),
            os: text(rng),
            os_version: text(rng),
            bot: (*["", "true", "1", "Some bot"].choose(rng).unwrap()).to_owned(),
            bot_category: text(rng),
        }),
        trigger: *[Trigger::Link, Trigger::Qr, Trigger::Pageview, Trigger::Deeplink].choose(rng).unwrap(),
        referrer: Referrer { host: text(rng), url: text(rng), name: text(rng) },
        channel: *Channel::ALL.choose(rng).unwrap(),
        url: text(rng),
        params: text(rng),
        utm: Utm { source: text(rng), medium: text(rng), campaign: text(rng), term: text(rng), content: text(rng) },
        language: text(rng),
        page: is_page.then(|| Box::new(page)),
        conversion: is_conversion.then(|| Box::new(conversion)),
        ..Event::default()
    }
}

#[tokio::test]
async fn what_is_exported_is_imported_with_nothing_changed() {
    let (here, there) = (Scene::new("transfer_here").await, Scene::new("transfer_there").await);
    let mut rng = SmallRng::seed_from_u64(11);
    let external = ["ü 1".to_owned(), "two".to_owned()];
    let known = external.clone().map(|name| (name, MARCH_MS));
    here.catalog.add_customers_named(here.workspace.id, &known).await.unwrap();
    let named = here.catalog.customers_named(here.workspace.id, &external).await.unwrap();
    let mut customers: Vec<CustomerId> = named.into_iter().map(|(_, id)| id).collect();
    customers.push(CustomerId(0));
    let mut events: Vec<Event> = (1..600).map(|sequence| event(&mut rng, &here, &customers, sequence)).collect();
    events.sort_by_key(|event| (event.at_ms, event.id));
    for one in &events {
        // One by one, since an insert is of one month.
        if one.id.sequence() % 20 == 0 {
            here.warehouse.insert(&format!("t{}", one.id.0), std::slice::from_ref(one)).await.unwrap();
        }
    }
    let months = |event: &Event| event.at_ms / 100_000_000;
    let rest: Vec<Event> = events.into_iter().filter(|event| event.id.sequence() % 20 != 0).collect();
    for (place, day) in rest.chunk_by(|a, b| months(a) == months(b)).enumerate() {
        here.warehouse.insert(&format!("d{place}"), day).await.unwrap();
    }
    let csv = here.export(Format::Csv, None).await;
    let ndjson = here.export(Format::Ndjson, None).await;
    assert_eq!(ndjson.lines().count(), 599);
    assert_eq!(csv::Reader::from_reader(csv.as_bytes()).records().count(), 599);
    let summary = there.imported("all.csv", &csv).await;
    assert_eq!((summary.stored, summary.rejected), (599, 0), "{}", there.read("rejects"));
    assert_eq!(there.export(Format::Csv, None).await, csv);
    assert_eq!(there.export(Format::Ndjson, None).await, ndjson);
    // And the other format says the same.
    let back = Scene::new("transfer_back").await;
    back.imported("all.ndjson", &ndjson).await;
    assert_eq!(back.export(Format::Csv, None).await, csv);
    // One link's are a part of all.
    let one = here.export(Format::Ndjson, Some(here.links[0].id)).await;
    let name = "\"link\":\"go.example.com/l0\"";
    let expected: String = ndjson.lines().filter(|line| line.contains(name)).map(|line| format!("{line}\n")).collect();
    assert_eq!(one, expected);
    // A deleted link goes by its id, and its events come back to it.
    here.catalog.delete_link(here.workspace.id, here.links[0].id, MARCH_MS).await.unwrap();
    let gone = here.export(Format::Ndjson, Some(here.links[0].id)).await;
    assert_eq!(gone, expected.replace("go.example.com/l0", &here.links[0].id.to_string()));
    assert_eq!(here.imported("gone.ndjson", &gone).await.rejected, 0);
    assert_eq!(here.export(Format::Ndjson, Some(here.links[0].id)).await.lines().count(), 2 * one.lines().count());
}
