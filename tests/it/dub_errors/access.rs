//! Who may what: every endpoint that wants a key, with every kind of key.

use axum::http::Method;
use linktrail::auth::KeyGrant;
use linktrail::domain::id::{CustomerId, DeliveryId, FolderId, LinkId, TagId, WebhookId};
use linktrail::domain::principal::{KNOWN_SCOPES, Role};

use super::world::{World, assert_enveloped};
use crate::reading::lines::{NOW, ms};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

/// What a key needs for what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Scope(&'static str),
    /// Any scope that allows writing: leads and sales (Dub contract, section 1).
    AnyWriting,
    /// A key that pages may show; no other one will do.
    PublishableKey,
    /// No key at all.
    Nothing,
}
use Needs::{AnyWriting, Nothing, PublishableKey, Scope};

/// Every route of the surface, as `api/dub/mod.rs` writes it, with what each of its methods needs.
const ENDPOINTS: &[(&str, &[(Method, Needs)])] = &[
    ("/analytics", &[(GET, Scope("analytics.read")), (POST, Scope("analytics.read"))]),
    ("/analytics/dashboard", &[(GET, Nothing)]),
    ("/analytics/export", &[(GET, Scope("analytics.read"))]),
    ("/analytics/{first}", &[(GET, Scope("analytics.read"))]),
    ("/analytics/{first}/{second}", &[(GET, Scope("analytics.read"))]),
    ("/events", &[(GET, Scope("analytics.read")), (POST, Scope("analytics.read"))]),
    ("/events/export", &[(GET, Scope("analytics.read")), (POST, Scope("analytics.read"))]),
    ("/events/stream", &[(GET, Scope("analytics.read"))]),
    ("/webhooks", &[(GET, Scope("webhooks.read")), (POST, Scope("webhooks.write"))]),
    (
        "/webhooks/{webhook}",
        &[(GET, Scope("webhooks.read")), (PATCH, Scope("webhooks.write")), (DELETE, Scope("webhooks.write"))],
    ),
    ("/webhooks/{webhook}/rotate", &[(POST, Scope("webhooks.write"))]),
    ("/webhooks/{webhook}/test", &[(POST, Scope("webhooks.write"))]),
    ("/webhooks/{webhook}/deliveries", &[(GET, Scope("webhooks.read"))]),
    ("/webhooks/{webhook}/deliveries/{delivery}/retry", &[(POST, Scope("webhooks.write"))]),
    ("/links", &[(GET, Scope("links.read")), (POST, Scope("links.write"))]),
    ("/links/upsert", &[(PUT, Scope("links.write"))]),
    (
        "/links/bulk",
        &[
            (POST, Scope("links.write")),
            (PATCH, Scope("links.write")),
            (PUT, Scope("links.write")),
            (DELETE, Scope("links.write")),
        ],
    ),
    ("/links/info", &[(GET, Scope("links.read"))]),
    ("/links/count", &[(GET, Scope("links.read"))]),
    (
        "/links/{link}",
        &[
            (GET, Scope("links.read")),
            (PATCH, Scope("links.write")),
            (PUT, Scope("links.write")),
            (DELETE, Scope("links.write")),
        ],
    ),
    ("/links/{link}/{*rest}", &[(GET, Nothing)]),
    ("/qr", &[(GET, Nothing)]),
    ("/tags", &[(GET, Scope("tags.read")), (POST, Scope("tags.write"))]),
    (
        "/tags/{tag}",
        &[
            (GET, Scope("tags.read")),
            (PATCH, Scope("tags.write")),
            (PUT, Scope("tags.write")),
            (DELETE, Scope("tags.write")),
        ],
    ),
    ("/tags/{tag}/{*rest}", &[(GET, Nothing)]),
    ("/domains", &[(GET, Scope("domains.read")), (POST, Scope("domains.write"))]),
    ("/domains/status", &[(GET, Scope("domains.read"))]),
    ("/domains/register", &[(POST, Scope("domains.write"))]),
    (
        "/domains/{domain}",
        &[
            (GET, Scope("domains.read")),
            (PATCH, Scope("domains.write")),
            (PUT, Scope("domains.write")),
            (DELETE, Scope("domains.write")),
        ],
    ),
    ("/domains/{domain}/primary", &[(POST, Scope("domains.write")), (PUT, Scope("domains.write"))]),
    ("/domains/{domain}/{*rest}", &[(GET, Nothing)]),
    ("/folders", &[(GET, Scope("folders.read")), (POST, Scope("folders.write"))]),
    (
        "/folders/{folder}",
        &[
            (GET, Scope("folders.read")),
            (PATCH, Scope("folders.write")),
            (PUT, Scope("folders.write")),
            (DELETE, Scope("folders.write")),
        ],
    ),
    ("/folders/{folder}/{*rest}", &[(GET, Nothing)]),
    ("/track/lead", &[(POST, AnyWriting)]),
    ("/track/sale", &[(POST, AnyWriting)]),
    ("/track/lead/client", &[(POST, PublishableKey)]),
    ("/track/sale/client", &[(POST, PublishableKey)]),
    ("/track/click", &[(POST, Nothing)]),
    ("/track/visit", &[(POST, Nothing)]),
    ("/track/open", &[(POST, Nothing)]),
    ("/customers", &[(GET, Scope("conversions.read")), (POST, Scope("conversions.write"))]),
    (
        "/customers/{customer}",
        &[
            (GET, Scope("conversions.read")),
            (PATCH, Scope("conversions.write")),
            (PUT, Scope("conversions.write")),
            (DELETE, Scope("conversions.write")),
        ],
    ),
    ("/customers/{customer}/{*rest}", &[(GET, Nothing)]),
];

impl Needs {
    /// Whether a key with this one scope may.
    fn met_by(self, scope: &str) -> bool {
        match self {
            Nothing | PublishableKey => true,
            AnyWriting => scope == "apis.all" || scope.ends_with(".write"),
            Scope(wanted) => {
                let area = |name: &str| name.rsplit_once('.').map(|(area, _)| area.to_owned());
                scope == "apis.all"
                    || scope == wanted
                    || (wanted.ends_with(".read") && (scope == "apis.read" || area(scope) == area(wanted)))
            }
        }
    }

    fn is_writing(self) -> bool {
        matches!(self, AnyWriting) || matches!(self, Scope(name) if name.ends_with(".write"))
    }
}

/// Every method that wants a key, with a path that names nothing that is there.
fn keyed() -> impl Iterator<Item = (Method, String, Needs)> {
    ENDPOINTS.iter().flat_map(|(path, methods)| {
        let ids = [
            ("{first}", "clicks".to_owned()),
            ("{second}", "country".to_owned()),
            ("{domain}", "nothing.example".to_owned()),
            ("{webhook}", WebhookId(999).to_string()),
            ("{delivery}", DeliveryId(999).to_string()),
            ("{link}", LinkId(999).to_string()),
            ("{tag}", TagId(999).to_string()),
            ("{folder}", FolderId(999).to_string()),
            ("{customer}", CustomerId(999).to_string()),
        ];
        let path = ids.iter().fold((*path).to_owned(), |path, (name, id)| path.replace(name, id));
        methods
            .iter()
            .filter(|(_, needs)| !matches!(needs, Nothing | PublishableKey))
            .map(move |(method, needs)| (method.clone(), path.clone(), *needs))
    })
}

/// The headers of a request, and the status, code and message that they earn.
type Refusal<'a> = (Vec<(&'a str, &'a str)>, u16, &'a str, &'a str);

/// A body that says nothing.
fn empty(method: &Method, path: &str) -> &'static str {
    match path {
        "/analytics" | "/events" | "/events/export" => "",
        "/links/bulk" if method == POST => "[]",
        _ => "{}",
    }
}

#[test]
fn the_table_holds_every_route() {
    let source = include_str!("../../../src/api/dub/mod.rs");
    let routes: Vec<&str> =
        source.split("&path(\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(path, _)| path).collect();
    assert!(routes.len() > 20, "{routes:?}");
    for route in routes {
        assert!(ENDPOINTS.iter().any(|(path, _)| *path == route), "what does {route} need? Add it to the table");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_right_key_nothing_is_told() {
    let world = World::start("dub_errors_keys").await;
    let expires = Some(ms(NOW) + 1_000);
    let grant = KeyGrant { workspace: Some(world.workspace), expires_at_ms: expires, ..KeyGrant::default() };
    let expired = world.key_of(world.user, &grant).await;
    assert_eq!(world.send(GET, "/links", &expired, "").await.status, 200);
    world.app.clock.advance(1_000);
    let (record, secret) = world.app.auth.create_key(world.user, &KeyGrant::default()).await.unwrap();
    let revoked = secrecy::ExposeSecret::expose_secret(&secret).to_owned();
    assert_eq!(world.send(GET, "/links", &revoked, "").await.status, 200);
    assert!(world.app.auth.revoke_key(record.id).await.unwrap());

    let missing = "Missing Authorization header.";
    let misconfigured = "Misconfigured Authorization header: expected 'Bearer <API key>'.";
    let invalid = "Unauthorized: Invalid API key.";
    let unknown = format!("Bearer lt_{}", "x".repeat(43));
    let long = format!("Bearer {}", "x".repeat(60_000));
    let table: Vec<Refusal<'_>> = vec![
        (vec![], 401, "unauthorized", missing),
        (vec![("authorization", "")], 400, "bad_request", misconfigured),
        (vec![("authorization", &world.key)], 400, "bad_request", misconfigured),
        (vec![("authorization", "Basic bHRfMTo=")], 400, "bad_request", misconfigured),
        (vec![("authorization", "bearer x")], 400, "bad_request", misconfigured),
        (vec![("authorization", "Bearer ")], 401, "unauthorized", invalid),
        (vec![("authorization", "Bearer dub_xyz")], 401, "unauthorized", invalid),
        (vec![("authorization", &unknown)], 401, "unauthorized", invalid),
        (vec![("authorization", &long)], 401, "unauthorized", invalid),
    ];
    let (expired, revoked) = (format!("Bearer {expired}"), format!("Bearer {revoked}"));
    for (method, path, _) in keyed() {
        let dated: [Refusal<'_>; 2] = [
            (vec![("authorization", &expired)], 401, "unauthorized", "Unauthorized: Access token expired."),
            (vec![("authorization", &revoked)], 401, "unauthorized", invalid),
        ];
        for (headers, status, code, message) in table.iter().chain(&dated) {
            // What is wrong beside is not looked at.
            let target = format!("{path}?page=0&interval=x&%ff");
            let answer = world.exchange(method.clone(), &target, headers, b"no json").await;
            let what = format!("{method} {path} {headers:.40?}");
            assert_enveloped(&answer, &what);
            assert_eq!((answer.status, answer.code(), answer.message()), (*status, *code, *message), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_opens_what_it_names() {
    let world = World::start("dub_errors_scopes").await;
    for scope in KNOWN_SCOPES {
        let key = world.key_with(&[scope]).await;
        for (method, path, needs) in keyed() {
            // A stream would not end, and nobody can buy a domain here.
            if matches!(path.as_str(), "/events/stream" | "/domains/register") && needs.met_by(scope) {
                continue;
            }
            let answer = world.send(method.clone(), &path, &key, empty(&method, &path)).await;
            let what = format!("{method} {path} with {scope}: {}", answer.body);
            if needs.met_by(scope) {
                assert!(!matches!(answer.status, 401 | 403 | 405 | 500..), "{what}");
                continue;
            }
            let wanted = match needs {
                Scope(wanted) => wanted,
                _ => "conversions.write",
            };
            let expected = format!("The API key does not have the required scope: {wanted}");
            assert_enveloped(&answer, &what);
            assert_eq!((answer.status, answer.code(), answer.message()), (403, "forbidden", &*expected), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_look_may_not_write() {
    let world = World::start("dub_errors_viewer").await;
    for (method, path, needs) in keyed().filter(|(_, path, _)| path != "/events/stream") {
        let answer = world.send(method.clone(), &path, &world.viewer, empty(&method, &path)).await;
        let what = format!("{method} {path}: {}", answer.body);
        if needs.is_writing() {
            assert_enveloped(&answer, &what);
            assert_eq!((answer.status, answer.code()), (403, "forbidden"), "{what}");
            let expected =
                ["A viewer of the workspace may not do this: ", "Only owners and members of the workspace may"];
            assert!(expected.iter().any(|start| answer.message().starts_with(start)), "{what}");
        } else {
            assert!(!matches!(answer.status, 401 | 403 | 405 | 500..), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_key_says_which_workspace() {
    let world = World::start("dub_errors_personal").await;
    let (app, user, first) = (&world.app, world.user, world.workspace);
    let personal = world.key_of(user, &KeyGrant::default()).await;
    assert_eq!(world.send(GET, "/links", &personal, "").await.status, 200, "there is only one");
    let second = app.catalog.add_workspace("Second", ms(NOW)).await.unwrap().id;
    assert!(app.catalog.set_member(second, user, Role::Viewer).await.unwrap());
    let foreign = app.catalog.add_workspace("Foreign", ms(NOW)).await.unwrap().id;
    app.auth.forget();
    let several = "This key opens several workspaces: name one with workspaceId=ws_...";
    for (query, status, code, message) in [
        (String::new(), 400, "bad_request", several.to_owned()),
        ("?workspaceId=".to_owned(), 400, "bad_request", several.to_owned()),
        (format!("?workspaceId={first}"), 200, "", String::new()),
        (format!("?workspaceId={second}"), 200, "", String::new()),
        (format!("?workspaceId={second}&workspaceId={first}"), 200, "", String::new()),
        (
            format!("?workspaceId={foreign}"),
            404,
            "not_found",
            format!("Workspace not found. workspaceId: \"{foreign}\""),
        ),
        ("?workspaceId=ws_x".to_owned(), 404, "not_found", "Workspace not found. workspaceId: \"ws_x\"".to_owned()),
    ] {
        let answer = world.send(GET, &format!("/links{query}"), &personal, "").await;
        assert_eq!((answer.status, answer.code(), answer.message()), (status, code, &*message), "{query}");
    }
    // The role is the one in the workspace that is named.
    let link = r#"{"url": "https://example.com"}"#;
    assert_eq!(world.send(POST, &format!("/links?workspaceId={first}"), &personal, link).await.status, 200);
    let refused = world.send(POST, &format!("/links?workspaceId={second}"), &personal, link).await;
    assert_eq!((refused.status, refused.message()), (403, "A viewer of the workspace may not do this: links.write"));
    // A key that is bound stays where it is.
    let answer = world.send(GET, &format!("/links/count?workspaceId={foreign}"), &world.key, "").await;
    assert_eq!((answer.status, answer.body.as_u64()), (200, Some(1)));
    // Nobody's workspace.
    assert!(app.catalog.remove_member(first, user).await.unwrap());
    assert!(app.catalog.remove_member(second, user).await.unwrap());
    app.auth.forget();
    let answer = world.send(GET, "/links", &world.key, "").await;
    assert_eq!((answer.status, answer.code()), (403, "forbidden"), "{}", answer.body);
}
