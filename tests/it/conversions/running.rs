//! The program as its users have it: a visit, the click's id in the address it leads to, and a lead right behind it.

use serde_json::{Value, json};
use url::Url;

use crate::faults::home::Home;

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_follows_its_click_within_milliseconds() {
    let home = Home::furnished(&[]).await;
    let server = home.start().await;
    let body = json!({"url": "https://shop.example/?a=1#top", "key": "buy", "trackConversion": true});
    let made = home.call("POST", "/links", Some(&body)).await;
    assert_eq!(made.status, 200, "{}", made.body);
    for customer in 0..20 {
        let visited = home.visit("buy").await;
        let location = Url::parse(visited.header("location").unwrap()).unwrap();
        assert!(
            location.as_str().starts_with("https://shop.example/?a=1&dub_id=") && location.fragment() == Some("top")
        );
        let (_, click) = location.query_pairs().find(|(name, _)| name == "dub_id").unwrap();
        let lead = json!({"clickId": click, "eventName": "Sign up", "customerExternalId": customer.to_string()});
        let answer = home.call("POST", "/track/lead", Some(&lead)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((&answer["click"]["id"], &answer["link"]["key"]), (&json!(click), &json!("buy")));
    }
    // A link whose owner does not ask is left as it is.
    assert_eq!(home.visit("one").await.header("location"), Some("https://example.com/landing"));
    assert!(server.stop().await.success());
}
