-- The ad network that sent a visit, by the click id that stands first in its query: read from what is stored, so that it is
-- known of old clicks too. `src/domain/ad_network.rs` says the same of a click in memory.

ALTER TABLE events{local} {on_cluster}
    ADD COLUMN IF NOT EXISTS ad_network String ALIAS transform(
        lower(extract(params, '(?i)(?:^|&)(gclid|gbraid|wbraid|dclid|fbclid|msclkid|ttclid|li_fat_id|twclid|rdt_cid|sccid|epik|yclid|qclid|tblci|dicbo)=[^&]')),
        ['gclid', 'gbraid', 'wbraid', 'dclid', 'fbclid', 'msclkid', 'ttclid', 'li_fat_id', 'twclid', 'rdt_cid', 'sccid', 'epik', 'yclid', 'qclid', 'tblci', 'dicbo'],
        ['Google', 'Google', 'Google', 'Google', 'Meta', 'Microsoft', 'TikTok', 'LinkedIn', 'X', 'Reddit', 'Snapchat', 'Pinterest', 'Yandex', 'Quora', 'Taboola', 'Outbrain'],
        '');

-- only: cluster
ALTER TABLE events {on_cluster}
    ADD COLUMN IF NOT EXISTS ad_network String ALIAS transform(
        lower(extract(params, '(?i)(?:^|&)(gclid|gbraid|wbraid|dclid|fbclid|msclkid|ttclid|li_fat_id|twclid|rdt_cid|sccid|epik|yclid|qclid|tblci|dicbo)=[^&]')),
        ['gclid', 'gbraid', 'wbraid', 'dclid', 'fbclid', 'msclkid', 'ttclid', 'li_fat_id', 'twclid', 'rdt_cid', 'sccid', 'epik', 'yclid', 'qclid', 'tblci', 'dicbo'],
        ['Google', 'Google', 'Google', 'Google', 'Meta', 'Microsoft', 'TikTok', 'LinkedIn', 'X', 'Reddit', 'Snapchat', 'Pinterest', 'Yandex', 'Quora', 'Taboola', 'Outbrain'],
        '');
