//! Tags and pixels.

use serde_json::json;

use super::world::{World, error, id};

#[tokio::test]
async fn a_tags_life() {
    let world = World::start("brevr_tags").await;
    let (status, made) = world.post("/tags", json!({"name": " Spring ", "color": "green"})).await;
    assert_eq!(status, 201);
    let path = format!("/tags/{}", id(&made["tag"]));
    assert_eq!(made, json!({"tag": {"id": id(&made["tag"]), "name": "Spring", "color": "green"}}));
    assert_eq!(world.post("/tags", json!({"name": "SPRING"})).await.0, 409);
    let link = world.link(json!({"tagIds": [id(&made["tag"])]})).await;
    let (status, changed) = world.patch(&path, json!({"color": "red"})).await;
    assert_eq!((status, &changed["tag"]["color"], &changed["tag"]["name"]), (200, &json!("red"), &json!("Spring")));
    assert_eq!(world.get(&path).await.1, changed);
    world.post("/tags", json!({"name": "autumn"})).await;
    let (_, list) = world.get("/tags").await;
    let names: Vec<&str> = list["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    assert_eq!((names, &list["total"]), (vec!["autumn", "Spring"], &json!(2)));
    assert_eq!(world.get("/tags?search=spr").await.1["total"], 1);
    for (body, status, start) in [
        (json!({}), 400, "name: it is required"),
        (json!({"name": ""}), 422, "name: Too small"),
        (json!({"name": "x", "color": "black"}), 422, "color: expected one of red"),
        (json!({"name": 5}), 400, "name: "),
    ] {
        let (found, answer) = world.post("/tags", body).await;
        assert_eq!(found, status, "{answer}");
        assert!(error(&answer).starts_with(start), "{answer}");
    }
    assert_eq!(world.delete(&path).await.0, 200);
    assert_eq!(world.get(&path).await.0, 404);
    let (_, bare) = world.get(&format!("/links/{}", id(&link))).await;
    assert_eq!(bare["link"]["tags"], json!([]));
}

#[tokio::test]
async fn a_pixels_life() {
    let world = World::start("brevr_pixels").await;
    let (status, made) =
        world.post("/pixels", json!({"name": "Shop", "network": "tiktok", "pixelId": "c4abcdefghij0123456789"})).await;
    assert_eq!(status, 201, "{made}");
    let pixel = &made["pixel"];
    let code = pixel["pixelId"].as_str().unwrap().to_owned();
    let path = format!("/pixels/{}", id(pixel));
    assert_eq!(world.get(&path).await.1, made);
    assert_eq!(world.post("/pixels", json!({"name": "shop", "network": "meta", "pixelId": "12345"})).await.0, 409);
    let (_, meta) = world.post("/pixels", json!({"name": "Ads", "network": "meta", "pixelId": "1234567890"})).await;
    let ids = json!([id(pixel), id(&meta["pixel"])]);
    let link = world.link(json!({ "pixelIds": ids })).await;
    assert_eq!(link["pixels"], json!({"meta": "1234567890", "tiktok": code}));
    assert_eq!(link["metaPixelId"], "1234567890");
    // A network's own field wins.
    let link = world.link(json!({ "pixelIds": ids, "metaPixelId": "9876543210" })).await;
    assert_eq!(link["metaPixelId"], "9876543210");
    let (status, changed) = world.patch(&path, json!({"name": "Store"})).await;
    assert_eq!((status, &changed["pixel"]["name"], &changed["pixel"]["pixelId"]), (200, &json!("Store"), &json!(code)));
    assert_eq!(world.get("/pixels").await.1["total"], 2);
    assert_eq!(world.get("/pixels?network=meta").await.1["pixels"][0]["name"], "Ads");
    for (body, status, start) in [
        (json!({"network": "meta", "pixelId": "12345"}), 400, "name: it is required"),
        (json!({"name": "x", "pixelId": "12345"}), 400, "network: it is required"),
        (json!({"name": "x", "network": "myspace", "pixelId": "12345"}), 422, "network: expected one of meta"),
        (json!({"name": "x", "network": "meta", "pixelId": "<script>"}), 422, "pixelId: expected 5 to 20 digits"),
    ] {
        let (found, answer) = world.post("/pixels", body).await;
        assert_eq!(found, status, "{answer}");
        assert!(error(&answer).starts_with(start), "{answer}");
    }
    assert_eq!(world.patch(&path, json!({"network": "meta"})).await.0, 422, "its id is none of that network");
    assert_eq!(world.delete(&path).await.0, 200);
    assert_eq!(world.delete(&path).await.0, 404);
    let gone = json!({"url": "https://example.com", "domain": "go.example.com", "pixelIds": [id(pixel)]});
    let (status, refused) = world.post("/links", gone).await;
    assert_eq!(status, 422);
    assert!(error(&refused).starts_with("pixelIds: there are no such pixels"), "{refused}");
    // Links keep what they have.
    let (_, kept) = world.get(&format!("/links/{}", id(&link))).await;
    assert_eq!(kept["link"]["pixels"]["tiktok"], json!(code));
}
