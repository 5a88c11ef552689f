//! Invitations, from their address to the new member.

use linktrail::domain::principal::Role;
use secrecy::ExposeSecret;
use serde_json::json;

use super::scene::{HOUR_MS, Scene};

#[tokio::test]
async fn an_invitation_makes_one_member() {
    let scene = Scene::new("people_invited").await;
    let auth = &scene.app.auth;
    let (_, code) = auth.invite(scene.workspace, "New@example.com", Role::Member, 7).await.unwrap();
    let code = code.expose_secret();
    let join = async |body| scene.send("POST", "/api/auth/join", &[], Some(&body)).await;
    let weak = join(json!({"code": code, "password": "too short"})).await;
    assert_eq!((weak.status, weak.text.contains("12 characters")), (400, true), "{}", weak.text);
    let joined = join(json!({"code": code, "password": "long enough for all"})).await;
    assert_eq!(joined.status, 200, "{}", joined.text);
    let expected = json!([{"id": scene.workspace.to_string(), "name": "Ours", "role": "member"}]);
    assert_eq!(
        (&joined.json()["user"]["email"], &joined.json()["user"]["workspaces"]),
        (&json!("New@example.com"), &expected)
    );
    assert_eq!(scene.is_in(&joined.cookie()).await, 200);
    assert_eq!(scene.try_password("new@example.com", "long enough for all").await.status, 200);
    let again = join(json!({"code": code, "password": "long enough for all"})).await;
    assert_eq!(again.status, 404, "{}", again.text);
    assert!(auth.invite(scene.workspace, "new@EXAMPLE.com", Role::Owner, 7).await.is_err(), "a member already");
}

#[tokio::test]
async fn who_is_known_joins_with_their_password() {
    let scene = Scene::new("people_joined").await;
    let auth = &scene.app.auth;
    let (_, void) = auth.invite(scene.workspace, &scene.stranger.email, Role::Owner, 7).await.unwrap();
    let (_, code) = auth.invite(scene.workspace, &scene.stranger.email, Role::Viewer, 7).await.unwrap();
    let join = async |code: &str, password: &str| {
        scene.send("POST", "/api/auth/join", &[], Some(&json!({"code": code, "password": password}))).await
    };
    assert_eq!(join(void.expose_secret(), &scene.stranger.password).await.status, 404, "a newer one voids the older");
    assert_eq!(join(code.expose_secret(), "some other password").await.status, 401);
    let joined = join(code.expose_secret(), &scene.stranger.password).await;
    let roles: Vec<_> =
        joined.json()["user"]["workspaces"].as_array().unwrap().iter().map(|one| one["role"].clone()).collect();
    assert_eq!((joined.status, roles), (200, vec![json!("viewer"), json!("owner")]));

    let (_, late) = auth.invite(scene.workspace, "late@example.com", Role::Member, 1).await.unwrap();
    scene.clock.advance(24 * HOUR_MS);
    assert_eq!(join(late.expose_secret(), "long enough for all").await.status, 404);
    for code in ["", "x", &"x".repeat(43)] {
        let status = join(code, "long enough for all").await.status;
        assert_eq!(status, if code.is_empty() { 400 } else { 404 }, "{code}");
    }
    let (_, withdrawn) = auth.invite(scene.workspace, "w@example.com", Role::Member, 1).await.unwrap();
    assert!(scene.app.catalog.remove_invitation(scene.workspace, "W@example.com").await.unwrap());
    assert_eq!(join(withdrawn.expose_secret(), "long enough for all").await.status, 404);
}
