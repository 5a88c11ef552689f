-- What is kept of each visitor of a site: how they first came, how they last came, who they are. The states take the earliest
-- and the latest by (timestamp, event_id), so a late, repeated or re-sent event changes nothing that it should not.

CREATE TABLE IF NOT EXISTS visitors{local} {on_cluster}
(
    workspace_id UInt64,
    site_id UInt64,
    visitor UInt64,
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    -- Referrer host, address and name, channel, the five campaign fields, link, click, page.
    first_touch AggregateFunction(argMinIf, Tuple(String, String, String, String, String, String, String, String, String, UInt64, UInt64, String), Tuple(DateTime64(3, 'UTC'), UInt64), UInt8),
    -- The last one that was not direct.
    last_touch AggregateFunction(argMaxIf, Tuple(String, String, String, String, String, String, String, String, String, UInt64, UInt64, String), Tuple(DateTime64(3, 'UTC'), UInt64), UInt8),
    -- The last name that the site gave to the person.
    user_id AggregateFunction(argMaxIf, String, Tuple(DateTime64(3, 'UTC'), UInt64), UInt8)
)
ENGINE = {aggregating_merge_tree}
ORDER BY (workspace_id, site_id, visitor)
SETTINGS {window} = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS visitors_fill {on_cluster} TO visitors{local} AS
SELECT
    workspace_id,
    site_id,
    visitor,
    min(timestamp) AS first_seen,
    max(timestamp) AS last_seen,
    argMinIfState(
        (CAST(referrer_host AS String), referrer_url, CAST(referrer_name AS String), CAST(channel AS String),
            CAST(utm_source AS String), CAST(utm_medium AS String), CAST(utm_campaign AS String), CAST(utm_term AS String),
            CAST(utm_content AS String), link_id, click_event_id, CAST(page AS String)),
        (timestamp, event_id),
        kind IN ('click', 'pageview')) AS first_touch,
    argMaxIfState(
        (CAST(referrer_host AS String), referrer_url, CAST(referrer_name AS String), CAST(channel AS String),
            CAST(utm_source AS String), CAST(utm_medium AS String), CAST(utm_campaign AS String), CAST(utm_term AS String),
            CAST(utm_content AS String), link_id, click_event_id, CAST(page AS String)),
        (timestamp, event_id),
        kind IN ('click', 'pageview') AND channel != 'Direct') AS last_touch,
    argMaxIfState(user_id, (timestamp, event_id), user_id != '') AS user_id
FROM events{local}
WHERE site_id != 0 AND bot = '' AND NOT repeat
GROUP BY workspace_id, site_id, visitor;

-- only: cluster
CREATE TABLE IF NOT EXISTS visitors {on_cluster} AS visitors{local}
ENGINE = Distributed({cluster}, currentDatabase(), visitors{local}, cityHash64(visitor));
