//! Clicks as they are told in both products' words, and signed.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::receiver::{Manner, Receiver, Request};
use super::world::{FIREFOX, GOOGLEBOT, World, all_are};

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Checks both kinds of signature as a receiver would.
fn assert_signed(request: &Request, secret: &str) {
    let hex: String = hmac(secret.as_bytes(), &request.body).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(request.headers["dub-signature"], hex);
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let (id, timestamp) = (&request.headers["webhook-id"], &request.headers["webhook-timestamp"]);
    let signature = STANDARD.encode(hmac(&key, &format!("{id}.{timestamp}.{}", request.body)));
    let given: Vec<&str> = request.headers["webhook-signature"].split(' ').collect();
    assert!(given.contains(&format!("v1,{signature}").as_str()), "{given:?}");
}

#[tokio::test]
async fn a_click_is_told_in_both_words() {
    let world = World::start("hooks_clicks").await;
    let (link, shown) = world.link("promo").await;
    let (other, _) = world.link("other").await;
    let (of_dub, of_workspace, of_link) = (
        Receiver::start(Manner::Status(200)).await,
        Receiver::start(Manner::Status(204)).await,
        Receiver::start(Manner::Status(200)).await,
    );
    let number = world.ours.workspace.0;
    let (path, body) = (format!("/api/v1/workspace/{number}/webhooks"), json!({"url": of_workspace.url()}));
    let subscribed = world.send(&world.ours.key, Method::POST, &path, &body).await;
    assert_eq!((subscribed.status, &subscribed.body), (200, &json!({"id": of_workspace.url()})));
    world.post(&format!("/api/v1/link/{}/webhooks", link.0), json!({"url": of_link.url()})).await;
    let hook = world.hook(&of_dub.url(), &["link.clicked"]).await;

    world.visit(world.hit(link, 142, FIREFOX)).await;
    let told = of_dub.wait_for(1).await;
    assert_eq!(told[0].line, "POST /hook HTTP/1.1");
    assert_eq!(told[0].headers["content-type"], "application/json");
    assert_signed(&told[0], hook["secret"].as_str().unwrap());
    let body = told[0].json();
    assert_eq!(body["id"], told[0].headers["webhook-id"].as_str());
    let click = body["data"]["click"]["id"].as_str().unwrap();
    assert_eq!(body["id"], format!("evt_{click}"));
    let mut link_shown = shown.clone();
    // Counted between the making of the link and now.
    link_shown["clicks"] = 1.into();
    link_shown["lastClicked"] = "2026-09-21T14:13:20.000Z".into();
    let expected = json!({
        "id": body["id"],
        "event": "link.clicked",
        "createdAt": "2026-09-21T14:13:20.000Z",
        "data": {
            "click": {
                "id": click, "timestamp": "2026-09-21T14:13:20.000Z",
                "url": "https://example.com/page?utm_source=mail", "country": "DE", "city": "Berlin",
                "region": "DE-BE", "continent": "EU", "device": "Desktop", "browser": "Firefox", "os": "Linux",
                "ua": FIREFOX, "trigger": "link", "referer": "news.example",
                "refererUrl": "https://news.example/today", "qr": false, "ip": "", "bot": null,
            },
            "link": link_shown,
        },
    });
    assert_eq!(body, expected);

    // Linkly's two subscriptions both fire.
    for receiver in [&of_workspace, &of_link] {
        let told = receiver.wait_for(1).await;
        let body = told[0].json();
        let click = json!({
            "browser_name": "Firefox", "platform": "Linux", "destination": "https://example.com/page?utm_source=mail",
            "country": "DE", "region": "DE-BE", "city": "Berlin", "isp": null,
            "referer": "https://news.example/today", "user_agent": FIREFOX, "accept_language": "en-US,en;q=0.5",
            "bot_name": null, "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate",
            "sec_fetch_dest": "document", "sec_fetch_user": "?1", "params": {"utm_source": "mail", "a": "b c"},
        });
        assert_eq!(body["click"], click);
        assert_eq!((&body["event"], &body["timestamp"]), (&json!("click"), &json!("2026-09-21T14:13:20.000000Z")));
        let expected = json!({
            "id": link.0, "url": "https://example.com/page", "full_url": "https://go.example.com/promo",
            "slug": "/promo", "workspace_id": number, "rules": [], "name": "Promo", "domain": "go.example.com",
            "destination": "https://example.com/page?utm_source=mail", "enabled": true,
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&body["link"][name], value, "{name}");
        }
        assert!(body["link"].get("inserted_at").is_none());
    }
    let secret = subscribed.headers["webhook-secret"].to_str().unwrap();
    assert_signed(&of_workspace.requests()[0], secret);

    // A robot, a repeat and another link: Linkly's workspace hears of all, Dub's of the last only.
    world.visit(world.hit(link, 7, GOOGLEBOT)).await;
    world.visit(world.hit(link, 142, FIREFOX)).await;
    world.visit(world.hit(other, 142, FIREFOX)).await;
    of_workspace.wait_for(4).await;
    let robots: Vec<Value> =
        of_workspace.requests().iter().map(|told| told.json()["click"]["bot_name"].clone()).collect();
    assert_eq!(robots.iter().filter(|bot| **bot == "Googlebot").count(), 1, "{robots:?}");
    of_link.wait_for(3).await;
    let told = of_dub.wait_for(2).await;
    assert_eq!(told[1].json()["data"]["link"]["key"], "other");
    let list = world.deliveries(&hook, |list| all_are(list, 2, "delivered")).await;
    assert_eq!(list[0]["payload"], told[1].json());
    assert_eq!((&list[0]["attempts"], &list[0]["lastStatus"]), (&json!(1), &json!(200)));
    assert_eq!((of_dub.requests().len(), of_link.requests().len()), (2, 3));
    world.end().await;
}

#[tokio::test]
async fn a_rotated_secret_signs_on_for_a_day() {
    let world = World::start("hooks_rotate").await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let hook = world.hook(&receiver.url(), &["link.clicked"]).await;
    let path = format!("/webhooks/{}", hook["id"].as_str().unwrap());
    let rotated = world.post(&format!("{path}/rotate"), Value::Null).await;
    assert_ne!(rotated["secret"], hook["secret"]);
    assert_eq!(world.get(&path).await.get("secret"), None);
    assert!(!world.get("/webhooks").await.to_string().contains("whsec_"));
    world.post(&format!("{path}/test"), Value::Null).await;
    let told = receiver.wait_for(1).await;
    assert_signed(&told[0], rotated["secret"].as_str().unwrap());
    assert_eq!(told[0].headers["webhook-signature"].split(' ').count(), 2);
    world.app.clock.advance(25 * 3_600_000);
    world.post(&format!("{path}/test"), Value::Null).await;
    let told = receiver.wait_for(2).await;
    assert_eq!(told[1].headers["webhook-signature"].split(' ').count(), 1);
    assert_signed(&told[1], rotated["secret"].as_str().unwrap());
    world.end().await;
}
