-- Finds the events of one visitor: a block of events holds thousands of visitors, and the filter says of nearly all blocks
-- that they do not hold this one.

ALTER TABLE events{local} {on_cluster} ADD INDEX IF NOT EXISTS visitor_filter visitor TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE events{local} {on_cluster} MATERIALIZE INDEX visitor_filter;
