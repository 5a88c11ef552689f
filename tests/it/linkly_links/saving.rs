//! `POST /link`: what is written is what is read, in every form of a body.

use axum::http::Method;
use serde_json::{Value, json};

use super::world::World;

/// Everything that can be written.
fn everything() -> Value {
    json!({
        "url": "https://www.example.com", "name": "Summer promo", "note": "for the team", "domain": "go.example.com",
        "slug": "/promo", "enabled": true, "utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "summer",
        "utm_term": "t", "utm_content": "c d", "fb_pixel_id": "1234567890", "ga4_tag_id": "g-abc123",
        "gtm_id": "GTM-K1234", "tiktok_pixel_id": "C4A1B2C3D4E5F6G7H8I9", "linkedin_partner_id": 1234567,
        "microsoft_uet_tag_id": "12345678", "pinterest_tag_id": "2612345678901", "reddit_pixel_id": "t2_abc123",
        "snapchat_pixel_id": "01234567-89ab-cdef-0123-456789abcdef", "twitter_pixel_id": "o1a2b",
        "head_tags": "<meta name=\"a\">", "body_tags": "<p></p>", "og_title": "T", "og_description": "D",
        "og_image": "https://example.com/i.png", "cloaking": true, "forward_params": true, "hide_referrer": true,
        "block_bots": true, "skip_social_crawler_tracking": true, "public_analytics": true,
        "linkify_words": ["sale", "promo"], "replacements": {"a": "b"}, "expiry_datetime": "2027-01-31T09:30:00Z",
        "expiry_destination": "https://example.com/over", "expiry_clicks": 100, "password": "secret",
        "rules": [
            {"what": "country", "matches": "US,GB", "url": "https://example.com/us"},
            {"what": "platform", "matches": "iOS", "url": "https://example.com/ios"},
            {"what": "rotator", "percentage": 30, "url": "https://example.com/b"},
        ],
        "notify_slack": true, "notify_user_ids": [1, 2], "webhooks": ["http://127.0.0.1/hook"],
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[tokio::test]
async fn what_is_written_is_read() {
    let world = World::start("linkly_links_saving").await;
    let (id, made) = world.link(everything()).await;
    insta::assert_snapshot!("everything", pretty(&made));
    let read = world.get(&format!("/api/v1/link/{}", id.0)).await;
    for (name, value) in made.as_object().unwrap() {
        assert_eq!(&read[name], value, "{name}");
    }
    assert_eq!((&read["clicks_total"], read["sparkline"].as_array().unwrap().len()), (&json!(0), 30));
    assert_eq!(world.get(&format!("/api/v1/get_link/{}?workspace_id={}", id.0, world.ours.workspace.0)).await, read);
    // Nobody's password comes back.
    assert!(!read.to_string().contains("secret") && !read.to_string().contains("argon2"));

    // Sent back as it was read, it stays as it is, but for the time.
    world.app.clock.advance(1_000);
    let again = world.post("/api/v1/link", read.clone()).await;
    for (name, value) in again.as_object().unwrap().iter().filter(|(name, _)| *name != "updated_at") {
        assert_eq!(value, &made[name], "{name}");
    }
    let kept = world.app.links.get_or_trashed(world.ours.workspace, id).await.unwrap();
    assert!(linktrail::domain::password::verify("secret", kept.fields.password_hash.as_deref().unwrap()));
    assert_eq!(
        kept.fields.url,
        "https://www.example.com?utm_source=newsletter&utm_medium=email&utm_campaign=summer&utm_term=t&utm_content=c%20d"
    );

    let (_, least) = world.link(json!({"url": "example.com/only"})).await;
    assert!(least["slug"].as_str().unwrap().len() == 8 && least["slug"].as_str().unwrap().starts_with('/'));
    let mut shown = least.clone();
    for (name, fixed) in
        [("id", json!(0)), ("slug", json!("/random")), ("full_url", json!("https://go.example.com/random"))]
    {
        shown[name] = fixed;
    }
    insta::assert_snapshot!("least", pretty(&shown));
}

#[tokio::test]
async fn what_is_absent_stays_and_null_clears() {
    let world = World::start("linkly_links_changes").await;
    let (id, made) = world.link(everything()).await;
    let path = world.path("/links");
    let renamed = world.post(&path, json!({"id": id.0, "name": "Autumn"})).await;
    let mut expected = made.clone();
    expected["name"] = json!("Autumn");
    assert_eq!(renamed, expected);
    // One of several: the others of its kind stay.
    let changed = json!({"id": id.0.to_string(), "fb_pixel_id": null, "og_title": "New", "utm_source": "ads", "replacements": ""});
    let changed = world.post(&path, changed).await;
    for (name, value) in [
        ("fb_pixel_id", Value::Null),
        ("og_title", json!("New")),
        ("utm_source", json!("ads")),
        ("replacements", Value::Null),
    ] {
        expected[name] = value;
    }
    assert_eq!(changed, expected);
    // All that can be without a value.
    let nulls: Vec<&str> = everything()
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .filter(|name| !["url", "slug", "domain"].contains(name))
        .map(|name| Box::leak(name.to_owned().into_boxed_str()) as &str)
        .collect();
    let mut clear = json!({"id": id.0});
    for name in nulls {
        clear[name] = Value::Null;
    }
    let cleared = world.post(&path, clear).await;
    let (other, least) =
        world.link(json!({"url": "https://www.example.com", "domain": "go.example.com", "slug": "/least"})).await;
    for (name, value) in least.as_object().unwrap() {
        match name.as_str() {
            "id" | "slug" | "full_url" => {}
            _ => assert_eq!(&cleared[name], value, "{name}"),
        }
    }
    assert_ne!(other, id);
    // Its place moves.
    let moved = world.post(&path, json!({"id": id.0, "slug": "/Deep/er"})).await;
    assert_eq!((&moved["slug"], &moved["full_url"]), (&json!("/Deep/er"), &json!("https://go.example.com/Deep/er")));
    let off = world.post(&path, json!({"id": id.0, "enabled": false})).await;
    assert_eq!(off["enabled"], false);
    // Nothing asked is nothing changed, and nothing told.
    world.app.clock.advance(60_000);
    assert_eq!(world.post(&path, json!({"id": id.0})).await, off);
}

#[tokio::test]
async fn forms_say_the_same() {
    let world = World::start("linkly_links_forms").await;
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let body = everything();
    for (name, value) in body.as_object().unwrap() {
        match (name.as_str(), value) {
            ("webhooks", _) => drop(form.append_pair("webhooks[]", "http://127.0.0.1/hook")),
            ("cloaking", _) => drop(form.append_pair(name, "1")),
            (_, Value::String(text)) => drop(form.append_pair(name, text)),
            (_, other) => drop(form.append_pair(name, &other.to_string())),
        }
    }
    form.append_pair("workspace_id", &world.ours.workspace.0.to_string()).append_pair("api_key", &world.ours.key);
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = world.send(Method::POST, "/api/v1/link", &headers, &form.finish()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let of_form = answer.json();
    let (_, of_json) = world
        .link({
            let mut body = everything();
            body["slug"] = json!("/other");
            body
        })
        .await;
    for (name, value) in of_json.as_object().unwrap() {
        match name.as_str() {
            "id" | "slug" | "full_url" => {}
            // A form has texts only where anything goes.
            "linkify_words" | "replacements" => assert_eq!(of_form[name], value.to_string(), "{name}"),
            _ => assert_eq!(&of_form[name], value, "{name}"),
        }
    }
    // An update by form; blank clears.
    let id = of_form["id"].to_string();
    let body = format!("id={id}&name=&enabled=off&rules=%5B%5D&api_key={}", world.ours.key);
    let changed = world.send(Method::POST, "/api/v1/link", &headers, &body).await.json();
    assert_eq!((&changed["name"], &changed["enabled"], &changed["rules"]), (&Value::Null, &json!(false), &json!([])));
    assert_eq!(changed["note"], "for the team");
}

#[tokio::test]
async fn faults_stand_beside_their_fields() {
    let world = World::start("linkly_links_faults").await;
    world.link(json!({"url": "https://example.com", "domain": "go.example.com", "slug": "/taken"})).await;
    let refused = async |body: Value| {
        let answer = world.send_as(&world.ours, Method::POST, "/api/v1/link", &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        answer.json()
    };
    let taken = json!({"url": "https://example.com", "domain": "go.example.com", "slug": "/TAKEN"});
    assert_eq!(refused(taken).await, json!({"slug": ["has already been taken"]}));
    let several = refused(json!({
        "slug": "promo", "url": "javascript:alert(1)", "enabled": "perhaps", "expiry_datetime": "soon", "expiry_clicks": 0,
        "gtm_id": "x", "name": "n".repeat(121), "webhooks": ["ftp://a.b"], "og_image": "mailto:a@b.co",
        "rules": [{"what": "weather", "matches": "rain", "url": "https://a.b"}, {"what": "country", "matches": "XX", "url": "https://a.b"}],
    }))
    .await;
    insta::assert_snapshot!("faults", pretty(&several));
    for (body, field) in [
        (json!({}), "url"),
        (json!({"url": ""}), "url"),
        (json!({"url": null}), "url"),
        (json!({"url": 1.5}), "url"),
        (json!({"url": "https://a.b", "og_image": 2_130_706_433}), "og_image"),
        (json!({"url": "https://a.b", "domain": "-a.example"}), "domain"),
        (
            json!({"url": "https://a.b", "rules": [{"what": "platform", "matches": "iOS, fridge", "url": "https://a.b"}]}),
            "rules.0.matches",
        ),
        (json!({"url": "https://a.b", "slug": "/x"}), "domain"),
        (json!({"url": "https://a.b", "slug": "/x", "domain": "go.other.example"}), "domain"),
        (json!({"url": "https://a.b", "slug": "/x", "domain": "go.example.com/"}), "domain"),
        (json!({"url": "https://a.b", "slug": "/api/x", "domain": "go.example.com"}), "slug"),
        (json!({"url": "https://a.b", "slug": "/_root", "domain": "go.example.com"}), "slug"),
        (json!({"url": "https://go.other.example/x"}), "url"),
        (
            json!({"url": "https://a.b", "rules": [{"what": "country", "matches": "US", "url": "https://go.example.com/"}]}),
            "rules",
        ),
        (json!({"url": "https://a.b", "deleted": true}), "deleted"),
        (json!({"url": "https://a.b", "name": {"a": 1}}), "name"),
        (json!({"url": "https://a.b", "notify_user_ids": ["me"]}), "notify_user_ids"),
    ] {
        let faults = refused(body.clone()).await;
        assert!(faults[field].as_array().is_some_and(|words| !words.is_empty()), "{body}: {faults}");
        assert_eq!(faults.as_object().unwrap().len(), 1, "{body}: {faults}");
    }
    // Everything else wears the envelope.
    let headers = [("authorization", &*format!("Bearer {}", world.ours.key))];
    for (body, says) in [("{", "JSON"), ("[]", "object"), (r#"{"url": "a\u0000b"}"#, "NUL")] {
        let answer = world.send(Method::POST, "/api/v1/link", &headers, body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("bad_request")), "{}", answer.text);
        assert!(answer.json()["error"].as_str().unwrap().contains(says), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_domains_own_page_is_a_slash() {
    let world = World::start("linkly_links_root").await;
    let (id, root) =
        world.link(json!({"url": "https://example.com/home", "domain": "go.example.com", "slug": "/"})).await;
    assert_eq!((&root["slug"], &root["full_url"]), (&json!("/"), &json!("https://go.example.com")));
    let home = crate::visiting::visit(&world.app, "go.example.com", "/").await;
    // Such pages are moved for good, as everywhere.
    assert_eq!(home, (301, "https://example.com/home".to_owned()));
    let answer =
        world.send_as(&world.ours, Method::DELETE, &world.path(&format!("/links/{}", id.0)), &Value::Null).await;
    assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("forbidden")), "{}", answer.text);
}
