//! New and recurring sales: the first one of each customer and link over all time, and the others.

use futures_util::TryStreamExt as _;
use linktrail::analytics::Analytics;
use linktrail::calendar::Range;
use linktrail::catalog::Catalog;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Conversion, Event, EventKind};
use linktrail::domain::id::{CustomerId, LinkId, WorkspaceId};
use linktrail::filter::{Filter, SaleType};
use linktrail::plan::{Bots, Counting, From, Order, Page, Request, Shape, build, matches};
use linktrail::table::Cell;
use linktrail::warehouse::event::EventRow;
use secrecy::SecretString;

use crate::world;

const OURS: WorkspaceId = WorkspaceId(7);
const BOT: bool = true;

struct Sale {
    id: u64,
    workspace: WorkspaceId,
    kind: EventKind,
    at_ms: i64,
    link: u64,
    customer: u64,
    repeat: bool,
    bot: bool,
}

const fn sale(id: u64, at_ms: i64, link: u64, customer: u64) -> Sale {
    Sale { id, workspace: OURS, kind: EventKind::Sale, at_ms, link, customer, repeat: false, bot: false }
}

fn sales() -> Vec<Sale> {
    vec![
        sale(1, 100, 1, 1),
        sale(2, 200, 1, 1),
        // At the same time, by identity.
        sale(9, 300, 1, 2),
        sale(4, 300, 1, 2),
        // Another link has a first of its own.
        sale(5, 500, 2, 1),
        sale(6, 600, 2, 1),
        // A retry is no sale, though it came first.
        Sale { repeat: true, ..sale(7, 650, 1, 3) },
        sale(8, 700, 1, 3),
        // A robot's sale is one.
        Sale { bot: BOT, ..sale(10, 710, 1, 4) },
        sale(11, 720, 1, 4),
        // Nobody knows whose these are.
        sale(12, 730, 1, 0),
        sale(13, 740, 1, 0),
        // Without a link.
        sale(14, 750, 0, 5),
        sale(15, 760, 0, 5),
        // What others sold, and what was no sale.
        Sale { workspace: WorkspaceId(8), ..sale(16, 10, 1, 6) },
        Sale { kind: EventKind::Lead, ..sale(17, 20, 1, 6) },
        sale(18, 770, 1, 6),
    ]
}

impl Sale {
    fn event(&self) -> Event {
        let agent = Agent { bot: if self.bot { "Googlebot".to_owned() } else { String::new() }, ..Agent::default() };
        Event {
            workspace: self.workspace,
            kind: self.kind,
            at_ms: self.at_ms,
            id: EventId(self.id),
            link: LinkId(self.link),
            repeat: self.repeat,
            agent: agent.into(),
            conversion: Some(Box::new(Conversion { customer: CustomerId(self.customer), ..Conversion::default() })),
            ..Event::default()
        }
    }
}

fn request(kind: EventKind, range: std::ops::Range<i64>, sale_type: Option<SaleType>) -> Request {
    Request {
        workspace: OURS,
        kind,
        range: Range::new(range.start, range.end).unwrap(),
        counting: Counting { bots: Bots::Include, repeats: false, unique: false },
        filters: sale_type.map(Filter::SaleType).into_iter().collect(),
        link: None,
        root: None,
        shape: Shape::Events { order: Order::Ascending, page: Page { limit: 100, from: From::Offset(0) } },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_is_new_or_recurring() {
    let warehouse = world::warehouse("sale_types").await;
    let catalog = Catalog::connect(&SecretString::from(world::database_url("sale_types").await), 2).unwrap();
    let events: Vec<Event> = sales().iter().map(Sale::event).collect();
    warehouse.insert("sale-types", &events).await.unwrap();
    let analytics = Analytics::new(warehouse, catalog);
    let ids = async |request: Request| -> Vec<u64> {
        let rows: Vec<Vec<EventRow>> = analytics.events(build(request)).try_collect().await.unwrap();
        rows.concat().iter().map(|row| row.event_id).collect()
    };
    let (new, recurring) = (Some(SaleType::New), Some(SaleType::Recurring));
    assert_eq!(ids(request(EventKind::Sale, 0..1_000, new)).await, [1, 4, 5, 8, 10, 12, 13, 14, 18]);
    assert_eq!(ids(request(EventKind::Sale, 0..1_000, recurring)).await, [2, 9, 6, 11, 15]);
    assert_eq!(ids(request(EventKind::Sale, 0..1_000, None)).await.len(), 14);
    // First is first of all time, not of what is asked about.
    assert_eq!(ids(request(EventKind::Sale, 200..300, new)).await, [] as [u64; 0]);
    assert_eq!(ids(request(EventKind::Sale, 200..301, new)).await, [4]);
    assert_eq!(ids(request(EventKind::Sale, 200..301, recurring)).await, [2, 9]);
    let humans = Counting { bots: Bots::Exclude, repeats: false, unique: false };
    assert_eq!(
        ids(Request { counting: humans, ..request(EventKind::Sale, 700..730, recurring) }).await,
        [11],
        "bots are left out after the first was found"
    );
    // A retry is never the first.
    let retries = Counting { repeats: true, ..humans };
    assert_eq!(ids(Request { counting: retries, ..request(EventKind::Sale, 0..1_000, recurring) }).await[3], 7);
    // It says nothing of leads and clicks.
    assert_eq!(ids(request(EventKind::Lead, 0..1_000, recurring)).await, [17]);
    // One number is found the same way, and not in the rollup, whose quarters it covers.
    let total = Request { shape: Shape::Total, ..request(EventKind::Sale, 0..9_000_000, new) };
    let table = analytics.run(build(total)).await.unwrap();
    assert_eq!(table.rows[0].iter().max_by_key(|cell| matches!(cell, Cell::Int(9))), Some(&Cell::Int(9)));
    // One event alone cannot tell.
    let query = build(request(EventKind::Sale, 0..1_000, new));
    assert!(!events.iter().any(|event| matches(&query, event)));
}
