//! Linkly's surface.

use axum::http::Method;
use linktrail::domain::principal::Role;
use serde_json::json;

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_comes_in_many_ways_and_opens_its_own_workspaces() {
    let world = World::start("conversions_linkly_keys").await;
    let ours = json!([{"id": world.ours.workspace.0, "name": "ours@example.com"}]);
    let key = &world.ours.key;
    let basic = {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{key}:")))
    };
    let bearer = format!("Bearer {key}");
    let path = "/api/v1/workspaces";
    for (path, headers) in [
        (path.to_owned(), vec![("authorization", bearer.as_str())]),
        (path.to_owned(), vec![("authorization", basic.as_str())]),
        (path.to_owned(), vec![("x-api-key", key.as_str())]),
        (format!("{path}?api_key={key}"), vec![]),
    ] {
        let answer = world.ask(Method::GET, &path, &headers, None).await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &ours), "{headers:?}");
    }
    for (path, headers, status, code) in [
        (path, vec![], 401, "unauthorized"),
        (path, vec![("authorization", "Bearer lt_wrong")], 401, "unauthorized"),
        (path, vec![("authorization", "Digest x")], 401, "unauthorized"),
        ("/api/v1/nothing", vec![("authorization", bearer.as_str())], 404, "not_found"),
    ] {
        let answer = world.ask(Method::GET, path, &headers, None).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (status, &json!(code)), "{path} {headers:?}");
        assert!(answer.body["error"].is_string());
    }
    let answer = world.ask(Method::PUT, path, &[], None).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (405, &json!("method_not_allowed")));
    let links_only = format!("Bearer {}", world.key(Role::Member, &["links.read"]).await);
    let answer = world.ask(Method::GET, path, &[("authorization", &links_only)], None).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (403, &json!("forbidden")));
}
