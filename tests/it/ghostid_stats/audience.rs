//! Numbers of visitors against a slow reckoning.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use linktrail::calendar::rfc3339;
use linktrail::domain::event::{Event, EventKind};
use linktrail::domain::high_value::HighValue;
use linktrail::domain::score::{self, Engagement};
use serde_json::{Value, json};

use super::scene::{MINUTE_MS, NOW_MS, Scene, events, rng};

const DAY_MS: i64 = 86_400_000;
/// The midnight after now.
const MIDNIGHT_MS: i64 = 1_773_187_200_000;

/// What a visitor did, event by event.
#[derive(Default)]
struct Did<'a> {
    events: Vec<&'a Event>,
}

impl<'a> Did<'a> {
    /// Sessions, each a list of times in order.
    fn sessions(&self) -> Vec<Vec<i64>> {
        let mut of: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
        for event in &self.events {
            of.entry(event.session).or_default().push(event.at_ms);
        }
        let mut sessions: Vec<Vec<i64>> = Vec::new();
        for (named, mut times) in of {
            times.sort_unstable();
            for (place, at) in times.iter().enumerate() {
                if place == 0 || (named == 0 && at - times[place - 1] >= 30 * MINUTE_MS) {
                    sessions.push(Vec::new());
                }
                sessions.last_mut().unwrap().push(*at);
            }
        }
        sessions
    }

    fn spent_ms(&self) -> i64 {
        self.sessions().iter().map(|times| times[times.len() - 1] - times[0]).sum()
    }

    fn pageviews(&self) -> Vec<&'a Event> {
        self.events.iter().copied().filter(|event| event.kind == EventKind::Pageview).collect()
    }

    fn user_id(&self) -> Option<&'a str> {
        let named = self.events.iter().rev().map(|event| event.page.as_deref().unwrap().user_id.as_str());
        named.into_iter().find(|name| !name.is_empty())
    }

    fn score(&self, high_value: &HighValue) -> u64 {
        let views = self.pageviews();
        let valued = views.iter().filter(|event| high_value.includes(&event.page.as_deref().unwrap().page));
        score::score(&Engagement {
            sessions: self.sessions().len() as u64,
            pageviews: views.len() as u64,
            spent_ms: self.spent_ms() as u64,
            high_value_views: valued.count() as u64,
            identified: self.user_id().is_some().into(),
        })
    }
}

/// What everybody did within `[start, end)`, in order.
fn doings<'a>(scene: &Scene, events: &'a [Event], bots: bool, start_ms: i64, end_ms: i64) -> BTreeMap<u64, Did<'a>> {
    let mut all: BTreeMap<u64, Did<'a>> = BTreeMap::new();
    let mut of_site: Vec<&Event> = events
        .iter()
        .filter(|event| event.site == scene.ours.site && !event.repeat && event.agent.bot.is_empty() != bots)
        .filter(|event| start_ms <= event.at_ms && event.at_ms < end_ms)
        .collect();
    of_site.sort_by_key(|event| (event.at_ms, event.id));
    for event in of_site {
        all.entry(event.visitor).or_default().events.push(event);
    }
    all
}

fn ranked(counts: BTreeMap<String, u64>, name: &str, number: &str) -> Vec<Value> {
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(value, count)| (std::cmp::Reverse(*count), value.clone()));
    counts.into_iter().map(|(value, count)| json!({ name: value, number: count })).collect()
}

fn country(code: &str) -> String {
    match code {
        "US" => "United States",
        "CA" => "Canada",
        _ => "Unknown",
    }
    .to_owned()
}

#[tokio::test]
async fn a_site_at_a_glance() {
    let scene = Scene::new("ghostid_stats").await;
    let mut rng = rng();
    let events = events(&scene, &mut rng, 900);
    scene.store(&mut rng, &events).await;
    let site = scene.ours.site.0;
    let high_value = HighValue::new(None);
    let start = "2026-03-05T12:00:00Z";
    let custom = (1_772_712_000_000, 1_772_712_000_000 + 3 * DAY_MS);
    for (query, name, (start_ms, end_ms)) in [
        (String::new(), "7d", (MIDNIGHT_MS - 7 * DAY_MS, MIDNIGHT_MS)),
        ("&timeRange=24h".to_owned(), "24h", (NOW_MS - DAY_MS, NOW_MS)),
        ("&timeRange=30d".to_owned(), "30d", (MIDNIGHT_MS - 30 * DAY_MS, MIDNIGHT_MS)),
        ("&timeRange=all".to_owned(), "all", (0, NOW_MS)),
        (format!("&start={start}&end={}", rfc3339(custom.1)), "custom", custom),
    ] {
        // Now itself lies on the edge of ranges that end with it: ask about what is told.
        let stats = scene.json(&format!("/api/stats?siteId={site}&limit=500{query}")).await;
        let within = doings(&scene, &events, false, start_ms, end_ms);
        let so_far = doings(&scene, &events, false, 0, end_ms);
        let all: Vec<&Event> = within.values().flat_map(|did| did.events.iter().copied()).collect();
        let views: Vec<&Event> = within.values().flat_map(Did::pageviews).collect();
        let known = within.keys().filter(|visitor| so_far[visitor].user_id().is_some()).count();
        let hot = within.keys().filter(|visitor| so_far[visitor].score(&high_value) >= 60).count();
        assert_eq!(
            stats["overview"],
            json!({
                "unique_visitors": within.len(),
                "sessions": within.values().map(|did| did.sessions().len()).sum::<usize>(),
                "pageviews": views.len(),
                "total_events": all.len(),
                "identified_visitors": known,
                "hot_leads": hot,
            }),
            "{query}"
        );
        let mut pages: BTreeMap<String, u64> = BTreeMap::new();
        for view in &views {
            *pages.entry(view.page.as_deref().unwrap().page.clone()).or_default() += 1;
        }
        assert_eq!(stats["top_pages"], json!(ranked(pages, "page", "views")), "{query}");
        let mut countries: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        for event in &all {
            countries.entry(&event.place.country).or_default().insert(event.visitor);
        }
        let mut expected: Vec<(&str, usize)> = countries.iter().map(|(code, who)| (*code, who.len())).collect();
        expected.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
        let expected: Vec<Value> =
            expected.into_iter().map(|(code, count)| json!({ "country": country(code), "visitors": count })).collect();
        assert_eq!(stats["countries"], json!(expected), "{query}");
        assert_eq!(stats["time_range"], name);
        assert_eq!(
            stats.as_object().unwrap().keys().collect::<BTreeSet<_>>(),
            BTreeSet::from_iter(&["overview", "top_pages", "countries", "time_range"].map(str::to_owned))
        );
    }
}

#[tokio::test]
async fn visitors_are_listed_with_their_scores() {
    let scene = Scene::new("ghostid_visitor_list").await;
    let mut rng = rng();
    let events = events(&scene, &mut rng, 700);
    scene.store(&mut rng, &events).await;
    let site = scene.ours.site.0;
    let high_value = HighValue::new(None);
    for (query, bots, start_ms, end_ms) in [
        ("", false, MIDNIGHT_MS - 7 * DAY_MS, MIDNIGHT_MS),
        ("&timeRange=24h", false, NOW_MS - DAY_MS, NOW_MS),
        ("&timeRange=all&limit=9999", false, 0, NOW_MS),
        ("&filter=bot", true, MIDNIGHT_MS - 7 * DAY_MS, MIDNIGHT_MS),
    ] {
        let listed = scene.json(&format!("/api/visitor?siteId={site}{query}")).await;
        let within = doings(&scene, &events, bots, start_ms, end_ms);
        let so_far = doings(&scene, &events, bots, 0, end_ms);
        let mut order: Vec<(i64, u64)> =
            within.keys().map(|visitor| (-so_far[visitor].events.last().unwrap().at_ms, *visitor)).collect();
        order.sort_unstable();
        let rows = listed["visitors"].as_array().unwrap();
        assert_eq!(listed["total"], within.len());
        assert_eq!(rows.len(), within.len(), "{query}");
        for (row, (_, visitor)) in rows.iter().zip(order) {
            let did = &so_far[&visitor];
            let (first, last) = (did.events[0], did.events[did.events.len() - 1]);
            let score = if bots { 0 } else { did.score(&high_value) };
            let views = did.pageviews();
            for (field, expected) in [
                ("ghost_vid", json!(format!("gv_00000000_{visitor:08x}"))),
                ("identified_user_id", json!(did.user_id())),
                ("score", json!(score)),
                ("score_label", json!(score::label(score))),
                ("hot", json!(score >= 60)),
                ("session_count", json!(did.sessions().len())),
                ("pageview_count", json!(views.len())),
                ("event_count", json!(did.events.len())),
                ("duration_seconds", json!(did.spent_ms() / 1_000)),
                ("first_seen", json!(rfc3339(first.at_ms))),
                ("last_seen", json!(rfc3339(last.at_ms))),
                ("country", json!(country(&last.place.country))),
                ("lat", if last.place.country.is_empty() { Value::Null } else { json!(30.2672) }),
                ("lon", if last.place.country.is_empty() { Value::Null } else { json!(-97.7431) }),
                ("page", json!(views.last().map(|view| view.page.as_deref().unwrap().page.as_str()))),
                ("referrer", json!(last.referrer.url)),
                ("device_type", json!("desktop")),
                ("is_bot", json!(bots)),
                ("bot_name", if bots { json!("Googlebot") } else { Value::Null }),
            ] {
                assert_eq!(row[field], expected, "{field} of {row}");
            }
        }
        let by_score = scene.json(&format!("/api/visitor?siteId={site}&sort=score{query}")).await;
        let scores: Vec<i64> =
            by_score["visitors"].as_array().unwrap().iter().map(|row| row["score"].as_i64().unwrap()).collect();
        assert!(scores.is_sorted_by(|one, next| one >= next), "{scores:?}");
    }
    // Pages of a list join without a seam.
    let whole = scene.json(&format!("/api/visitor?siteId={site}")).await;
    let mut joined = Vec::new();
    for page in 1..=5 {
        let part = scene.json(&format!("/api/visitor?siteId={site}&limit=3&page={page}")).await;
        joined.extend(part["visitors"].as_array().unwrap().clone());
    }
    assert_eq!(whole["visitors"].as_array().unwrap(), &joined);
    // What a site holds for its pages of high value counts.
    let csv = scene.text(&format!("/api/visitor?siteId={site}&format=csv")).await;
    assert!(csv.starts_with("ghost_vid,identified_user_id,score,score_label,hot,session_count,"), "{csv}");
    assert_eq!(csv.lines().count(), whole["visitors"].as_array().unwrap().len() + 1);
}

#[tokio::test]
async fn the_last_day_as_a_stream() {
    let scene = Scene::new("ghostid_visitors").await;
    let mut rng = rng();
    let events = events(&scene, &mut rng, 600);
    scene.store(&mut rng, &events).await;
    let site = scene.ours.site.0;
    let stream = scene.json(&format!("/api/visitors?siteId={site}")).await;
    let within = doings(&scene, &events, false, NOW_MS - DAY_MS, NOW_MS);
    let so_far = doings(&scene, &events, false, 0, NOW_MS);
    let rows = stream["visitors"].as_array().unwrap();
    assert_eq!(rows.len(), within.len());
    for row in rows {
        let visitor = u64::from_str_radix(&row["ghost_vid"].as_str().unwrap()[12..], 16).unwrap();
        let (did, ever) = (&within[&visitor], &so_far[&visitor]);
        for (field, expected) in [
            ("identified_user_id", json!(ever.user_id())),
            ("pages_viewed", json!(did.pageviews().len())),
            ("duration_seconds", json!(did.spent_ms() / 1_000)),
            ("session_count", json!(did.sessions().len())),
            ("last_seen", json!(rfc3339(did.events.last().unwrap().at_ms))),
            ("hot", json!(ever.score(&HighValue::new(None)) >= 60)),
            ("clicks", json!(0)),
        ] {
            assert_eq!(row[field], expected, "{field} of {row}");
        }
    }
    let sessions: Vec<Vec<i64>> = within.values().flat_map(Did::sessions).collect();
    let spent_ms: i64 = within.values().map(Did::spent_ms).sum();
    let views = within.values().flat_map(Did::pageviews).count();
    assert_eq!(
        stream["stats"],
        json!({
            "unique_visitors": within.len(),
            "sessions": sessions.len(),
            "pageviews": views,
            "avg_duration": spent_ms / sessions.len() as i64 / 1_000,
        })
    );
    let mut all: Vec<&Event> = within.values().flat_map(|did| did.events.iter().copied()).collect();
    all.sort_by_key(|event| std::cmp::Reverse((event.at_ms, event.id)));
    all.truncate(100);
    let activity = stream["activity"].as_array().unwrap();
    assert_eq!(activity.len(), all.len());
    for (shown, event) in activity.iter().zip(all) {
        let page = event.page.as_deref().unwrap();
        assert_eq!((&shown["type"], &shown["page"]), (&json!(page.event_type), &json!(page.page)));
        assert_eq!(shown["timestamp"], rfc3339(event.at_ms));
        assert_eq!(shown["ghost_vid"], format!("gv_00000000_{:08x}", event.visitor));
    }
    assert_eq!(stream["timestamp"], "2026-03-10T17:30:00.000Z");
    // The keys of the published example, and two of our own.
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let published = [
        "ghost_vid",
        "identified_user_id",
        "country",
        "city",
        "region",
        "page",
        "pages_viewed",
        "duration_seconds",
        "lat",
        "lon",
        "device_type",
        "browser",
        "referrer",
        "last_seen",
        "session_count",
        "hot",
        "clicks",
    ];
    assert!(published.iter().all(|name| keys(&rows[0]).contains(*name)));
    assert_eq!(
        keys(&stream),
        ["visitors", "activity", "stats", "countries", "pages", "timestamp"].map(str::to_owned).into()
    );
    let tsv = scene.text(&format!("/api/visitors?siteId={site}&format=tsv&table=pages")).await;
    assert!(tsv.starts_with("page\tviews\n"), "{tsv}");
}

#[tokio::test]
async fn a_site_says_which_of_its_pages_are_of_high_value() {
    let scene = Scene::new("ghostid_high_value").await;
    let mut rng = rng();
    let events = events(&scene, &mut rng, 300);
    scene.store(&mut rng, &events).await;
    let site = scene.ours.site.0;
    let path = format!("/api/visitor?siteId={site}&timeRange=all");
    let patterns = ["/features".to_owned(), "a".to_owned()];
    let mut changed = scene.app.catalog.sites(scene.ours.workspace).await.unwrap().remove(0);
    changed.settings.high_value_pages = Some(patterns.to_vec());
    scene.app.catalog.update_site(scene.ours.workspace, &changed).await.unwrap();
    scene.app.sites.load().await.unwrap();
    let so_far = doings(&scene, &events, false, 0, NOW_MS);
    for row in scene.json(&path).await["visitors"].as_array().unwrap() {
        let visitor = u64::from_str_radix(&row["ghost_vid"].as_str().unwrap()[12..], 16).unwrap();
        assert_eq!(row["score"], so_far[&visitor].score(&HighValue::new(Some(&patterns))), "{row}");
    }
}

#[tokio::test]
async fn who_may_not_see_a_site_sees_nothing() {
    let scene = Scene::new("ghostid_stats_closed").await;
    let site = scene.ours.site.0;
    for path in ["stats", "visitors", "visitor", "visitor/gv_00000000_00000001"] {
        scene.closed(&format!("/api/{path}?siteId={site}")).await;
        scene.refused(&format!("/api/{path}"), 400, "siteId is required").await;
        scene.refused(&format!("/api/{path}?siteId=one"), 400, "siteId must be").await;
        scene.refused(&format!("/api/{path}?siteId=999999"), 404, "Site not found").await;
        let (status, _) =
            scene.send(Method::GET, &format!("/api/{path}?siteId={site}&format=xml"), &scene.ours.key, None).await;
        assert_eq!(status.as_u16(), 400, "{path}");
    }
    for (query, words) in [
        ("stats?limit=0", "limit"),
        ("stats?timeRange=8d", "timeRange must be one of"),
        ("stats?timezone=Mars", "timezone"),
        ("stats?table=people&format=csv", "table"),
        ("visitor?filter=human", "filter"),
        ("visitor?limit=x", "limit"),
        ("visitor?sort=age", "sort"),
        ("visitor?page=0", "page"),
        ("visitors?limit=501", "limit"),
    ] {
        scene.refused(&format!("/api/{query}&siteId={site}"), 400, words).await;
    }
    for unknown in ["gv_00000000_00000077", "gv_x", "1"] {
        scene.refused(&format!("/api/visitor/{unknown}?siteId={site}"), 404, "Visitor not found").await;
        scene.refused(&format!("/api/visitor?ghost_vid={unknown}&siteId={site}"), 404, "Visitor not found").await;
    }
    let empty = scene.json(&format!("/api/stats?siteId={site}")).await;
    assert_eq!(empty["overview"]["unique_visitors"], 0);
    assert_eq!((&empty["top_pages"], &empty["countries"]), (&json!([]), &json!([])));
}
