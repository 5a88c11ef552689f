//! What is refused, and how: the parameter, what was given, what is allowed.

use axum::http::Method;

use super::scene::Scene;

const INTERVALS: &str = "Invalid option: expected one of \"1h\"|\"24h\"|\"7d\"|\"30d\"|\"90d\"|\"1y\"|\"mtd\"|\"qtd\"|\"ytd\"|\"all\"|\
                         \"all_unfiltered\"|\"today\"|\"yesterday\". Given:";
const DATES: &str = "write a date (2026-03-08), a local time (2026-03-08T14:30 or 2026-03-08T14:30:00.000) or an instant \
                     (2026-03-08T14:30:00Z or 2026-03-08T14:30:00-05:00), with a year from 1970 to 2099";

#[tokio::test]
async fn wrong_parameters_are_named() {
    let scene = Scene::start("reading_refusals").await;
    let many = "x,".repeat(10_001);
    let long_value = "x".repeat(4_097);
    let long_query = "x".repeat(10_001);
    for (query, message) in [
        ("interval=2d", format!("invalid_value: interval: {INTERVALS} \"2d\"")),
        ("interval=24H", format!("invalid_value: interval: {INTERVALS} \"24H\"")),
        (
            "interval=no&start=2026-03-08",
            format!("invalid_value: interval: {INTERVALS} \"no\""),
        ),
        (
            "timezone=Mars/Base",
            "invalid_value: timezone: unknown time zone \"Mars/Base\"; give an IANA name such as America/New_York, \
             Asia/Kolkata or UTC"
                .to_owned(),
        ),
        (
            "timezone=america/new_york",
            "invalid_value: timezone: unknown time zone \"america/new_york\"; did you mean America/New_York?".to_owned(),
        ),
        ("start=tomorrow", format!("custom: start: Invalid date: \"tomorrow\" is no date or time; {DATES}")),
        (
            "start=2026-02-30",
            format!("custom: start: Invalid date: \"2026-02-30\" names a day that is in no calendar; {DATES}"),
        ),
        ("end=9999-01-01", format!("custom: end: Invalid date: \"9999-01-01\" has a year out of bounds; {DATES}")),
        (
            "start=2026-03-09&end=2026-03-08",
            "custom: start: The start date must not be after the end date: start (2026-03-09T00:00:00.000Z) is after end \
             (2026-03-08T23:59:59.999Z)"
                .to_owned(),
        ),
        (
            "start=2026-03-08T02:00:00.001Z&end=2026-03-08T02:00:00Z",
            "custom: start: The start date must not be after the end date: start (2026-03-08T02:00:00.001Z) is after end \
             (2026-03-08T02:00:00.000Z)"
                .to_owned(),
        ),
        (
            "start=2026-03-11",
            "custom: start: The start date must not be after the end date: start (2026-03-11T00:00:00.000Z) is after end \
             (2026-03-10T23:59:59.999Z)"
                .to_owned(),
        ),
        (
            "format=xml",
            "invalid_value: format: Invalid option: expected one of \"json\"|\"csv\"|\"tsv\". Given: \"xml\"".to_owned(),
        ),
        (
            "root=maybe",
            "invalid_value: root: Invalid option: expected one of \"true\"|\"false\". Given: \"maybe\"".to_owned(),
        ),
        (
            "qr=1",
            "invalid_value: qr: Invalid option: expected one of \"true\"|\"false\". Given: \"1\"".to_owned(),
        ),
        (
            "unique=yes",
            "invalid_value: unique: Invalid option: expected one of \"true\"|\"false\". Given: \"yes\"".to_owned(),
        ),
        (
            "bots=yes",
            "invalid_value: bots: Invalid option: expected one of \"exclude\"|\"include\"|\"only\". Given: \"yes\"".to_owned(),
        ),
        (
            "repeats=only",
            "invalid_value: repeats: Invalid option: expected one of \"exclude\"|\"include\". Given: \"only\"".to_owned(),
        ),
        (
            "saleType=old",
            "invalid_value: saleType: Invalid option: expected one of \"new\"|\"recurring\". Given: \"old\"".to_owned(),
        ),
        (
            "spreadsheetSafe=x",
            "invalid_value: spreadsheetSafe: Invalid option: expected one of \"true\"|\"false\". Given: \"x\"".to_owned(),
        ),
        (
            "query=plan%3Dpro",
            "custom: query: Expected metadata['key'] at character 1, found \"plan=pro\". Given: \"plan=pro\"".to_owned(),
        ),
        (
            "query=metadata['plan']%20~%20pro",
            "custom: query: Expected [ or an operator (: = != > < >= <=) at character 18, found \"~ pro\". Given: \
             \"metadata['plan'] ~ pro\""
                .to_owned(),
        ),
        (
            &format!("query={}x", "(".repeat(17)),
            format!(
                "too_big: query: Too many parentheses within each other at character 17: at most 16 are allowed. Given: \
                 \"{}x\"",
                "(".repeat(17)
            ),
        ),
        (
            &format!("query={long_query}"),
            format!(
                "too_big: query: Too big: expected string to have <=10000 characters. Given: \"{}...\"",
                "x".repeat(100)
            ),
        ),
        (
            &format!("country={many}"),
            "too_big: country: Too many values: 10001 given, at most 10000 are allowed".to_owned(),
        ),
        (
            &format!("domain={many}"),
            "too_big: domain: Too many values: 10001 given, at most 10000 are allowed".to_owned(),
        ),
        (
            &format!("tagIds=-a,{long_value}"),
            "too_big: tagIds: Value number 2 is too long: 4097 bytes given, at most 4096 are allowed".to_owned(),
        ),
        ("city=%ff", "invalid_format: city: Invalid encoding: expected percent-encoded UTF-8".to_owned()),
        ("city=a%00", "invalid_format: city: Invalid character: NUL is not allowed".to_owned()),
        ("%ff=1", "invalid_format: %ff: Invalid encoding: expected percent-encoded UTF-8".to_owned()),
    ] {
        for endpoint in ["/analytics", "/events", "/api/analytics", "/api/events"] {
            let answer = scene.get(&format!("{endpoint}?{query}")).await;
            assert_eq!(answer.status, 422, "{endpoint} {query:.80}: {}", answer.body);
            assert_eq!(answer.message(), message, "{endpoint} {query:.80}");
            assert_eq!(answer.json()["error"]["code"], "unprocessable_entity");
        }
    }
}

#[tokio::test]
async fn each_endpoint_has_its_own() {
    let scene = Scene::start("reading_refusals_own").await;
    let cursor = "custom: startingAfter: Invalid cursor: the provided ID does not exist.";
    let foreign = scene.app.clicks.public(linktrail::domain::click_id::EventId::new(2, 1));
    for (path, start, end) in [
        (
            "/analytics?event=shares",
            "invalid_value: event: Invalid event type. Valid event types are: clicks, leads, sales",
            ", composite. Given: \"shares\"",
        ),
        (
            "/events?event=composite",
            "invalid_value: event: Invalid option: expected one of \"clicks\"|\"leads\"|\"sales\"",
            ". Given: \"composite\"",
        ),
        (
            "/analytics?groupBy=shoe_sizes",
            "invalid_value: groupBy: Invalid type value. Valid values are: count, timeseries, continents, countries",
            "top_partner_tags. Given: \"shoe_sizes\"",
        ),
        ("/analytics?groupBy=timeseries&granularity=decade", "invalid_value: granularity: ", "month"),
        (
            "/analytics?groupBy=timeseries&granularity=minute&interval=30d",
            "too_big: granularity: the range holds more than 8784 minutes; ",
            "take a shorter range or a coarser granularity",
        ),
        ("/analytics?groupBy=countries&includeUnknown=2", "invalid_value: includeUnknown: ", ". Given: \"2\""),
        ("/events?page=0", "too_small: page: Page must be greater than 0.", " Given: \"0\""),
        ("/events?page=", "too_small: page: Page must be greater than 0.", " Given: \"\""),
        ("/events?page=-1", "too_small: page: Page must be greater than 0.", " Given: \"-1\""),
        ("/events?page=1.5", "invalid_type: page: Page must be an integer.", " Given: \"1.5\""),
        ("/events?page=one", "invalid_type: page: Page must be a number.", " Given: \"one\""),
        ("/events?page=99999999999999999999", "too_big: page: ", " Given: \"99999999999999999999\""),
        ("/events?limit=0", "too_small: limit: Page size must be greater than 0.", " Given: \"0\""),
        ("/events?limit=1001", "too_big: limit: Max page size is 1000.", " Given: \"1001\""),
        ("/events?sortBy=country", "invalid_value: sortBy: ", "expected \"timestamp\". Given: \"country\""),
        ("/events?sortOrder=down", "invalid_value: sortOrder: ", "expected one of \"asc\"|\"desc\". Given: \"down\""),
        ("/events?order=up", "invalid_value: order: ", "expected one of \"asc\"|\"desc\". Given: \"up\""),
        ("/events?startingAfter=nonsense", cursor, ". Given: \"nonsense\""),
        ("/events?startingAfter=0000000000000000", cursor, ". Given: \"0000000000000000\""),
        (&format!("/events?startingAfter={foreign}"), cursor, &format!(". Given: \"{foreign}\"")),
        (
            "/events?startingAfter=x&page=2",
            "custom: startingAfter: You cannot use both page and startingAfter at the same time.",
            "",
        ),
    ] {
        let answer = scene.get(path).await;
        let message = answer.message();
        assert_eq!(answer.status, 422, "{path}: {message}");
        assert!(message.starts_with(start.trim_end_matches('.')) && message.ends_with(end), "{path}: {message}");
    }
}

#[tokio::test]
async fn links_that_are_not_ours_and_keys_that_may_not() {
    let scene = Scene::start("reading_tenants").await;
    let prefix = "Invalid externalId. Did you forget to prefix it with `ext_`?";
    for endpoint in ["/analytics", "/events"] {
        for (query, status, message) in [
            ("externalId=a", 400, prefix),
            ("externalId=ext_nothing", 404, "Link not found."),
            ("externalId=ext_theirs", 404, "Link not found."),
            ("externalId=ext_", 404, "Link not found."),
            ("domain=go.example.com&key=nothing", 404, "Link not found."),
            ("domain=go.example.com&key=gone", 404, "Link not found."),
            ("domain=go.other.example&key=a", 404, "Link not found."),
            ("domain=nobody.example&key=a", 404, "Link not found."),
            ("folderId=nonsense", 404, "Folder not found."),
            ("folderId=-nonsense", 404, "Folder not found."),
            (&format!("folderId={}", scene.foreign_folder), 404, "Folder not found."),
            (&format!("folderId=-{}", scene.foreign_folder), 404, "Folder not found."),
        ] {
            let answer = scene.get(&format!("{endpoint}?{query}")).await;
            assert_eq!((answer.status, answer.message().as_str()), (status, message), "{endpoint}?{query}");
        }
        let links_only = scene.key_with(&["links.read", "links.write"]).await;
        let answer = scene.send(&links_only, Method::GET, endpoint, &[], String::new()).await;
        assert_eq!(
            (answer.status, answer.message().as_str()),
            (403, "The API key does not have the required scope: analytics.read")
        );
        assert_eq!(answer.json()["error"]["code"], "forbidden");
        for scopes in [&["analytics.read"][..], &["apis.read"], &["apis.all"], &[]] {
            let key = scene.key_with(scopes).await;
            assert_eq!(scene.send(&key, Method::GET, endpoint, &[], String::new()).await.status, 200, "{scopes:?}");
        }
        let unknown = scene.send("dub_nonsense", Method::GET, endpoint, &[], String::new()).await;
        assert_eq!((unknown.status, unknown.message().as_str()), (401, "Unauthorized: Invalid API key."));
        for method in [Method::DELETE, Method::PUT, Method::PATCH] {
            let answer = scene.send(&scene.key, method, endpoint, &[], String::new()).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "GET,HEAD,POST"));
            assert_eq!(answer.json()["error"]["code"], "method_not_allowed");
        }
    }
}
