//! The parts of the hot paths by themselves, without a server; under a minute in all. `cargo bench --bench smoke`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::FutureExt;

use linktrail::calendar::{Bucket, Buckets, Range, Zone};
use linktrail::domain::click_id::EventId;
use linktrail::domain::device::DeviceClass;
use linktrail::domain::dimension::Dimension;
use linktrail::domain::event::EventKind;
use linktrail::domain::hit::{Hit, Trigger};
use linktrail::domain::id::{DomainId, LinkId, WorkspaceId};
use linktrail::domain::link::{Link, LinkFields};
use linktrail::domain::workspace::Domain;
use linktrail::encode::{Delimited, Format, JsonArray, RowObject};
use linktrail::engines;
use linktrail::enrich::agent::parse;
use linktrail::enrich::{EnrichOptions, Enricher, Geo};
use linktrail::filter::{Field, Filter, Separator};
use linktrail::plan::{self, Bots, Counting, Order, Page, Request, Shape, rewrite};
use linktrail::redirect::{
    BoxFuture, FoundLink, LinkPlace, LinkSource, Resolver, ResolverOptions, System, Target, Unavailable, Visit,
    Visitor, decide,
};
use linktrail::spool::{Options, Spool};
use linktrail::table::{Cell, Table};
use linktrail::warehouse::{Sql, count, event, series};

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW_MS: i64 = 1_795_178_096_789;
const DAY_MS: i64 = 86_400_000;
const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

fn filter(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("filter");
    let country = Field::Dimension(Dimension::Country);
    group.bench_function("five countries", |bench| {
        bench.iter(|| Filter::parse(country, black_box("-US,BR,DE,FR,GB"), Separator::Comma));
    });
    let urls: Vec<String> = (0..10_000).map(|number| format!("https://www.example.com/page/{number}")).collect();
    let urls = urls.join(",");
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("10,000 addresses", |bench| {
        bench.iter(|| Filter::parse(Field::Dimension(Dimension::Url), black_box(&urls), Separator::Comma));
    });
    group.finish();
}

fn request(range: Range, shape: Shape) -> Request {
    let parse = |dimension, text| Filter::parse(Field::Dimension(dimension), text, Separator::Comma);
    let filters = [parse(Dimension::Country, "-US,BR"), parse(Dimension::Browser, "Chrome,Safari,Firefox")];
    Request {
        workspace: WorkspaceId(7),
        kind: EventKind::Click,
        range,
        counting: Counting { bots: Bots::Exclude, repeats: false, unique: false },
        filters: filters.into_iter().filter_map(Result::ok).flatten().collect(),
        link: None,
        root: None,
        shape,
    }
}

fn sql(request: Request) -> Sql {
    let query = rewrite(plan::build(request), None);
    match &query.shape {
        Shape::Total | Shape::Attributes(_) => count::total(&query),
        Shape::Series(buckets) => series::series(&query, buckets),
        Shape::Groups { by, unknown, limit } => count::groups(&query, *by, *unknown, *limit),
        Shape::Pivot(buckets) => series::pivot(&query, buckets),
        Shape::Params { limit } => count::params(&query, *limit),
        Shape::Events { order, page } => event::events(&query, *order, *page, event::Extent::Unknown),
    }
}

fn plan(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("request to SQL");
    let range = Range::new(NOW_MS - 31 * DAY_MS, NOW_MS).expect("a month");
    let zone = Zone::parse("America/New_York").expect("a zone");
    let page = Page { limit: 100, from: plan::From::Offset(0) };
    let shapes = [
        ("total", Shape::Total),
        ("groups", Shape::Groups { by: Dimension::City, unknown: false, limit: Some(1_000) }),
        ("events", Shape::Events { order: Order::Descending, page }),
    ];
    for (name, shape) in shapes {
        group.bench_function(name, |bench| {
            bench.iter_batched(|| request(range, shape.clone()), sql, BatchSize::SmallInput);
        });
    }
    // With the buckets, which are worked out for each request.
    group.bench_function("series of 744 hours", |bench| {
        bench.iter(|| {
            let buckets = Buckets::cover(Bucket::Hour, black_box(range), &zone, 10_000).expect("few enough");
            sql(request(range, Shape::Series(buckets)))
        });
    });
    group.finish();
}

fn found(number: u64, slug: &str) -> FoundLink {
    let url = format!("https://www.example.com/landing/{number}?utm_source=mail&utm_medium=bench#top");
    let link = Link {
        id: LinkId(number),
        workspace: WorkspaceId(7),
        created_by: None,
        domain_id: DomainId(1),
        domain: "go.example".to_owned(),
        slug: slug.to_owned(),
        fields: LinkFields { url, forward_parameters: true, ..LinkFields::default() },
        created_at_ms: 0,
        updated_at_ms: 0,
        trashed_at_ms: None,
        deleted_at_ms: None,
    };
    FoundLink { link, settings: Arc::default() }
}

/// Links and a domain in memory.
struct Shelf(BTreeMap<String, FoundLink>);

impl LinkSource for Shelf {
    fn links<'a>(&'a self, places: &'a [LinkPlace]) -> BoxFuture<'a, Vec<Result<Option<FoundLink>, Unavailable>>> {
        Box::pin(async move { places.iter().map(|place| Ok(self.0.get(&*place.slug_key).cloned())).collect() })
    }

    fn domains(&self) -> BoxFuture<'_, Result<Vec<Domain>, Unavailable>> {
        Box::pin(async {
            Ok(vec![Domain {
                id: DomainId(1),
                workspace: WorkspaceId(7),
                name: "go.example".to_owned(),
                case_sensitive: false,
                primary: true,
                ..Domain::default()
            }])
        })
    }
}

/// A visitor of whom nothing is to be asked.
struct Nobody;

impl Visitor for Nobody {
    fn is_bot(&self) -> bool {
        unreachable!()
    }

    fn is_previewer(&self) -> bool {
        unreachable!()
    }

    fn system(&self) -> System {
        unreachable!()
    }

    fn platform(&self) -> String {
        unreachable!()
    }

    fn device(&self) -> Option<DeviceClass> {
        unreachable!()
    }

    fn country(&self) -> String {
        unreachable!()
    }

    fn variant(&self) -> Option<u64> {
        unreachable!()
    }

    fn chance(&self) -> f64 {
        unreachable!()
    }

    fn is_unlocked(&self, _: &str) -> bool {
        unreachable!()
    }
}

fn redirect(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("redirect");
    let target = Target::prepare(&found(1, "a")).expect("a target");
    let mut decision = |name: &str, query| {
        let visit = Visit { query, follows: true, ..Visit::default() };
        group.bench_function(name, |bench| bench.iter(|| decide(black_box(&target), &visit, NOW_MS, &Nobody)));
    };
    decision("decide", None);
    decision("decide, three parameters forwarded", Some("utm_campaign=autumn&ref=a%20b&gclid=xyz"));

    let paths: Vec<String> = (0..10_000).map(|number| format!("/s{number:05}")).collect();
    let links = paths.iter().zip(0..).map(|(path, number)| (path[1..].to_owned(), found(number, &path[1..])));
    let resolver = Resolver::new(Arc::new(Shelf(links.collect())), ResolverOptions::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let client = IpAddr::from([192, 0, 2, 1]);
    let place = runtime.block_on(async {
        resolver.reload_domains().await.expect("domains");
        let place = resolver.short_domain("go.example").expect("the domain");
        for path in &paths {
            resolver.resolve(place, path, client).await.expect("an answer").expect("a link");
        }
        place
    });
    let mut next = 0;
    group.bench_function("resolve one of 10,000 known links", |bench| {
        bench.iter(|| {
            // A stride that visits all, in no order that a processor's cache likes.
            next = (next + 6_367) % paths.len();
            let host = resolver.short_domain(black_box("go.example:8080"));
            let resolved = resolver.resolve(place, &paths[next], client).now_or_never();
            (host, resolved.expect("memory answers at once"))
        });
    });
    group.finish();
}

fn hit(number: u32) -> Hit {
    Hit {
        at_ms: NOW_MS + i64::from(number),
        workspace: WorkspaceId(7),
        link: LinkId(u64::from(number % 500)),
        address: IpAddr::V4(Ipv4Addr::from(0x5102_4500 ^ number << 8)),
        user_agent: CHROME.to_owned(),
        referrer: "https://www.google.com/".to_owned(),
        url: "https://www.example.com/pricing?utm_source=mail&utm_medium=email&utm_campaign=autumn".to_owned(),
        trigger: Trigger::Link,
        repeat_window_secs: 3_600,
        ..Hit::default()
    }
}

fn hits(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("hit");
    let hit = hit(1);
    let bytes = hit.encode();
    group.bench_function("encode", |bench| bench.iter(|| black_box(&hit).encode()));
    group.bench_function("decode", |bench| bench.iter(|| Hit::decode(black_box(&bytes))));
    group.finish();
}

fn enrich(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("enrich");
    let enricher = |geo| Enricher::new(EnrichOptions { geo, visitor_secret: [7; 32] });
    let placeless = enricher(Geo::default());
    group.bench_function("agent seen before", |bench| bench.iter(|| placeless.agent(black_box(CHROME))));
    let mut number = 0;
    group.bench_function("agent never seen", |bench| {
        bench.iter_batched(
            || {
                number += 1;
                format!("{CHROME} Edg/142.0.{number}.0")
            },
            |agent| placeless.agent(&agent),
            BatchSize::SmallInput,
        );
    });

    // What hostile clients send: long, or made to be searched again and again.
    let hostile: [(&str, String); 3] = [
        ("100 KB of one letter", "a".repeat(100_000)),
        ("100 KB of browsers", "Mozilla/5.0 (Linux; Android 9; bot ".repeat(2_858)),
        ("8 KB of brackets", "(((((;;;;;) Version/".repeat(410)),
    ];
    for (name, user_agent) in &hostile {
        group.bench_function(format!("agent never seen, {name}"), |bench| bench.iter(|| parse(black_box(user_agent))));
    }
    let long = format!("https://www.example.com/{}?{}", "a/".repeat(2_000), "b=".repeat(2_000));
    let long_hit = Hit { referrer: long.clone(), url: long.clone(), accept_language: long, ..hit(1) };
    group.bench_function("hit with 8 KB of referrer, address and language", |bench| {
        bench.iter_batched(|| long_hit.clone(), |hit| placeless.enrich(EventId(1), hit), BatchSize::SmallInput);
    });

    let batch: Vec<(EventId, Hit)> = (0..1_000).map(|number| (EventId(number.into()), hit(number))).collect();
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("1,000 hits without geo files", |bench| {
        bench.iter_batched(|| batch.clone(), |batch| placeless.enrich_batch(batch), BatchSize::LargeInput);
    });
    let country: Vec<_> =
        engines::geo_files(None).into_iter().filter(|path| path.to_string_lossy().contains("country")).collect();
    if country.is_empty() {
        println!("enrich/1,000 hits with countries: left out, `make engines` fetches the file");
    } else {
        let placed = enricher(Geo::open(&country).expect("a geo file"));
        group.bench_function("1,000 hits with countries", |bench| {
            bench.iter_batched(|| batch.clone(), |batch| placed.enrich_batch(batch), BatchSize::LargeInput);
        });
    }
    group.finish();
}

/// Appends and syncs `records` from each of `tasks` tasks at once: how long it took.
fn append_from_many(
    runtime: &tokio::runtime::Runtime,
    spool: &Spool,
    payload: &Arc<[u8]>,
    tasks: usize,
    records: usize,
) -> Duration {
    runtime.block_on(async {
        let began = Instant::now();
        let mut appending = tokio::task::JoinSet::new();
        for _ in 0..tasks {
            let (spool, payload) = (spool.clone(), Arc::clone(payload));
            appending.spawn(async move {
                for _ in 0..records {
                    spool.append(&payload).expect("room").synced().await.expect("a disk");
                }
            });
        }
        appending.join_all().await;
        began.elapsed()
    })
}

fn spool(bench: &mut Criterion) {
    // Not the system's folder for temporary files, which may be no disk.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let (spool, _reader) = Spool::open(Options::new(folder.path().join(Path::new("spool")))).expect("a spool");
    let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
    // Keeps the folder small; not measured.
    let forget = || spool.advance(spool.synced_through(), None).expect("a checkpoint");
    let mut group = bench.benchmark_group("spool");

    let payload: Arc<[u8]> = hit(1).encode().into();
    group.throughput(Throughput::Elements(64 * 16));
    group.bench_function("64 tasks append and sync, 16 times each", |bench| {
        bench.iter_custom(|times| {
            let took = (0..times).map(|_| append_from_many(&runtime, &spool, &payload, 64, 16)).sum();
            forget();
            took
        });
    });
    let many: Vec<Vec<u8>> = (0..10_000).map(|number| hit(number).encode()).collect();
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("10,000 at once, synced", |bench| {
        bench.iter_custom(|times| {
            let mut took = Duration::ZERO;
            for _ in 0..times {
                let began = Instant::now();
                let pending = spool.append_many(&many).expect("room");
                runtime.block_on(pending.synced()).expect("a disk");
                took += began.elapsed();
                forget();
            }
            took
        });
    });
    group.finish();
}

fn encode(bench: &mut Criterion) {
    let mut table = Table::new(&["country", "city", "url", "clicks"]);
    for number in 0..5_000_i64 {
        let city = format!("City, \"{number}\"");
        let url = format!("https://www.example.com/page/{number}");
        table.push(vec![Cell::from("DE"), Cell::from(city), Cell::from(url), Cell::from(number)]);
    }
    let mut group = bench.benchmark_group("encode");
    group.throughput(Throughput::Elements(5_000));
    group.bench_function("5,000 rows as JSON", |bench| {
        bench.iter(|| {
            let (mut out, mut array) = (Vec::new(), JsonArray::default());
            for row in &table.rows {
                array.push(&mut out, &RowObject { columns: &table.columns, row }).expect("plain cells");
            }
            array.finish(&mut out);
            out
        });
    });
    group.bench_function("5,000 rows as CSV", |bench| {
        bench.iter(|| {
            let (mut out, csv) = (Vec::new(), Delimited::new(Format::Csv, false));
            csv.header(&mut out, &table.columns).expect("plain cells");
            for row in &table.rows {
                csv.row(&mut out, row).expect("plain cells");
            }
            out
        });
    });
    group.finish();
}

fn small() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .nresamples(10_000)
}

criterion_group! {
    name = benches;
    config = small();
    targets = filter, plan, redirect, hits, enrich, spool, encode
}
criterion_main!(benches);
