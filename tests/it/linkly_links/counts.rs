//! Counters of links against clicks that are known by hand.

use linktrail::analytics::{LinkClicks, Spans};
use linktrail::domain::id::LinkId;

use super::world::{DAY_MS, HOUR_MS, NOW_MS, World};

#[tokio::test]
async fn spans_are_days_of_utc() {
    let world = World::start("linkly_links_counts").await;
    let (busy, quiet) = (LinkId(1), LinkId(2));
    let midnight_ago_ms = 12 * HOUR_MS;
    let clicks = [
        // Today: now, and its first instant.
        (0, false, 3),
        (0, true, 2),
        (midnight_ago_ms, false, 1),
        // Yesterday: its last instant and its first.
        (midnight_ago_ms + 1, false, 4),
        (midnight_ago_ms + DAY_MS, true, 1),
        // The first instant of the thirty days, and the last before.
        (midnight_ago_ms + 29 * DAY_MS, false, 5),
        (midnight_ago_ms + 29 * DAY_MS + 1, false, 6),
        (midnight_ago_ms + 400 * DAY_MS, true, 7),
    ];
    world.clicks("busy", busy, &clicks).await;
    world.clicks("quiet", quiet, &[(40 * DAY_MS, true, 1)]).await;

    let workspace = world.ours.workspace;
    let all = world.app.analytics.link_clicks(workspace, None, NOW_MS).await.unwrap();
    assert_eq!(all.len(), 2);
    let mut daily_humans = [0; 30];
    (daily_humans[0], daily_humans[28], daily_humans[29]) = (5, 4, 4);
    let expected = LinkClicks {
        clicks: Spans { total: 29, today: 6, thirty_days: 16 },
        humans: Spans { total: 19, today: 4, thirty_days: 13 },
        humans_previous_day: 4,
        last_ms: Some(NOW_MS),
        last_human_ms: Some(NOW_MS),
        last_robot_ms: all[&busy].last_robot_ms,
        daily_humans,
    };
    assert_eq!(all[&busy], expected);
    let expected = LinkClicks {
        clicks: Spans { total: 1, ..Spans::default() },
        last_ms: Some(NOW_MS - 40 * DAY_MS),
        last_robot_ms: Some(NOW_MS - 40 * DAY_MS),
        ..LinkClicks::default()
    };
    assert_eq!(all[&quiet], expected);

    let some = world.app.analytics.link_clicks(workspace, Some(&[quiet, LinkId(3)]), NOW_MS).await.unwrap();
    assert_eq!(some.into_keys().collect::<Vec<_>>(), [quiet]);
    assert!(world.app.analytics.link_clicks(world.theirs.workspace, None, NOW_MS).await.unwrap().is_empty());
    assert!(world.app.analytics.link_clicks(workspace, Some(&[]), NOW_MS).await.unwrap().is_empty());
}
