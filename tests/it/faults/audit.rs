//! What ClickHouse holds, compared with itself and with what was promised: whatever was killed, every table that is derived
//! from the events agrees with them, and no event is there twice.

use std::collections::HashMap;

use crate::world::clickhouse_client;

/// How often each number counts. A click has one address a number; of everything else a retry is a repeat, which does not
/// count.
const NUMBERS: &str = "SELECT toUInt64OrZero(if(kind IN ('lead', 'sale'), JSONExtractString(metadata, 'n'), \
        extractURLParameter(url, 'n'))) AS n, countIf(kind = 'click' OR NOT repeat) \
    FROM events WHERE n > 0 GROUP BY n";

/// Rows of the rollup that disagree with the events.
const DRIFT: &str = "SELECT count() FROM ( \
    SELECT sum(happened) AS happened, sum(counted) AS counted FROM ( \
        SELECT workspace_id, kind, link_id, toStartOfFifteenMinutes(timestamp) AS slot, bot, repeat, \
            toUInt16(bitShiftRight(event_id, 48)) AS node, 1 AS happened, 0 AS counted FROM events \
        UNION ALL SELECT workspace_id, kind, link_id, slot, bot, repeat, node, 0 AS happened, events AS counted \
        FROM events_15m \
    ) GROUP BY workspace_id, kind, link_id, slot, bot, repeat, node HAVING happened != counted)";

/// Events that share an identity.
const SHARED: &str = "SELECT toUInt64(count() - uniqExact(event_id)) FROM events";

/// Visitors of a link with no first click, or more than one: the tests are shorter than the window of repeats.
const WRONG_FIRSTS: &str = "SELECT count() FROM (SELECT countIf(NOT repeat) AS firsts FROM events WHERE kind = 'click' \
    GROUP BY link_id, visitor, bitShiftRight(event_id, 48) HAVING firsts != 1)";

/// What is kept of visitors, and the same of the events.
const VISITORS: &str = "SELECT workspace_id, site_id, visitor, min(first_seen), max(last_seen), argMinIfMerge(first_touch), \
    argMaxIfMerge(last_touch), argMaxIfMerge(user_id) FROM visitors GROUP BY workspace_id, site_id, visitor";
const VISITORS_OF_EVENTS: &str = "SELECT workspace_id, site_id, visitor, min(timestamp), max(timestamp), \
    argMinIf({touch}, (timestamp, event_id), kind IN ('click', 'pageview')), \
    argMaxIf({touch}, (timestamp, event_id), kind IN ('click', 'pageview') AND channel != 'Direct'), \
    argMaxIf(user_id, (timestamp, event_id), user_id != '') \
    FROM events WHERE site_id != 0 AND bot = '' AND NOT repeat GROUP BY workspace_id, site_id, visitor";
/// What a touch tells.
const TOUCH: &str = "(CAST(referrer_host AS String), referrer_url, CAST(referrer_name AS String), CAST(channel AS String), \
    CAST(utm_source AS String), CAST(utm_medium AS String), CAST(utm_campaign AS String), CAST(utm_term AS String), \
    CAST(utm_content AS String), link_id, click_event_id, CAST(page AS String))";

/// What the store says of itself.
pub struct Audit {
    /// How often each number counts.
    pub counts: HashMap<u64, u64>,
    /// See [`WRONG_FIRSTS`].
    pub wrong_firsts: u64,
    /// Visitors in whom the two differ, counted on either side.
    visitors_drift: [u64; 2],
    drift: u64,
    shared: u64,
}

impl Audit {
    /// Asks, as the user of this URL.
    pub async fn of(reader_url: &str) -> Self {
        let reader = clickhouse_client(reader_url);
        let count = async |question: &str| reader.query(question).fetch_one::<u64>().await.unwrap();
        let of_events = VISITORS_OF_EVENTS.replace("{touch}", TOUCH);
        let visitors_drift = [
            count(&format!("SELECT count() FROM ({VISITORS} EXCEPT {of_events})")).await,
            count(&format!("SELECT count() FROM ({of_events} EXCEPT {VISITORS})")).await,
        ];
        Self {
            counts: reader.query(NUMBERS).fetch_all::<(u64, u64)>().await.unwrap().into_iter().collect(),
            wrong_firsts: count(WRONG_FIRSTS).await,
            visitors_drift,
            drift: count(DRIFT).await,
            shared: count(SHARED).await,
        }
    }

    /// The tables agree.
    pub fn assert_consistent(&self) {
        assert_eq!(self.drift, 0, "rows of the rollup that disagree with the events");
        assert_eq!(self.visitors_drift, [0, 0], "visitors of whom something else is kept than their events say");
        assert_eq!(self.shared, 0, "events that share an identity");
    }
}
