//! `/links/bulk`.

use axum::http::Method;
use linktrail::domain::id::LinkId;
use serde_json::{Value, json};

use super::world::{World, code, message};

fn ids(links: &Value) -> Vec<String> {
    links.as_array().unwrap().iter().map(|link| link["id"].as_str().unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn each_link_is_made_or_refused_on_its_own() {
    let world = World::start("dub_bulk_create").await;
    world.listen().await;
    let taken = world.made("/links", json!({"url": "https://a.b", "key": "taken"})).await;
    let (status, answer) = world
        .post(
            "/links/bulk",
            json!([
                {"url": "https://a.b/1", "key": "one", "tagNames": []},
                {"url": "https://a.b/2", "key": "TAKEN", "password": "secret"},
                {"url": "https://a.b/3", "externalId": "e"},
                {"url": "https://a.b/4", "externalId": "ext_e"},
                {"url": "nodot"},
                {"url": ""},
                {"url": "https://a.b/6", "domain": "go.other.example", "key": "one"},
                {"url": "https://a.b/7", "folderId": "fold_x"},
                {"url": "https://a.b/8", "tagIds": ["tag_x"]},
                {"url": "https://a.b/9", "key": "two"},
            ]),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    let answer = answer.as_array().unwrap();
    let summary: Vec<&str> =
        answer.iter().map(|entry| entry["code"].as_str().or(entry["url"].as_str()).unwrap()).collect();
    assert_eq!(
        summary,
        [
            "https://a.b/1",
            "conflict",
            "https://a.b/3",
            "conflict",
            "unprocessable_entity",
            "bad_request",
            "forbidden",
            "not_found",
            "unprocessable_entity",
            "https://a.b/9"
        ]
    );
    // What was asked stands beside the refusal, but for the password.
    let refused = json!({
        "link": {"url": "https://a.b/2", "key": "TAKEN", "password": "********"},
        "error": "Duplicate key: This short link already exists.", "code": "conflict",
    });
    assert_eq!(answer[1], refused);
    // The links are whole.
    for entry in [&answer[0], &answer[2], &answer[9]] {
        let path = format!("/links/{}", entry["id"].as_str().unwrap());
        assert_eq!(world.get(&path).await, (200, entry.clone()));
    }
    assert_eq!(answer[0]["forwardParameters"], true);
    let expected = [&taken, &answer[0], &answer[2], &answer[9]];
    let expected = expected.map(|link| World::note(("link.created", link["id"].as_str().unwrap())));
    assert_eq!(world.noted().await, expected);
}

#[tokio::test]
async fn a_list_that_makes_no_sense_makes_nothing() {
    let world = World::start("dub_bulk_refused").await;
    world.app.catalog.add_domain(world.ours.workspace, "second.example.com", true, super::world::NOW).await.unwrap();
    let link = |key: &str| json!({"url": "https://a.b", "key": key});
    let many: Vec<Value> = (0..101).map(|number| json!({"url": format!("https://a.b/{number}")})).collect();
    for (body, wanted, said) in [
        (json!([link("x"), link("y"), link("X/")]), 400, "Duplicate links found"),
        (
            json!([link("x"), {"url": "https://a.b", "domain": "GO.example.com", "key": "x"}]),
            400,
            "Duplicate links found",
        ),
        (json!([]), 422, "too_small: links: "),
        (json!(many), 422, "too_big: links: Too big: expected array to have <=100 items. Given: 101"),
        (json!({"url": "https://a.b"}), 422, "invalid_type: body: Invalid input: expected array"),
        (json!([link("x"), 5]), 422, "invalid_type: 1: Invalid input: expected object"),
        (json!([link("x"), {"url": 5}]), 422, "invalid_type: 1.url: Invalid input: expected string"),
        (json!([{"url": "https://a.b", "title": "\0"}]), 422, "invalid_format: 0.title: "),
    ] {
        let (status, answer) = world.post("/links/bulk", body).await;
        assert_eq!(status, wanted, "{answer}");
        assert!(message(&answer).starts_with(said), "{answer}");
    }
    assert_eq!(world.get("/links/count").await, (200, json!(0)));
    // Where case tells links apart these are two.
    let on_second = |key: &str| json!({"url": "https://a.b", "domain": "second.example.com", "key": key});
    let (status, answer) = world.post("/links/bulk", json!([on_second("x"), on_second("X"), link("x")])).await;
    assert_eq!(status, 200);
    assert!(!ids(&answer).contains(&"-".to_owned()), "{answer}");
    assert_eq!(world.post("/links/bulk", json!(&many[..100])).await.1.as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn many_links_are_changed_together_or_not_at_all() {
    let world = World::start("dub_bulk_update").await;
    let tag = world.made("/tags", json!({"name": "t"})).await["id"].clone();
    let folder = world.made("/folders", json!({"name": "f"})).await["id"].clone();
    let bodies = json!([
        {"url": "https://a.b/1?utm_source=s", "key": "a", "externalId": "a"},
        {"url": "https://a.b/2", "key": "b", "externalId": "b", "comments": "C"},
        {"url": "https://a.b/3", "key": "c"},
    ]);
    let links = world.post("/links/bulk", bodies).await.1;
    let id = ids(&links);
    world.listen().await;
    world.app.clock.advance(1_000);

    let data = json!({"title": "T", "tagIds": [tag], "folderId": folder, "utm_medium": "m",
        "key": "ignored", "domain": "ignored.example", "externalId": "ignored"});
    // In the order named, each once; what is no link of ours is left out.
    let named = json!([id[2], "link_x", id[0], LinkId(99_999).to_string(), id[2], "ext_nothing"]);
    let (status, changed) = world.patch("/links/bulk", json!({"linkIds": named, "data": data})).await;
    assert_eq!((status, ids(&changed)), (200, vec![id[2].clone(), id[0].clone()]), "{changed}");
    for (link, before) in [(&changed[0], &links[2]), (&changed[1], &links[0])] {
        let mut expected = before.clone();
        expected["title"] = json!("T");
        expected["tags"] = json!([{"id": tag, "name": "t", "color": link["tags"][0]["color"]}]);
        (expected["tagId"], expected["folderId"]) = (tag.clone(), folder.clone());
        expected["utm_medium"] = json!("m");
        let glue = if before["url"].as_str().unwrap().contains('?') { '&' } else { '?' };
        expected["url"] = json!(format!("{}{glue}utm_medium=m", before["url"].as_str().unwrap()));
        expected["updatedAt"] = json!("2026-09-21T14:13:21.000Z");
        assert_eq!(*link, expected);
        let path = format!("/links/{}", link["id"].as_str().unwrap());
        assert_eq!(world.get(&path).await, (200, expected));
    }
    assert_eq!(world.get("/links/ext_b").await.1, links[1], "not named, not changed");

    let body = json!({"externalIds": ["b", "ext_a", "none"], "data": {"comments": "D"}});
    let (status, changed) = world.patch("/links/bulk", body).await;
    assert_eq!((status, ids(&changed)), (200, vec![id[1].clone(), id[0].clone()]));
    // Notes are in the order of the links' rows.
    let updated = |place: usize| World::note(("link.updated", &id[place]));
    assert_eq!(world.noted().await, [updated(0), updated(2), updated(0), updated(1)]);

    // One that cannot be changed so keeps all as they were: here an address grows beyond its limit.
    let long = world.made("/links", json!({"url": format!("https://a.b/{}", "x".repeat(4_070))})).await;
    let before = world.get("/links/ext_b").await.1;
    let body = json!({"linkIds": [id[1], long["id"]], "data": {"utm_term": "does not fit"}});
    let (status, answer) = world.patch("/links/bulk", body).await;
    assert_eq!(status, 422, "{answer}");
    assert_eq!(world.get("/links/ext_b").await.1, before);

    for (body, wanted, said) in [
        (json!({"data": {}}), 400, "You must provide linkIds or externalIds"),
        (json!({"linkIds": [], "externalIds": [], "data": {}}), 400, "You must provide linkIds or externalIds"),
        (json!({"linkIds": [id[0]]}), 422, "invalid_type: data: "),
        (json!({"linkIds": [id[0]], "data": {"title": 5}}), 422, "invalid_type: data.title: "),
        (json!({"linkIds": [id[0]], "data": {"folderId": "fold_x"}}), 404, "Folder not found."),
        (json!({"linkIds": vec!["x"; 101], "data": {}}), 422, "too_big: linkIds: "),
        (json!({"linkIds": ["link_x"], "data": {}}), 404, "Link not found."),
    ] {
        let (status, answer) = world.patch("/links/bulk", body.clone()).await;
        assert_eq!(status, wanted, "{body}: {answer}");
        assert!(message(&answer).starts_with(said), "{body}: {answer}");
    }
}

#[tokio::test]
async fn many_links_are_deleted_together() {
    let world = World::start("dub_bulk_delete").await;
    let bodies = json!([
        {"url": "https://a.b/1", "key": "a"},
        {"url": "https://a.b/2", "key": "b", "externalId": "b"},
        {"url": "https://a.b/3", "key": "_root"},
        {"url": "https://a.b/4", "key": "d"},
    ]);
    let links = world.post("/links/bulk", bodies).await.1;
    let id = ids(&links);
    world.listen().await;
    let (status, body) = world.delete(&format!("/links/bulk?linkIds={},{}", id[0], id[2])).await;
    assert_eq!((status, code(&body)), (403, "forbidden"), "a root link stays, and so do the others");
    let path = format!("/links/bulk?linkIds={0},ext_b,{0},link_x,{1}", id[0], LinkId(99_999));
    assert_eq!(world.delete(&path).await, (200, json!({"deletedCount": 2})));
    assert_eq!(world.delete(&path).await, (200, json!({"deletedCount": 0})));
    assert_eq!(world.each("/links", "key").await, ["d", "_root"]);
    let mut noted = world.noted().await;
    noted.sort();
    let mut expected = [World::note(("link.deleted", &id[0])), World::note(("link.deleted", &id[1]))];
    expected.sort();
    assert_eq!(noted, expected);
    for (path, wanted) in [
        ("/links/bulk".to_owned(), 400),
        ("/links/bulk?linkIds=,".to_owned(), 400),
        (format!("/links/bulk?linkIds={}", vec!["x"; 101].join(",")), 422),
    ] {
        assert_eq!(world.delete(&path).await.0, wanted, "{path}");
    }
}

#[tokio::test]
async fn links_of_others_are_not_there() {
    let world = World::start("dub_bulk_tenants").await;
    let body = json!({"url": "https://a.b", "key": "k", "externalId": "theirs"});
    let theirs = world.send(&world.theirs.key, Method::POST, "/links", Some(body)).await.1;
    let id = theirs["id"].as_str().unwrap();
    for body in [
        json!({"linkIds": [id], "data": {"title": "x"}}),
        json!({"linkIds": ["ext_theirs"], "data": {"title": "x"}}),
        json!({"externalIds": ["theirs"], "data": {"title": "x"}}),
    ] {
        assert_eq!(world.patch("/links/bulk", body).await.0, 404);
    }
    let deleted = world.delete(&format!("/links/bulk?linkIds={id},ext_theirs")).await;
    assert_eq!(deleted, (200, json!({"deletedCount": 0})));
    let path = format!("/links/{id}");
    assert_eq!(world.send(&world.theirs.key, Method::GET, &path, None).await, (200, theirs), "untouched");

    let reader = world.key(&["links.read"]).await;
    for (method, body) in [(Method::POST, Some(json!([]))), (Method::PATCH, Some(json!({}))), (Method::DELETE, None)] {
        let (status, body) = world.send(&reader, method.clone(), "/links/bulk", body).await;
        assert_eq!((status, code(&body)), (403, "forbidden"), "{method}");
    }
}
