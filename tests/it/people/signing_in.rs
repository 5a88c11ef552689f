//! Cookies from sign-in to their end.

use linktrail::domain::principal::Role;
use secrecy::SecretString;
use serde_json::json;

use super::scene::{HOUR_MS, Scene};

#[tokio::test]
async fn a_cookie_is_given_turned_over_and_taken_back() {
    let scene = Scene::new("people_cookies").await;
    let answer = scene.try_password("OWNER@Example.com", &scene.owner.password).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let person = json!({
        "id": scene.owner.id.to_string(),
        "email": "owner@example.com",
        "workspaces": [{"id": scene.workspace.to_string(), "name": "Ours", "role": "owner"}],
    });
    assert_eq!(answer.json(), json!({ "user": person }));
    assert_eq!(answer.headers["cache-control"], "no-store");
    let [line] = answer.cookies()[..] else { panic!("{:?}", answer.cookies()) };
    let (first, attributes) = line.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Max-Age=259200; HttpOnly; SameSite=Lax");
    let value = first.strip_prefix("session=").unwrap();
    assert_eq!(value.len(), 43);
    let me = scene.send("GET", "/api/auth/me", &[("cookie", first)], None).await;
    assert_eq!((me.status, me.json()), (200, json!({ "user": person })));

    // What is kept is the hash.
    let kept = scene.app.catalog.signed_in(&sha256(value)).await.unwrap().unwrap();
    assert_eq!(kept.user, scene.owner.id);

    // Signing in again ends what the browser had.
    let body = json!({"email": "owner@example.com", "password": scene.owner.password});
    let again = scene.send("POST", "/api/auth/login", &[("cookie", first)], Some(&body)).await;
    let second = again.cookie();
    assert_ne!(second, first);
    assert_eq!((scene.is_in(first).await, scene.is_in(&second).await), (401, 200));

    let other = scene.sign_in(&scene.owner).await;
    let out = scene.send("POST", "/api/auth/logout", &[("cookie", &second)], None).await;
    assert_eq!((out.status, out.json()), (200, json!({"success": true})));
    assert_eq!(out.cookies(), ["session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"]);
    assert_eq!((scene.is_in(&second).await, scene.is_in(&other).await), (401, 200));
    // Once more is no mistake.
    assert_eq!(scene.send("POST", "/api/auth/logout", &[("cookie", &second)], None).await.status, 200);

    let third = scene.sign_in(&scene.owner).await;
    assert_eq!(scene.send("POST", "/api/auth/logout?all=true", &[("cookie", &second)], None).await.status, 401);
    assert_eq!(scene.send("POST", "/api/auth/logout?all=true", &[("cookie", &third)], None).await.status, 200);
    assert_eq!((scene.is_in(&other).await, scene.is_in(&third).await), (401, 401));
}

#[tokio::test]
async fn behind_tls_no_other_host_can_set_the_cookie() {
    let scene = Scene::new("people_tls").await;
    let mut app = scene.app.clone();
    app.public_url = std::sync::Arc::new("https://go.example".parse().unwrap());
    let scene = Scene { router: linktrail::api::ghostid::routes().with_state(app), ..scene };
    let answer = scene.try_password("owner@example.com", &scene.owner.password).await;
    let line = answer.cookies()[0];
    let (cookie, attributes) = line.split_once("; ").unwrap();
    assert!(cookie.starts_with("__Host-session="), "{line}");
    assert_eq!(attributes, "Path=/; Max-Age=259200; HttpOnly; SameSite=Lax; Secure");
    assert_eq!(scene.is_in(cookie).await, 200);
    let plain = cookie.replace("__Host-", "");
    assert_eq!(scene.is_in(&plain).await, 200, "clients that know the plain name go on");
    // A browser keeps what any host below the same name gives it under that name.
    let by_browser = [("cookie", plain.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(scene.send("GET", "/api/auth/me", &by_browser, None).await.status, 401);
    let over_http = [("cookie", cookie), ("origin", "http://go.example"), ("host", "go.example")];
    assert_eq!(scene.send("POST", "/api/auth/logout", &over_http, None).await.status, 403);
    let wrong = scene.send("GET", "/api/auth/login", &[("cookie", cookie)], None).await;
    assert_eq!((wrong.status, wrong.text.contains("\"error\":\"The method GET")), (405, true), "{}", wrong.text);
    assert_eq!(scene.is_in(&format!("{plain}; __Host-session={}", "x".repeat(43))).await, 401);
    let out = scene.send("POST", "/api/auth/logout", &[("cookie", cookie)], None).await;
    assert_eq!(out.cookies().len(), 2);
    assert!(out.cookies().iter().all(|line| line.contains("Max-Age=0") && line.ends_with("; Secure")));
}

#[tokio::test]
async fn a_sign_in_ends_by_itself() {
    let scene = Scene::new("people_ends").await;
    let used = scene.sign_in(&scene.owner).await;
    let unused = scene.sign_in(&scene.member).await;
    for hours in [20, 40, 60] {
        scene.clock.advance(20 * HOUR_MS);
        // What is remembered is younger than that where time really passes.
        scene.app.auth.forget();
        assert_eq!(scene.is_in(&used).await, 200, "{hours}");
        // The end is moved beside the request.
        let moved = async || {
            let value = used.strip_prefix("session=").unwrap();
            scene.app.catalog.signed_in(&sha256(value)).await.unwrap().unwrap().expires_at_ms
        };
        let expected = super::scene::NOW_MS + (hours + 24).min(72) * HOUR_MS;
        for _ in 0..500 {
            if moved().await == expected {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(moved().await, expected, "{hours}");
    }
    assert_eq!(scene.is_in(&unused).await, 401);
    scene.clock.advance(12 * HOUR_MS);
    assert_eq!(scene.is_in(&used).await, 401, "the longest time is over");
    assert_eq!(scene.app.catalog.sweep_sign_ins(scene.clock.now_ms()).await.unwrap(), 2);
    assert_eq!(scene.app.catalog.sweep_sign_ins(scene.clock.now_ms()).await.unwrap(), 0);
}

#[tokio::test]
async fn what_changes_of_a_person_ends_their_sign_ins() {
    let scene = Scene::new("people_changes").await;
    let (catalog, auth) = (&scene.app.catalog, &scene.app.auth);
    let cookies = async || (scene.sign_in(&scene.member).await, scene.sign_in(&scene.owner).await);
    let (gone, stays) = cookies().await;
    let chosen = SecretString::from("a password of my own".to_owned());
    auth.change_password("member@example.com", Some(&chosen)).await.unwrap();
    auth.forget();
    assert_eq!((scene.is_in(&gone).await, scene.is_in(&stays).await), (401, 200));
    assert_eq!(scene.try_password("member@example.com", &scene.member.password).await.status, 401);

    let fresh = scene.try_password("member@example.com", "a password of my own").await.cookie();
    catalog.set_member(scene.workspace, scene.member.id, Role::Viewer).await.unwrap();
    auth.forget();
    assert_eq!(scene.is_in(&fresh).await, 401);

    let fresh = scene.try_password("member@example.com", "a password of my own").await.cookie();
    catalog.remove_member(scene.workspace, scene.member.id).await.unwrap();
    auth.forget();
    assert_eq!(scene.is_in(&fresh).await, 401);

    let fresh = scene.try_password("member@example.com", "a password of my own").await.cookie();
    let me = scene.send("GET", "/api/auth/me", &[("cookie", &fresh)], None).await;
    assert_eq!(me.json()["user"]["workspaces"], json!([]));
    let links = scene.send("GET", "/api/links?siteId=1", &[("cookie", &fresh)], None).await;
    assert_eq!(links.status, 403, "{}", links.text);
    catalog.remove_user(scene.member.id).await.unwrap();
    auth.forget();
    assert_eq!((scene.is_in(&fresh).await, scene.is_in(&stays).await), (401, 200));
}

fn sha256(text: &str) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(text.as_bytes()).into()
}
