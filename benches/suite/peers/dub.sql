-- The tables that Dub's queries read, as its contract has them (contract, 8.1), filled with what Dub would have kept of the same
-- events: neither robots nor repeats. A statement ends with a semicolon at the end of its line.
CREATE DATABASE linktrail_peers;

CREATE TABLE linktrail_peers.dub_click_events_mv
(
    timestamp DateTime64(3), click_id String, workspace_id LowCardinality(String), link_id String, domain String, key String,
    url String, continent LowCardinality(String), country LowCardinality(String), city LowCardinality(String),
    region LowCardinality(String), latitude String, longitude String, device LowCardinality(String),
    browser LowCardinality(String), os LowCardinality(String), trigger String, ua String, referer String, referer_url String,
    ip String, identity_hash String, device_model LowCardinality(String), device_vendor LowCardinality(String),
    browser_version String, os_version String, engine_version String, engine LowCardinality(String),
    cpu_architecture LowCardinality(String), qr UInt8, bot UInt8
)
ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (workspace_id, link_id, timestamp);

CREATE TABLE linktrail_peers.dub_lead_events_mv AS linktrail_peers.dub_click_events_mv
ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (workspace_id, link_id, timestamp);

ALTER TABLE linktrail_peers.dub_lead_events_mv
    ADD COLUMN event_id String, ADD COLUMN event_name String, ADD COLUMN customer_id String, ADD COLUMN metadata String;

CREATE TABLE linktrail_peers.dub_sale_events_mv AS linktrail_peers.dub_lead_events_mv
ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (workspace_id, link_id, timestamp);

ALTER TABLE linktrail_peers.dub_sale_events_mv
    ADD COLUMN payment_processor LowCardinality(String), ADD COLUMN invoice_id String, ADD COLUMN amount UInt32;

INSERT INTO linktrail_peers.dub_click_events_mv
SELECT
    timestamp, lower(hex(event_id)), concat('ws_', toString(workspace_id)),
    concat('link_', leftPad(toString(link_id), 26, '0')), 'go.example.com',
    concat('k', toString(toInt64(link_id) - {first_link})), url, continent, if(country = '', 'Unknown', country),
    if(city = '', 'Unknown', city), if(region = '', 'Unknown', region), toString(latitude / 10000), toString(longitude / 10000),
    device, browser, os, trigger, user_agent, if(referrer_host = '', '(direct)', referrer_host),
    if(referrer_url = '', '(direct)', referrer_url), '', lower(hex(SHA256(toString(visitor)))), '', '', browser_version,
    os_version, '', '', '', trigger = 'qr', 0
FROM linktrail.events
WHERE kind = 'click' AND bot = '' AND NOT repeat;

INSERT INTO linktrail_peers.dub_lead_events_mv
SELECT
    timestamp, lower(hex(event_id)), concat('ws_', toString(workspace_id)),
    concat('link_', leftPad(toString(link_id), 26, '0')), 'go.example.com',
    concat('k', toString(toInt64(link_id) - {first_link})), url, continent, if(country = '', 'Unknown', country),
    if(city = '', 'Unknown', city), if(region = '', 'Unknown', region), toString(latitude / 10000), toString(longitude / 10000),
    device, browser, os, trigger, user_agent, if(referrer_host = '', '(direct)', referrer_host),
    if(referrer_url = '', '(direct)', referrer_url), '', lower(hex(SHA256(toString(visitor)))), '', '', browser_version,
    os_version, '', '', '', trigger = 'qr', 0, lower(hex(event_id)), event_name, concat('cus_', toString(customer_id)), metadata
FROM linktrail.events
WHERE kind = 'lead' AND bot = '' AND NOT repeat;

INSERT INTO linktrail_peers.dub_sale_events_mv
SELECT
    timestamp, lower(hex(event_id)), concat('ws_', toString(workspace_id)),
    concat('link_', leftPad(toString(link_id), 26, '0')), 'go.example.com',
    concat('k', toString(toInt64(link_id) - {first_link})), url, continent, if(country = '', 'Unknown', country),
    if(city = '', 'Unknown', city), if(region = '', 'Unknown', region), toString(latitude / 10000), toString(longitude / 10000),
    device, browser, os, trigger, user_agent, if(referrer_host = '', '(direct)', referrer_host),
    if(referrer_url = '', '(direct)', referrer_url), '', lower(hex(SHA256(toString(visitor)))), '', '', browser_version,
    os_version, '', '', '', trigger = 'qr', 0, lower(hex(event_id)), event_name, concat('cus_', toString(customer_id)), metadata,
    payment_processor, invoice_id, toUInt32(amount)
FROM linktrail.events
WHERE kind = 'sale' AND bot = '' AND NOT repeat;
