//! The questions of the chapter. By hand they are asked as somebody would who knows the tables as well as the program does:
//! with values in the text, the counts by quarter of an hour where those serve, and a projection where that helps.

use std::collections::BTreeSet;

use serde_json::Value;

use super::question::{Growth, Question, cells, events, fields, points};

const DAY_MS: i64 = 86_400_000;
const SLOT_MS: i64 = 900_000;
/// Whose events count where nothing else is said.
const HUMAN: &str = "bot = '' AND NOT repeat";
/// The largest workspace's clicks.
const CLICKS: &str = "workspace_id = 1 AND kind = 'click'";
/// Events of a page.
const PAGE: u64 = 100;
/// What a page of clicks shows of an event.
const SHOWN: &str = "timestamp, concat('k', toString(link_id - {first})) AS slug, country, city, browser, url, event_id, continent, \
     region, device, os, trigger, referrer_host, referrer_url, user_agent";

/// What the questions are about.
#[derive(Clone, Debug)]
pub struct Terms {
    /// When the last event happened.
    pub end_ms: i64,
    /// The first of the workspace's links.
    pub first_link: u64,
    /// A link with many clicks, its place among them.
    pub link: u64,
    /// The same as the API names it.
    pub link_id: String,
    /// Clicks that count of the workspace, and of the link.
    pub counted: (u64, u64),
}

impl Terms {
    /// When the last 30 days began.
    pub fn start_ms(&self) -> i64 {
        self.end_ms - 30 * DAY_MS
    }

    /// `start=...&end=...` of the last 30 days.
    fn span(&self) -> String {
        format!("start={}&end={}", instant(self.start_ms()), instant(self.end_ms))
    }

    /// The clicks of the last 30 days.
    fn recent(&self) -> String {
        format!("{CLICKS} AND {} AND {HUMAN}", between(self.start_ms(), self.end_ms))
    }

    /// Rows of the last 30 days: whole slots from the counts, what is left at both ends from events. `slot` and `event` say
    /// what is taken of each, `grouped` is ` GROUP BY ...` or nothing.
    fn rolled(&self, slot: &str, event: &str, grouped: &str) -> String {
        let (first, last) = ((self.start_ms() / SLOT_MS + 1) * SLOT_MS, self.end_ms / SLOT_MS * SLOT_MS);
        let edge = |from, to| {
            format!("SELECT {event} FROM events WHERE {CLICKS} AND {} AND {HUMAN}{grouped}", between(from, to))
        };
        format!(
            "SELECT {slot} FROM events_15m WHERE {CLICKS} AND slot >= {} AND slot < {} AND {HUMAN}{grouped} UNION ALL {} UNION ALL {}",
            first / 1_000,
            last / 1_000,
            edge(self.start_ms(), first),
            edge(last, self.end_ms)
        )
    }

    /// The furthest pages that are full, up to the thousandth: of the workspace, of the link.
    pub fn far_pages(&self) -> (u64, u64) {
        let far = |counted: u64| (counted / PAGE).clamp(1, 1_000);
        (far(self.counted.0), far(self.counted.1))
    }

    /// Instants on the first and the last of 30 days that are over.
    pub fn whole_days(&self) -> (i64, i64) {
        (self.end_ms - 31 * DAY_MS, self.end_ms - 2 * DAY_MS)
    }

    /// 50 of the workspace's links.
    pub fn some_links(&self) -> Vec<u64> {
        (0..50).map(|place| self.first_link + place * 37).collect()
    }
}

/// RFC 3339, in UTC.
pub fn instant(at_ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The date, in UTC.
pub fn day(at_ms: i64) -> String {
    instant(at_ms).split_at(10).0.to_owned()
}

fn between(from_ms: i64, to_ms: i64) -> String {
    format!("timestamp >= fromUnixTimestamp64Milli({from_ms}) AND timestamp < fromUnixTimestamp64Milli({to_ms})")
}

/// All of them, in the order of the report.
pub fn all(terms: &Terms) -> Vec<Question> {
    let mut list = counts(terms);
    list.extend(breakdowns(terms));
    list.extend(pages(terms));
    list.push(pivot(terms));
    list.push(composite(terms));
    list
}

fn counts(terms: &Terms) -> Vec<Question> {
    let (span, recent) = (terms.span(), terms.recent());
    let series = |granularity: &str| {
        format!("/analytics?groupBy=timeseries&granularity={granularity}&timezone=America/New_York&{span}")
    };
    // By bucket, and only those that have clicks: numbered, since the labels of the two differ in form.
    let numbered = |rows: String| {
        format!("SELECT rowNumberInAllBlocks(), n FROM (SELECT t, sum(c) AS n FROM ({rows}) GROUP BY t ORDER BY t)")
    };
    let hourly = terms.rolled(
        "intDiv(toUnixTimestamp(slot), 3600) AS t, sum(events) AS c",
        "intDiv(toUnixTimestamp(timestamp), 3600) AS t, count() AS c",
        " GROUP BY t",
    );
    let daily = terms.rolled(
        "toDate(slot, 'America/New_York') AS t, sum(events) AS c",
        "toDate(timestamp, 'America/New_York') AS t, count() AS c",
        " GROUP BY t",
    );
    let total = terms.rolled("sum(events) AS c", "count() AS c", "");
    vec![
        Question::new(
            "total",
            "total, 30 days",
            Growth::Rollup,
            format!("/analytics?groupBy=count&{span}"),
            vec![format!("SELECT sum(c) FROM ({total})"), format!("SELECT count() FROM events WHERE {recent}")],
            fields(&["clicks"]),
        ),
        Question::new(
            "total of all",
            "total, all time",
            Growth::Rollup,
            "/analytics?groupBy=count&interval=all".to_owned(),
            vec![format!("SELECT sum(events) FROM events_15m WHERE {CLICKS} AND {HUMAN}")],
            fields(&["clicks"]),
        ),
        Question::new(
            "hourly",
            "hourly series in New York, 30 days",
            Growth::Rollup,
            series("hour"),
            vec![numbered(hourly)],
            points,
        ),
        Question::new(
            "daily",
            "daily series in New York, 30 days",
            Growth::Rollup,
            series("day"),
            vec![numbered(daily)],
            points,
        ),
        Question::new(
            "top links",
            "top links, 30 days",
            Growth::Rollup,
            format!("/analytics?groupBy=top_links&{span}"),
            vec![format!(
                "SELECT concat('k', toString(link_id - {})), sum(c) AS n FROM ({}) GROUP BY link_id ORDER BY n DESC LIMIT 5000",
                terms.first_link,
                terms.rolled("link_id, sum(events) AS c", "link_id, count() AS c", " GROUP BY link_id")
            )],
            fields(&["key", "clicks"]),
        ),
        Question::new(
            "uniques",
            "uniques, 30 days",
            Growth::Events,
            format!("/analytics?groupBy=count&unique=true&{span}"),
            vec![
                format!("SELECT uniqExact(link_id, visitor) FROM events WHERE {recent}"),
                format!("SELECT count() FROM (SELECT 1 FROM events WHERE {recent} GROUP BY link_id, visitor)"),
            ],
            fields(&["clicks"]),
        ),
    ]
}

fn breakdowns(terms: &Terms) -> Vec<Question> {
    let (span, recent) = (terms.span(), terms.recent());
    let by = |column: &str, more: &str, limit: u64| {
        vec![format!(
            "SELECT {column}, count() AS n FROM events WHERE {recent}{more} GROUP BY {column} ORDER BY n DESC, {column} LIMIT {limit}"
        )]
    };
    vec![
        Question::new(
            "countries",
            "top 10 countries but one, 30 days",
            Growth::Events,
            format!("/analytics?groupBy=countries&country=-US&{span}"),
            by("country", " AND country NOT IN ('US', '')", 10),
            fields(&["country", "clicks"]),
        )
        .first(10),
        Question::new(
            "referrers",
            "referrers with lists, 30 days",
            Growth::Events,
            format!(
                "/analytics?groupBy=referers&referer=google.com,t.co,linkedin.com,site20.example,site30.example\
                 &country=US,DE,GB,FR,CA&browser=-Firefox,Edge&{span}"
            ),
            by(
                "referrer_host",
                " AND referrer_host IN ('google.com', 't.co', 'linkedin.com', 'site20.example', 'site30.example') \
                 AND country IN ('US', 'DE', 'GB', 'FR', 'CA') AND browser NOT IN ('Firefox', 'Edge')",
                5_000,
            ),
            fields(&["referer", "clicks"]),
        ),
        Question::new(
            "campaigns",
            "UTM campaigns, 30 days",
            Growth::Events,
            format!("/analytics?groupBy=utm_campaigns&{span}"),
            by("utm_campaign", " AND utm_campaign != ''", 5_000),
            fields(&["utm_campaign", "clicks"]),
        ),
    ]
}

fn pages(terms: &Terms) -> Vec<Question> {
    let page = |id: &'static str, name: String, number: u64, link: bool| {
        let of_link = if link { format!("&linkId={}", terms.link_id) } else { String::new() };
        let among = if link { format!(" AND link_id = {}", terms.first_link + terms.link) } else { String::new() };
        let shown = SHOWN.replace("{first}", &terms.first_link.to_string());
        let offset = (number - 1) * PAGE;
        let order = format!("ORDER BY timestamp DESC, event_id DESC LIMIT {PAGE} OFFSET {offset}");
        let whole = format!("SELECT {shown} FROM events WHERE {CLICKS} AND {HUMAN}{among} {order}");
        // Which they are is found in narrow columns, the rest is read of them alone.
        let late = format!(
            "SELECT {shown} FROM events WHERE {CLICKS}{among} AND (timestamp, event_id) IN \
             (SELECT timestamp, event_id FROM events WHERE {CLICKS} AND {HUMAN}{among} {order})"
        );
        let settings = " SETTINGS optimize_read_in_order = 0";
        let by_hand = vec![whole.clone(), format!("{whole}{settings}"), late.clone(), format!("{late}{settings}")];
        let path = format!("/events?interval=all&limit={PAGE}&page={number}{of_link}");
        let first = terms.first_link;
        Question::new(id, name, Growth::Events, path, by_hand, events).then(move |rows| counters(first, rows))
    };
    let (workspace, link) = terms.far_pages();
    vec![
        page("first page", "events, page 1".to_owned(), 1, false),
        page("far page", format!("events, page {workspace}"), workspace, false),
        page("first page of link", "events of a link, page 1".to_owned(), 1, true),
        page("far page of link", format!("events of a link, page {link}"), link, true),
    ]
}

/// The counters of the links of a page, which stand beside each event: of clicks, leads and sales ever, and of what was paid.
fn counters(first: u64, rows: &[Vec<Value>]) -> Vec<String> {
    let place = |row: &Vec<Value>| row.get(1)?.as_str()?.strip_prefix('k')?.parse::<u64>().ok();
    let links: BTreeSet<u64> = rows.iter().filter_map(place).map(|place| first + place).collect();
    let links = links.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let of_links = format!("{HUMAN} AND link_id IN ({links}) GROUP BY link_id");
    vec![
        format!(
            "SELECT link_id, sumIf(events, kind = 'click'), maxIf(last, kind = 'click'), sumIf(events, kind = 'lead'), \
             sumIf(events, kind = 'sale') FROM events_15m WHERE workspace_id = 1 AND kind IN ('click', 'lead', 'sale') AND {of_links}"
        ),
        format!(
            "SELECT link_id, currency, count(), sum(amount), groupUniqArray(customer_id) FROM events \
             WHERE workspace_id = 1 AND kind = 'sale' AND {of_links}, currency"
        ),
    ]
}

/// 30 whole days of 50 links, as Linkly counts: robots and repeats too.
fn pivot(terms: &Terms) -> Question {
    let (first, last) = terms.whole_days();
    let (first, last) = (day(first), day(last));
    let list = |separator: &str| terms.some_links().iter().map(ToString::to_string).collect::<Vec<_>>().join(separator);
    let at = |day: &str, more: &str| format!("toDateTime('{day} 00:00:00', 'America/New_York'){more}");
    Question::new(
        "pivot",
        "pivot of 30 days and 50 links",
        Growth::Rollup,
        format!(
            "/api/v1/workspace/1/clicks?pivot=link_id&frequency=day&timezone=America/New_York&start={first}&end={last}&link_ids={}",
            list("-")
        ),
        vec![format!(
            "SELECT toDate(slot, 'America/New_York') AS t, link_id, sum(events) FROM events_15m WHERE {CLICKS} \
             AND slot >= {} AND slot < {} AND link_id IN ({}) GROUP BY t, link_id",
            at(&first, ""),
            at(&last, " + INTERVAL 1 DAY"),
            list(", ")
        )],
        cells,
    )
}

fn composite(terms: &Terms) -> Question {
    let (span, between) = (terms.span(), between(terms.start_ms(), terms.end_ms));
    let together = format!(
        "SELECT country, countIf(kind = 'click') AS clicks, countIf(kind = 'lead'), countIf(kind = 'sale'), \
         sumIf(amount, kind = 'sale' AND currency = 'usd') FROM events WHERE workspace_id = 1 \
         AND kind IN ('click', 'lead', 'sale') AND {between} AND {HUMAN} AND country != '' GROUP BY country ORDER BY clicks DESC"
    );
    let one = |kind: &str, what: &str| {
        format!(
            "SELECT country, {what} FROM events WHERE workspace_id = 1 AND kind = '{kind}' AND {between} AND {HUMAN} \
             AND country != '' GROUP BY country"
        )
    };
    let apart = format!(
        "SELECT country, sum(a) AS clicks, sum(b), sum(c), sum(d) FROM ({} UNION ALL {} UNION ALL {}) GROUP BY country ORDER BY clicks DESC",
        one("click", "count() AS a, 0 AS b, 0 AS c, 0 AS d"),
        one("lead", "0 AS a, count() AS b, 0 AS c, 0 AS d"),
        one("sale", "0 AS a, 0 AS b, count() AS c, sumIf(amount, currency = 'usd') AS d")
    );
    Question::new(
        "composite",
        "clicks, leads and sales by country, 30 days",
        Growth::Events,
        format!("/analytics?event=composite&groupBy=countries&{span}"),
        vec![together, apart],
        fields(&["country", "clicks", "leads", "sales", "saleAmount"]),
    )
}
