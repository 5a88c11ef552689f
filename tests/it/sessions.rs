//! Sessions and visitors, against a slow reckoning: random events that come in any order, late, twice, and beside those of
//! robots and of other sites.

use std::collections::{BTreeMap, BTreeSet};

use linktrail::analytics::Analytics;
use linktrail::calendar::Range;
use linktrail::catalog::Catalog;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Channel, Event, EventKind, PageEvent, Referrer, Utm};
use linktrail::domain::id::{LinkId, SiteId, WorkspaceId};
use linktrail::plan::Bots;
use linktrail::warehouse::Warehouse;
use linktrail::warehouse::session::SiteScope;
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use secrecy::SecretString;

const NOON_MS: i64 = 1_773_144_000_000;
const MINUTE_MS: i64 = 60_000;
const SCOPE: SiteScope = SiteScope { workspace: WorkspaceId(4), site: SiteId(9) };

fn event(rng: &mut SmallRng, sequence: u64) -> Event {
    let is_click = rng.random_bool(0.1);
    let is_pageview = !is_click && rng.random_bool(0.6);
    let kind = match (is_click, is_pageview) {
        (true, _) => EventKind::Click,
        (_, true) => EventKind::Pageview,
        _ => EventKind::Custom,
    };
    let page = PageEvent {
        event_type: if is_pageview { "pageview" } else { "custom_event" }.to_owned(),
        page: format!("/{}", rng.random_range(0..4)),
        user_id: if rng.random_bool(0.05) { format!("user {}", rng.random_range(0..3)) } else { String::new() },
        ..PageEvent::default()
    };
    let bot = if rng.random_bool(0.05) { "Googlebot" } else { "" };
    // Whole minutes, so that silences of exactly half an hour happen, and so do events of one instant.
    let at_ms = NOON_MS + rng.random_range(-600..600) * MINUTE_MS;
    Event {
        workspace: *[SCOPE.workspace, SCOPE.workspace, SCOPE.workspace, WorkspaceId(5)].choose(rng).unwrap(),
        site: *[SCOPE.site, SCOPE.site, SCOPE.site, SiteId(10)].choose(rng).unwrap(),
        kind,
        at_ms,
        id: EventId::new(1, sequence),
        link: LinkId(if is_click { 3 } else { 0 }),
        visitor: rng.random_range(1..12),
        session: if rng.random_bool(0.05) { rng.random_range(1..3) } else { 0 },
        repeat: rng.random_bool(0.1),
        agent: std::sync::Arc::new(Agent { bot: bot.to_owned(), ..Agent::default() }),
        channel: *Channel::ALL.choose(rng).unwrap(),
        referrer: Referrer { host: format!("h{}", rng.random_range(0..5)), ..Referrer::default() },
        utm: Utm { source: format!("s{}", rng.random_range(0..5)), ..Utm::default() },
        page: (!is_click).then(|| Box::new(page)),
        ..Event::default()
    }
}

fn counts(event: &Event) -> bool {
    event.workspace == SCOPE.workspace && event.site == SCOPE.site && event.agent.bot.is_empty() && !event.repeat
}

/// The sessions as lists of events: every pair of neighbours is looked at.
fn by_hand(events: &[Event]) -> Vec<Vec<&Event>> {
    let mut of_visitors: BTreeMap<(u64, u64), Vec<&Event>> = BTreeMap::new();
    for event in events.iter().filter(|event| counts(event) && event.kind != EventKind::Click) {
        of_visitors.entry((event.visitor, event.session)).or_default().push(event);
    }
    let mut sessions: Vec<Vec<&Event>> = Vec::new();
    for ((_, named), mut events) in of_visitors {
        events.sort_by_key(|event| (event.at_ms, event.id));
        for (place, event) in events.iter().enumerate() {
            let begins = place == 0 || (named == 0 && event.at_ms - events[place - 1].at_ms >= 30 * MINUTE_MS);
            if begins {
                sessions.push(Vec::new());
            }
            sessions.last_mut().unwrap().push(event);
        }
    }
    sessions
}

async fn stores(test: &str) -> (Warehouse, Analytics) {
    let warehouse = crate::world::warehouse(test).await;
    let catalog = Catalog::connect(&SecretString::from(crate::world::database_url(test).await), 1).unwrap();
    (warehouse.clone(), Analytics::new(warehouse, catalog))
}

/// In batches of any size and order, one of them twice under another token.
async fn insert_shuffled(warehouse: &Warehouse, rng: &mut SmallRng, events: &[Event]) {
    let mut shuffled = events.to_vec();
    shuffled.shuffle(rng);
    let mut batch = 0;
    while !shuffled.is_empty() {
        let rest = shuffled.split_off(shuffled.len().min(rng.random_range(1..120)));
        warehouse.insert(&format!("batch {batch}"), &shuffled).await.unwrap();
        (shuffled, batch) = (rest, batch + 1);
    }
}

#[tokio::test]
async fn sessions_are_what_a_slow_reckoning_finds() {
    let (warehouse, analytics) = stores("sessions_oracle").await;
    let seed = rand::random();
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let events: Vec<Event> = (1..=700).map(|sequence| event(&mut rng, sequence)).collect();
    insert_shuffled(&warehouse, &mut rng, &events).await;
    let sessions = by_hand(&events);
    assert!(sessions.len() > 30);

    for session in sessions.iter().step_by(sessions.len().div_ceil(40)) {
        let ids: Vec<u64> = session.iter().map(|event| event.id.0).collect();
        let anchor = session.choose(&mut rng).unwrap();
        let (visitor, steps) = analytics.session(SCOPE, anchor.id).await.unwrap().unwrap();
        assert_eq!(visitor, anchor.visitor);
        assert_eq!(steps.iter().map(|step| step.event_id).collect::<Vec<_>>(), ids);
    }
    for stranger in events.iter().filter(|event| !counts(event) || event.kind == EventKind::Click).take(20) {
        assert_eq!(analytics.session(SCOPE, stranger.id).await.unwrap(), None);
    }

    for _ in 0..25 {
        let start_ms = NOON_MS + rng.random_range(-700..700) * MINUTE_MS;
        let range = Range::new(start_ms, start_ms + rng.random_range(0..800) * MINUTE_MS).unwrap();
        let inside = |event: &&Event| range.start_ms() <= event.at_ms && event.at_ms < range.end_ms();
        let listed = analytics.sessions(SCOPE, range, None, 1_000, 0).await.unwrap();
        // A named session that goes on from before the range is cut at half an hour before it.
        let mut expected: Vec<Vec<&Event>> =
            sessions.iter().filter(|session| session[0].session == 0 && inside(&session[0])).cloned().collect();
        expected.sort_by_key(|session| std::cmp::Reverse((session[0].at_ms, session[0].id)));
        let named: BTreeSet<u64> =
            sessions.iter().filter(|session| session[0].session != 0).flatten().map(|event| event.id.0).collect();
        let listed: Vec<_> = listed.into_iter().filter(|row| !named.contains(&row.first_event)).collect();
        assert_eq!(
            listed.iter().map(|row| (row.first_event, row.events, row.ended_ms)).collect::<Vec<_>>(),
            expected
                .iter()
                .map(|session| (session[0].id.0, session.len() as u64, session[session.len() - 1].at_ms))
                .collect::<Vec<_>>()
        );
        for (row, session) in listed.iter().zip(&expected) {
            let pages: Vec<&str> = session
                .iter()
                .filter(|event| event.kind == EventKind::Pageview)
                .map(|event| event.page.as_deref().unwrap().page.as_str())
                .collect();
            assert_eq!(row.pageviews, pages.len() as u64);
            assert_eq!(row.entry_page, pages.first().copied().unwrap_or_default());
            assert_eq!(row.exit_page, pages.last().copied().unwrap_or_default());
            assert_eq!((row.visitor, row.started_ms), (session[0].visitor, session[0].at_ms));
            assert_eq!(row.channel, session[0].channel.name());
        }

        let overview = analytics.site_overview(SCOPE, range, Bots::Exclude).await.unwrap();
        let of_site: Vec<&Event> =
            events.iter().filter(|event| counts(event) && event.kind != EventKind::Click).filter(inside).collect();
        let visitors: BTreeSet<u64> = of_site.iter().map(|event| event.visitor).collect();
        assert_eq!((overview.events, overview.visitors), (of_site.len() as u64, visitors.len() as u64));
        let active = sessions.iter().filter(|session| session.iter().any(&inside)).count();
        assert_eq!(overview.sessions, active as u64);
    }
}

#[tokio::test]
async fn visitors_keep_their_first_and_last_touch() {
    let (warehouse, analytics) = stores("sessions_touches").await;
    let mut rng = SmallRng::seed_from_u64(rand::random());
    let events: Vec<Event> = (1..=300).map(|sequence| event(&mut rng, sequence)).collect();
    insert_shuffled(&warehouse, &mut rng, &events).await;
    // Whatever an insert that was cut short left out is entered again, and what was there changes nothing.
    warehouse.reconcile(1, NOON_MS - 700 * MINUTE_MS, NOON_MS + 700 * MINUTE_MS).await.unwrap();
    let ids: Vec<u64> = (1..12).collect();
    let visitors = analytics.visitors(SCOPE, &ids).await.unwrap();
    assert_eq!(visitors.len(), 11);
    for visitor in visitors {
        let mut of_visitor: Vec<&Event> =
            events.iter().filter(|event| counts(event) && event.visitor == visitor.visitor).collect();
        of_visitor.sort_by_key(|event| (event.at_ms, event.id));
        let (first, last) = (of_visitor[0], of_visitor[of_visitor.len() - 1]);
        assert_eq!((visitor.first_seen_ms, visitor.last_seen_ms), (first.at_ms, last.at_ms));
        let arrivals: Vec<&&Event> = of_visitor.iter().filter(|event| event.kind != EventKind::Custom).collect();
        let touch = |event: Option<&&&Event>| {
            event.map_or_else(Default::default, |event| {
                (event.referrer.host.clone(), event.channel.name().to_owned(), event.utm.source.clone(), event.link.0)
            })
        };
        let kept = |row: &linktrail::warehouse::visitor::TouchRow| {
            (row.referrer_host.clone(), row.channel.clone(), row.utm_source.clone(), row.link_id)
        };
        assert_eq!(kept(&visitor.first_touch), touch(arrivals.first()));
        let last_other = arrivals.iter().rev().find(|event| event.channel != Channel::Direct);
        assert_eq!(kept(&visitor.last_touch), touch(last_other));
        let named =
            of_visitor.iter().rev().filter_map(|event| event.page.as_deref()).find(|page| !page.user_id.is_empty());
        assert_eq!(visitor.user_id, named.map_or("", |page| page.user_id.as_str()));
    }
    let elsewhere = SiteScope { workspace: WorkspaceId(6), ..SCOPE };
    assert!(analytics.visitors(elsewhere, &ids).await.unwrap().is_empty());
}

/// An event that comes late joins what was two sessions, and both ids name the one that they have become.
#[tokio::test]
async fn a_late_event_joins_two_sessions() {
    let (warehouse, analytics) = stores("sessions_late").await;
    let at = |sequence: u64, minute: i64| Event {
        workspace: SCOPE.workspace,
        site: SCOPE.site,
        kind: EventKind::Pageview,
        at_ms: NOON_MS + minute * MINUTE_MS,
        id: EventId::new(1, sequence),
        visitor: 7,
        page: Some(Box::default()),
        ..Event::default()
    };
    let events = [at(1, 0), at(2, 40), at(3, 900), at(4, 905)];
    warehouse.insert("first", &events).await.unwrap();
    let count = async |event: u64| analytics.session(SCOPE, EventId::new(1, event)).await.unwrap().unwrap().1.len();
    assert_eq!((count(1).await, count(2).await, count(3).await), (1, 1, 2));
    warehouse.insert("repeated", &[Event { repeat: true, ..at(5, 20) }]).await.unwrap();
    assert_eq!((count(1).await, count(2).await), (1, 1));
    warehouse.insert("late", &[at(6, 20)]).await.unwrap();
    assert_eq!((count(1).await, count(2).await, count(6).await, count(3).await), (3, 3, 3, 2));
    let range = Range::new(NOON_MS - MINUTE_MS, NOON_MS + 1_000 * MINUTE_MS).unwrap();
    assert_eq!(analytics.sessions(SCOPE, range, None, 10, 0).await.unwrap().len(), 2);
    // A session of eleven hours without a silence is found whole from its middle.
    let long: Vec<Event> =
        (0..45).map(|step| Event { visitor: 8, ..at(100 + step, -2_000 + 29 * step as i64) }).collect();
    warehouse.insert("long", &long).await.unwrap();
    assert_eq!(count(122).await, 45);
}
