-- One part of the events: {rows} rows from {first} on of those that this size adds. Every choice is made by a hash of the
-- event's place in the largest size, so the same rows come out each time, and a smaller size is a sample of a larger one.
INSERT INTO events
(
    workspace_id, kind, timestamp, event_id, link_id, visitor, repeat, bot, trigger, continent, country, region, city,
    device, browser, browser_version, os, os_version, user_agent, referrer_host, referrer_url, url, base_url,
    utm_source, utm_medium, utm_campaign, utm_term, utm_content, customer_id, event_name, amount, currency,
    payment_processor, invoice_id, metadata, params, language, referrer_name, channel, isp, latitude, longitude
)
WITH
    86400000 AS day_ms,
    ['US', 'IN', 'GB', 'DE', 'BR', 'FR', 'CA', 'JP', 'AU', 'ES', 'IT', 'NL', 'MX', 'ID', 'PL', 'TR', 'SE', 'KR', 'ZA', 'CH',
        'AR', 'BE', 'PT', 'AT', 'NG', 'DK', 'NO', 'FI', 'IE', 'SG', 'PH', 'VN', 'TH', 'MY', 'NZ', 'CZ', 'RO', 'GR', 'HU', 'CL',
        'CO', 'PE', 'EG', 'KE', 'MA', 'IL', 'AE', 'SA', 'PK', 'BD', 'UA', 'BG', 'HR', 'SK', 'SI', 'LT', 'LV', 'EE', 'IS', 'LU'] AS countries,
    ['NA', 'AS', 'EU', 'EU', 'SA', 'EU', 'NA', 'AS', 'OC', 'EU', 'EU', 'EU', 'NA', 'AS', 'EU', 'AS', 'EU', 'AS', 'AF', 'EU',
        'SA', 'EU', 'EU', 'EU', 'AF', 'EU', 'EU', 'EU', 'EU', 'AS', 'AS', 'AS', 'AS', 'AS', 'OC', 'EU', 'EU', 'EU', 'EU', 'SA',
        'SA', 'SA', 'AF', 'AF', 'AF', 'AS', 'AS', 'AS', 'AS', 'AS', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU'] AS continents,
    ['Chrome', 'Mobile Safari', 'Chrome', 'Safari', 'Chrome', 'Edge', 'Firefox', 'Samsung Browser', 'Instagram', 'Firefox'] AS browsers,
    ['Windows', 'iOS', 'Android', 'Mac OS', 'Mac OS', 'Windows', 'Windows', 'Android', 'iOS', 'Linux'] AS systems,
    ['10', '18.6', '16', '10.15.7', '10.15.7', '10', '10', '15', '18.6', ''] AS system_versions,
    ['Desktop', 'Mobile', 'Mobile', 'Desktop', 'Desktop', 'Desktop', 'Desktop', 'Mobile', 'Mobile', 'Desktop'] AS devices,
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/',
        'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Version/',
        'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Chrome/',
        'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15 Version/',
        'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/',
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Edg/',
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/',
        'Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/',
        'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Instagram/',
        'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/'] AS agents,
    ['google.com', 't.co', 'facebook.com', 'linkedin.com', 'instagram.com', 'youtube.com', 'bing.com', 'reddit.com',
        'news.ycombinator.com', 'duckduckgo.com', 'github.com', 'medium.com'] AS referrers,
    ['newsletter', 'google', 'facebook', 'linkedin', 'twitter', 'partner', 'podcast', 'instagram', 'print', 'bing', 'youtube', 'sms'] AS sources,
    ['email', 'cpc', 'social', 'social', 'social', 'affiliate', 'audio', 'social', 'qr', 'cpc', 'video', 'sms'] AS media,
    ['Googlebot', 'Bingbot', 'AhrefsBot', 'Slackbot', 'facebookexternalhit', 'GPTBot'] AS robots,
    ['en-US', 'de-DE', 'fr-FR', 'es-ES', 'pt-BR', 'ja-JP'] AS languages,
    -- A hash as a number from 0 to 1, and such a number as a rank: the first rank comes twice as often as the second, and so on.
    hash -> bitShiftRight(hash, 11) / 9007199254740992. AS even,
    (hash, ranks) -> toUInt32(exp(bitShiftRight(hash, 11) / 9007199254740992. * log(ranks + 1.))) AS ranked
SELECT
    workspace,
    multiIf(h5 % 1000 < 15, 'lead', h5 % 1000 < 20, 'sale', 'click') AS happened,
    fromUnixTimestamp64Milli(toInt64(at_ms), 'UTC'),
    bitShiftLeft(toUInt64({node}), 48) + place + 1,
    link,
    intHash64(person) AS visitor,
    happened = 'click' AND h5 % 100 >= 95,
    if(happened = 'click' AND intDiv(h5, 1000) % 100 < 8, robots[ranked(h3, 6)], '') AS robot,
    if(h6 % 100 < 12, 'qr', 'link'),
    if(home = 0, '', continents[home]),
    if(home = 0, '', countries[home]) AS land,
    if(home = 0, '', concat(land, '-', toString(10 + ranked(hv2, 8)))) AS region,
    if(home = 0, '', concat(land, ' city ', toString(ranked(intHash64(hv2), 40)))),
    devices[used],
    browsers[used],
    toString(120 + ranked(intHash64(hv2 + 1), 24)) AS version,
    systems[used],
    system_versions[used],
    concat(agents[used], version, '.0.0.0'),
    multiIf(h6 % 100 < 35, '', rank_of_site <= 12, referrers[rank_of_site], concat('site', toString(rank_of_site), '.example')) AS host,
    if(host = '', '', concat('https://www.', host, '/', toString(ranked(h7, 50)))),
    if(source = '', base, concat(base, '?utm_source=', source, '&utm_medium=', medium, '&utm_campaign=', campaign,
        if(term = '', '', concat('&utm_term=', term)), if(content = '', '', concat('&utm_content=', content)))),
    concat('https://www.example.com/landing/', toString(link)) AS base,
    if(hl % 100 < 45, '', sources[ranked(intHash64(hl), 12)]) AS source,
    if(source = '', '', media[indexOf(sources, source)]) AS medium,
    if(source = '', '', concat('campaign-', toString(ranked(intHash64(hl + 1), 40)))) AS campaign,
    if(source = '' OR hl % 7 > 1, '', concat('term-', toString(ranked(intHash64(hl + 2), 60)))) AS term,
    if(source = '' OR hl % 5 > 1, '', concat('content-', toString(1 + h7 % 3))) AS content,
    if(happened = 'click', 0, 1 + person % 1000000),
    multiIf(happened = 'lead', 'Sign up', happened = 'sale', 'Purchase', ''),
    if(happened = 'sale', toInt64(500 + ranked(h7, 500) * 100), 0),
    if(happened = 'sale', 'usd', ''),
    if(happened = 'sale', 'stripe', ''),
    if(happened = 'sale', concat('in_', hex(place)), ''),
    if(happened = 'click', '', concat('{"plan":"', if(h7 % 3 = 0, 'pro', 'free'), '"}')),
    if(h6 % 25 = 0, concat('gclid=', hex(h6)), ''),
    languages[ranked(hv2, 6)],
    if(host = '' OR rank_of_site > 12, '', host),
    multiIf(host = '', 'Direct', rank_of_site IN (1, 7, 10), 'Organic Search', rank_of_site < 10, 'Organic Social', 'Referral'),
    concat('Provider ', toString(ranked(intHash64(hv2 + 3), 200))),
    if(home = 0, 0, toInt32(hv2 % 1200000) - 600000),
    if(home = 0, 0, toInt32(hv % 3600000) - 1800000)
FROM
(
    SELECT
        *,
        -- A person comes about four times, within a week or so.
        toUInt64(1 + workspace) * 10000000000
            + toUInt64((place + even(h2) * {places} / 52.) * (sqrt(workspace) - sqrt(workspace - 1)) / 10. / 4.) AS person,
        intHash64(person + 1) AS hv,
        intHash64(person + 2) AS hv2,
        if(hv % 50 = 0, 0, ranked(hv, 60)) AS home,
        ranked(intHash64(hv + 1), 10) AS used,
        ranked(intHash64(h6), 300) AS rank_of_site,
        -- Ranks are strewn over the ids.
        if(workspace = 1, {first_link} + ranked(h4, {links}) * 7919 % {links},
            workspace * 1000000 + ranked(h4, 500)) AS link,
        intHash64(link) AS hl
    FROM
    (
        SELECT
            {place} AS place,
            place / {places} * {span_ms} - {span_ms} AS before_ms,
            -- Days are busier than nights.
            {end_ms} + before_ms + 0.55 * day_ms / (2 * pi()) * sin(2 * pi() * before_ms / day_ms) AS at_ms,
            intHash64(place * 8 + 1) AS h1, intHash64(place * 8 + 2) AS h2, intHash64(place * 8 + 3) AS h3,
            intHash64(place * 8 + 4) AS h4, intHash64(place * 8 + 5) AS h5, intHash64(place * 8 + 6) AS h6,
            intHash64(place * 8 + 7) AS h7,
            -- The first of a hundred has a tenth of all.
            toUInt64(1 + floor(100 * even(h1) * even(h1))) AS workspace
        FROM numbers({first}, {rows})
    )
)
