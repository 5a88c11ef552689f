-- Where the visitor's city is, in ten-thousandths of a degree; both 0 where it is not known.

ALTER TABLE events{local} {on_cluster}
    ADD COLUMN IF NOT EXISTS latitude Int32 CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS longitude Int32 CODEC(T64, LZ4);

-- The projection takes up the new columns.
ALTER TABLE events{local} {on_cluster} DROP PROJECTION IF EXISTS by_link;

ALTER TABLE events{local} {on_cluster} ADD PROJECTION IF NOT EXISTS by_link
    (SELECT * ORDER BY workspace_id, link_id, timestamp);

ALTER TABLE events{local} {on_cluster} MATERIALIZE PROJECTION by_link;

-- The table over the shards takes them up too.
-- only: cluster
DROP TABLE IF EXISTS events {on_cluster} SYNC;

-- only: cluster
CREATE TABLE IF NOT EXISTS events {on_cluster} AS events{local}
ENGINE = Distributed({cluster}, currentDatabase(), events{local}, cityHash64(link_id, if(link_id = 0, visitor, 0)));
