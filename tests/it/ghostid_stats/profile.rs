//! All that is known of one visitor.

use linktrail::domain::event::EventKind;
use serde_json::json;

use super::scene::{Scene, events, rng};

#[tokio::test]
async fn a_profile_holds_sessions_events_and_touches() {
    let scene = Scene::new("ghostid_profile").await;
    let mut rng = rng();
    let mut events = events(&scene, &mut rng, 500);
    scene.store(&mut rng, &events).await;
    let site = scene.ours.site.0;
    events.retain(|event| event.site == scene.ours.site && !event.repeat && event.agent.bot.is_empty());
    events.sort_by_key(|event| (event.at_ms, event.id));
    for visitor in 1..13_u64 {
        let did: Vec<_> = events.iter().filter(|event| event.visitor == visitor).collect();
        let id = format!("gv_00000000_{visitor:08x}");
        let profile = scene.json(&format!("/api/visitor/{id}?siteId={site}&limit=500")).await;
        assert_eq!(profile, scene.json(&format!("/api/visitor?ghost_vid={id}&siteId={site}&limit=500")).await);
        let listed = scene.json(&format!("/api/visitor?siteId={site}&timeRange=all")).await;
        let listed = listed["visitors"].as_array().unwrap().iter().find(|row| row["ghost_vid"] == id).unwrap().clone();
        assert_eq!(profile["visitor"], listed);
        let shown = profile["events"].as_array().unwrap();
        assert_eq!(shown.len(), did.len());
        let sessions = profile["sessions"].as_array().unwrap();
        assert_eq!(sessions.len() as u64, profile["visitor"]["session_count"].as_u64().unwrap());
        let counted: u64 = sessions.iter().map(|session| session["event_count"].as_u64().unwrap()).sum();
        assert_eq!(counted as usize, did.len());
        let arrival = did.iter().find(|event| event.kind == EventKind::Pageview).unwrap();
        assert_eq!(profile["first_touch"]["channel"], arrival.channel.name());
        assert_eq!(profile["first_touch"]["referrer"], arrival.referrer.url);
        // A session's id leads to it.
        let session = sessions[0]["session_id"].as_str().unwrap();
        let whole = scene.json(&format!("/api/session/{session}?siteId={site}")).await;
        assert_eq!((&whole["ghost_vid"], &whole["event_count"]), (&json!(id), &sessions[0]["event_count"]));
    }
    let csv = scene.text(&format!("/api/visitor/gv_00000000_00000002?siteId={site}&format=csv&table=sessions")).await;
    assert!(csv.starts_with("session_id,started_at,ended_at,"), "{csv}");
}
