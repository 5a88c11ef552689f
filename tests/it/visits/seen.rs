//! The pages of links in a real browser: what they let happen, and what they do not.

use linktrail::domain::password;

use super::world::World;
use crate::browser::driver::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn a_password_leads_to_the_destination_and_a_frame_shows_it() {
    let world = World::start().await;
    let port = world.address.port();
    // Of a host that is no short domain, the server shows other pages.
    let destination = format!("http://shop.example:{port}/api");
    for (slug, cloak) in [("locked", false), ("framed", true)] {
        world.store.put(slug, |fields| {
            fields.url = destination.clone();
            fields.password_hash = Some(password::hash("open sesame").unwrap());
            fields.cloak = cloak;
            fields.title = Some("</title><script>window.broken = 1</script>".to_owned());
        });
    }
    let browser = Browser::start().await;
    let at = |path: &str| format!("http://go.example:{port}{path}");
    browser.open(&at("/locked")).await;
    assert_eq!(
        browser.run("return [document.title, document.activeElement.id]").await,
        serde_json::json!(["Password needed", "password"])
    );
    browser.enter("#password", "guess\n").await;
    assert_eq!(browser.address().await, at("/locked"));
    assert!(
        browser
            .run("return document.querySelector('[role=alert]').textContent")
            .await
            .as_str()
            .unwrap()
            .contains("not the password")
    );
    assert_eq!(world.hits(), []);
    browser.enter("#password", "open sesame").await;
    browser.click("button").await;
    browser.wait_for(&destination).await;
    assert_eq!(world.hits().len(), 1);
    browser.open(&at("/locked")).await;
    assert_eq!(browser.address().await, destination, "the browser remembers");
    assert_eq!(world.hits().len(), 1);

    browser.open(&at("/framed")).await;
    browser.enter("#password", "open sesame\n").await;
    assert_eq!(browser.address().await, at("/framed"));
    let shown = "return [document.title, document.querySelectorAll('iframe').length, document.querySelector('a').href, \
                 window.broken === undefined, getComputedStyle(document.body).display]";
    let title = "</title><script>window.broken = 1</script>";
    assert_eq!(browser.run(shown).await, serde_json::json!([title, 1, destination, true, "flex"]));
    assert_eq!(world.hits().len(), 1);
    browser.click("a").await;
    browser.wait_for(&destination).await;
    browser.end().await;
    world.end().await;
}
