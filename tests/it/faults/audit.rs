//! What ClickHouse holds, compared with itself and with what was promised: whatever was killed, every table that is derived
//! from the events agrees with them, and no event is there twice.

use std::collections::HashMap;

use crate::world::clickhouse_client;

/// How often each number counts. A click has one address a number; of everything else a retry is a repeat, which does not
/// count.
const NUMBERS: &str = "SELECT toUInt64OrZero(extractURLParameter(url, 'n')) AS n, countIf(kind = 'click' OR NOT repeat) \
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

/// What the store says of itself.
pub struct Audit {
    /// How often each number counts.
    pub counts: HashMap<u64, u64>,
    /// See [`WRONG_FIRSTS`].
    pub wrong_firsts: u64,
    drift: u64,
    shared: u64,
}

impl Audit {
    /// Asks, as the user of this URL.
    pub async fn of(reader_url: &str) -> Self {
        let reader = clickhouse_client(reader_url);
        let count = async |question: &str| reader.query(question).fetch_one::<u64>().await.unwrap();
        Self {
            counts: reader.query(NUMBERS).fetch_all::<(u64, u64)>().await.unwrap().into_iter().collect(),
            wrong_firsts: count(WRONG_FIRSTS).await,
            drift: count(DRIFT).await,
            shared: count(SHARED).await,
        }
    }

    /// The tables agree.
    pub fn assert_consistent(&self) {
        assert_eq!(self.drift, 0, "rows of the rollup that disagree with the events");
        assert_eq!(self.shared, 0, "events that share an identity");
    }
}
