-- Everything that happened, one row an event. An unknown dimension is an empty string.
--
-- Written for one server and for a cluster: the program fills in {on_cluster}, {local} (the suffix of the tables that hold
-- the rows of one shard), {merge_tree} and {aggregating_merge_tree} (the engines) and {window} (the setting that keeps the
-- log of insert tokens). An acknowledged insert is on disk. A statement after "-- only: cluster" is left out on a single server.

CREATE TABLE IF NOT EXISTS events{local} {on_cluster}
(
    workspace_id UInt64 CODEC(T64, LZ4),
    kind Enum8('click' = 1, 'pageview' = 2, 'custom' = 3, 'lead' = 4, 'sale' = 5),
    timestamp DateTime64(3, 'UTC') CODEC(T64, LZ4),
    event_id UInt64 CODEC(T64, LZ4),
    link_id UInt64 CODEC(T64, LZ4),
    visitor UInt64 CODEC(LZ4),
    repeat Bool,
    bot LowCardinality(String),
    trigger LowCardinality(String),
    continent LowCardinality(String),
    country LowCardinality(String),
    region LowCardinality(String),
    city LowCardinality(String),
    device LowCardinality(String),
    browser LowCardinality(String),
    browser_version LowCardinality(String),
    os LowCardinality(String),
    os_version LowCardinality(String),
    user_agent String CODEC(ZSTD(1)),
    referrer_host LowCardinality(String),
    referrer_url String CODEC(ZSTD(1)),
    url String CODEC(ZSTD(1)),
    base_url LowCardinality(String),
    utm_source LowCardinality(String),
    utm_medium LowCardinality(String),
    utm_campaign LowCardinality(String),
    utm_term LowCardinality(String),
    utm_content LowCardinality(String),
    click_event_id UInt64 CODEC(T64, LZ4),
    customer_id UInt64 CODEC(T64, LZ4),
    event_name LowCardinality(String),
    amount Int64 CODEC(T64, LZ4),
    currency LowCardinality(String),
    payment_processor LowCardinality(String),
    invoice_id String CODEC(ZSTD(1)),
    metadata String CODEC(ZSTD(1)),
    -- Finds one event, or one batch, by its identity: identities run with time.
    INDEX event_id_range event_id TYPE minmax GRANULARITY 1,
    -- Pages and counts of one link without reading the whole workspace.
    PROJECTION by_link (SELECT * ORDER BY workspace_id, link_id, timestamp)
)
ENGINE = {merge_tree}
PARTITION BY toYYYYMM(timestamp)
ORDER BY (workspace_id, kind, timestamp)
SETTINGS {window} = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Counts by quarter of an hour: every zone's offset is a multiple of it. The node keeps the rows of different writers apart,
-- so that each can bring its own in line with its events after an unclean end.
CREATE TABLE IF NOT EXISTS events_15m{local} {on_cluster}
(
    workspace_id UInt64,
    kind Enum8('click' = 1, 'pageview' = 2, 'custom' = 3, 'lead' = 4, 'sale' = 5),
    slot DateTime('UTC'),
    link_id UInt64,
    bot LowCardinality(String),
    repeat Bool,
    node UInt16,
    events SimpleAggregateFunction(sum, UInt64),
    last SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = {aggregating_merge_tree}
PARTITION BY toYYYYMM(slot)
ORDER BY (workspace_id, kind, slot, link_id, bot, repeat, node)
SETTINGS {window} = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS events_15m_fill {on_cluster} TO events_15m{local} AS
SELECT
    workspace_id,
    kind,
    toStartOfFifteenMinutes(timestamp) AS slot,
    link_id,
    bot,
    repeat,
    toUInt16(bitShiftRight(event_id, 48)) AS node,
    count() AS events,
    max(timestamp) AS last
FROM events{local}
GROUP BY workspace_id, kind, slot, link_id, bot, repeat, node;

-- only: cluster
CREATE TABLE IF NOT EXISTS events {on_cluster} AS events{local}
ENGINE = Distributed({cluster}, currentDatabase(), events{local}, cityHash64(link_id));

-- only: cluster
CREATE TABLE IF NOT EXISTS events_15m {on_cluster} AS events_15m{local}
ENGINE = Distributed({cluster}, currentDatabase(), events_15m{local}, cityHash64(link_id));
