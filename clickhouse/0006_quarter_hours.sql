-- The quarter-hour counts in two more orders. They are projections and no tables of their own, so that they can never disagree
-- with the rows that they are made of; merges make them anew, for merges add rows up.

ALTER TABLE events_15m{local} {on_cluster} MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';

-- A whole workspace without its links: as many rows as there are quarters of an hour, however many events there are.
ALTER TABLE events_15m{local} {on_cluster} ADD PROJECTION IF NOT EXISTS by_slot
    (SELECT workspace_id, kind, slot, bot, repeat, sum(events) GROUP BY workspace_id, kind, slot, bot, repeat);

-- Some links without the rest of their workspace.
ALTER TABLE events_15m{local} {on_cluster} ADD PROJECTION IF NOT EXISTS by_link
    (SELECT * ORDER BY workspace_id, kind, link_id, slot);

ALTER TABLE events_15m{local} {on_cluster} MATERIALIZE PROJECTION by_slot;

ALTER TABLE events_15m{local} {on_cluster} MATERIALIZE PROJECTION by_link;

-- The rows of an insert are sorted and added up once, as the table takes them, instead of being grouped before that too.
ALTER TABLE events_15m_fill {on_cluster} MODIFY QUERY
SELECT
    workspace_id,
    kind,
    toStartOfFifteenMinutes(timestamp) AS slot,
    link_id,
    bot,
    repeat,
    toUInt16(bitShiftRight(event_id, 48)) AS node,
    toUInt64(1) AS events,
    timestamp AS last
FROM events{local};
