//! One table in a database that is not made for this: its columns, and the questions in its SQL.

use crate::queries::questions::{Terms, day, instant};

/// What differs between the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Postgres
    Postgres,
    /// DuckDB
    Duck,
}

/// The columns: name, type, and the value in the program's own table.
const COLUMNS: [(&str, &str, &str); 27] = [
    ("workspace_id", "integer", "workspace_id"),
    ("kind", "smallint", "CAST(kind AS Int8)"),
    ("timestamp", "timestamp", "timestamp"),
    ("event_id", "bigint", "event_id"),
    ("link_id", "bigint", "link_id"),
    ("visitor", "bigint", "reinterpretAsInt64(visitor)"),
    ("repeat", "boolean", "repeat"),
    ("bot", "text", "bot"),
    ("trigger", "text", "trigger"),
    ("continent", "text", "continent"),
    ("country", "text", "country"),
    ("region", "text", "region"),
    ("city", "text", "city"),
    ("device", "text", "device"),
    ("browser", "text", "browser"),
    ("os", "text", "os"),
    ("user_agent", "text", "user_agent"),
    ("referrer_host", "text", "referrer_host"),
    ("referrer_url", "text", "referrer_url"),
    ("url", "text", "url"),
    ("utm_source", "text", "utm_source"),
    ("utm_medium", "text", "utm_medium"),
    ("utm_campaign", "text", "utm_campaign"),
    ("utm_term", "text", "utm_term"),
    ("utm_content", "text", "utm_content"),
    ("amount", "bigint", "amount"),
    ("currency", "text", "currency"),
];

/// `name type, ...`
pub fn columns() -> String {
    // Postgres takes the name for the type's otherwise.
    COLUMNS.map(|(name, kind, _)| format!("\"{name}\" {kind} NOT NULL")).join(", ")
}

/// The rows of a span of time as they would have come, in lines with tabs.
pub fn rows(from_ms: i64, to_ms: i64) -> String {
    format!(
        "SELECT {} FROM events WHERE timestamp >= fromUnixTimestamp64Milli({from_ms}) \
         AND timestamp < fromUnixTimestamp64Milli({to_ms}) ORDER BY timestamp FORMAT TabSeparated",
        COLUMNS.map(|(_, _, value)| value).join(", ")
    )
}

impl Dialect {
    fn at(at_ms: i64) -> String {
        format!("TIMESTAMP '{}'", instant(at_ms).replace('T', " ").replace('Z', ""))
    }

    fn day(self) -> &'static str {
        match self {
            Self::Postgres => "to_char(\"timestamp\" AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York', 'YYYY-MM-DD')",
            Self::Duck => "strftime(timezone('America/New_York', timezone('UTC', \"timestamp\")), '%Y-%m-%d')",
        }
    }

    fn time(self) -> &'static str {
        match self {
            Self::Postgres => "to_char(\"timestamp\", 'YYYY-MM-DD HH24:MI:SS.MS')",
            Self::Duck => "strftime(\"timestamp\", '%Y-%m-%d %H:%M:%S.%g')",
        }
    }

    /// The SQL for a question, by its id; `table` is where the events are. `None` for what is not asked.
    pub fn sql(self, table: &str, id: &str, terms: &Terms) -> Option<String> {
        let clicks = "workspace_id = 1 AND kind = 1";
        let human = "bot = '' AND NOT repeat";
        let span =
            format!("\"timestamp\" >= {} AND \"timestamp\" < {}", Self::at(terms.start_ms()), Self::at(terms.end_ms));
        let recent = format!("{clicks} AND {span} AND {human}");
        let by = |column: &str, more: &str, limit: u64| {
            format!(
                "SELECT {column}, count(*) AS n FROM {table} WHERE {recent}{more} GROUP BY 1 ORDER BY n DESC, 1 LIMIT {limit}"
            )
        };
        let series = |of: &str| {
            format!(
                "SELECT row_number() OVER (ORDER BY t) - 1, n FROM \
                 (SELECT {of} AS t, count(*) AS n FROM {table} WHERE {recent} GROUP BY 1) AS points"
            )
        };
        let slug = format!("'k' || (link_id - {})", terms.first_link);
        let page = |number: u64, link: &str| {
            format!(
                "SELECT {}, {slug}, country, city, browser, url, event_id, continent, region, device, os, trigger, \
                 referrer_host, referrer_url, user_agent FROM {table} WHERE {clicks} AND {human}{link} \
                 ORDER BY \"timestamp\" DESC, event_id DESC LIMIT 100 OFFSET {}",
                self.time(),
                (number - 1) * 100
            )
        };
        let of_link = format!(" AND link_id = {}", terms.first_link + terms.link);
        let (far, far_of_link) = terms.far_pages();
        Some(match id {
            "total" => format!("SELECT count(*) FROM {table} WHERE {recent}"),
            "total of all" => format!("SELECT count(*) FROM {table} WHERE {clicks} AND {human}"),
            "hourly" => series("date_trunc('hour', \"timestamp\")"),
            "daily" => series(self.day()),
            "top links" => by(&slug, "", 5_000),
            "uniques" => {
                format!("SELECT count(*) FROM (SELECT DISTINCT link_id, visitor FROM {table} WHERE {recent}) AS pairs")
            }
            "countries" => by("country", " AND country NOT IN ('US', '')", 10),
            "referrers" => by(
                "referrer_host",
                " AND referrer_host IN ('google.com', 't.co', 'linkedin.com', 'site20.example', 'site30.example') \
                 AND country IN ('US', 'DE', 'GB', 'FR', 'CA') AND browser NOT IN ('Firefox', 'Edge')",
                5_000,
            ),
            "campaigns" => by("utm_campaign", " AND utm_campaign != ''", 5_000),
            "first page" => page(1, ""),
            "far page" => page(far, ""),
            "first page of link" => page(1, &of_link),
            "far page of link" => page(far_of_link, &of_link),
            "pivot" => {
                let (first, last) = terms.whole_days();
                let links = terms.some_links().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                // A day more on both sides, whatever the zone; the local day decides.
                format!(
                    "SELECT {day} AS t, link_id, count(*) FROM {table} WHERE {clicks} AND link_id IN ({links}) \
                     AND \"timestamp\" >= {} AND \"timestamp\" < {} AND {day} BETWEEN '{}' AND '{}' GROUP BY 1, 2",
                    Self::at(first - DAY_MS),
                    Self::at(last + 2 * DAY_MS),
                    day(first),
                    day(last),
                    day = self.day()
                )
            }
            "composite" => format!(
                "SELECT country, count(*) FILTER (WHERE kind = 1) AS clicks, count(*) FILTER (WHERE kind = 4), \
                 count(*) FILTER (WHERE kind = 5), coalesce(sum(amount) FILTER (WHERE kind = 5 AND currency = 'usd'), 0) \
                 FROM {table} WHERE workspace_id = 1 AND kind IN (1, 4, 5) AND {span} AND {human} AND country <> '' \
                 GROUP BY 1 ORDER BY 2 DESC"
            ),
            _ => return None,
        })
    }
}

const DAY_MS: i64 = 86_400_000;
