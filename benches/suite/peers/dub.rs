//! Dub's tables and the forms of its queries (Dub contract, section 8) in the same ClickHouse.

use crate::queries::ground::Ground;
use crate::queries::questions::Terms;
use crate::queries::store::{Store, User};

/// Makes and fills the tables.
const TABLES: &str = include_str!("dub.sql");
/// Their database: both users of the program's own ClickHouse may use names that begin so.
pub const DATABASE: &str = "linktrail_peers";
/// What one `groupBy` of many is chosen from in each query.
const GROUPS: [(&str, &str); 20] = [
    ("continents", "continent"),
    ("countries", "country"),
    ("regions", "region"),
    ("cities", "city"),
    ("devices", "device"),
    ("browsers", "browser"),
    ("os", "os"),
    ("triggers", "trigger"),
    ("referers", "referer"),
    ("referer_urls", "splitByString('?', referer_url)[1]"),
    ("top_links", "link_id"),
    ("top_urls", "url"),
    ("top_base_urls", "splitByString('?', url)[1]"),
    ("top_domains", "domain"),
    ("utm_sources", "decodeURLFormComponent(extractURLParameter(url, 'utm_source'))"),
    ("utm_mediums", "decodeURLFormComponent(extractURLParameter(url, 'utm_medium'))"),
    ("utm_campaigns", "decodeURLFormComponent(extractURLParameter(url, 'utm_campaign'))"),
    ("utm_terms", "decodeURLFormComponent(extractURLParameter(url, 'utm_term'))"),
    ("utm_contents", "decodeURLFormComponent(extractURLParameter(url, 'utm_content'))"),
    ("keys", "key"),
];

/// Makes the tables out of the ground's events.
pub async fn fill(ground: &Ground) -> anyhow::Result<()> {
    let mut store = Store::open(ground.folder(), User::Writer).await?;
    let text: String = TABLES.lines().filter(|line| !line.starts_with("--")).map(|line| format!("{line}\n")).collect();
    let text = text.replace("{first_link}", &ground.first_link.to_string());
    for statement in text.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        store.run(statement, "&max_insert_threads=2").await?;
    }
    ground.settle().await?;
    Ok(())
}

fn within(start_ms: i64, end_ms: i64) -> String {
    // Both ends are part of the range there.
    let at = |ms: i64| format!("fromUnixTimestamp64Milli({ms}, 'UTC')");
    format!("workspace_id = 'ws_1' AND timestamp >= {} AND timestamp <= {}", at(start_ms), at(end_ms - 1))
}

/// The SQL for a question of the queries chapter, by its id; `None` for what Dub does not answer.
pub fn sql(id: &str, terms: &Terms) -> Option<String> {
    let (start_ms, end_ms) = (terms.start_ms(), terms.end_ms);
    let recent = within(start_ms, end_ms);
    let page = |number: u64, link: &str| {
        // The columns that are compared stand first; it reads all of them.
        format!(
            "SELECT timestamp, key, if(country = 'Unknown', '', country), if(city = 'Unknown', '', city), browser, url, * \
             FROM dub_click_events_mv WHERE {}{link} ORDER BY timestamp DESC LIMIT 100 OFFSET {}",
            within(0, end_ms),
            (number - 1) * 100
        )
    };
    let of_link = format!(" AND link_id IN ('link_{:0>26}')", terms.first_link + terms.link);
    let (far, far_of_link) = terms.far_pages();
    let clicks = "dub_click_events_mv";
    Some(match id {
        "total" => format!("SELECT count() FROM {clicks} WHERE {recent}"),
        "hourly" => series("toStartOfHour", "toIntervalHour", 722, terms),
        "daily" => series("toStartOfDay", "toIntervalDay", 32, terms),
        "top links" => format!(
            "SELECT concat('k', toString(toInt64(substring(value, 6)) - {})), counted FROM ({})",
            terms.first_link,
            group(clicks, "top_links", "count()", &recent)
        ),
        "uniques" => format!("SELECT uniqExact(link_id, identity_hash) FROM {clicks} WHERE {recent}"),
        "countries" => {
            format!(
                "{} LIMIT 10",
                group(clicks, "countries", "count()", &format!("{recent} AND country NOT IN ('US')"))
            )
        }
        "referrers" => group(
            clicks,
            "referers",
            "count()",
            &format!(
                "{recent} AND referer IN ('google.com', 't.co', 'linkedin.com', 'site20.example', 'site30.example') \
                 AND country IN ('US', 'DE', 'GB', 'FR', 'CA') AND browser NOT IN ('Firefox', 'Edge')"
            ),
        ),
        "campaigns" => group(clicks, "utm_campaigns", "count()", &recent),
        "first page" => page(1, ""),
        "far page" => page(far, ""),
        "first page of link" => page(1, &of_link),
        "far page of link" => page(far_of_link, &of_link),
        "composite" => composite(&recent),
        _ => return None,
    })
}

fn group(table: &str, name: &str, measure: &str, filter: &str) -> String {
    let choices: String = GROUPS.iter().map(|(known, column)| format!("'{name}' = '{known}', {column}, ")).collect();
    format!(
        "SELECT multiIf({choices}'') AS value, {measure} AS counted FROM {table} WHERE {filter} \
         AND value NOT IN ('', 'Unknown') GROUP BY value ORDER BY counted DESC"
    )
}

/// Made-up buckets beside those that have clicks. Only these are compared, by their number in order.
fn series(start_of: &str, step: &str, buckets: u32, terms: &Terms) -> String {
    let zone = "America/New_York";
    format!(
        "WITH intervals AS (SELECT arrayJoin(arrayMap(place -> {start_of}(fromUnixTimestamp64Milli({}, 'UTC'), '{zone}') \
         + {step}(place), range({buckets}))) AS interval), data AS (SELECT {start_of}(timestamp, '{zone}') AS interval, \
         uniq(click_id) AS clicks FROM dub_click_events_mv WHERE {} GROUP BY interval) \
         SELECT rowNumberInAllBlocks(), clicks FROM (SELECT formatDateTime(interval, '%FT%T.000%z'), clicks FROM intervals \
         LEFT JOIN data ON intervals.interval = data.interval WHERE clicks > 0 ORDER BY interval)",
        terms.start_ms(),
        within(terms.start_ms(), terms.end_ms)
    )
}

/// Three queries joined; sales first learn which sale of their customer was the first.
fn composite(recent: &str) -> String {
    let by = |table: &str| group(table, "countries", "count()", recent);
    let sales = format!(
        "(SELECT sale.*, first.first_at FROM (SELECT * FROM dub_sale_events_mv WHERE {recent}) AS sale LEFT JOIN \
         (SELECT workspace_id, link_id, customer_id, min(timestamp) AS first_at FROM dub_sale_events_mv \
         WHERE workspace_id = 'ws_1' GROUP BY workspace_id, link_id, customer_id) AS first USING (workspace_id, link_id, customer_id))"
    );
    let sold = group(&sales, "countries", "(count(), sum(amount))", recent);
    format!(
        "SELECT c.value, c.counted, l.counted, s.counted.1, s.counted.2 FROM ({}) AS c LEFT JOIN ({}) AS l ON c.value = l.value \
         LEFT JOIN ({sold}) AS s ON c.value = s.value ORDER BY c.counted DESC",
        by("dub_click_events_mv"),
        by("dub_lead_events_mv")
    )
}
