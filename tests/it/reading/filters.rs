//! What every parameter lets through, in letters of the scene's events.

use super::scene::{CUSTOMER, Scene};

const ALL: &str = "abcdefghij";

/// Asks both endpoints; their answers must agree.
async fn assert_lets_through(scene: &Scene, query: &str, expected: &str) {
    let mut letters: Vec<char> = scene.letters(&format!("/events?{query}")).await.chars().collect();
    letters.sort_unstable();
    assert_eq!(letters.into_iter().collect::<String>(), expected, "{query}");
    let count = scene.get(&format!("/analytics?{query}")).await.json();
    assert_eq!(count["clicks"], expected.len(), "{query}");
    let series = scene.get(&format!("/analytics?groupBy=timeseries&{query}")).await.json();
    let sum: u64 = series.as_array().unwrap().iter().map(|row| row["clicks"].as_u64().unwrap()).sum();
    assert_eq!(sum, expected.len() as u64, "{query}: {series}");
}

#[tokio::test]
async fn filters_of_events() {
    let scene = Scene::start("reading_filters").await;
    for (query, expected) in [
        ("country=US", "abj"),
        ("country=us", "abj"),
        ("country=US,DE", "abcj"),
        ("country=-US", "cdefghi"),
        ("country=-US,FR,", "cfghi"),
        ("country=ZZ", ""),
        ("country=-ZZ", ALL),
        ("country=Unknown", "f"),
        ("country=-Unknown", "abcdeghij"),
        ("country=Unknown,BR", "fg"),
        // The grammar of lists.
        ("country=", ALL),
        ("country=-", ALL),
        ("country=-,,,", ALL),
        ("country=,US,,US", "abj"),
        ("country=US,-DE", "abj"),
        ("country=--US", ALL),
        ("country= US", ""),
        ("country=DE&country=US", "abj"),
        ("country%5B%5D=US&Country=US&nonsense=%27", ALL),
        ("continent=EU", "cde"),
        ("continent=-eu", "abfghij"),
        ("continent=Unknown", "f"),
        ("region=US-CA", "b"),
        ("region=ca", "b"),
        ("region=NY,us-ca", "ab"),
        ("region=-NY,CA", "cdefghij"),
        ("region=13", "hi"),
        ("region=US-Unknown", "j"),
        ("region=FR-Unknown,US-Unknown", "dj"),
        ("region=Unknown", "f"),
        ("region=US", ""),
        ("region=CA&country=DE", ""),
        ("city=M%C3%BCnchen", "c"),
        ("city=New+York,Paris", "ae"),
        ("city=paris", ""),
        ("city=Unknown", "dfj"),
        ("city=-Unknown", "abceghi"),
        ("device=mobile", "b"),
        ("device=Mobile,tablet", "bd"),
        ("device=-desktop", "bdf"),
        ("browser=mobile+safari", "b"),
        ("browser=-chrome,Unknown", "bcg"),
        ("os=ios", "b"),
        ("os=-iOS,Mac%20OS", "cdfg"),
        ("trigger=qr", "b"),
        ("trigger=-qr", "acdefghij"),
        ("trigger=pageview", ""),
        ("qr=true", "b"),
        ("qr=false", ALL),
        ("qr=TRUE&trigger=link", "acdefghij"),
        ("referer=(direct)", "adefhij"),
        ("referer=-(direct)", "bcg"),
        ("referer=google.com,T.CO", "bg"),
        ("refererUrl=https://news.ycombinator.com/item?id=1", "c"),
        ("refererUrl=(direct)", "adefhij"),
        ("refererUrl=-https://www.google.com/search", "acdefghij"),
        ("url=https://example.com/landing", "abde"),
        ("url=https://example.com/landing?utm_source=news%26utm_medium=mail", "ade"),
        ("url=https://example.org/,https://example.com/b", "cfg"),
        ("url=-https://example.org/", "abcdehij"),
        ("url=-https://example.org/?q=1", "abcdeghij"),
        ("url=https://example.org/?q=", ""),
        ("utm_source=news", "abde"),
        ("utm_source=new", "g"),
        ("utm_source=ne%25", ""),
        ("utm_source=-news", "cfghij"),
        ("utm_source=(not+set)", "cfhij"),
        ("utm_source=-(not set)".replace(' ', "%20").as_str(), "abdeg"),
        ("utm_medium=mail", "abde"),
        ("utm_campaign=spring", "b"),
        ("utm_term=%3D1%2B1", "g"),
        ("utm_content=%09x", "g"),
        // Those that say nothing of clicks.
        ("saleType=new&query=metadata['x']:1&event=clicks&unknown=1", ALL),
        ("country=US&device=Desktop&trigger=link", "aj"),
    ] {
        assert_lets_through(&scene, &format!("interval=all&{}", query.replace("= ", "=%20")), expected).await;
    }
}

#[tokio::test]
async fn filters_of_links() {
    let scene = Scene::start("reading_links").await;
    let link = |name: &str| scene.links[name].to_string();
    let (a, b, theirs) = (link("a"), link("b"), link("theirs"));
    let [one, two] = scene.tags.map(|tag| tag.to_string());
    let (foreign, folder) = (scene.foreign_tag, scene.folder);
    for (query, expected) in [
        (format!("linkId={a}"), "abde"),
        (format!("linkId=-{a}"), "cfghij"),
        (format!("linkId={a},{b}"), "abcde"),
        (format!("linkId={a},nonsense,{theirs}"), "abde"),
        (format!("linkId={}", link("gone")), "j"),
        (format!("linkId={theirs}"), ""),
        (format!("linkId=-{theirs}"), ALL),
        ("linkId=nonsense".to_owned(), ""),
        ("linkId=-nonsense".to_owned(), ALL),
        (format!("linkId={a}&country=FR"), "de"),
        // Every filter of links is joined by AND.
        (format!("linkId={a}&domain=s.example.org"), ""),
        (format!("linkId={a},{b}&tagId={two}"), "c"),
        (format!("linkId={a}&root=true"), ""),
        (format!("linkId={a}&domain=go.example.com&key=b&externalId=ext_nothing"), "abde"),
        ("domain=go.example.com".to_owned(), "abcdehij"),
        ("domain=GO.Example.com,s.example.org".to_owned(), ALL),
        ("domain=-go.example.com".to_owned(), "fg"),
        ("domain=go.other.example".to_owned(), ""),
        ("domain=-go.other.example".to_owned(), ALL),
        ("domain=s.example.org&key=a".to_owned(), "fg"),
        ("domain=go.example.com&key=A".to_owned(), "abde"),
        ("domain=Go.Example.Com,s.example.org&key=a".to_owned(), "abde"),
        ("domain=go.example.com&key=_root".to_owned(), "hi"),
        ("domain=go.example.com&key=a&country=FR".to_owned(), "de"),
        ("key=a".to_owned(), ALL),
        ("externalId=ext_a".to_owned(), "abde"),
        ("externalId=ext_a&domain=s.example.org".to_owned(), ""),
        ("root=true".to_owned(), "hi"),
        ("root=False".to_owned(), "abcdefgj"),
        (format!("tagId={one}"), "abcde"),
        (format!("tagId={two},{foreign}"), "c"),
        (format!("tagId=-{one}"), "fghij"),
        (format!("tagId=-{two}"), "abdefghij"),
        (format!("tagIds={two}"), "c"),
        (format!("tagId={one}&tagIds={two}"), "abcde"),
        (format!("tagId={foreign}"), ""),
        (format!("tagId=-{foreign}"), ALL),
        ("tagId=nonsense".to_owned(), ""),
        (format!("folderId={folder}"), "abde"),
        (format!("folderId=-{folder}"), "cfghij"),
        (format!("folderId={folder},{}", scene.foreign_folder), "abde"),
        ("tenantId=t1".to_owned(), "abdej"),
        ("tenantId=-t1".to_owned(), "cfghi"),
        ("tenantId=T1".to_owned(), ""),
        ("partnerId=p1".to_owned(), "c"),
        ("partnerId=-p1".to_owned(), "abdefghij"),
        ("groupId=g1,g2".to_owned(), "c"),
        ("groupId=-g1".to_owned(), "abdefghij"),
        (format!("customerId={CUSTOMER}"), "b"),
        (format!("customerId=-{CUSTOMER}"), "acdefghij"),
        ("customerId=nonsense".to_owned(), ""),
    ] {
        assert_lets_through(&scene, &format!("interval=all&{query}"), expected).await;
    }
}

#[tokio::test]
async fn which_clicks_count() {
    let scene = Scene::start("reading_counting").await;
    for (query, expected) in [
        ("interval=all", ALL),
        ("interval=all&bots=exclude&repeats=exclude&unique=false", ALL),
        ("interval=all&bots=include", "abcdefghijk"),
        ("interval=all&repeats=include", "abcdefghijl"),
        ("interval=all&bots=include&repeats=include", "abcdefghijklm"),
        ("interval=all&bots=only", "k"),
        ("interval=all&bots=only&repeats=include", "km"),
        ("interval=all&qr=true&repeats=include", "bl"),
        // Of each visitor on each link the first in the range, after all other filters.
        ("interval=all&unique=true", "abcefgij"),
        ("interval=all&unique=TRUE&repeats=include", "abcefgij"),
        ("unique=true", "abcd"),
        ("interval=all&unique=true&city=Unknown", "dfj"),
        ("interval=all&unique=true&bots=only&repeats=include", "km"),
    ] {
        assert_lets_through(&scene, query, expected).await;
    }
}

#[tokio::test]
async fn spans_of_time() {
    let scene = Scene::start("reading_time").await;
    let new_york = "timezone=America/New_York";
    for (query, expected) in [
        (String::new(), "abcd"),
        ("interval=1h".to_owned(), "abc"),
        ("interval=24h".to_owned(), "abcd"),
        ("interval=7d".to_owned(), "abcdefghi"),
        (format!("interval=7d&{new_york}"), "abcdefgh"),
        ("interval=30d".to_owned(), "abcdefghi"),
        ("interval=90d".to_owned(), ALL),
        ("interval=1y".to_owned(), ALL),
        ("interval=mtd".to_owned(), "abcdefghi"),
        ("interval=qtd".to_owned(), "abcdefghi"),
        ("interval=ytd".to_owned(), "abcdefghi"),
        ("interval=ytd&timezone=Asia/Tokyo".to_owned(), ALL),
        ("interval=all".to_owned(), ALL),
        ("interval=all_unfiltered".to_owned(), ALL),
        ("interval=today".to_owned(), "abc"),
        ("interval=today&timezone=Asia/Tokyo".to_owned(), "a"),
        ("interval=yesterday".to_owned(), "de"),
        // Exact times: half-open.
        ("start=2026-03-10T14:30:00Z&end=2026-03-10T14:59:59.999Z".to_owned(), "b"),
        ("start=2026-03-10T14:30:00.001Z&end=2026-03-10T15:00Z".to_owned(), "c"),
        ("start=2026-03-10T10:30:00-04:00&end=2026-03-10T16:00:00%2B01:00".to_owned(), "bc"),
        ("start=2026-03-10T10:30:00-04:00&end=2026-03-10T16:00:00+01:00".to_owned(), "bc"),
        ("start=2026-03-10T15:04:05Z&end=2026-03-10T15:04:05Z".to_owned(), ""),
        // A date is the whole local day, at both ends; without an end to the end of today.
        ("start=2026-03-08".to_owned(), "abcdefg"),
        ("start=2026-03-08&end=2026-03-08".to_owned(), "fg"),
        (format!("start=2026-03-08&end=2026-03-08&{new_york}"), "fg"),
        ("start=2026-03-08&end=2026-03-08&timezone=America/Los_Angeles".to_owned(), ""),
        ("start=2026-03-07&end=2026-03-07&timezone=America/Los_Angeles".to_owned(), "fg"),
        // Local times, the skipped hour among them.
        (format!("start=2026-03-08T01:59:59.999&end=2026-03-08T03:00&{new_york}"), "f"),
        (format!("start=2026-03-08T03:00&{new_york}"), "abcdeg"),
        (format!("start=2026-03-08T02:30&{new_york}"), "abcde"),
        // What wins, and what is nothing alone.
        ("start=2026-03-08&end=2026-03-08&interval=1h".to_owned(), "fg"),
        ("end=2026-03-01".to_owned(), "abcd"),
        ("end=2026-03-01&interval=1h".to_owned(), "abc"),
        ("start=&end=&interval=&timezone=".to_owned(), "abcd"),
    ] {
        assert_lets_through(&scene, &query, expected).await;
    }
}
