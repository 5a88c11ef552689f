//! Short domains: whose they are is proven by a TXT record, and until then they do nothing.

use axum::http::Method;
use linktrail::config::DomainProof;
use linktrail::links::{Error, LinkChange};
use serde_json::{Value, json};

use super::dns::NameServer;
use super::world::{Setup, World, error, id};

async fn world(name: &str, proof: DomainProof) -> (World, NameServer) {
    let dns = NameServer::start().await;
    let setup = Setup { proof, dns: Some(dns.address), ..Setup::default() };
    (World::with(name, setup).await, dns)
}

/// The record that a pending domain waits for.
fn record(domain: &Value) -> (String, String) {
    let text = |name: &str| domain["verification"][name].as_str().unwrap().to_owned();
    assert_eq!(domain["verification"]["type"], "TXT");
    (text("name"), text("value"))
}

async fn claimed(world: &World, key: &str, name: &str) -> Value {
    let answer = world.ask(key, Method::POST, "/api/v1/domains", Some(json!({ "domain": name }))).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["domain"].clone()
}

#[tokio::test]
async fn a_domain_is_proven_by_its_record() {
    let (world, dns) = world("brevr_domains_proof", DomainProof::Brevr).await;
    let domain = claimed(&world, &world.ours.key, "New.Example.com").await;
    assert_eq!((&domain["domain"], &domain["status"]), (&json!("new.example.com"), &json!("pending")));
    let (name, value) = record(&domain);
    assert_eq!(name, "_linktrail.new.example.com");
    let path = format!("/domains/{}", id(&domain));
    let verify = format!("{path}/verify");
    let places = |app: &linktrail::web::state::App| app.resolver.short_domain("new.example.com").is_some();

    // It takes no links on any surface and answers no visits.
    let link = json!({"url": "https://example.com", "domain": "new.example.com"});
    let (status, refused) = world.post("/links", link.clone()).await;
    assert_eq!(status, 422);
    assert!(error(&refused).starts_with("domain: the domain is not verified yet"), "{refused}");
    let bulk = json!({"domain": "new.example.com", "links": [{"url": "https://example.com"}]});
    assert_eq!(world.post("/links/bulk", bulk).await.0, 422);
    let change = LinkChange { domain: Some("new.example.com".to_owned()), ..LinkChange::default() };
    let refused = world.app.links.create(world.ours.workspace, None, change).await;
    assert!(matches!(refused, Err(Error::PendingDomain(_))), "{refused:?}");
    assert!(!places(&world.app));

    for (texts, found, message) in [
        (None, 0, "there is no such record yet"),
        (Some(vec!["v=spf1 -all"]), 1, "the record is there with another text"),
    ] {
        if let Some(texts) = texts {
            dns.set(&name, &texts);
        }
        let (status, answer) = world.post(&verify, json!({})).await;
        let verification = &answer["domain"]["verification"];
        assert_eq!((status, &answer["domain"]["verified"]), (200, &json!(false)));
        assert_eq!(verification["found"].as_array().unwrap().len(), found);
        assert!(verification["message"].as_str().unwrap().starts_with(message), "{answer}");
    }
    dns.set_broken(true);
    let broken = world.ask(&world.ours.key, Method::POST, &format!("/api/v1{verify}"), None).await;
    assert_eq!((broken.status, broken.header("retry-after")), (503, Some(5)), "{}", broken.text);
    dns.set_broken(false);
    dns.set(&name, &["v=spf1 -all", &value]);
    let (status, answer) = world.post(&verify, json!({})).await;
    assert_eq!((status, &answer["domain"]["verified"]), (200, &json!(true)), "{answer}");
    assert_eq!((&answer["domain"]["status"], &answer["domain"]["verification"]), (&json!("verified"), &Value::Null));
    assert!(places(&world.app));
    assert_eq!(world.post("/links", link).await.0, 201);
    // It stays so, record or not.
    dns.set(&name, &[]);
    assert_eq!(world.post(&verify, json!({})).await.1["domain"]["verified"], true);
    let (_, listed) = world.get("/domains").await;
    let names: Vec<&str> =
        listed["domains"].as_array().unwrap().iter().map(|domain| domain["domain"].as_str().unwrap()).collect();
    assert_eq!(names, ["go.example.com", "new.example.com"]);
    let (status, gone) = world.delete(&path).await;
    assert_eq!((status, &gone["deletedLinks"]), (200, &json!(1)));
    assert_eq!(world.get(&path).await.0, 404);
}

#[tokio::test]
async fn records_that_are_long_or_many_are_read() {
    let (world, dns) = world("brevr_domains_long", DomainProof::Brevr).await;
    let domain = claimed(&world, &world.ours.key, "long.example.com").await;
    let (name, value) = record(&domain);
    dns.set(&name, &[&"x".repeat(600), &value]);
    let (_, answer) = world.post(&format!("/domains/{}/verify", id(&domain)), json!({})).await;
    assert_eq!(answer["domain"]["verified"], true, "{answer}");
}

#[tokio::test]
async fn who_proves_a_name_has_it() {
    let (world, dns) = world("brevr_domains_race", DomainProof::Brevr).await;
    let ours = claimed(&world, &world.ours.key, "wanted.example.com").await;
    let theirs = claimed(&world, &world.theirs.key, "wanted.example.com").await;
    let (name, value) = record(&ours);
    let (their_name, their_value) = record(&theirs);
    assert_eq!(name, their_name);
    assert_ne!(value, their_value, "what one is shown proves nothing for another");
    let verify = async |key: &str, domain: &Value| {
        let path = format!("/api/v1/domains/{}/verify", id(domain));
        let answer = world.ask(key, Method::POST, &path, None).await;
        (answer.status, answer.json())
    };
    dns.set(&name, &[&their_value]);
    assert_eq!(verify(&world.ours.key, &ours).await.1["domain"]["verified"], false);
    assert_eq!(verify(&world.theirs.key, &theirs).await.1["domain"]["verified"], true);
    dns.set(&name, &[&value]);
    let (status, refused) = verify(&world.ours.key, &ours).await;
    assert_eq!(status, 409, "{refused}");
    // A name that is somebody's cannot be claimed, and one's own not twice.
    for (key, name) in [(&world.ours.key, "go.other.example"), (&world.ours.key, "wanted.example.com")] {
        let answer = world.ask(key, Method::POST, "/api/v1/domains", Some(json!({ "domain": name }))).await;
        assert_eq!(answer.status, 409, "{}", answer.text);
    }
    // It is free again when it goes.
    let path = format!("/api/v1/domains/{}", id(&theirs));
    assert_eq!(world.ask(&world.theirs.key, Method::DELETE, &path, None).await.status, 200);
    assert_eq!(verify(&world.ours.key, &ours).await.1["domain"]["verified"], true);
}

#[tokio::test]
async fn a_claim_is_no_loop_and_never_primary() {
    let (world, _dns) = world("brevr_domains_claim", DomainProof::Brevr).await;
    claimed(&world, &world.theirs.key, "popular.example.com").await;
    // Somebody's claim does not keep others from leading there.
    world.link(json!({"url": "https://popular.example.com/x"})).await;
    let bare = world.app.catalog.add_workspace("bare", 1).await.unwrap().id;
    let first = world.app.holdings.claim_domain(bare, "first.example.com", Default::default()).await.unwrap();
    assert!(!first.primary && !first.is_verified());
    let trusted = world.app.holdings.trust_domain(&first).await.unwrap();
    assert!(trusted.primary && trusted.is_verified());
}

#[tokio::test]
async fn the_settings_say_what_is_proven() {
    let (world, dns) = world("brevr_domains_all", DomainProof::All).await;
    let post = async |path: &str, body: Value| {
        let answer = world.ask(&world.ours.key, Method::POST, path, Some(body)).await;
        (answer.status, answer.text)
    };
    // Dub's failures wear another shape, so only successes are asked for here.
    let (status, text) = post("/domains", json!({"slug": "dub.example.com"})).await;
    let made: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &made["verified"]), (201, &json!(false)), "{text}");
    let (_, listed) = world.get("/domains").await;
    let pending = listed["domains"].as_array().unwrap().iter().find(|one| one["domain"] == "dub.example.com").unwrap();
    let (name, value) = record(pending);
    dns.set(&name, &[&value]);
    let (_, answer) = world.post(&format!("/domains/{}/verify", id(pending)), json!({})).await;
    assert_eq!(answer["domain"]["verified"], true);
    let dub = world.ask(&world.ours.key, Method::GET, "/domains/dub.example.com", None).await;
    assert_eq!(dub.json()["verified"], true);
    // Another name has to be proven anew.
    let renaming = Some(json!({"slug": "renamed.example.com"}));
    let renamed = world.ask(&world.ours.key, Method::PATCH, "/domains/dub.example.com", renaming).await;
    assert_eq!((renamed.status, &renamed.json()["verified"]), (200, &json!(false)), "{}", renamed.text);

    let trusting = Setup { proof: DomainProof::None, ..Setup::default() };
    let world = World::with("brevr_domains_none", trusting).await;
    let domain = claimed(&world, &world.ours.key, "dev.example.com").await;
    assert_eq!((&domain["verified"], &domain["verification"]), (&json!(true), &Value::Null));
    world.link(json!({"domain": "dev.example.com"})).await;
}

#[tokio::test]
async fn names_that_cannot_be() {
    let (world, _dns) = world("brevr_domains_refused", DomainProof::Brevr).await;
    for (body, status, start) in [
        (json!({}), 400, "domain: it is required"),
        (json!({"domain": "https://x.example"}), 422, "domain: Invalid domain"),
        (json!({"domain": "localhost"}), 422, "domain: Invalid domain"),
        (json!({"domain": "x.example.com", "expiredUrl": "javascript:x"}), 422, "expiredUrl: Invalid URL"),
    ] {
        let (found, answer) = world.post("/domains", body).await;
        assert_eq!(found, status, "{answer}");
        assert!(error(&answer).starts_with(start), "{answer}");
    }
}
