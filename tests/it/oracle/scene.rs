//! The random scene that is asked about: two workspaces of the same shape and an empty one, their links in the catalog, their
//! events in the warehouse, and all of it in memory besides.

use std::collections::BTreeMap;
use std::sync::Arc;

use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{
    Agent, Channel, Conversion, Event, EventKind, Network, PageEvent, Place, Referrer, Utm,
};
use linktrail::domain::hit::Trigger;
use linktrail::domain::id::{CustomerId, FolderId, LinkId, TagId, WorkspaceId};
use rand::RngExt;
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::almanac::{DAY_MS, HOUR_MS, MINUTE_MS, QUARTER_MS, date};
use super::links;
use super::said::METADATA;
use super::stores::{self, Stores};
use super::words::{
    AGENTS, CURRENCIES, CUSTOMERS, EVENT_NAMES, LANGUAGES, PARAMS, PLACES, PROVIDERS, REFERRERS, URLS, UTM,
};

/// 2025-10-01, in days since 1970-01-01.
pub const FIRST_DAY: i64 = 20_362;
/// 2026-12-10
pub const LAST_DAY: i64 = 20_797;

/// Days on which clocks somewhere are set: 2025-10-26, 2025-11-02, 2026-03-08, 2026-03-29, 2026-04-05, 2026-04-24,
/// 2026-09-27, 2026-10-04, 2026-10-25, 2026-10-29, 2026-11-01.
const SWITCH_DAYS: &[i64] = &[20_387, 20_394, 20_520, 20_541, 20_548, 20_567, 20_723, 20_730, 20_751, 20_755, 20_758];

/// Moments to ask at: switch days, and the ends of a month, a quarter and a year.
pub const NOWS: &[i64] = &[
    20_394 * DAY_MS + 6 * HOUR_MS,
    20_453 * DAY_MS + 23 * HOUR_MS,
    20_520 * DAY_MS + 9 * HOUR_MS,
    20_541 * DAY_MS + HOUR_MS,
    20_548 * DAY_MS - 9 * HOUR_MS,
    20_634 * DAY_MS + 12 * HOUR_MS,
    20_730 * DAY_MS,
    20_758 * DAY_MS + 7 * HOUR_MS,
    20_777 * DAY_MS + 12 * HOUR_MS,
    20_797 * DAY_MS + 3 * HOUR_MS,
];

/// Nodes that record; the last ones make identities beyond a signed number.
const NODES: &[u16] = &[1, 2, 3, 40_000, u16::MAX];

/// What a link is now.
#[derive(Clone, Debug)]
pub struct LinkFacts {
    pub id: LinkId,
    pub domain: String,
    pub root: bool,
    pub tags: Vec<TagId>,
    pub folder: Option<FolderId>,
    pub tenant: Option<String>,
    pub program: Option<String>,
    pub partner: Option<String>,
    pub group: Option<String>,
    pub partner_tags: Vec<String>,
}

pub struct Workspace {
    pub id: WorkspaceId,
    pub links: Vec<LinkFacts>,
    pub tags: Vec<TagId>,
    pub folders: Vec<FolderId>,
    /// In no order.
    pub events: Vec<Event>,
}

pub struct Scene {
    pub stores: Stores,
    pub workspaces: Vec<Workspace>,
}

impl Scene {
    /// Makes a scene with `size` events in each of two workspaces.
    pub async fn random(test: &str, size: usize, rng: &mut SmallRng) -> Self {
        let stores = stores::fresh(test).await;
        let mut first = links::fill(&stores.catalog, "one", rng).await;
        let mut second = links::fill(&stores.catalog, "two", rng).await;
        let empty = links::empty(&stores.catalog).await;
        let mut sequences = BTreeMap::new();
        first.events = events(&first, second.links[0].id, size, &mut sequences, rng);
        second.events = twins(&first, &second, &mut sequences, rng);
        let scene = Self { stores, workspaces: vec![first, second, empty] };
        scene.store(rng).await;
        scene
    }

    /// In batches of one month and one node, as the drain makes them; some arrive twice.
    async fn store(&self, rng: &mut SmallRng) {
        let mut batches: BTreeMap<_, Vec<Event>> = BTreeMap::new();
        for event in self.workspaces.iter().flat_map(|workspace| &workspace.events) {
            let date = date(event.at_ms.div_euclid(DAY_MS));
            // Few batches in most months, so that loading stays quick.
            let writer = if date.month() % 3 == 0 { event.id.node() } else { 0 };
            batches.entry((date.year(), date.month(), writer)).or_default().push(event.clone());
        }
        for (name, mut events) in batches {
            events.shuffle(rng);
            let token = format!("oracle-{name:?}");
            self.stores.warehouse.insert(&token, &events).await.unwrap();
            if rng.random_bool(0.2) {
                self.stores.warehouse.insert(&token, &events).await.unwrap();
            }
        }
    }
}

fn new_id(sequences: &mut BTreeMap<u16, u64>, rng: &mut SmallRng) -> EventId {
    let node = *NODES.choose(rng).unwrap();
    let sequence = sequences.entry(node).or_insert(0);
    *sequence += rng.random_range(1..5);
    EventId::new(node, *sequence)
}

fn events(
    workspace: &Workspace,
    foreign: LinkId,
    size: usize,
    sequences: &mut BTreeMap<u16, u64>,
    rng: &mut SmallRng,
) -> Vec<Event> {
    let visitors: Vec<u64> = (0..60).map(|_| rng.random()).collect();
    let mut events: Vec<Event> = Vec::with_capacity(size);
    while events.len() < size {
        let at_ms = match events.choose(rng) {
            Some(other) if rng.random_bool(0.05) => other.at_ms,
            _ => moment(rng),
        };
        let kind = match rng.random_range(0..50) {
            0 | 1 => EventKind::Pageview,
            2..=4 => EventKind::Custom,
            5..=11 => EventKind::Lead,
            12..=19 => EventKind::Sale,
            _ => EventKind::Click,
        };
        let link = match kind {
            EventKind::Pageview | EventKind::Custom if rng.random_bool(0.7) => LinkId(0),
            // A link that is no longer in the catalog, and one that is another's.
            _ if rng.random_bool(0.01) => LinkId(9_999_999),
            _ if rng.random_bool(0.01) => foreign,
            // Few links have most of the clicks.
            _ => {
                let most = workspace.links.len();
                let most = rng.random_range(1..=most);
                workspace.links[rng.random_range(0..most)].id
            }
        };
        let place = PLACES.choose(rng).unwrap().map(str::to_owned);
        let [continent, country, region, city] = place;
        let [device, browser, os, bot] = AGENTS.choose(rng).unwrap().map(str::to_owned);
        let [host, url] = REFERRERS.choose(rng).unwrap().map(str::to_owned);
        let mut utm = || UTM.choose(rng).unwrap().to_string();
        let utm = Utm { source: utm(), medium: utm(), campaign: utm(), term: utm(), content: utm() };
        let conversion = matches!(kind, EventKind::Lead | EventKind::Sale).then(|| {
            let clicks: Vec<EventId> =
                events.iter().filter(|event| event.kind == EventKind::Click).map(|event| event.id).collect();
            let is_sale = kind == EventKind::Sale;
            Box::new(Conversion {
                click: clicks.choose(rng).copied().unwrap_or_default(),
                // Sometimes nobody.
                customer: CustomerId(rng.random_range(0..CUSTOMERS)),
                name: EVENT_NAMES.choose(rng).unwrap().to_string(),
                amount: if is_sale { rng.random_range(-500..5_000) } else { 0 },
                currency: CURRENCIES.choose(rng).filter(|_| is_sale).copied().unwrap_or_default().to_owned(),
                payment_processor: ["stripe", "custom", ""].choose(rng).unwrap().to_string(),
                invoice_id: if is_sale { format!("in-{}", rng.random_range(0..99)) } else { String::new() },
                metadata: METADATA.choose(rng).unwrap().to_string(),
            })
        });
        let page = matches!(kind, EventKind::Pageview | EventKind::Custom).then(|| {
            let is_custom = kind == EventKind::Custom;
            Box::new(PageEvent {
                name: EVENT_NAMES.choose(rng).filter(|_| is_custom).copied().unwrap_or_default().to_owned(),
                props: METADATA.choose(rng).unwrap().to_string(),
                ..PageEvent::default()
            })
        });
        events.push(Event {
            workspace: workspace.id,
            kind,
            at_ms,
            id: new_id(sequences, rng),
            link,
            visitor: *visitors.choose(rng).unwrap(),
            repeat: rng.random_bool(0.25),
            place: Place { continent, country, region, city },
            agent: Arc::new(Agent {
                user_agent: format!("{browser}/1.0 ({os}; '\\\t{})", rng.random_range(0..9)),
                device,
                browser,
                browser_version: "1.0".to_owned(),
                os,
                bot,
                ..Agent::default()
            }),
            trigger: *[Trigger::Link, Trigger::Link, Trigger::Qr, Trigger::Pageview, Trigger::Deeplink]
                .choose(rng)
                .unwrap(),
            referrer: Referrer { host, url, ..Referrer::default() },
            url: URLS.choose(rng).unwrap().to_string(),
            params: PARAMS.choose(rng).unwrap().0.to_owned(),
            utm,
            channel: *Channel::ALL.choose(rng).unwrap(),
            language: LANGUAGES.choose(rng).unwrap().to_string(),
            network: Network { isp: PROVIDERS.choose(rng).unwrap().to_string(), ..Network::default() },
            page,
            conversion,
            ..Event::default()
        });
    }
    events
}

/// The same events for another workspace: other links and identities, all else alike. Leads of customers with the same
/// numbers name clicks of either workspace.
fn twins(first: &Workspace, second: &Workspace, sequences: &mut BTreeMap<u16, u64>, rng: &mut SmallRng) -> Vec<Event> {
    let mut links: BTreeMap<LinkId, LinkId> =
        first.links.iter().zip(&second.links).map(|(one, two)| (one.id, two.id)).collect();
    links.insert(second.links[0].id, first.links[0].id);
    let mut ids = BTreeMap::new();
    let mut events = first.events.clone();
    for event in &mut events {
        let id = new_id(sequences, rng);
        ids.insert(event.id, id);
        event.workspace = second.id;
        event.id = id;
        event.link = links.get(&event.link).copied().unwrap_or(event.link);
        if let Some(conversion) = &mut event.conversion
            && rng.random_bool(0.7)
        {
            conversion.click = ids.get(&conversion.click).copied().unwrap_or_default();
        }
    }
    events
}

fn moment(rng: &mut SmallRng) -> i64 {
    let ms = match rng.random_range(0..10) {
        0..=3 => SWITCH_DAYS.choose(rng).unwrap() * DAY_MS + rng.random_range(-36 * HOUR_MS..60 * HOUR_MS),
        4 | 5 => NOWS.choose(rng).unwrap() + rng.random_range(-3 * HOUR_MS..2 * HOUR_MS),
        _ => rng.random_range(FIRST_DAY * DAY_MS..LAST_DAY * DAY_MS),
    };
    // On the edge of something, now and then.
    match rng.random_range(0..12) {
        0 => ms.div_euclid(QUARTER_MS) * QUARTER_MS,
        1 => ms.div_euclid(HOUR_MS) * HOUR_MS - 1,
        2 => ms.div_euclid(MINUTE_MS) * MINUTE_MS,
        3 => ms.div_euclid(DAY_MS) * DAY_MS,
        _ => ms,
    }
}
