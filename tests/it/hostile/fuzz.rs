//! Thousands of requests that no client would send, from a seed that a failure prints.

use futures_util::{StreamExt, stream};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::running::{Running, SECRET};
use crate::wire::{Reply, exchange};

const SEED: u64 = 20_260_310;
const REQUESTS: usize = 3_000;
/// Requests under way at once.
const AT_ONCE: usize = 8;

const PARAMETERS: &[&str] = &[
    "event",
    "groupBy",
    "interval",
    "start",
    "end",
    "timezone",
    "granularity",
    "format",
    "country",
    "city",
    "region",
    "continent",
    "device",
    "browser",
    "os",
    "trigger",
    "referer",
    "refererUrl",
    "url",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "linkId",
    "externalId",
    "domain",
    "key",
    "tagId",
    "tagIds",
    "tagNames",
    "folderId",
    "tenantId",
    "partnerId",
    "groupId",
    "customerId",
    "root",
    "qr",
    "saleType",
    "query",
    "bots",
    "repeats",
    "unique",
    "includeUnknown",
    "spreadsheetSafe",
    "page",
    "limit",
    "pageSize",
    "sortBy",
    "sortOrder",
    "order",
    "startingAfter",
    "endingBefore",
    "search",
    "userId",
    "showArchived",
    "workspaceId",
    "withTags",
];

/// Values that are right for one parameter or another, so that a request gets far.
const RIGHT: &[&str] = &[
    "clicks",
    "count",
    "timeseries",
    "countries",
    "cities",
    "top_links",
    "top_domains",
    "utm_sources",
    "1h",
    "24h",
    "7d",
    "30d",
    "90d",
    "1y",
    "all",
    "2026-03-08",
    "2026-03-08T02:30",
    "America/New_York",
    "Pacific/Apia",
    "hour",
    "minute",
    "month",
    "csv",
    "tsv",
    "json",
    "US",
    "-US",
    "true",
    "false",
    "include",
    "only",
    "1",
    "2",
    "1000",
    "asc",
    "timestamp",
    "go.example.com",
    "ours",
    "ext_ours",
];

/// Values that are wrong everywhere, as they are sent.
const WRONG: &[&str] = &[
    "%",
    "%%",
    "%z",
    "%4",
    "%ff",
    "%c3%28",
    "%ed%a0%80",
    "%f4%90%80%80",
    "%00",
    "a%00b",
    "%0d%0aX-Injected:%201",
    "%0a",
    "-",
    "--",
    ",",
    "-,",
    "%2C%2C",
    "'",
    "%27%20OR%201%3D1%20--",
    "%27%29%3B%20DROP%20TABLE%20events%3B--",
    "%60",
    "%5C",
    "%7Bp0%3AUInt64%7D",
    "$1",
    "18446744073709551616",
    "-9223372036854775809",
    "1e309",
    "-1e309",
    "NaN",
    "0x10",
    "0.1",
    "9999999999999999999999999999999999999999",
    "2026-02-30",
    "9999-12-31T23:59:60Z",
    "-0001-01-01",
    "0000-00-00",
    "+262143-01-01",
    "Mars/Base",
    "../../etc/passwd",
    "[[[[[[[[[[[[",
    "%5B%7B%22a%22%3A%5B",
    "%E2%80%AE",
    "%F0%9F%92%A9",
    "=",
    "==",
    "%3D",
    "&&&",
    "+",
    "+++",
    "%20",
    "*",
    "Unknown",
    "(direct)",
    "",
    "null",
    "undefined",
    "%25ff",
    "%u0041",
];

struct Case {
    bytes: Vec<u8>,
    /// A path whose answers are the API's.
    is_api: bool,
    is_head: bool,
    shown: String,
}

struct Fuzzer<'a> {
    random: SmallRng,
    running: &'a Running,
}

impl Fuzzer<'_> {
    fn pick(&mut self, choices: &[&str]) -> String {
        choices.choose(&mut self.random).map(|&choice| choice.to_owned()).unwrap_or_default()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    /// Random bytes, percent-encoded in any fashion.
    fn noise(&mut self) -> String {
        let length = self.random.random_range(1..40);
        let mut text = String::new();
        for _ in 0..length {
            match self.random.random_range(0..6) {
                0 => text.push('%'),
                1 => text.push_str(&format!("{:02x}", self.random.random::<u8>())),
                2 => text.push(char::from(self.random.random_range(b'a'..=b'z'))),
                3 => text.push(*b"+,-._~!*'();:@$/?[]|^`{}\"\\".map(char::from).choose(&mut self.random).unwrap()),
                _ => text.push_str(&format!("%{:02X}", self.random.random::<u8>())),
            }
        }
        text
    }

    fn value(&mut self) -> String {
        match self.random.random_range(0..20) {
            0..=6 => self.pick(RIGHT),
            7..=13 => self.pick(WRONG),
            14 | 15 => self.noise(),
            16 => self.running.theirs.link.to_string(),
            17 => SECRET.to_owned(),
            18 => format!("{},{}", self.pick(RIGHT), self.pick(WRONG)).repeat(self.random.random_range(1..300)),
            _ => self.pick(WRONG).repeat(self.random.random_range(1..200)),
        }
    }

    fn query(&mut self) -> String {
        let count = if self.chance(3) { 1_100 } else { self.random.random_range(0..7) };
        let mut query = String::new();
        for place in 0..count {
            query.push(if place == 0 { '?' } else { '&' });
            let name = if self.chance(90) { self.pick(PARAMETERS) } else { self.noise().replace('&', "") };
            let value = if count > 1_000 { "x".to_owned() } else { self.value() };
            query.push_str(&name);
            if self.chance(95) {
                query.push('=');
            }
            query.push_str(&value);
        }
        query
    }

    fn path(&mut self) -> (String, bool) {
        let prefix = if self.chance(20) { "/api" } else { "" };
        match self.random.random_range(0..16) {
            0..=4 => (format!("{prefix}/analytics"), true),
            5..=8 => (format!("{prefix}/events"), true),
            9 => (format!("{prefix}/links"), true),
            10 => (format!("{prefix}/links/info"), true),
            11 => (format!("{prefix}/links/count"), true),
            12 => (format!("{prefix}/links/{}", self.segment()), true),
            13 => (format!("/{}", self.segment()), false),
            14 => (self.pick(&["/health", "/ready", "/metrics", "/", "//", "/api"]), false),
            _ => (format!("/{}/{}", self.segment(), self.segment()), false),
        }
    }

    fn segment(&mut self) -> String {
        let text = match self.random.random_range(0..4) {
            0 => self.running.theirs.link.to_string(),
            1 => self.pick(WRONG),
            2 => self.noise(),
            _ => format!("ext_{}", self.pick(WRONG)),
        };
        let text = text.replace(['/', '?', '#', '&'], "");
        if text.is_empty() { "x".to_owned() } else { text }
    }

    fn body(&mut self) -> Vec<u8> {
        match self.random.random_range(0..5) {
            0 => (0..self.random.random_range(0..200)).map(|_| self.random.random::<u8>()).collect(),
            1 => "{\"url\":".repeat(self.random.random_range(1..5_000)).into_bytes(),
            2 => "[".repeat(self.random.random_range(1..20_000)).into_bytes(),
            3 => {
                let field = self.pick(PARAMETERS);
                format!(
                    "{{\"url\": \"https://a.b/{}\", \"{field}\": {}}}",
                    self.pick(WRONG),
                    self.random.random::<f64>()
                )
                .into_bytes()
            }
            _ => format!("{{\"url\": \"https://a.b\", \"comments\": \"{}\"}}", self.pick(WRONG)).into_bytes(),
        }
    }

    fn case(&mut self) -> Case {
        let (path, is_api) = self.path();
        let target = format!("{path}{}", self.query());
        let method = match self.random.random_range(0..20) {
            0 => "HEAD",
            1 => "POST",
            2 => "PATCH",
            3 => "OPTIONS",
            4 => "DELETE",
            5 => "BREW",
            _ => "GET",
        };
        let mut head = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
        let host = if self.chance(90) {
            "api.example".to_owned()
        } else {
            self.pick(&["go.example.com", "", "[::", "a b", "%00"])
        };
        let is_api = is_api && host != "go.example.com";
        head.push_str(&format!("Host: {host}\r\n"));
        let key = if self.chance(95) { format!("Bearer {}", self.running.ours.key) } else { self.pick(WRONG) };
        head.push_str(&format!("Authorization: {key}\r\n"));
        if self.chance(30) {
            let name = self.pick(&["Accept", "User-Agent", "Referer", "X-Forwarded-For", "Forwarded", "Cookie"]);
            head.push_str(&format!("{name}: {}\r\n", self.value()));
        }
        let body = if matches!(method, "POST" | "PATCH") { self.body() } else { Vec::new() };
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let bytes = [head.as_bytes(), b"\r\n", &body].concat();
        Case { bytes, is_api, is_head: method == "HEAD", shown: head.chars().take(600).collect() }
    }
}

fn judge(case: &Case, reply: &Reply, foreign: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {} {:.300}\n{}", reply.status, reply.text(), case.shown));
    if !(200..500).contains(&reply.status) {
        return wrong("status");
    }
    if case.is_head {
        return if reply.body.is_empty() { Ok(()) } else { wrong("a body") };
    }
    if !reply.whole {
        return wrong("cut off");
    }
    // What hyper refuses never comes to us, and has no body.
    let is_ours = !reply.header("content-type").is_empty();
    let is_bare = reply.body.is_empty() && matches!(reply.status, 204 | 302 | 400 | 404 | 405 | 414 | 431);
    if !is_ours && !is_bare {
        return wrong("no type");
    }
    if case.is_api && is_ours && reply.status >= 400 && !reply.is_enveloped() {
        return wrong("no envelope");
    }
    if case.is_api && !is_ours && !matches!(reply.status, 400 | 414 | 431) {
        return wrong("not ours");
    }
    if case.is_api && reply.status == 200 && (reply.text().contains(SECRET) || reply.text().contains(foreign)) {
        return wrong("theirs");
    }
    if reply.head.to_ascii_lowercase().contains("x-injected") {
        return wrong("a header of the client's");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_malformed_requests() {
    let running = Running::start("hostile_fuzz").await;
    let seed = std::env::var("LINKTRAIL_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let mut fuzzer = Fuzzer { random: SmallRng::seed_from_u64(seed), running: &running };
    let cases: Vec<Case> = (0..REQUESTS).map(|_| fuzzer.case()).collect();
    let foreign = running.theirs.workspace.to_string();
    let ask = async |(number, case): (usize, &Case)| {
        let reply = exchange(running.address, &case.bytes, false).await;
        if let Err(problem) = judge(case, &reply, &foreign) {
            panic!("seed {seed}, request {number}: {problem}");
        }
        reply.status
    };
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    for batch in cases.iter().enumerate().collect::<Vec<_>>().chunks(AT_ONCE) {
        let replies: Vec<u16> = stream::iter(batch.iter().copied()).map(ask).buffer_unordered(AT_ONCE).collect().await;
        for status in replies {
            *statuses.entry(status).or_default() += 1;
        }
    }
    println!("seed {seed}: {statuses:?}");
    // Neither all refused at the door nor all let through.
    for status in [200, 400, 404, 422] {
        assert!(statuses.get(&status).copied().unwrap_or(0) > REQUESTS / 100, "seed {seed}: {statuses:?}");
    }
    running.assert_well("the fuzzer").await;
    running.stop().await;
}
