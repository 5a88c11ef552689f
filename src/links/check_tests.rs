use super::*;
use crate::domain::link::LinkPatch;

fn change(patch: LinkPatch) -> LinkChange {
    LinkChange { patch, ..LinkChange::default() }
}

#[test]
fn targets_take_their_checked_form_and_name_their_hosts() {
    let mut asked = change(LinkPatch {
        url: Some("www.Example.com:8080/x".to_owned()),
        ios_url: Some(Some(String::new())),
        android_url: Some(Some("play.example.org".to_owned())),
        geo_urls: Some([("de".to_owned(), "example.de".to_owned())].into()),
        ..LinkPatch::default()
    });
    let hosts = check(&mut asked, &Policy::default()).unwrap();
    let hosts: Vec<_> = hosts.iter().map(|host| (host.field, host.name.as_str(), host.port)).collect();
    assert_eq!(
        hosts,
        [("url", "example.com", Some(8080)), ("android", "play.example.org", None), ("geo", "example.de", None)]
    );
    assert_eq!(asked.patch.url.as_deref(), Some("https://www.Example.com:8080/x"));
    assert_eq!(asked.patch.ios_url, Some(None));
    assert_eq!(asked.patch.geo_urls.unwrap()["DE"], "https://example.de");
}

#[test]
fn shares_of_a_test_make_a_whole() {
    let variants = |shares: &[f64]| {
        let variant = |&percentage: &f64| TestVariant { url: "example.com".to_owned(), percentage };
        let patch = LinkPatch { test_variants: Some(shares.iter().map(variant).collect()), ..LinkPatch::default() };
        let mut asked = change(patch);
        check(&mut asked, &Policy::default()).map(|hosts| (hosts.len(), asked.patch.test_variants.unwrap_or_default()))
    };
    for shares in [&[50.0, 50.0][..], &[10.0, 90.0], &[33.33, 33.33, 33.34], &[20.0; 5], &[33.3; 3]] {
        let (hosts, checked) = variants(shares).unwrap();
        assert_eq!((hosts, checked.len()), (shares.len(), shares.len()), "{shares:?}");
        assert!(checked.iter().all(|variant| variant.url == "https://example.com"));
    }
    assert_eq!(variants(&[]).unwrap(), (0, Vec::new()));
    for shares in
        [&[100.0][..], &[50.0, 49.0], &[5.0, 95.0], &[f64::NAN, 50.0], &[-10.0, 90.0, 20.0], &[100.0 / 6.0; 6]]
    {
        assert!(variants(shares).is_err(), "{shares:?}");
    }
    let mut unsafe_one = change(LinkPatch {
        test_variants: Some(vec![
            TestVariant { url: "javascript:alert(1)".to_owned(), percentage: 50.0 },
            TestVariant { url: "https://a.b".to_owned(), percentage: 50.0 },
        ]),
        ..LinkPatch::default()
    });
    assert!(check(&mut unsafe_one, &Policy::default()).is_err());
}

#[test]
fn pixels_have_known_networks_and_ids_in_their_form() {
    let pixels = |pairs: &[(&str, &str)]| {
        let pixels = pairs.iter().map(|(key, id)| ((*key).to_owned(), (*id).to_owned())).collect();
        let mut asked = change(LinkPatch { pixels: Some(pixels), ..LinkPatch::default() });
        check(&mut asked, &Policy::default()).map(|_| asked.patch.pixels.unwrap())
    };
    let checked = pixels(&[("ga4", " g-abc123 "), ("meta", "1234567890"), ("x", " ")]).unwrap();
    assert_eq!(
        checked,
        [("ga4", "G-ABC123"), ("meta", "1234567890")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    );
    let refused = pixels(&[("meta", "x');alert(1)//")]).unwrap_err().to_string();
    assert_eq!(refused, "meta: 'x');alert(1)//' is no id of Meta: expected 5 to 20 digits, such as 1234567890123456");
    let refused = pixels(&[("myspace", "1234567890")]).unwrap_err().to_string();
    assert!(refused.starts_with("pixels: 'myspace' is no network; known are meta, ga4, gtm, tiktok"), "{refused}");
}

#[test]
fn destinations_gain_the_scheme_of_their_kind() {
    for (kind, url, expected) in [
        (LinkKind::Mailto, "a@b.co", "mailto:a@b.co"),
        (LinkKind::Tel, "+1 555 0100", "tel:+15550100"),
        (LinkKind::Sms, "sms:+15550100", "sms:+15550100"),
        (LinkKind::Url, "b.co", "https://b.co"),
    ] {
        let patch = LinkPatch { url: Some(url.to_owned()), kind: Some(kind), ..LinkPatch::default() };
        let mut asked = change(patch);
        check(&mut asked, &Policy::default()).unwrap();
        assert_eq!((asked.patch.url.as_deref(), asked.patch.kind), (Some(expected), Some(kind)));
    }
}

#[test]
fn refuses_what_does_not_fit() {
    let text = |value: &str| Some(Some(value.to_owned()));
    let table = [
        LinkPatch { external_id: text("ext_"), ..LinkPatch::default() },
        LinkPatch { external_id: text(&"x".repeat(256)), ..LinkPatch::default() },
        LinkPatch { notes: text("a\0b"), ..LinkPatch::default() },
        LinkPatch { expired_url: text("javascript:alert(1)"), ..LinkPatch::default() },
        LinkPatch { ios_url: text("mailto:a@b.co"), ..LinkPatch::default() },
        LinkPatch { url: Some("tel:1".to_owned()), kind: Some(LinkKind::Url), ..LinkPatch::default() },
        LinkPatch { url: Some("a.b".to_owned()), kind: Some(LinkKind::Mailto), ..LinkPatch::default() },
        LinkPatch { url: Some("mailto:a@b.c".to_owned()), kind: Some(LinkKind::Sms), ..LinkPatch::default() },
        LinkPatch { max_clicks: Some(Some(0)), ..LinkPatch::default() },
        LinkPatch { webhook_urls: Some(vec!["http://10.0.0.1".to_owned()]), ..LinkPatch::default() },
        LinkPatch { geo_urls: Some([("Germany".to_owned(), "https://a.b".to_owned())].into()), ..LinkPatch::default() },
    ];
    for patch in table {
        assert!(check(&mut change(patch.clone()), &Policy::default()).is_err(), "{patch:?}");
    }
}
