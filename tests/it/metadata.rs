//! Conditions on metadata: ClickHouse and memory read the same texts and give the same answers.

use futures_util::TryStreamExt as _;
use linktrail::analytics::Analytics;
use linktrail::calendar::Range;
use linktrail::catalog::Catalog;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Conversion, Event, EventKind, PageEvent};
use linktrail::domain::id::WorkspaceId;
use linktrail::filter::Filter;
use linktrail::filter::metadata::Expression;
use linktrail::plan::{Bots, Counting, From, Order, Page, Query, Request, Shape, build, matches};
use linktrail::warehouse::event::EventRow;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use secrecy::SecretString;

use crate::world;

const WORKSPACE: WorkspaceId = WorkspaceId(7);

/// JSON values as somebody may have written them.
const VALUES: &[&str] = &[
    "\"pro\"",
    "\"Pro\"",
    "\"pro plan\"",
    "\"\"",
    "\"true\"",
    "\"1.50\"",
    "\"1000\"",
    "\"+5\"",
    "\".5\"",
    "\"5.\"",
    "\"007\"",
    "\" 5\"",
    "\"5 \"",
    "\"1e3\"",
    "\"1e999\"",
    "\"inf\"",
    "\"nan\"",
    "\"0x10\"",
    "\"9007199254740993\"",
    "\"0.1\"",
    "\"5\\n\"",
    "\"null\"",
    "\"[1,2]\"",
    "\"{\\\"b\\\":1}\"",
    "\"tr\\u00fce \\ud83e\\udd80\"",
    "\"trüe 🦀\"",
    "\"it's\"",
    "\"back\\\\slash\"",
    "\"tab\\there\"",
    "\"n\\u0000l\"",
    "true",
    "false",
    "null",
    "0",
    "-0",
    "-0.0",
    "1",
    "5",
    "-5",
    "1000",
    "1000.0",
    "1e3",
    "1.50",
    "1.5",
    "0.1",
    "0.30000000000000004",
    "1e-7",
    "5e-324",
    "1e-400",
    "1e21",
    "1.7976931348623157e308",
    "9007199254740992",
    "9007199254740993",
    "9007199254740992.0",
    "9223372036854775808.0",
    "9223372036854776000",
    "18446744073709551615",
    "18446744073709551616.0",
    "100000000000000000000.0",
    "-9223372036854775808",
    "[]",
    "[1,2]",
    "[{\"b\":\"pro\"}]",
    "{}",
    "{\"b\":\"pro\"}",
    "{\"b\":{\"c\":1.50}}",
    "{\"b\":5,\"b\":6}",
    "{\"b\":null}",
    "{\"c\":5}",
];

/// Texts that are not quite an object with `a`.
const TEXTS: &[&str] = &[
    "",
    "{}",
    "null",
    "5",
    "\"a\"",
    "[]",
    "[{\"a\":\"pro\"}]",
    "{\"A\":\"pro\"}",
    "{\"a \":\"pro\"}",
    "{\"\":\"pro\"}",
    "{\"\\u0061\":\"pro\"}",
    "{\"a\":\"pro\",\"a\":\"other\"}",
    "{\"a\":\"other\",\"a\":\"pro\"}",
    "{\"a\":{\"x\":1},\"a\":{\"b\":\"pro\"}}",
    " {\"a\" : \"pro\"}\n",
    "\u{feff}{\"a\":\"pro\"}",
    "{\"a\":\"pro\"",
    "{\"a\":\"pro\"}}",
    "{\"a\":\"pro\"} x",
    "{\"a\":\"pro\",}",
    "{'a':'pro'}",
    "{\"a\":\"pro\",\"z\":01}",
    "{\"a\":\"pro\",\"z\":1.}",
    "{\"a\":\"pro\",\"z\":NaN}",
    "{\"a\":\"pro\",\"z\":1e400}",
    "{\"a\":\"pro\",\"z\":18446744073709551616}",
    "{\"a\":\"pro\",\"z\":-9223372036854775809}",
    "{\"a\":\"pro\",\"z\":[[\"123456789012345678901234567890\"]]}",
    "{\"a\":\"pro\",\"z\":\"\\ud83e\"}",
    "{\"a\":\"pro\",\"z\":\"\\q\"}",
    "{\"a\":\"pro\",\"z\":\"\t\"}",
    "{\"a.b\":\"pro\"}",
    "{\"é\":\"ü\",\"'\":1,\"x\\\"y\":2}",
];

/// What is asked for, without quotes.
const WANTED: &[&str] = &[
    "pro",
    "Pro",
    "pro plan",
    "",
    "true",
    "false",
    "null",
    "0",
    "-0",
    "-0.0",
    "1",
    "5",
    "+5",
    "5.",
    ".5",
    " 5",
    "007",
    "-5",
    "1000",
    "1000.0",
    "1e3",
    "1.50",
    "1.5",
    "0.1",
    "0.30000000000000004",
    "0.3",
    "1e-7",
    "5e-324",
    "1e21",
    "1e400",
    "inf",
    "nan",
    "9007199254740992",
    "9007199254740993",
    "9223372036854775808",
    "9223372036854776000",
    "18446744073709551615",
    "18446744073709551616",
    "100000000000000000000",
    "-9223372036854775808",
    "[1,2]",
    "{\"b\":1}",
    "{}",
    "trüe 🦀",
    "it's",
    "back\\slash",
    "tab\there",
    "ü",
    "'; DROP TABLE events; --",
    "{p0:String}",
];
const PATHS: &[&str] = &[
    "['a']",
    "['a']",
    "['a']",
    "['a']['b']",
    "['a']['b']['c']",
    "['é']",
    "[\"'\"]",
    "['x\"y']",
    "['']",
    "['a.b']",
    "['missing']",
];
const OPERATORS: &[&str] = &["=", "!=", ">", ">=", "<", "<="];

struct Fixture {
    analytics: Analytics,
    events: Vec<Event>,
}

impl Fixture {
    async fn new(test: &str, texts: &[String]) -> Self {
        let warehouse = world::warehouse(test).await;
        let catalog = Catalog::connect(&SecretString::from(world::database_url(test).await), 2).unwrap();
        let event = |(place, text): (usize, &String)| {
            let mut event = Event {
                workspace: WORKSPACE,
                kind: [EventKind::Lead, EventKind::Sale, EventKind::Custom][place % 3],
                at_ms: 1_790_000_000_000 + i64::try_from(place).unwrap(),
                id: EventId::new(1, place as u64 + 1),
                ..Event::default()
            };
            match event.kind {
                EventKind::Custom => {
                    event.page = Some(Box::new(PageEvent { props: text.clone(), ..PageEvent::default() }));
                }
                _ => {
                    event.conversion = Some(Box::new(Conversion { metadata: text.clone(), ..Conversion::default() }));
                }
            }
            event
        };
        // Each text of each kind.
        let events: Vec<Event> = texts.iter().flat_map(|text| [text; 3]).enumerate().map(event).collect();
        warehouse.insert("metadata", &events).await.unwrap();
        Self { analytics: Analytics::new(warehouse, catalog), events }
    }

    /// The events that ClickHouse finds, which are those that memory picks.
    async fn ask(&self, kind: EventKind, query: &str) -> Vec<EventId> {
        let expression = Expression::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let query_of_plan = plan(kind, expression);
        let picked: Vec<&Event> = self.events.iter().filter(|event| matches(&query_of_plan, event)).collect();
        let rows: Vec<Vec<EventRow>> = self.analytics.events(query_of_plan.clone()).try_collect().await.unwrap();
        let found: Vec<EventId> = rows.concat().iter().map(|row| EventId(row.event_id)).collect();
        let picked_ids: Vec<EventId> = picked.iter().map(|event| event.id).collect();
        let unlike = |event: &&Event| found.contains(&event.id) != picked_ids.contains(&event.id);
        let unlike: Vec<&str> = self.events.iter().filter(unlike).map(Event::metadata).collect();
        assert!(found == picked_ids, "{query}\n  told apart: {unlike:?}");
        found
    }
}

fn plan(kind: EventKind, expression: Expression) -> Query {
    build(Request {
        workspace: WORKSPACE,
        kind,
        range: Range::new(0, 2_000_000_000_000).unwrap(),
        counting: Counting { bots: Bots::Include, repeats: true, unique: false },
        filters: vec![Filter::Metadata(expression)],
        link: None,
        root: None,
        shape: Shape::Events { order: Order::Ascending, page: Page { limit: 100_000, from: From::Offset(0) } },
    })
}

/// A value in quotes that it does not hold.
fn quoted(value: &str) -> String {
    let quote = ['\'', '"', '`'].into_iter().find(|quote| !value.contains(*quote)).unwrap();
    format!("{quote}{value}{quote}")
}

fn random(rng: &mut SmallRng, depth: usize) -> String {
    if depth > 0 && rng.random_bool(0.6) {
        let word = [" AND ", " or "].choose(rng).unwrap();
        let parts: Vec<String> = (0..rng.random_range(2..4)).map(|_| random(rng, depth - 1)).collect();
        return format!("({})", parts.join(word));
    }
    let wanted = quoted(WANTED.choose(rng).unwrap());
    format!("metadata{} {} {wanted}", PATHS.choose(rng).unwrap(), OPERATORS.choose(rng).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clickhouse_and_memory_agree() {
    let seed = std::env::var("LINKTRAIL_ORACLE_SEED").ok().map_or_else(rand::random, |seed| seed.parse().unwrap());
    println!("metadata: LINKTRAIL_ORACLE_SEED={seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut texts: Vec<String> = TEXTS.iter().map(ToString::to_string).collect();
    texts.extend(VALUES.iter().map(|value| format!("{{\"a\":{value}}}")));
    texts.extend(VALUES.iter().map(|value| format!("{{\"z\":[0,\"a\"],\"a\":{{\"x\":1,\"b\":{value}}}}}")));
    // Any float, as its shortest text and as another.
    let floats = std::iter::repeat_with(|| f64::from_bits(rng.random())).filter(|float| float.is_finite());
    let floats: Vec<f64> = floats.take(150).chain([1.0 / 3.0, 1e15, 123_456_789.125]).collect();
    texts.extend(floats.iter().map(|float| format!("{{\"a\":{float:?}}}")));
    texts.extend(floats.iter().map(|float| format!("{{\"a\":\"{float:.20e}\"}}")));
    let fixture = Fixture::new("metadata_agree", &texts).await;

    let (mut some, mut all) = (0, 0);
    let mut count = |found: Vec<EventId>| {
        all += 1;
        some += usize::from(!found.is_empty() && found.len() < texts.len());
    };
    for wanted in WANTED {
        for operator in OPERATORS {
            let query = format!("metadata['a']{operator}{}", quoted(wanted));
            count(fixture.ask(EventKind::Lead, &query).await);
        }
    }
    for float in floats.iter().take(20) {
        for operator in OPERATORS {
            let query = format!("metadata['a'] {operator} {float:e}");
            count(fixture.ask(EventKind::Sale, &query).await);
        }
    }
    for _ in 0..150 {
        let kind = *[EventKind::Lead, EventKind::Sale, EventKind::Custom].choose(&mut rng).unwrap();
        let query = random(&mut rng, 2);
        count(fixture.ask(kind, &query).await);
    }
    assert!(some * 2 > all, "{some} of {all} queries tell events apart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_what_they_say() {
    let texts = [
        r#"{"plan":"pro","price":1.50,"cart":{"total":1000}}"#,
        r#"{"plan":"Rock AND Roll","price":"1.5","cart":{"total":"1e3"}}"#,
        r#"{"plan":true,"price":18446744073709551615,"cart":{"total":null}}"#,
        r#"{"plan":{"plan":"pro"},"price":[1.5],"cart":"total"}"#,
        "broken",
    ];
    let fixture = Fixture::new("metadata_values", &texts.map(ToOwned::to_owned)).await;
    for (query, expected) in [
        ("metadata['plan']=pro", &[0][..]),
        ("metadata['plan'] != 'pro'", &[1, 2, 3, 4]),
        ("metadata['plan']:'Rock AND Roll'", &[1]),
        ("metadata['plan']=true", &[2]),
        ("metadata['plan']['plan']=pro", &[3]),
        ("metadata['price']=1.5", &[0, 1]),
        ("metadata['price']=1.50", &[0]),
        ("metadata['price']=15e-1", &[0]),
        ("metadata['price']=18446744073709551615", &[2]),
        ("metadata['price']=18446744073709551614", &[]),
        ("metadata['price']>1.5", &[2]),
        ("metadata['price']>=1.5", &[0, 1, 2]),
        ("metadata['price']<cheap", &[]),
        ("metadata['cart']['total']>=1000", &[0, 1]),
        ("metadata['cart']['total']=1000", &[0]),
        ("metadata['cart']['total']=null", &[]),
        ("metadata['cart']['total']!=null", &[0, 1, 2, 3, 4]),
        ("metadata['cart']=''", &[]),
        // AND before OR, and parentheses before both.
        ("metadata['plan']=true OR metadata['plan']=pro AND metadata['price']=2", &[2]),
        ("(metadata['plan']=true OR metadata['plan']=pro) AND metadata['price']<2", &[0]),
    ] {
        // Each text is there three times, once a kind.
        let expected: Vec<EventId> = expected.iter().map(|place| EventId::new(1, place * 3 + 2)).collect();
        assert_eq!(fixture.ask(EventKind::Sale, query).await, expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_queries_are_answered() {
    let fixture = Fixture::new("metadata_large", &["{\"a\":{\"a\":5}}".to_owned()]).await;
    let many = vec!["metadata['a']['a']=5"; 100].join(" AND ");
    assert_eq!(fixture.ask(EventKind::Lead, &many).await.len(), 1);
    // As many different keys and values as there can be.
    let comparison = |place: usize| {
        let keys: String = (0..5).map(|key| format!("['{place}{key}']")).collect();
        format!("metadata{keys}={place}.0")
    };
    let deep: Vec<String> = (100..200).map(comparison).collect();
    assert_eq!(fixture.ask(EventKind::Lead, &deep.join(" OR ")).await.len(), 0);
    let nested = format!("{}metadata['a']['a']>4 OR metadata['c']!=1{}", "(".repeat(16), ")".repeat(16));
    assert_eq!(fixture.ask(EventKind::Lead, &nested).await.len(), 1);
    let long = format!("metadata['a']!='{}'", "x\\'".repeat(3_000));
    assert_eq!(fixture.ask(EventKind::Lead, &long).await.len(), 1);
}
