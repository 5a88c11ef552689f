//! The plan and the SQL of each kind of query, as snapshots, so that a review sees them change beside the code.

use linktrail::calendar::{Bucket, Buckets, Range, Zone};
use linktrail::domain::click_id::EventId;
use linktrail::domain::dimension::{DIMENSIONS, Dimension, LinkAttribute};
use linktrail::domain::event::EventKind;
use linktrail::domain::id::{CustomerId, LinkId, WorkspaceId};
use linktrail::filter::{Field, Filter, Separator};
use linktrail::plan::{Bots, Counting, From, Order, Page, Query, Request, Shape, Source, build, rewrite};
use linktrail::warehouse::event::Extent;
use linktrail::warehouse::{Sql, count, event, series};

const DAY_MS: i64 = 86_400_000;
/// 2026-11-20T12:34:56.789Z
const NOW_MS: i64 = 1_795_178_096_789;

fn request(shape: Shape) -> Request {
    Request {
        workspace: WorkspaceId(42),
        kind: EventKind::Click,
        range: Range::new(NOW_MS - DAY_MS, NOW_MS).unwrap(),
        counting: Counting { bots: Bots::Exclude, repeats: false, unique: false },
        filters: Vec::new(),
        link: None,
        root: None,
        shape,
    }
}

fn filter(field: Field, text: &str) -> Filter {
    Filter::parse(field, text, Separator::Comma).unwrap().unwrap()
}

fn dimension(dimension: Dimension, text: &str) -> Filter {
    filter(Field::Dimension(dimension), text)
}

fn sql(query: &Query) -> Sql {
    match &query.shape {
        Shape::Total => count::total(query),
        Shape::Series(buckets) => series::series(query, buckets),
        Shape::Groups { by, unknown, limit } => count::groups(query, *by, *unknown, *limit),
        Shape::Pivot(buckets) => series::pivot(query, buckets),
        Shape::Params { limit } => count::params(query, *limit),
        Shape::Attributes(_) => count::groups(query, Dimension::Link, true, None),
        Shape::Events { order, page } => event::events(query, *order, *page, Extent::Unknown),
    }
}

/// The plan, the text, and the values in order.
fn shown(request: Request) -> String {
    let query = rewrite(build(request), None);
    told(&query, &sql(&query))
}

fn told(query: &Query, sql: &Sql) -> String {
    let values: Vec<String> = sql.values().iter().map(|value| format!("{value:?}")).collect();
    format!("{query}\n\n{}\n\n{}", sql.text(), values.join("\n"))
}

fn groups(by: Dimension) -> Shape {
    Shape::Groups { by, unknown: false, limit: Some(5_000) }
}

#[test]
fn totals() {
    insta::assert_snapshot!("total_by_rollup", shown(request(Shape::Total)));
    let mut unique = request(Shape::Total);
    unique.counting.unique = true;
    insta::assert_snapshot!("total_unique", shown(unique));
    let mut filtered = request(Shape::Total);
    filtered.counting = Counting { bots: Bots::Include, repeats: true, unique: false };
    filtered.link = Some(LinkId(7));
    filtered.filters = vec![filter(Field::Customer, &CustomerId(9).to_string())];
    insta::assert_snapshot!("total_of_link_and_customer", shown(filtered));
}

#[test]
fn series_in_new_york() {
    let zone = Zone::parse("America/New_York").unwrap();
    let range = Range::new(NOW_MS - DAY_MS / 8, NOW_MS).unwrap();
    for (name, bucket) in [("series_by_hour", Bucket::Hour), ("series_by_minute", Bucket::Minute)] {
        let buckets = Buckets::cover(bucket, range, &zone, 1_000).unwrap();
        let mut request = request(Shape::Series(buckets));
        request.range = range;
        insta::assert_snapshot!(name, shown(request));
    }
}

#[test]
fn breakdowns() {
    let mut countries = request(groups(Dimension::Country));
    countries.filters = vec![dimension(Dimension::Browser, "chrome,Safari"), dimension(Dimension::Country, "-us,de")];
    insta::assert_snapshot!("countries_filtered", shown(countries));
    let mut cities = request(groups(Dimension::City));
    cities.filters = vec![dimension(Dimension::Region, "US-CA,ny,fr-Unknown,Unknown")];
    cities.counting.unique = true;
    insta::assert_snapshot!("cities_unique", shown(cities));
    let mut urls = request(groups(Dimension::Url));
    urls.filters = vec![
        dimension(Dimension::Url, "https://a.example/x,https://a.example/y?z=1"),
        dimension(Dimension::ReferrerUrl, "-https://b.example/?q=1"),
        dimension(Dimension::Referrer, "(direct)"),
    ];
    insta::assert_snapshot!("urls_filtered", shown(urls));
    insta::assert_snapshot!("links", shown(request(groups(Dimension::Link))));
    insta::assert_snapshot!("domains", shown(request(Shape::Attributes(LinkAttribute::Domain))));
}

#[test]
fn several_kinds_at_once() {
    let query = rewrite(build(request(groups(Dimension::Region))), None);
    let kinds = [EventKind::Click, EventKind::Lead, EventKind::Sale];
    let sql = count::groups_of_kinds(&query, &kinds, Dimension::Region, false, Some(5_000));
    insta::assert_snapshot!("regions_of_kinds", told(&query, &sql));
}

#[test]
fn whole_slots_need_no_events() {
    let mut whole = request(Shape::Total);
    whole.range = Range::new(1_795_092_300_000, 1_795_177_800_000).unwrap();
    insta::assert_snapshot!("total_of_slots", shown(whole.clone()));
    let query = rewrite(build(whole), None);
    insta::assert_snapshot!("days_of_slots", told(&query, &series::days(&query)));
}

#[test]
fn few_events_are_read_sooner_than_two_tables() {
    for (about, rollup) in [(None, true), (Some(1_000_000_000), true), (Some(1_000), false)] {
        let query = rewrite(build(request(Shape::Total)), about);
        assert_eq!(query.source != Source::Events, rollup, "{about:?}");
        let mut whole = request(Shape::Total);
        whole.range = Range::new(1_795_092_300_000, 1_795_177_800_000).unwrap();
        assert_ne!(rewrite(build(whole), about).source, Source::Events, "{about:?}");
    }
}

#[test]
fn event_pages() {
    let page = |from| Page { limit: 100, from };
    let first = Shape::Events { order: Order::Descending, page: page(From::Offset(0)) };
    insta::assert_snapshot!("events_first_page", shown(request(first)));
    let after = From::After { at_ms: NOW_MS, id: EventId(77) };
    let mut next = request(Shape::Events { order: Order::Ascending, page: page(after) });
    next.filters = vec![dimension(Dimension::Link, &format!("{},foreign", LinkId(7)))];
    insta::assert_snapshot!("events_after_cursor", shown(next));
    let mut unique = request(Shape::Events { order: Order::Descending, page: page(From::Offset(200)) });
    unique.counting.unique = true;
    insta::assert_snapshot!("events_unique_page", shown(unique));
}

/// Whatever is asked for, the text holds none of it.
#[test]
fn values_never_become_text() {
    let hostile = "zq9'); DROP TABLE events; --{p0:String}`\\";
    for line in DIMENSIONS {
        let mut request = request(groups(line.dimension));
        request.filters = vec![dimension(line.dimension, hostile), dimension(Dimension::City, hostile)];
        let query = rewrite(build(request), None);
        let sql = sql(&query);
        assert!(!sql.text().to_lowercase().contains("zq9") && !sql.text().contains("DROP"), "{}", sql.text());
        assert!(
            sql.text().contains(" WHERE workspace_id = {p0:UInt64} AND kind = {p1:String} AND timestamp >= "),
            "{}",
            sql.text()
        );
    }
}
