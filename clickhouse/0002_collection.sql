-- What sites, recognition and idempotency add to events.

ALTER TABLE events{local} {on_cluster}
    ADD COLUMN IF NOT EXISTS site_id UInt64 CODEC(T64, LZ4),
    -- 0: sessions are told by silence. Else the session that the source of the event named.
    ADD COLUMN IF NOT EXISTS session UInt64 CODEC(LZ4),
    -- Hash of the name that the sender gave to the event; 0 for none.
    ADD COLUMN IF NOT EXISTS idempotency UInt64 CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS event_type LowCardinality(String),
    ADD COLUMN IF NOT EXISTS page LowCardinality(String),
    ADD COLUMN IF NOT EXISTS page_title String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS user_id String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS screen_width UInt16 CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS screen_height UInt16 CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS duration_ms UInt32 CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS params String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS language LowCardinality(String),
    ADD COLUMN IF NOT EXISTS bot_category LowCardinality(String),
    ADD COLUMN IF NOT EXISTS referrer_name LowCardinality(String),
    ADD COLUMN IF NOT EXISTS channel LowCardinality(String),
    ADD COLUMN IF NOT EXISTS isp LowCardinality(String),
    ADD COLUMN IF NOT EXISTS asn UInt32 CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS hosting Bool,
    ADD COLUMN IF NOT EXISTS address String CODEC(ZSTD(1));

-- The projection takes up the new columns.
ALTER TABLE events{local} {on_cluster} DROP PROJECTION IF EXISTS by_link;

ALTER TABLE events{local} {on_cluster} ADD PROJECTION IF NOT EXISTS by_link
    (SELECT * ORDER BY workspace_id, link_id, timestamp);

ALTER TABLE events{local} {on_cluster} MATERIALIZE PROJECTION by_link;

-- The table over the shards takes them up too. Events without a link are spread by their visitor.
-- only: cluster
DROP TABLE IF EXISTS events {on_cluster} SYNC;

-- only: cluster
CREATE TABLE IF NOT EXISTS events {on_cluster} AS events{local}
ENGINE = Distributed({cluster}, currentDatabase(), events{local}, cityHash64(link_id, if(link_id = 0, visitor, 0)));
