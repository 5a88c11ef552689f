//! Leads and sales beside the clicks of the scene: of customers who are there, who are gone and who were never named, of links
//! that are there, deleted and unknown.

use linktrail::catalog::{CustomerName, NewCustomer};
use linktrail::domain::click_id::EventId;
use linktrail::domain::customer::Profile;
use linktrail::domain::event::{Conversion, Event, EventKind};
use linktrail::domain::hit::Trigger;
use linktrail::domain::id::{CustomerId, LinkId, WorkspaceId};

use super::lines::{LINES, NOW, id, ms};
use super::scene::Scene;

/// The customers by name; the last one was removed.
pub struct Customers {
    pub jane: CustomerId,
    pub mail_only: CustomerId,
    pub nameless: CustomerId,
    pub removed: CustomerId,
}

/// Identities of events that are not of the scene: on the scene's node, so that they are ours.
pub fn event_id(number: u64) -> EventId {
    EventId::new(1, 1_000 + number)
}

/// An event with the dimensions of the scene's click `b`, so many seconds ago.
pub fn conversion(scene: &Scene, number: u64, kind: EventKind, seconds_ago: i64, conversion: Conversion) -> Event {
    let line = LINES.iter().find(|line| line.letter == 'b').unwrap();
    Event {
        kind,
        id: event_id(number),
        at_ms: ms(NOW) - seconds_ago * 1_000,
        conversion: Some(Box::new(conversion)),
        ..line.event(scene.workspace, scene.links["a"])
    }
}

async fn customer(scene: &Scene, workspace: WorkspaceId, external_id: &str, name: &str, email: &str) -> CustomerId {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let profile =
        Profile { external_id: external_id.to_owned(), name: text(name), email: text(email), avatar: text("") };
    let country = (external_id == "c1").then(|| "US".to_owned());
    let new = NewCustomer { profile, country, ..NewCustomer::default() };
    scene.app.catalog.add_customer(workspace, &new, ms("2026-03-01T00:00:00Z")).await.unwrap().id
}

/// Stores four leads and five sales, newest first by their numbers: leads 1 to 4, sales 11 to 15.
pub async fn store(scene: &Scene) -> Customers {
    let ours = scene.workspace;
    let customers = Customers {
        jane: customer(scene, ours, "c1", "Jane", "jane@example.com").await,
        mail_only: customer(scene, ours, "c2", "", "=cmd@example.com").await,
        nameless: customer(scene, ours, "c3", "", "").await,
        removed: customer(scene, ours, "c4", "Gone", "gone@example.com").await,
    };
    scene.app.catalog.remove_customer(ours, &CustomerName::Id(customers.removed)).await.unwrap().unwrap();
    let lead = |customer: CustomerId, name: &str, metadata: &str| Conversion {
        click: id('b'),
        customer,
        name: name.to_owned(),
        metadata: metadata.to_owned(),
        ..Conversion::default()
    };
    let sale = |customer: CustomerId, amount: i64, currency: &str, processor: &str, invoice: &str| Conversion {
        amount,
        currency: currency.to_owned(),
        payment_processor: processor.to_owned(),
        invoice_id: invoice.to_owned(),
        ..lead(customer, "Purchase", "")
    };
    let mut events = vec![
        conversion(
            scene,
            1,
            EventKind::Lead,
            10,
            lead(customers.jane, "Sign up", r#"{"plan":{"name":"pro"},"seats":3}"#),
        ),
        conversion(scene, 2, EventKind::Lead, 20, lead(customers.mail_only, "=1+1", "not json")),
        conversion(scene, 3, EventKind::Lead, 30, lead(customers.nameless, "Trial", "")),
        conversion(scene, 4, EventKind::Lead, 40, lead(customers.removed, "Trial", "")),
        conversion(scene, 11, EventKind::Sale, 10, sale(customers.jane, 1_234, "usd", "stripe", "in_1")),
        conversion(scene, 12, EventKind::Sale, 20, sale(customers.jane, 1_580, "jpy", "paypal", "")),
        conversion(scene, 13, EventKind::Sale, 30, sale(customers.jane, -1_500, "kwd", "", "+1")),
        conversion(scene, 14, EventKind::Sale, 40, sale(CustomerId(0), 0, "", "", "")),
        conversion(scene, 15, EventKind::Sale, 50, sale(customers.jane, 5, "eur", "custom", "")),
    ];
    // One that nothing led to, and one of a link of which nothing is left.
    let nothing = &mut events[7];
    nothing.link = LinkId(0);
    nothing.trigger = Trigger::Link;
    nothing.conversion.as_mut().unwrap().click = EventId(0);
    events[8].link = LinkId(987_654);
    scene.warehouse.insert("goods", &events).await.unwrap();
    customers
}
