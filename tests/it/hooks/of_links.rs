//! Addresses that stand in a link: told of every click of it, in Linkly's words.

use linktrail::domain::id::LinkId;
use linktrail::domain::link::LinkPatch;
use linktrail::links::{LinkChange, LinkName};

use super::receiver::{Manner, Receiver};
use super::world::{FIREFOX, GOOGLEBOT, World};

async fn tell(world: &World, link: LinkId, urls: &[String]) -> Result<(), String> {
    let patch = LinkPatch { webhook_urls: Some(urls.to_vec()), ..LinkPatch::default() };
    let change = LinkChange { patch, ..LinkChange::default() };
    let changed = world.app.links.update(world.ours.workspace, &LinkName::Id(link), change).await;
    world.heard().await;
    changed.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn every_click_of_the_link_is_told() {
    let world = World::start("hooks_of_links").await;
    let ((link, _), (other, _)) = (world.link("promo").await, world.link("other").await);
    let (first, second, broken) = (
        Receiver::start(Manner::Status(200)).await,
        Receiver::start(Manner::Status(204)).await,
        Receiver::start(Manner::Status(500)).await,
    );
    tell(&world, link, &[first.url(), broken.url(), second.url()]).await.unwrap();
    world.visit(world.hit(link, 142, FIREFOX)).await;
    for receiver in [&first, &second, &broken] {
        let told = receiver.wait_for(1).await;
        let body = told[0].json();
        assert_eq!((&body["event"], &body["link"]["id"]), (&"click".into(), &link.0.into()), "{body}");
        assert_eq!(body["click"]["browser_name"], "Firefox");
        assert!(told[0].headers["webhook-id"].starts_with("evt_"));
        assert!(!told[0].headers.contains_key("webhook-signature"), "there is no secret to sign with");
    }
    // A robot's click is one as well; a click of another link is not told.
    world.visit(world.hit(other, 142, FIREFOX)).await;
    world.visit(world.hit(link, 142, GOOGLEBOT)).await;
    let told = first.wait_for(2).await;
    assert_eq!(told[1].json()["click"]["bot_name"], "Googlebot");

    // What the link says from now on counts from now on.
    tell(&world, link, &[second.url()]).await.unwrap();
    world.visit(world.hit(link, 143, FIREFOX)).await;
    second.wait_for(3).await;
    tell(&world, link, &[]).await.unwrap();
    world.visit(world.hit(link, 144, FIREFOX)).await;
    tell(&world, other, &[first.url()]).await.unwrap();
    world.visit(world.hit(other, 144, FIREFOX)).await;
    let told = first.wait_for(3).await;
    assert_eq!(told[2].json()["link"]["id"], other.0);
    assert_eq!(
        (first.wait_for(3).await.len(), second.wait_for(3).await.len(), broken.wait_for(2).await.len()),
        (3, 3, 2)
    );

    let refused = tell(&world, link, &["http://169.254.169.254/latest".to_owned()]).await.unwrap_err();
    assert!(refused.contains("webhookUrls[0]") && refused.contains("not public"), "{refused}");
    world.end().await;
}
