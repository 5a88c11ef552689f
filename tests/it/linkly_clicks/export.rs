//! The clicks themselves as a file, against the events that were stored.

use std::collections::HashSet;
use std::sync::Arc;

use linktrail::domain::ad_network::ad_network;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event, Network, Place, Referrer, Utm};
use linktrail::domain::id::LinkId;
use linktrail::encode::{Delimited, Format};
use linktrail::table::Cell;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::scene::{NOW_MS, Scene};

const COLUMNS: [&str; 22] = [
    "id",
    "link_id",
    "timestamp",
    "country",
    "platform",
    "browser",
    "referer",
    "isp",
    "bot",
    "url",
    "params",
    "region",
    "city",
    "device",
    "referer_url",
    "ad_network",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "user_agent",
];

fn instant(at_ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(at_ms).unwrap();
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// The row of an event, cell by cell; `None` is unknown.
fn cells(scene: &Scene, event: &Event) -> Vec<Option<String>> {
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let agent = &event.agent;
    vec![
        Some(scene.app.clicks.public(event.id)),
        Some(event.link.0.to_string()),
        Some(instant(event.at_ms)),
        known(&event.place.country),
        known(if agent.os == "Mac OS" { "Mac" } else { &agent.os }),
        known(&agent.browser),
        known(&event.referrer.host.to_lowercase()),
        known(&event.network.isp),
        known(&agent.bot),
        known(&event.url),
        known(&event.params),
        known(&event.place.region),
        known(&event.place.city),
        known(&agent.device),
        known(&event.referrer.url),
        known(ad_network(&event.params)),
        known(&event.utm.source),
        known(&event.utm.medium),
        known(&event.utm.campaign),
        known(&event.utm.term),
        known(&event.utm.content),
        known(&agent.user_agent),
    ]
}

/// The row as an object.
fn object(scene: &Scene, event: &Event) -> Value {
    let mut object: Map<String, Value> =
        COLUMNS.iter().zip(cells(scene, event)).map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect();
    object["link_id"] = json!(event.link.0);
    let params = form_urlencoded::parse(event.params.as_bytes());
    object["params"] = params.map(|(name, value)| (name.into_owned(), json!(value))).collect::<Map<_, _>>().into();
    object.into()
}

/// The rows of CSV or TSV; an empty cell is an unknown one.
fn rows(body: &str, delimiter: u8) -> Vec<Vec<Option<String>>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(body.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS);
    let cell = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    reader.records().map(|row| row.unwrap().iter().map(cell).collect()).collect()
}

#[tokio::test]
async fn every_click_that_is_meant_is_a_row() {
    let scene = Scene::start("linkly_export_rows").await;
    let link = scene.links[1];
    for (filter, wanted) in [
        ("", (|_| true) as fn(&Event) -> bool),
        ("country=us", |event| event.place.country == "US"),
        ("platform=mac", |event| event.agent.os == "Mac OS"),
        ("referer=www.facebook.com", |event| event.referrer.host.ends_with("facebook.com")),
        ("isp=foo%2C%20inc.&browser=chrome", |event| {
            event.network.isp == "Foo, Inc." && event.agent.browser == "Chrome"
        }),
        ("LINK", |_| true),
    ] {
        for bots in ["", "false", "only"] {
            for (unique, order) in [(false, "asc"), (false, "desc"), (true, ""), (true, "desc")] {
                let named = format!("link_ids={}-999999&link_id={}", link.0, scene.foreign_link.0);
                let filter_text = if filter == "LINK" { &named } else { filter };
                let query =
                    format!("/export?end=2026-11-02&{filter_text}&bots={bots}&unique={unique}&sort_dir={order}");
                let is_meant = |event: &&Event| {
                    let is_bot = !event.agent.bot.is_empty();
                    wanted(event)
                        && (filter != "LINK" || event.link == link)
                        && match bots {
                            "false" => !is_bot,
                            "only" => is_bot,
                            _ => true,
                        }
                };
                let mut events: Vec<&Event> = scene.events.iter().filter(is_meant).collect();
                events.sort_by_key(|event| (event.at_ms, event.id));
                if unique {
                    let mut known: HashSet<(LinkId, u64)> = HashSet::new();
                    events.retain(|event| known.insert((event.link, event.visitor)));
                }
                if order == "desc" {
                    events.reverse();
                }
                let expected: Vec<_> = events.iter().map(|event| cells(&scene, event)).collect();
                let csv = scene.ask(&format!("{query}&format=csv")).await;
                assert_eq!((csv.status, rows(&csv.body, b',')), (200, expected), "{query}");
                // As many as the series says.
                if unique == (order.is_empty()) {
                    let series = scene.json(&query.replace("/export", "")).await;
                    let points = series["traffic"].as_array().unwrap();
                    assert_eq!(
                        points.iter().map(|point| point["y"].as_u64().unwrap()).sum::<u64>(),
                        events.len() as u64
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn every_form_says_the_same() {
    let scene = Scene::start("linkly_export_forms").await;
    let odd = "a,b \"c\"\td\ne\r\n'f' \\ é\u{1f600} \u{1}";
    let agent = Agent { user_agent: odd.into(), os: "macOS".into(), device: "Mobile".into(), ..Agent::default() };
    let event = Event {
        workspace: scene.workspace,
        link: scene.links[0],
        id: EventId::new(65_535, (1 << 48) - 1),
        at_ms: NOW_MS - 5 * 86_400_000 + 7,
        agent: Arc::new(agent),
        params: "x=1&GCLID=abc&x=%C3%BC+z&=e&y&&z=%22=,%ff".into(),
        place: Place { country: "DE".into(), region: "DE-BE".into(), city: odd.into(), ..Place::default() },
        referrer: Referrer { host: "T.co".into(), url: "https://t.co/a".into(), ..Referrer::default() },
        network: Network { isp: odd.into(), ..Network::default() },
        utm: Utm {
            source: odd.into(),
            medium: "m".into(),
            campaign: "=c".into(),
            term: "t".into(),
            content: "\\N".into(),
        },
        url: "https://example.com/a?b=c".into(),
        ..Event::default()
    };
    scene.store("odd", std::slice::from_ref(&event)).await;
    let day = "/export?start=2026-10-28&end=2026-10-28";
    let json = scene.ask(day).await;
    assert_eq!(json.headers["content-type"], "application/json");
    assert_eq!(json.headers["content-disposition"], "attachment; filename=\"clicks_export_2026-11-02.json\"");
    let mut expected = object(&scene, &event);
    expected["platform"] = "Mac".into();
    expected["params"] = json!({"x": "ü z", "GCLID": "abc", "": "e", "y": "", "z": "\"=,\u{fffd}"});
    assert_eq!(json.json(), json!([expected]));
    let order: Vec<usize> = COLUMNS.iter().map(|name| json.body.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(order.is_sorted(), "{}", json.body);

    let mut row = cells(&scene, &event);
    row[4] = Some("Mac".into());
    assert_eq!((row[15].as_deref(), row[6].as_deref()), (Some("Google"), Some("t.co")));
    let csv = scene.ask(&format!("{day}&format=csv")).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"clicks_export_2026-11-02.csv\"");
    assert_eq!(rows(&csv.body, b','), [row.clone()]);
    let tsv = scene.ask(&format!("{day}&format=tsv")).await;
    assert_eq!(tsv.headers["content-type"], "text/tab-separated-values; charset=utf-8");
    assert_eq!(rows(&tsv.body, b'\t'), [row]);
    let bearer = format!("Bearer {}", scene.key);
    let path = format!("/api/v1/workspace/{}/clicks{day}", scene.workspace.0);
    let accepted =
        scene.send(axum::http::Method::GET, &path, &[("authorization", &bearer), ("accept", "text/csv")], "").await;
    assert_eq!(accepted.body, csv.body);
    // Nothing is a file as well.
    let none = "/export?start=2020-01-01&end=2020-01-02";
    assert_eq!(scene.json(none).await, json!([]));
    assert_eq!(rows(&scene.ask(&format!("{none}&format=csv")).await.body, b','), Vec::<Vec<_>>::new());
}

#[tokio::test]
async fn spreadsheets_run_nothing_when_asked() {
    let scene = Scene::start("linkly_export_formulas").await;
    let texts = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "  =1",
        "\u{a0}=1",
        "fine\n=1",
        "\r=1",
        "\u{feff}=1",
        "＝1",
        "a\n\tb",
        "\u{85}\u{2028}-1",
        "\u{3000}＠x",
        "https://example.com/?a=1",
        "a-b",
        "München",
        "1",
        "'=1",
        "x\n 1",
        "\u{200b}=1",
    ];
    let events: Vec<Event> = (1..)
        .zip(texts)
        .map(|(number, text)| Event {
            workspace: scene.workspace,
            link: scene.links[0],
            id: EventId::new(3, number),
            at_ms: NOW_MS - 5 * 86_400_000 + number.cast_signed(),
            agent: Arc::new(Agent { user_agent: text.into(), ..Agent::default() }),
            utm: Utm { source: text.into(), ..Utm::default() },
            ..Event::default()
        })
        .collect();
    scene.store("formulas", &events).await;
    for (format, name, delimiter) in [(Format::Csv, "csv", b','), (Format::Tsv, "tsv", b'\t')] {
        let query = format!("/export?start=2026-10-28&end=2026-10-28&format={name}");
        let plain = rows(&scene.ask(&query).await.body, delimiter);
        let safe = rows(&scene.ask(&format!("{query}&spreadsheet_safe=true")).await.body, delimiter);
        assert_eq!((plain.len(), safe.len()), (texts.len(), texts.len()));
        for ((text, plain), safe) in texts.iter().zip(&plain).zip(&safe) {
            // As every other answer of ours has it.
            let mut written = Vec::new();
            Delimited::new(format, true).row(&mut written, &[Cell::from(*text), Cell::from("")]).unwrap();
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(written.as_slice());
            let expected = reader.records().next().unwrap().unwrap()[0].to_owned();
            assert_eq!(plain[21].as_deref(), Some(*text));
            assert_eq!((safe[21].as_deref(), safe[16].as_deref()), (Some(&*expected), Some(&*expected)), "{text:?}");
        }
    }
}

#[tokio::test]
async fn days_that_are_over_are_the_default() {
    let scene = Scene::start("linkly_export_days").await;
    let until = |end_ms: i64| scene.events.iter().filter(|event| event.at_ms < end_ms).count();
    // Noon is now: yesterday ended twelve hours ago, in New York eight.
    for (query, hours) in
        [("", 12), ("?timezone=America/New_York", 7), ("?end=2026-11-02", 0), ("?end=2026-11-02T11:29:59Z", 0)]
    {
        let expected = match query {
            "?end=2026-11-02T11:29:59Z" => until(NOW_MS - 30 * 60_000),
            _ => until(NOW_MS - hours * 3_600_000),
        };
        assert_eq!(scene.json(&format!("/export{query}")).await.as_array().unwrap().len(), expected, "{query}");
    }
    let today = scene.ask("/export?start=2026-11-02").await;
    assert_eq!(today.status, 400);
    let message = today.json()["error"].as_str().unwrap().to_owned();
    assert!(message.starts_with("start: the start must not be after the end, which is 2026-11-01 where none is given"));
    for (query, start) in [("?sort_dir=up", "sort_dir: "), ("?format=xml", "format: "), ("?country=x", "country: ")] {
        let refused = scene.ask(&format!("/export{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        assert!(refused.json()["error"].as_str().unwrap().starts_with(start), "{}", refused.body);
    }
    let foreign = format!("/api/v1/workspace/{}/clicks/export", scene.foreign.0);
    let bearer = format!("Bearer {}", scene.key);
    let refused = scene.send(axum::http::Method::GET, &foreign, &[("authorization", &bearer)], "").await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (404, Some("not_found")));
}
