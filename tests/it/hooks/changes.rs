//! Changes of links: noted with the change or not at all, told in both words.

use axum::http::Method;
use linktrail::catalog::{Catalog, NewLink, NewWebhook, Place};
use linktrail::domain::id::WorkspaceId;
use linktrail::domain::link::{Link, LinkFields};
use linktrail::domain::webhook::{Flavour, HookEvent};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::receiver::{Manner, Receiver};
use super::world::{NOW, World};

#[tokio::test]
async fn changes_are_told_in_both_words() {
    let world = World::start("hooks_changes").await;
    let (of_dub, of_linkly) = (Receiver::start(Manner::Status(200)).await, Receiver::start(Manner::Status(200)).await);
    let number = world.ours.workspace.0;
    world.post(&format!("/api/v1/workspace/{number}/webhooks"), json!({"url": of_linkly.url()})).await;
    world.hook(&of_dub.url(), &["link.created", "link.updated", "link.deleted"]).await;
    let (id, shown) = world.link("promo").await;
    of_dub.wait_for(1).await;
    of_linkly.wait_for(1).await;
    world.app.clock.advance(1_000);
    let path = format!("/links/{}", shown["id"].as_str().unwrap());
    let changed = world.send(&world.ours.key, Method::PATCH, &path, &json!({"key": "sale", "title": null})).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    of_dub.wait_for(2).await;
    of_linkly.wait_for(2).await;
    world.app.clock.advance(1_000);
    let deleted = world.send(&world.ours.key, Method::DELETE, &path, &Value::Null).await;
    assert_eq!(deleted.status, 200, "{}", deleted.body);

    let told: Vec<Value> = of_dub.wait_for(3).await.iter().map(super::receiver::Request::json).collect();
    let times = ["2026-09-21T14:13:20.000Z", "2026-09-21T14:13:21.000Z", "2026-09-21T14:13:22.000Z"];
    for ((body, event), (at, link)) in told
        .iter()
        .zip(["link.created", "link.updated", "link.deleted"])
        .zip(times.iter().zip([&shown, &changed.body, &changed.body]))
    {
        assert!(body["id"].as_str().unwrap().starts_with("evt_"));
        let expected = json!({"id": body["id"], "event": event, "createdAt": at, "data": link});
        assert_eq!(*body, expected, "{event}");
    }
    let told: Vec<Value> = of_linkly.wait_for(3).await.iter().map(super::receiver::Request::json).collect();
    let brief = |body: &Value| {
        let link = &body["link"];
        json!([body["event"], body["timestamp"], link["slug"], link["name"], link["inserted_at"], link["updated_at"]])
    };
    assert_eq!(
        told.iter().map(brief).collect::<Vec<_>>(),
        [
            json!([
                "link.created",
                "2026-09-21T14:13:20.000000Z",
                "/promo",
                "Promo",
                "2026-09-21T14:13:20Z",
                "2026-09-21T14:13:20Z"
            ]),
            json!([
                "link.updated",
                "2026-09-21T14:13:21.000000Z",
                "/sale",
                null,
                "2026-09-21T14:13:20Z",
                "2026-09-21T14:13:21Z"
            ]),
            json!([
                "link.deleted",
                "2026-09-21T14:13:22.000000Z",
                "/sale",
                null,
                "2026-09-21T14:13:20Z",
                "2026-09-21T14:13:21Z"
            ]),
        ]
    );
    assert_eq!(told[2]["link"]["domain"], "go.example.com");
    assert_eq!((&told[0]["link"]["id"], &told[0]["link"]["workspace_id"]), (&json!(id.0), &json!(number)));
    assert!(told[0].get("click").is_none());
    assert_eq!(outbox(&world.database).await, Vec::<String>::new());
    world.end().await;
}

/// What waits in the outbox.
async fn outbox(database: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(database, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let rows = client.query("SELECT event FROM outbox ORDER BY id", &[]).await.unwrap();
    drop(client);
    let _ = connection.await;
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn what_is_rolled_back_leaves_no_note() {
    let database = crate::world::database_url("hooks_outbox").await;
    let catalog = Catalog::connect(&SecretString::from(database.clone()), 4).unwrap();
    catalog.migrate().await.unwrap();
    let workspace = catalog.add_workspace("Acme", NOW).await.unwrap().id;
    let domain = catalog.add_domain(workspace, "go.example.com", false, NOW).await.unwrap();
    let fields = LinkFields { url: "https://example.com".to_owned(), ..LinkFields::default() };
    let add = |slug: &'static str| {
        let new = NewLink {
            workspace: domain.workspace,
            domain: &domain,
            slug,
            created_by: None,
            fields: &fields,
            created_at_ms: NOW,
            has_history: false,
        };
        let catalog = &catalog;
        async move { catalog.add_link(&new).await }
    };
    // Nobody asks yet.
    add("early").await.unwrap();
    assert!(outbox(&database).await.is_empty());
    subscribe(&catalog, workspace).await;

    let link = add("a").await.unwrap();
    assert!(add("a").await.is_err(), "its slug is taken");
    let refuse = |_: &mut Link| Err("no");
    catalog.change_link(workspace, link.id, Place::default(), NOW, refuse).await.unwrap().unwrap().unwrap_err();
    assert_eq!(outbox(&database).await, ["link.created"]);
    let accept = |link: &mut Link| -> Result<(), ()> {
        link.fields.title = Some("t".to_owned());
        Ok(())
    };
    catalog.change_link(workspace, link.id, Place::default(), NOW, accept).await.unwrap().unwrap().unwrap();
    assert!(catalog.delete_link(workspace, link.id, NOW).await.unwrap());
    assert!(!catalog.delete_link(workspace, link.id, NOW).await.unwrap());
    assert_eq!(outbox(&database).await, ["link.created", "link.updated", "link.deleted"]);

    // Two nodes take the same notes: each is settled by one of them.
    let notes = catalog.notes(10).await.unwrap();
    let ids: Vec<_> = notes.iter().map(|note| note.id).collect();
    let (one, two) = tokio::join!(catalog.settle_notes(&ids, &[], NOW), catalog.settle_notes(&ids, &[], NOW));
    let mut taken = [one.unwrap(), two.unwrap()].concat();
    taken.sort_unstable();
    assert_eq!(taken, ids);
    assert!(outbox(&database).await.is_empty());
}

async fn subscribe(catalog: &Catalog, workspace: WorkspaceId) {
    let new = NewWebhook {
        link: None,
        flavour: Flavour::Dub,
        name: "n".to_owned(),
        url: "https://example.com/hook".to_owned(),
        secret: "whsec_AAAA".into(),
        events: vec![HookEvent::LinkCreated, HookEvent::LinkUpdated, HookEvent::LinkDeleted],
    };
    catalog.add_webhook(workspace, &new, NOW).await.unwrap();
}
