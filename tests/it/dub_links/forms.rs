//! Lists as CSV and TSV: the same as the objects say.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::world::World;

/// The file behind a path, with what it is called.
async fn file(world: &World, path: &str, accept: &str) -> (String, String, String) {
    let request = Request::builder().uri(path).header("accept", accept);
    let request = request.header("authorization", format!("Bearer {}", world.ours.key)).body(Body::empty()).unwrap();
    let response = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (kind, name) = (header("content-type"), header("content-disposition"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (kind, name, String::from_utf8(body.to_vec()).unwrap())
}

/// What a cell says of a value of JSON.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().all(|value| !value.is_object()) => {
            values.iter().map(written).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

#[tokio::test]
async fn every_list_is_a_table_too() {
    let world = World::start("dub_lists_as_tables").await;
    let tag = world.made("/tags", json!({"name": "a, \"quoted\" one", "color": "red"})).await;
    let folder = world.made("/folders", json!({"name": "=1+1"})).await;
    for key in ["one", "two"] {
        let body = json!({"url": "https://example.com/?a=1,2", "key": key, "tagIds": [tag["id"]],
            "folderId": folder["id"], "comments": "two\nlines", "geo": {"DE": "https://example.de"}});
        world.made("/links", body).await;
        world.made("/customers", json!({"externalId": key, "name": "Ann"})).await;
        world
            .made("/webhooks", json!({"name": key, "url": "https://example.com/hook", "triggers": ["link.clicked"]}))
            .await;
    }
    let links = format!("/links?folderId={}", folder["id"].as_str().unwrap());
    for (path, name) in [
        ("/tags", "tags"),
        ("/folders", "folders"),
        ("/domains", "domains"),
        ("/customers", "customers"),
        ("/customers?includeExpandedFields=true", "customers"),
        ("/webhooks", "webhooks"),
        ("/links/count?groupBy=domain", "links_count"),
        ("/links/count?groupBy=folderId", "links_count"),
        (&links, "links"),
    ] {
        let (status, objects) = world.get(path).await;
        assert_eq!(status, 200, "{path}: {objects}");
        for (delimiter, accept, form, ending) in
            [(b',', "*/*", "format=csv", "csv"), (b'\t', "text/tab-separated-values", "x=y", "tsv")]
        {
            let sign = if path.contains('?') { '&' } else { '?' };
            let (kind, disposition, body) = file(&world, &format!("{path}{sign}{form}"), accept).await;
            assert!(kind.ends_with("; charset=utf-8"), "{kind}");
            assert_eq!(disposition, format!("attachment; filename=\"{name}.{ending}\""));
            let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(body.as_bytes());
            let columns = reader.headers().unwrap().clone();
            let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            let objects = objects.as_array().unwrap();
            assert_eq!(rows.len(), objects.len(), "{path}");
            for (row, object) in rows.iter().zip(objects) {
                for (column, cell) in columns.iter().zip(row) {
                    let value = match column {
                        "tags.name" => &object["tags"][0]["name"],
                        column => object.pointer(&format!("/{}", column.replace('.', "/"))).unwrap_or(&Value::Null),
                    };
                    assert_eq!(cell, written(value), "{path}: {column}");
                }
                // Nothing of an object is forgotten.
                for (field, value) in object.as_object().unwrap() {
                    let known = columns.iter().any(|column| column.split('.').next() == Some(field));
                    // Older names of what stands in another column, and what is never there.
                    let left_out = ["tagId", "projectId", "webhookIds", "linkRetentionDays", "registeredDomain"];
                    let is_left_out = left_out.contains(&field.as_str()) || value.is_null();
                    assert!(known || is_left_out, "{path}: {field} = {value}");
                }
            }
        }
    }
    let (_, _, safe) = file(&world, "/folders?format=csv&spreadsheetSafe=true", "*/*").await;
    assert!(safe.contains("'=1+1"), "{safe}");
    let (status, refusal) = world.get("/tags?format=xls").await;
    assert_eq!(status, 422, "{refusal}");
}
