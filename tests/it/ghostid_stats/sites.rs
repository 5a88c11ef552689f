//! Sites: made, changed, removed.

use axum::http::Method;
use linktrail::auth::KeyGrant;
use linktrail::domain::principal::Role;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::scene::{NOW_MS, Scene};

impl Scene {
    async fn write(&self, method: Method, path: &str, key: &str, body: Value) -> (u16, Value) {
        let (status, body) = self.send(method, path, key, Some(body)).await;
        (status.as_u16(), serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }
}

#[tokio::test]
async fn a_site_is_made_changed_and_removed() {
    let scene = Scene::new("ghostid_sites").await;
    let key = scene.ours.key.as_str();
    let (status, made) =
        scene.write(Method::POST, "/api/sites", key, json!({ "domain": "WWW.Example.com", "name": "My Site" })).await;
    assert_eq!(status, 200, "{made}");
    let id = made["site"]["siteId"].as_u64().unwrap();
    assert_eq!(
        made,
        json!({ "site": {
            "siteId": id, "name": "My Site", "domain": "example.com", "trackingMode": "third-party",
            "firstPartyDomain": null, "slug": "example-com", "highValuePages": null,
        }})
    );
    // The same slug elsewhere gets a number.
    let (_, other) =
        scene.write(Method::POST, "/api/sites", &scene.theirs.key, json!({ "domain": "example.com" })).await;
    assert_eq!((&other["site"]["slug"], &other["site"]["name"]), (&json!("example-com-2"), &json!("example.com")));

    scene.app.catalog.add_domain(scene.ours.workspace, "go.example.com", false, NOW_MS).await.unwrap();
    let listed = scene.json("/api/sites").await;
    let sites = listed["sites"].as_array().unwrap();
    assert_eq!((sites.len(), &sites[1]["firstPartyDomain"]), (2, &json!("go.example.com")));
    let csv = scene.text("/api/sites?format=csv").await;
    assert!(csv.starts_with("siteId,name,domain,trackingMode,firstPartyDomain,slug\n"), "{csv}");

    let path = format!("/api/sites/{id}");
    let change = json!({ "name": "New Name", "domain": "new.example.com", "highValuePages": ["/Cars/", "demo"] });
    let (status, changed) = scene.write(Method::PUT, &path, key, change).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(
        (&changed["site"]["name"], &changed["site"]["domain"], &changed["site"]["highValuePages"]),
        (&json!("New Name"), &json!("new.example.com"), &json!(["/cars", "demo"]))
    );
    let (_, again) = scene.write(Method::PUT, &path, key, json!({ "highValuePages": null, "name": null })).await;
    assert_eq!((&again["site"]["highValuePages"], &again["site"]["name"]), (&Value::Null, &json!("New Name")));
    assert!(scene.app.sites.any_on("new.example.com") && !scene.app.sites.any_on("gone.example.com"));

    for (body, words) in [
        (json!({}), "domain: it is required"),
        (json!({ "domain": "https://example.com" }), "domain: Expected a host"),
        (json!({ "domain": 7 }), "domain"),
        (json!({ "domain": "a.example", "name": " " }), "name"),
        (json!({ "domain": "a.example", "highValuePages": ["a b"] }), "highValuePages"),
    ] {
        let (status, answer) = scene.write(Method::POST, "/api/sites", key, body).await;
        assert_eq!((status, answer["error"].as_str().unwrap().contains(words)), (400, true), "{answer}");
    }
    let (status, taken) = scene.write(Method::POST, "/api/sites", key, json!({ "domain": "new.example.com" })).await;
    assert_eq!((status, taken["error"].as_str().unwrap().contains("siteId")), (409, true), "{taken}");

    let (status, _) = scene.write(Method::PUT, &path, &scene.theirs.key, json!({ "name": "Ours" })).await;
    assert!(matches!(status, 403 | 404), "{status}");
    let (status, _) = scene.send(Method::DELETE, &path, &scene.theirs.key, None).await;
    assert!(matches!(status.as_u16(), 403 | 404), "{status}");
    assert_eq!(scene.send(Method::GET, "/api/sites", "", None).await.0.as_u16(), 401);
    assert_eq!(scene.send(Method::DELETE, "/api/sites/x", key, None).await.0.as_u16(), 400);
    assert_eq!(scene.send(Method::DELETE, "/api/sites/99999", key, None).await.0.as_u16(), 404);

    let (status, body) = scene.send(Method::DELETE, &path, key, None).await;
    assert_eq!((status.as_u16(), body.as_str()), (200, r#"{"success":true}"#));
    assert_eq!(scene.send(Method::DELETE, &path, key, None).await.0.as_u16(), 404);
    assert_eq!(scene.json("/api/sites").await["sites"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn viewers_read_and_members_write() {
    let scene = Scene::new("ghostid_sites_roles").await;
    for (role, allowed) in [(Role::Viewer, false), (Role::Member, true)] {
        let email = format!("{}@example.com", role.name());
        let member = Some((scene.ours.workspace, role));
        let user = scene.app.catalog.add_user(&email, "no password", member, NOW_MS).await.unwrap().id;
        let grant = KeyGrant { name: "test".to_owned(), workspace: Some(scene.ours.workspace), ..KeyGrant::default() };
        let (_, key) = scene.app.auth.create_key(user, &grant).await.unwrap();
        let key = key.expose_secret();
        assert_eq!(scene.send(Method::GET, "/api/sites", key, None).await.0.as_u16(), 200);
        let (status, _) =
            scene.write(Method::POST, "/api/sites", key, json!({ "domain": format!("{}.example", role.name()) })).await;
        assert_eq!(status, if allowed { 200 } else { 403 });
        let path = format!("/api/sites/{}", scene.ours.site.0);
        let (status, _) = scene.write(Method::PUT, &path, key, json!({ "name": "x" })).await;
        assert_eq!(status, if allowed { 200 } else { 403 });
    }
}
