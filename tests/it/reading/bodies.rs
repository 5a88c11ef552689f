//! What goes out, letter by letter.

use axum::http::Method;
use serde_json::json;

use super::scene::Scene;

/// One element a line.
fn lines(json: &str) -> String {
    json.replace("},{", "},\n{")
}

#[tokio::test]
async fn bodies_in_every_form() {
    let scene = Scene::start("reading_bodies").await;
    for (name, query) in [
        ("count", "/analytics?interval=7d"),
        ("series_24h", "/analytics?groupBy=timeseries"),
        ("series_7d_new_york", "/analytics?groupBy=timeseries&interval=7d&timezone=America/New_York"),
        (
            "series_switch_day_new_york",
            "/analytics?groupBy=timeseries&start=2026-03-08&end=2026-03-08&timezone=America/New_York",
        ),
        (
            "series_exact_times",
            "/analytics?groupBy=timeseries&start=2026-03-08T06:59:59.999Z&end=2026-03-08T07:00:00.001Z",
        ),
        ("series_by_week", "/analytics?groupBy=timeseries&interval=30d&granularity=week"),
        ("countries", "/analytics?groupBy=countries&interval=all"),
        ("countries_with_unknown", "/analytics?groupBy=countries&interval=all&includeUnknown=true"),
        ("regions", "/analytics?groupBy=regions&interval=all"),
        ("cities", "/analytics?groupBy=cities&interval=all"),
        ("cities_with_unknown", "/analytics?groupBy=cities&interval=all&includeUnknown=true"),
        ("top_links", "/analytics?groupBy=top_links&interval=all"),
    ] {
        let json = scene.body(query).await;
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{query}: {json}");
        let csv = scene.body(&format!("{query}&format=csv")).await;
        let tsv = scene.body(&format!("{query}&format=tsv")).await;
        insta::assert_snapshot!(name, format!("{}\n---- csv\n{csv}---- tsv\n{tsv}", lines(&json)));
    }
    let csv = scene.body("/events?interval=all&limit=8&format=csv").await;
    let tsv = scene.body("/events?interval=all&limit=8&format=tsv").await;
    insta::assert_snapshot!("events", format!("---- csv\n{csv}---- tsv\n{tsv}"));
    // From the day of the first event to today, by day.
    let all = scene.get("/analytics?groupBy=timeseries&interval=all").await.json();
    let days = all.as_array().unwrap();
    assert_eq!(
        (days.len(), &days[0]["start"], &days[0]["clicks"]),
        (70, &json!("2025-12-31T00:00:00.000+0000"), &json!(1))
    );
    assert_eq!((&days[69]["start"], &days[69]["clicks"]), (&json!("2026-03-10T00:00:00.000+0000"), &json!(3)));
    let unfiltered = scene.get("/analytics?groupBy=timeseries&interval=all_unfiltered").await.json();
    let months = unfiltered.as_array().unwrap();
    assert_eq!((months.len(), &months[0]["start"]), (43, &json!("2022-09-01T00:00:00.000+0000")));
    assert_eq!((&months[39]["clicks"], &months[42]["clicks"]), (&json!(1), &json!(9)));
}

#[tokio::test]
async fn every_group() {
    let scene = Scene::start("reading_groups").await;
    let mut all = String::new();
    for group in [
        "continents",
        "devices",
        "browsers",
        "os",
        "triggers",
        "trigger",
        "referers",
        "referer_urls",
        "top_urls",
        "top_base_urls",
        "top_domains",
        "utm_sources",
        "utm_mediums",
        "utm_campaigns",
        "utm_terms",
        "utm_contents",
    ] {
        for unknown in ["", "&includeUnknown=true"] {
            let body = scene.body(&format!("/analytics?groupBy={group}&interval=all{unknown}")).await;
            all.push_str(&format!("---- {group}{unknown}\n{}\n", lines(&body)));
        }
    }
    insta::assert_snapshot!("groups", all);
    // By minute: 61 rows, nearly all of them zero.
    let hour = scene.get("/analytics?groupBy=timeseries&interval=1h").await.json();
    let hour = hour.as_array().unwrap();
    assert_eq!((hour.len(), hour[0]["start"].as_str()), (61, Some("2026-03-10T14:04:00.000+0000")));
    let counted: Vec<_> =
        hour.iter().filter(|row| row["clicks"] != 0).map(|row| row["start"].as_str().unwrap()).collect();
    let starts = ["2026-03-10T14:30:00.000+0000", "2026-03-10T14:59:00.000+0000", "2026-03-10T15:04:00.000+0000"];
    assert_eq!(counted, starts);
    // A formula is defused on demand only.
    let link = "/analytics?groupBy=top_links&interval=all&format=csv";
    assert!(scene.body(link).await.contains(",=1+1,"));
    assert!(scene.body(&format!("{link}&spreadsheetSafe=true")).await.contains(",'=1+1,"));
}

#[tokio::test]
async fn an_event_shows_everything() {
    let scene = Scene::start("reading_event").await;
    let events = scene.get("/events?limit=3").await.json();
    insta::assert_snapshot!("event", serde_json::to_string_pretty(&events[2]).unwrap());
    let unknown = scene.get("/events?interval=7d&device=Unknown").await.json();
    insta::assert_snapshot!("event_unknown", serde_json::to_string_pretty(&unknown[0]["click"]).unwrap());
    let robot = scene.get("/events?bots=only").await.json();
    assert_eq!(robot[0]["click"]["bot"], "Googlebot");
    // A deleted link's events keep its name.
    let gone = scene.get("/events?interval=all&sortOrder=asc&limit=1").await.json();
    assert_eq!((gone[0]["domain"].as_str(), gone[0]["key"].as_str()), (Some("go.example.com"), Some("gone")));
    assert_eq!(gone[0]["link"]["id"], scene.links["gone"].to_string());
}

#[tokio::test]
async fn forms_are_chosen_and_named() {
    let scene = Scene::start("reading_forms").await;
    let plain = ("application/json", "");
    let csv = |what: &'static str| {
        (
            "text/csv; charset=utf-8",
            if what == "analytics" { "analytics_2026-03-10.csv" } else { "events_2026-03-10.csv" },
        )
    };
    let tsv = ("text/tab-separated-values; charset=utf-8", "analytics_2026-03-10.tsv");
    for (path, accept, (content_type, file)) in [
        ("/analytics", "", plain),
        ("/analytics", "*/*", plain),
        ("/analytics", "text/csv", csv("analytics")),
        ("/analytics", "text/tab-separated-values", tsv),
        ("/analytics?format=json", "text/csv", plain),
        ("/analytics?format=tsv", "text/csv", tsv),
        ("/analytics?format=csv", "application/json", csv("analytics")),
        ("/analytics?format=", "text/csv", csv("analytics")),
        ("/events", "text/csv", csv("events")),
        ("/events?format=csv", "", csv("events")),
        ("/events?format=json", "text/csv", plain),
        ("/api/events?format=csv", "", csv("events")),
        ("/api/analytics?groupBy=countries", "", plain),
        // The local day's name: in Kiritimati it is tomorrow.
        ("/events?format=csv&timezone=Pacific/Kiritimati", "", ("text/csv; charset=utf-8", "events_2026-03-11.csv")),
    ] {
        let get = scene.send(&scene.key, Method::GET, path, &[("accept", accept)], String::new()).await;
        assert_eq!((get.status, get.header("content-type")), (200, content_type), "{path} {accept}");
        let disposition = if file.is_empty() { String::new() } else { format!("attachment; filename=\"{file}\"") };
        assert_eq!(get.header("content-disposition"), disposition, "{path} {accept}");
        assert_eq!(get.header("cache-control"), "no-store");
        assert_eq!(get.header("vary"), "accept, authorization");
        let head = scene.send(&scene.key, Method::HEAD, path, &[("accept", accept)], String::new()).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path} {accept}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path} {accept}");
        let without_length = |headers: &axum::http::HeaderMap| {
            let mut headers = headers.clone();
            headers.remove("content-length");
            headers
        };
        assert_eq!(without_length(&head.headers), without_length(&get.headers), "{path} {accept}");
    }
    // A refusal is JSON, whatever was asked for.
    let refused = scene.get("/analytics?format=csv&interval=no").await;
    assert_eq!((refused.status, refused.header("content-type")), (422, "application/json"));
    assert_eq!(refused.header("content-disposition"), "");
    // The prefix changes nothing.
    for path in ["/analytics?groupBy=cities&interval=all", "/events?interval=all", "/events?format=tsv"] {
        assert_eq!(scene.body(path).await, scene.body(&format!("/api{path}")).await);
    }
}
