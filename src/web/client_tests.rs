//! Who is believed, by table and by property.

use proptest::prelude::*;

use super::*;

fn rules(geo: GeoHeaders) -> ClientRules {
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        http: HttpConfig,
    }
    let mut http =
        Line::parse_from(["test", "--trusted-proxies", "127.0.0.0/8,::1/128,10.0.0.0/8,2001:db8:ffff::/48"]).http;
    http.geo_headers = geo;
    ClientRules::new(&http)
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn address(peer: &str, lines: &[(&str, &str)]) -> String {
    rules(GeoHeaders::None).address(peer.parse().unwrap(), &headers(lines)).to_string()
}

#[test]
fn untrusted_peers_are_who_they_are() {
    let forged = [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("cf-connecting-ip", "203.0.113.9"),
    ];
    assert_eq!(address("198.51.100.1", &forged), "198.51.100.1");
    assert_eq!(address("::ffff:198.51.100.1", &forged), "198.51.100.1");
    assert_eq!(address("2001:db8::1", &forged), "2001:db8::1");
}

#[test]
fn trusted_chains_are_read_from_the_right() {
    const XFF: &str = "X-Forwarded-For";
    const FWD: &str = "Forwarded";
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[], "127.0.0.1"),
        (&[(XFF, "203.0.113.9")], "203.0.113.9"),
        (&[(XFF, "6.6.6.6, 203.0.113.9")], "203.0.113.9"),
        (&[(XFF, "6.6.6.6, 203.0.113.9, 10.0.0.7")], "203.0.113.9"),
        (&[(XFF, "6.6.6.6"), (XFF, "203.0.113.9,10.0.0.7"), (XFF, " 10.1.2.3 ")], "203.0.113.9"),
        (&[(XFF, "10.0.0.8, 10.0.0.7")], "10.0.0.8"),
        (&[(XFF, ", ,203.0.113.9,, ")], "203.0.113.9"),
        (&[(XFF, "203.0.113.9:51234")], "203.0.113.9"),
        (&[(XFF, "[2001:db8::5]:443")], "2001:db8::5"),
        (&[(XFF, "2001:db8::5")], "2001:db8::5"),
        (&[(XFF, "2001:db8::5, 2001:db8:ffff::1")], "2001:db8::5"),
        (&[(XFF, "fe80::1%eth0")], "fe80::1"),
        (&[(XFF, "::ffff:203.0.113.9")], "203.0.113.9"),
        (&[(XFF, "\"203.0.113.9\"")], "203.0.113.9"),
        // What is left of garbage is not believed.
        (&[(XFF, "203.0.113.9, unknown")], "127.0.0.1"),
        (&[(XFF, "203.0.113.9, unknown, 10.0.0.7")], "10.0.0.7"),
        (&[(XFF, "203.0.113.9 6.6.6.6")], "127.0.0.1"),
        (&[(XFF, "'); DROP TABLE clicks")], "127.0.0.1"),
        (&[(XFF, "\u{fc}")], "127.0.0.1"),
        (&[(XFF, "127.1, 0x7f000001, 2130706433")], "127.0.0.1"),
        // The order of the headers.
        (&[("x-real-ip", "203.0.113.8"), (XFF, "203.0.113.9")], "203.0.113.9"),
        (&[("x-real-ip", "203.0.113.8"), (XFF, "unknown")], "203.0.113.8"),
        (&[("x-real-ip", "203.0.113.8"), (FWD, "for=6.6.6.6")], "203.0.113.8"),
        (&[("x-real-ip", "6.6.6.6"), ("x-real-ip", "203.0.113.8")], "203.0.113.8"),
        (&[("x-real-ip", "[2001:db8::5]")], "2001:db8::5"),
        (&[("x-real-ip", "203.0.113.8, 6.6.6.6")], "127.0.0.1"),
        // RFC 7239.
        (&[(FWD, "for=203.0.113.9")], "203.0.113.9"),
        (&[(FWD, "For=\"203.0.113.9:80\";proto=http;by=10.0.0.1")], "203.0.113.9"),
        (&[(FWD, "by=10.0.0.1 ; for=\"[2001:db8::5]:4711\"")], "2001:db8::5"),
        (&[(FWD, "for=6.6.6.6, for=203.0.113.9;host=\"a,b;c\", for=10.0.0.7")], "203.0.113.9"),
        (&[(FWD, "for=6.6.6.6"), (FWD, "for=203.0.113.9")], "203.0.113.9"),
        (&[(FWD, "for=\"203.0.\\113.9\"")], "203.0.113.9"),
        (&[(FWD, "for=203.0.113.9, for=_hidden")], "127.0.0.1"),
        (&[(FWD, "for=203.0.113.9, for=unknown, for=10.0.0.7")], "10.0.0.7"),
        (&[(FWD, "for=203.0.113.9, proto=https")], "127.0.0.1"),
        (&[(FWD, "for=\"203.0.113.9:_port\"")], "203.0.113.9"),
        // A quote left open by the client must not hide what the proxy wrote.
        (&[(FWD, "for=6.6.6.6;x=\", for=203.0.113.9")], "127.0.0.1"),
        (&[(FWD, "for=6.6.6.6;x=\", for=\"[2001:db8::5]\"")], "127.0.0.1"),
        (&[(FWD, "for=6.6.6.6;x=\"\\, for=\"[2001:db8::5]\"")], "127.0.0.1"),
        (&[(FWD, "for=203.0.113.9,")], "127.0.0.1"),
        (&[(FWD, "for")], "127.0.0.1"),
        (&[(FWD, "=;,\"")], "127.0.0.1"),
    ];
    for (lines, expected) in cases {
        assert_eq!(address("127.0.0.1", lines), *expected, "{lines:?}");
        assert_eq!(address("::ffff:127.0.0.1", lines), *expected, "{lines:?}");
    }
}

#[test]
fn long_chains_are_not_walked_to_their_end() {
    let chain = format!("203.0.113.9{}", ", 10.0.0.7".repeat(10_000));
    assert_eq!(address("127.0.0.1", &[("x-forwarded-for", &chain)]), "10.0.0.7");
}

#[test]
fn places_come_from_the_configured_edge_only() {
    let cloudflare =
        [("cf-ipcountry", "us"), ("cf-region-code", "CA"), ("cf-ipcity", "Montréal"), ("cf-ipcontinent", "NA")];
    let vercel = [
        ("x-vercel-ip-country", "BR"),
        ("x-vercel-ip-country-region", "SP"),
        ("x-vercel-ip-city", "S%C3%A3o%20Paulo"),
        ("x-vercel-ip-continent", "SA"),
    ];
    let both = headers(&[cloudflare, vercel].concat());
    let (near, far) = ("127.0.0.1".parse().unwrap(), "198.51.100.1".parse().unwrap());
    let hint = |country: &str, region: &str, city: &str, continent: &str| PlaceHint {
        country: country.to_owned(),
        region: region.to_owned(),
        city: city.to_owned(),
        continent: continent.to_owned(),
    };
    for (geo, expected) in [
        (GeoHeaders::None, None),
        (GeoHeaders::Cloudflare, Some(hint("US", "CA", "Montréal", "NA"))),
        (GeoHeaders::Vercel, Some(hint("BR", "SP", "São Paulo", "SA"))),
    ] {
        assert_eq!(rules(geo).place(near, &both), expected);
        assert_eq!(rules(geo).place(far, &both), None);
    }
}

#[test]
fn places_that_are_none_are_unknown() {
    let place = |lines: &[(&str, &str)]| {
        rules(GeoHeaders::Cloudflare).place("127.0.0.1".parse().unwrap(), &headers(lines)).unwrap_or_default()
    };
    for country in ["XX", "T1", "", "USA", "U", "ü", "'--", "u\ts"] {
        let hint = place(&[("cf-ipcountry", country), ("cf-region-code", "CA")]);
        assert_eq!((hint.country, hint.region), (String::new(), String::new()), "{country}");
    }
    for region in ["", "CALI", "US-CA", "C'"] {
        assert_eq!(place(&[("cf-ipcountry", "US"), ("cf-region-code", region)]).region, "", "{region}");
    }
    for city in ["%FF", "a%00b", "%0A"] {
        assert_eq!(place(&[("cf-ipcity", city)]).city, "", "{city}");
    }
    assert_eq!(place(&[("cf-ipcity", &"é".repeat(80))]).city.len(), 100);
    assert_eq!(place(&[("cf-ipcontinent", "XX")]).continent, "");
}

#[test]
fn agents_and_referrers_are_cut_between_characters() {
    let long = format!("{}é", "x".repeat(1_023));
    let lines = headers(&[("user-agent", &long), ("referer", "https://example.com/")]);
    assert_eq!(user_agent(&lines).len(), 1_023);
    assert_eq!(referrer(&lines), "https://example.com/");
    let mut broken = HeaderMap::new();
    broken.insert(USER_AGENT, HeaderValue::from_bytes(b"a\xffb").unwrap());
    assert_eq!(user_agent(&broken), "a\u{fffd}b");
    broken.insert(USER_AGENT, HeaderValue::from_bytes(&[0xff; 9_000]).unwrap());
    assert!(user_agent(&broken).len() <= 1_024);
    assert_eq!(user_agent(&HeaderMap::new()), "");
}

#[test]
fn prefetches_are_seen() {
    for line in [
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("purpose", "Prefetch"),
        ("x-purpose", "preview"),
        ("x-moz", "prefetch"),
    ] {
        assert!(is_prefetch(&headers(&[line])), "{line:?}");
    }
    assert!(!is_prefetch(&headers(&[("purpose", "navigate"), ("accept", "prefetch")])));
    assert!(!is_prefetch(&HeaderMap::new()));
}

proptest! {
    #[test]
    fn any_header_is_answered(text in "(for=|by=|\"|\\\\|,|;|\\[|\\]|:|[0-9]{1,3}\\.|[a-f0-9]{1,4}|[ -~]){0,30}") {
        let address = |name: &str| {
            let lines = headers(&[(name, &text)]);
            rules(GeoHeaders::Cloudflare).place(IpAddr::from([127, 0, 0, 1]), &lines);
            rules(GeoHeaders::None).address(IpAddr::from([127, 0, 0, 1]), &lines)
        };
        for name in ["x-forwarded-for", "x-real-ip", "forwarded", "cf-ipcity"] {
            address(name);
        }
    }

    /// Whatever a client sends in front, the address that its proxy appended wins, or nothing does.
    #[test]
    fn a_client_cannot_choose_its_address(forged in "(for=6\\.6\\.6\\.6|\"|\\\\|,|;|=|x| ){0,12}", bracketed: bool) {
        let appended = if bracketed { "for=\"[2001:db8::5]\"" } else { "for=203.0.113.9" };
        let line = format!("{forged}, {appended}");
        let seen = address("127.0.0.1", &[("forwarded", &line)]);
        prop_assert!(["203.0.113.9", "2001:db8::5", "127.0.0.1"].contains(&&*seen), "{} from {}", seen, line);
        let line = format!("{forged}, 203.0.113.9");
        prop_assert_eq!(address("127.0.0.1", &[("x-forwarded-for", &line)]), "203.0.113.9");
    }
}
