//! Who may do what with links: keys in every place, roles, scopes, and workspaces that are not one's own.

use axum::http::Method;
use linktrail::auth::KeyGrant;
use linktrail::domain::principal::Role;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::world::{NOW_MS, World};

const NOTHING: &Value = &Value::Null;

#[tokio::test]
async fn what_is_foreign_is_unknown() {
    let world = World::start("linkly_links_tenants").await;
    let theirs =
        world.send_as(&world.theirs, Method::POST, "/api/v1/link", &json!({"url": "https://example.com"})).await;
    let foreign = theirs.json()["id"].as_u64().unwrap();
    let (ours, _) = world.link(json!({"url": "https://example.com"})).await;
    let other = world.theirs.workspace.0;
    let domains =
        world.send_as(&world.theirs, Method::GET, &format!("/api/v1/workspace/{other}/domains"), NOTHING).await;
    let domain = domains.json()["domains"][0]["id"].as_u64().unwrap();
    let in_ours = |rest: &str| world.path(rest);
    let in_theirs = |rest: &str| format!("/api/v1/workspace/{other}{rest}");
    let url = json!({"url": "https://example.com"});
    // Beside each: the same with an id that nobody has.
    for (method, path, body, unknown) in [
        (Method::GET, format!("/api/v1/link/{foreign}"), Value::Null, "/api/v1/link/999999".to_owned()),
        (Method::GET, format!("/api/v1/get_link/{foreign}"), Value::Null, "/api/v1/get_link/999999".to_owned()),
        (Method::GET, format!("/api/v1/zapier/link/{foreign}"), Value::Null, "/api/v1/zapier/link/999999".to_owned()),
        (Method::PUT, format!("/api/v1/zapier/link/{foreign}"), url.clone(), "/api/v1/zapier/link/999999".to_owned()),
        (
            Method::DELETE,
            format!("/api/v1/zapier/link/{foreign}"),
            Value::Null,
            "/api/v1/zapier/link/999999".to_owned(),
        ),
        (Method::DELETE, format!("/api/v1/link/{foreign}"), Value::Null, "/api/v1/link/999999".to_owned()),
        (Method::GET, in_ours(&format!("/links/{foreign}")), Value::Null, in_ours("/links/999999")),
        (Method::DELETE, in_ours(&format!("/links/{foreign}")), Value::Null, in_ours("/links/999999")),
        (Method::DELETE, in_ours(&format!("/links/{foreign}?purge=true")), Value::Null, in_ours("/links/999999")),
        (Method::POST, in_ours(&format!("/links/{foreign}/restore")), Value::Null, in_ours("/links/999999/restore")),
        (
            Method::DELETE,
            in_theirs(&format!("/links/{foreign}")),
            Value::Null,
            "/api/v1/workspace/999999/links/1".to_owned(),
        ),
        (
            Method::DELETE,
            in_theirs(&format!("/links/{}", ours.0)),
            Value::Null,
            "/api/v1/workspace/999999/links/1".to_owned(),
        ),
        (Method::POST, in_theirs("/links"), url.clone(), "/api/v1/workspace/999999/links".to_owned()),
        (Method::GET, in_theirs("/list_links"), Value::Null, "/api/v1/workspace/999999/list_links".to_owned()),
        (Method::GET, in_theirs("/links/export"), Value::Null, "/api/v1/workspace/999999/links/export".to_owned()),
        (Method::GET, in_theirs("/domains"), Value::Null, "/api/v1/workspace/999999/domains".to_owned()),
        (
            Method::POST,
            in_theirs("/domains"),
            json!({"name": "x.example"}),
            "/api/v1/workspace/999999/domains".to_owned(),
        ),
        (Method::DELETE, in_ours(&format!("/domains/{domain}")), Value::Null, in_ours("/domains/999999")),
        (Method::DELETE, in_ours("/domains/go.other.example"), Value::Null, in_ours("/domains/none.example")),
        (
            Method::PUT,
            in_ours(&format!("/domains/{domain}/favicon")),
            json!({"favicon_url": null}),
            in_ours("/domains/9/favicon"),
        ),
        (
            Method::GET,
            format!("/api/v1/link/{}?workspace_id={other}", ours.0),
            Value::Null,
            "/api/v1/link/1?workspace_id=999999".to_owned(),
        ),
    ] {
        let (one, two) = (
            world.send_as(&world.ours, method.clone(), &path, &body).await,
            world.send_as(&world.ours, method.clone(), &unknown, &body).await,
        );
        assert_eq!((one.status, two.status), (404, 404), "{method} {path}: {} {}", one.text, two.text);
        let without_ids = |text: &str| text.split("Given").next().unwrap().to_owned();
        assert_eq!(without_ids(&one.text), without_ids(&two.text), "{method} {path}");
    }
    for body in [
        json!({"id": foreign, "name": "n"}),
        json!({"url": "https://a.b", "workspace_id": other}),
        json!({"id": ours.0, "workspace_id": other}),
    ] {
        let answer = world.send_as(&world.ours, Method::POST, "/api/v1/link", &body).await;
        assert_eq!(answer.status, 404, "{body}: {}", answer.text);
    }
    for bad in ["0", "-1", "x", "99999999999999999999", "1.5", "%00"] {
        let answer = world.send_as(&world.ours, Method::GET, &format!("/api/v1/link/{bad}"), NOTHING).await;
        assert_eq!(answer.status, 404, "{bad}: {}", answer.text);
    }
    let seen = world.send_as(&world.theirs, Method::GET, &format!("/api/v1/link/{foreign}"), NOTHING).await;
    assert_eq!((seen.status, &seen.json()["deleted"], &seen.json()["name"]), (200, &json!(false), NOTHING));
    let listed = world.get(&world.path("/list_links")).await;
    assert_eq!((&listed["total_entries"], &listed["links"][0]["id"]), (&json!(1), &json!(ours.0)));
}

#[tokio::test]
async fn keys_come_in_every_place_and_do_what_they_may() {
    let world = World::start("linkly_links_keys").await;
    let (key, number) = (&world.ours.key, world.ours.workspace.0.to_string());
    let body = json!({"url": "https://example.com"}).to_string();
    let in_body =
        json!({"url": "https://example.com", "api_key": key, "email": "a@b.co", "workspace_id": number}).to_string();
    let bearer = format!("Bearer {key}");
    for (path, headers, body) in [
        ("/api/v1/link".to_owned(), vec![("authorization", bearer.as_str())], &body),
        (format!("/api/v1/link?api_key={key}"), vec![], &body),
        ("/api/v1/link".to_owned(), vec![("x-api-key", key.as_str()), ("x-workspace-id", number.as_str())], &body),
        ("/api/v1/link".to_owned(), vec![], &in_body),
        ("/api/v1/zapier/link".to_owned(), vec![("x-api-key", key.as_str())], &body),
    ] {
        let answer = world.send(Method::POST, &path, &headers, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    for (headers, body) in [
        (vec![], &body),
        (vec![("authorization", "Bearer lt_wrong")], &"{".to_owned()),
        (vec![("x-api-key", "")], &body),
    ] {
        let answer = world.send(Method::POST, "/api/v1/link", &headers, body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("unauthorized")), "{}", answer.text);
    }

    // A viewer reads; a key without the scope does not write; only owners manage domains.
    let workspace = world.ours.workspace;
    let made = async |email: &str, role, scopes: &[&str]| {
        let user = world.app.catalog.add_user(email, "-", Some((workspace, role)), NOW_MS).await.unwrap().id;
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let grant = KeyGrant { workspace: Some(workspace), scopes, ..KeyGrant::default() };
        let key = world.app.auth.create_key(user, &grant).await.unwrap().1;
        format!("Bearer {}", key.expose_secret())
    };
    let viewer = made("viewer@example.com", Role::Viewer, &[]).await;
    let reader = made("reader@example.com", Role::Owner, &["links.read"]).await;
    let member = made("member@example.com", Role::Member, &[]).await;
    let (links, domains, trash) = (world.path("/list_links"), world.path("/domains"), world.path("/links/1"));
    for (who, method, path, status) in [
        (&viewer, Method::GET, &links, 200),
        (&viewer, Method::POST, &"/api/v1/link".to_owned(), 403),
        (&viewer, Method::DELETE, &trash, 403),
        (&reader, Method::GET, &links, 200),
        (&reader, Method::POST, &"/api/v1/link".to_owned(), 403),
        (&reader, Method::GET, &domains, 403),
        (&member, Method::POST, &"/api/v1/link".to_owned(), 200),
        (&member, Method::GET, &domains, 200),
        (&member, Method::POST, &domains, 403),
    ] {
        let answer = world.send(method.clone(), path, &[("authorization", who)], &body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        if status == 403 {
            assert_eq!(answer.json()["code"], "forbidden", "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn older_paths_do_the_same() {
    let world = World::start("linkly_links_zapier").await;
    let test = world.post("/api/v1/zapier/test", json!({})).await;
    assert_eq!((&test["status"], &test["workspaces"][0]["id"]), (&json!("ok"), &json!(world.ours.workspace.0)));
    let made = world.post("/api/v1/zapier/link", json!({"url": "https://example.com", "name": "Z"})).await;
    let path = format!("/api/v1/zapier/link/{}", made["id"]);
    let read = world.get(&path).await;
    assert_eq!((&read["name"], &read["clicks_total"]), (&json!("Z"), &json!(0)));
    let listed = world.get("/api/v1/zapier/link").await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &made["id"]));
    let changed = world.ask(Method::PUT, &path, &json!({"name": "Y"})).await;
    assert_eq!((&changed["id"], &changed["name"], &changed["url"]), (&made["id"], &json!("Y"), &made["url"]));
    assert!(world.ask(Method::DELETE, &path, NOTHING).await.is_string());
    assert_eq!(world.get(&path).await["deleted"], true);
    let wrong = world.send_as(&world.ours, Method::PATCH, &path, NOTHING).await;
    assert_eq!((wrong.status, &wrong.json()["code"]), (405, &json!("method_not_allowed")));
}
