//! What is not wanted: answered with success and the reason, counted by it, and not stored.

use linktrail::domain::workspace::WorkspaceSettings;
use serde_json::{Value, json};

use super::world::{BOT, CLIENT, Scene};

const WEEK_MS: i64 = 7 * 86_400_000;

async fn assert_dropped(scene: &Scene, headers: &[(&str, &str)], more: Value, reason: &str) {
    let before = scene.dropped(reason);
    let answer = scene.track(headers, &scene.view(more)).await;
    let body = answer.json();
    assert_eq!((answer.status, &body["success"], &body["dropped"]), (200, &json!(true), &json!(reason)), "{body}");
    assert!(body["message"].as_str().unwrap().starts_with("Event not recorded: "), "{body}");
    assert_eq!(scene.dropped(reason), before + 1, "{reason}");
}

#[tokio::test]
async fn each_reason_is_told_and_counted() {
    let scene = Scene::start("collect_drops").await;
    let excluded = |settings: &mut WorkspaceSettings| {
        settings.exclude.addresses = vec!["10.0.0.0/8".parse().unwrap()];
        settings.exclude.countries = vec!["FR".into()];
        settings.exclude.hosts = vec!["staging.shop.example".into()];
        settings.exclude.paths = vec!["/admin*".into()];
    };
    scene.set(excluded).await;
    assert_dropped(&scene, &[("user-agent", BOT)], json!({}), "bot").await;
    assert_dropped(&scene, &[("x-forwarded-for", "10.1.2.3")], json!({}), "excluded_address").await;
    assert_dropped(&scene, &[("cf-ipcountry", "FR")], json!({}), "excluded_country").await;
    assert_dropped(&scene, &[], json!({"hostname": "staging.shop.example"}), "excluded_host").await;
    assert_dropped(&scene, &[], json!({"pathname": "/admin/users"}), "excluded_path").await;
    assert_dropped(&scene, &[], json!({"hostname": "other.example"}), "foreign_host").await;
    assert_dropped(&scene, &[("origin", "https://other.example")], json!({}), "foreign_host").await;
    assert_dropped(&scene, &[], json!({"age_ms": WEEK_MS + 1}), "time").await;
    assert_dropped(&scene, &[], json!({"age_ms": u64::MAX}), "time").await;
    assert_dropped(&scene, &[], json!({"timestamp": 0}), "time").await;
    assert_eq!(scene.stored().await.len(), 0);

    // Asking not to be tracked counts where the workspace says so.
    for headers in [[("dnt", "1")], [("sec-gpc", "1")]] {
        assert_eq!(scene.track(&headers, &scene.view(json!({}))).await.json(), json!({"success": true}));
    }
    scene.set(|settings| settings.honor_do_not_track = true).await;
    for headers in [[("dnt", "1")], [("sec-gpc", "1")]] {
        assert_dropped(&scene, &headers, json!({}), "do_not_track").await;
    }
    for (headers, more) in [
        ([("dnt", "0")], json!({})),
        ([("cf-ipcountry", "FR")], json!({"hostname": "a.b.shop.example"})),
        ([("origin", "null")], json!({"age_ms": WEEK_MS})),
        ([("x-forwarded-for", CLIENT)], json!({"hostname": null})),
    ] {
        assert_eq!(scene.track(&headers, &scene.view(more)).await.json(), json!({"success": true}), "{headers:?}");
    }
    assert_eq!(scene.stored().await.len(), 6);
}

#[tokio::test]
async fn a_batch_tells_what_became_of_each() {
    let scene = Scene::start("collect_batch").await;
    let batch = [
        scene.view(json!({"event_id": "1"})),
        scene.view(json!({"hostname": "evil.example"})),
        scene.view(json!({"extra": 1})),
        json!(7),
        scene.view(json!({"site_id": 999})),
        scene.view(json!({"type": "custom_event", "event_name": "x"})),
        json!({"site_id": scene.theirs.site.0, "type": "pageview", "hostname": "other.example"}),
        scene.view(json!({"age_ms": WEEK_MS + 1})),
    ];
    for body in [json!(batch), json!({"events": batch})] {
        let answer = scene.track(&[], &body).await;
        let told = answer.json();
        assert_eq!((answer.status, &told["success"], &told["accepted"]), (200, &json!(false), &json!(3)), "{told}");
        assert_eq!(told["dropped"], json!([{"index": 1, "reason": "foreign_host"}, {"index": 7, "reason": "time"}]));
        let refused: Vec<_> =
            told["refused"].as_array().unwrap().iter().map(|one| (&one["index"], &one["error"])).collect();
        let (invalid, unknown) = (json!("Invalid payload"), json!("Site not found"));
        assert_eq!(refused, [(&json!(2), &invalid), (&json!(3), &invalid), (&json!(4), &unknown)]);
        assert!(told["refused"][0]["details"].to_string().contains("extra"), "{told}");
    }
    assert_eq!((scene.dropped("foreign_host"), scene.dropped("time")), (2, 2));
    let events = scene.events().await;
    // The named one counts once.
    assert_eq!(events.len(), 5);

    let full = |count: usize| json!(vec![scene.view(json!({})); count]);
    let answer = scene.track(&[], &full(500)).await;
    assert_eq!(answer.json(), json!({"success": true, "accepted": 500, "dropped": [], "refused": []}));
    for (body, word) in [
        (full(501), "1 to 500"),
        (json!([]), "1 to 500"),
        (json!({"events": {}}), "array"),
        (json!({"events": [], "site_id": 1}), "beside"),
    ] {
        let answer = scene.track(&[], &body).await;
        assert_eq!((answer.status, answer.json()["success"].as_bool()), (400, Some(false)));
        assert!(answer.json()["error"].as_str().unwrap().contains(word), "{:?}", answer.json());
    }
    let answer = scene.track(&[], &json!([1, {}])).await;
    assert_eq!((answer.status, answer.json()["refused"].as_array().map(Vec::len)), (400, Some(2)));
    assert_eq!(scene.events().await.len(), 505);
}
