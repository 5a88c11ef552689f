//! What is refused at the door: wrong passwords, too many of them, pages of other sites, bodies that are none.

use serde_json::{Value, json};

use super::scene::{PEER, Scene};

#[tokio::test]
async fn wrong_passwords_run_out() {
    let scene = Scene::new("people_wrong").await;
    let try_from = async |client, email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        scene.send("POST", "/api/auth/login", &[(PEER, client)], Some(&body)).await
    };
    let right = &scene.owner.password;
    let wrong = json!({"error": "Wrong email address or password."});
    for email in ["owner@example.com", "nobody@example.com", "no address"] {
        let answer = try_from("203.0.113.1", email, "wrong").await;
        assert_eq!((answer.status, answer.json()), (401, wrong.clone()), "{email}");
        assert!(answer.cookies().is_empty());
    }
    // Three tries each client has; who knows the password has had them too.
    let refused = try_from("203.0.113.1", "owner@example.com", right).await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (429, "900"));
    for _ in 0..5 {
        assert_eq!(try_from("203.0.113.2", "owner@example.com", right).await.status, 200, "right ones cost nothing");
    }
    // One was wrong so far; five an account has, of all clients together, in whatever case.
    for (client, email) in [
        ("203.0.113.3", "OWNER@example.com"),
        ("203.0.113.4", "owner@example.com"),
        ("203.0.113.5", "Owner@Example.com"),
    ] {
        assert_eq!(try_from(client, email, "wrong").await.status, 401);
    }
    assert_eq!(try_from("203.0.113.6", "owner@example.com", "wrong").await.status, 401);
    assert_eq!(try_from("203.0.113.7", "owner@example.com", right).await.status, 429);
    assert_eq!(try_from("203.0.113.7", "member@example.com", &scene.member.password).await.status, 200);
}

#[tokio::test]
async fn pages_of_other_sites_write_nothing() {
    let scene = Scene::new("people_origin").await;
    let cookie = scene.sign_in(&scene.owner).await;
    let link = json!({"siteId": 1, "destinationUrl": "https://example.com"});
    let login = json!({"email": "owner@example.com", "password": scene.owner.password});
    scene.app.holdings.add_domain(scene.workspace, "go.example", false, Default::default()).await.unwrap();
    let key = format!("Bearer {}", scene.key);
    let good: [&[(&str, &str)]; 6] = [
        &[],
        &[("origin", "http://localhost:8080")],
        &[("origin", "https://app.example"), ("host", "app.example")],
        &[("origin", "http://127.0.0.1:9000"), ("host", "127.0.0.1:9000")],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
    ];
    let bad: [&[(&str, &str)]; 6] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://localhost:8081")],
        &[("origin", "https://localhost:8080.evil.example"), ("host", "localhost:8080")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ];
    for (sets, status) in [(good, 200), (bad, 403)] {
        for headers in sets {
            let with_cookie = [headers, &[("cookie", cookie.as_str())]].concat();
            for (method, path, body) in [("POST", "/api/links", Some(&link)), ("POST", "/api/auth/login", Some(&login))]
            {
                let answer =
                    scene.send(method, path, if path.ends_with("login") { headers } else { &with_cookie }, body).await;
                assert_eq!(answer.status, status, "{path} {headers:?}: {}", answer.text);
            }
        }
    }
    for headers in bad {
        let with_cookie = [headers, &[("cookie", cookie.as_str())]].concat();
        for (method, path) in
            [("POST", "/api/auth/logout"), ("DELETE", "/api/links/lnk_x"), ("PUT", "/api/links/lnk_x")]
        {
            assert_eq!(scene.send(method, path, &with_cookie, None).await.status, 403, "{path} {headers:?}");
        }
        // Reading tells a page of another site nothing: it cannot read the answer.
        assert_eq!(scene.send("GET", "/api/auth/me", &with_cookie, None).await.status, 200);
        // A key does not come along by itself.
        let with_key = [headers, &[("authorization", key.as_str())]].concat();
        assert_eq!(scene.send("POST", "/api/links", &with_key, Some(&link)).await.status, 200, "{headers:?}");
    }
    assert_eq!(scene.is_in(&cookie).await, 200, "nobody was signed out");
}

#[tokio::test]
async fn bodies_say_what_they_are() {
    let scene = Scene::new("people_bodies").await;
    let cookie = scene.sign_in(&scene.owner).await;
    let cookie = ("cookie", cookie.as_str());
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        for (path, headers) in [
            ("/api/auth/login", vec![("content-type", content_type)]),
            ("/api/auth/join", vec![("content-type", content_type)]),
            ("/api/links", vec![cookie, ("content-type", content_type)]),
        ] {
            let answer = scene.send("POST", path, &headers, Some(&json!({}))).await;
            assert_eq!(
                (answer.status, answer.text.contains("application/json")),
                (400, true),
                "{path}: {}",
                answer.text
            );
        }
    }
    for (body, words) in [
        (json!({}), "email is required"),
        (json!({"email": "owner@example.com"}), "password is required"),
        (json!({"email": "", "password": "x"}), "email is required"),
        (json!({"email": 5, "password": "x"}), "email"),
        (json!([]), "body"),
        (json!({"email": "a@b.co\0", "password": "x"}), "NUL"),
    ] {
        let answer = scene.send("POST", "/api/auth/login", &[], Some(&body)).await;
        assert_eq!((answer.status, answer.text.contains(words)), (400, true), "{body}: {}", answer.text);
        let Value::Object(error) = answer.json() else { panic!("{}", answer.text) };
        assert_eq!(error.keys().collect::<Vec<_>>(), ["error"]);
    }
    for cookie in ["session=", "session=short", "session=\"quoted\"", "other=1", "__Host-session=x; session=y"] {
        let answer = scene.send("GET", "/api/auth/me", &[("cookie", cookie)], None).await;
        assert_eq!((answer.status, answer.json()), (401, json!({"error": "Unauthorized"})), "{cookie}");
    }
    for authorization in ["Basic abc", "Bearer", "Bearer lt_x", ""] {
        let headers = [("authorization", authorization), cookie];
        let answer = scene.send("GET", "/api/auth/me", &headers, None).await;
        assert_eq!((answer.status, answer.json()), (401, json!({"error": "Unauthorized"})), "{authorization}");
    }
}
