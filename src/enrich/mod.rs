//! Hit -> event: everything that is derived from what the edge saw.
//!
//! The steps are a named list. Each sees one event and fills its own part of it, needs no other step, and cannot fail: what
//! cannot be told stays empty. A batch goes through step by step, so that each is timed by name at no cost per event.

pub mod agent;
pub mod bot;
mod campaign;
pub mod geo;
mod referrer;
mod visitor;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use crate::domain::click_id::EventId;
use crate::domain::event::{Agent, Event, EventKind, Place, Referrer, Utm};
use crate::domain::hit::{Hit, PlaceHint};
use crate::telemetry;

pub use agent::AgentCache;
pub use geo::{Attribution, Geo, GeoError};
pub use visitor::VisitorHasher;

/// Events that go through all steps together: few enough to stay in the processor's cache.
const CHUNK: usize = 256;

/// What an [`Enricher`] is made of.
#[derive(Debug)]
pub struct EnrichOptions {
    /// Geo files; the default knows no place.
    pub geo: Geo,
    /// The installation's secret, from which the keys of visitor hashes are derived. Another secret makes other visitors.
    pub visitor_secret: [u8; 32],
}

/// Turns hits into events. Shared by reference; everything inside may be used from many threads.
#[derive(Debug)]
pub struct Enricher {
    geo: ArcSwap<Geo>,
    agents: AgentCache,
    visitors: VisitorHasher,
    nothing: Arc<Agent>,
}

/// An event in the making, with what is still to be read.
struct Draft {
    event: Event,
    address: IpAddr,
    user_agent: String,
    referrer: String,
    place: Option<PlaceHint>,
    visitor_epoch: u32,
}

/// One step: its name in metrics, and what it does to a draft.
struct Step {
    name: &'static str,
    apply: fn(&Enricher, &mut Draft),
}

/// All steps, in the order in which they are run.
const STEPS: &[Step] = &[
    Step {
        name: "geo",
        apply: |with, draft| draft.event.place = with.geo.load().place(draft.address, draft.place.as_ref()),
    },
    Step { name: "agent", apply: |with, draft| draft.event.agent = with.agents.get(&draft.user_agent) },
    Step { name: "referrer", apply: |_, draft| draft.event.referrer = referrer::referrer(&draft.referrer) },
    Step { name: "campaign", apply: |_, draft| draft.event.utm = campaign::campaign(&draft.event.url) },
    Step { name: "visitor", apply: identify },
];

fn identify(with: &Enricher, draft: &mut Draft) {
    draft.event.visitor =
        with.visitors.visitor(draft.event.workspace, draft.visitor_epoch, draft.address, &draft.user_agent);
}

impl Enricher {
    /// An enricher with empty caches.
    pub fn new(options: EnrichOptions) -> Self {
        let EnrichOptions { geo, visitor_secret } = options;
        Self {
            geo: ArcSwap::from_pointee(geo),
            agents: AgentCache::default(),
            visitors: VisitorHasher::new(visitor_secret),
            nothing: Arc::default(),
        }
    }

    /// One hit as a click.
    pub fn enrich(&self, id: EventId, hit: Hit) -> Event {
        let mut draft = self.draft(id, hit);
        for step in STEPS {
            (step.apply)(self, &mut draft);
        }
        draft.event
    }

    /// Hits as clicks, in their order; `repeat` is left false, for it depends on what came before. The time that each step
    /// took for the whole batch goes into [`telemetry::name::ENRICH_STEP_SECONDS`].
    pub fn enrich_batch(&self, hits: Vec<(EventId, Hit)>) -> Vec<Event> {
        let mut events = Vec::with_capacity(hits.len());
        let mut drafts = Vec::with_capacity(CHUNK.min(hits.len()));
        let mut took = [Duration::ZERO; STEPS.len()];
        let mut hits = hits.into_iter();
        loop {
            drafts.extend(hits.by_ref().take(CHUNK).map(|(id, hit)| self.draft(id, hit)));
            if drafts.is_empty() {
                break;
            }
            let mut before = Instant::now();
            for (step, took) in STEPS.iter().zip(&mut took) {
                for draft in &mut drafts {
                    (step.apply)(self, draft);
                }
                let after = Instant::now();
                *took += after - before;
                before = after;
            }
            events.extend(drafts.drain(..).map(|draft| draft.event));
        }
        if !events.is_empty() {
            for (step, took) in STEPS.iter().zip(took) {
                metrics::histogram!(telemetry::name::ENRICH_STEP_SECONDS, "step" => step.name)
                    .record(took.as_secs_f64());
            }
        }
        events
    }

    /// The parsed user agent, from the same cache that events use.
    pub fn agent(&self, user_agent: &str) -> Arc<Agent> {
        self.agents.get(user_agent)
    }

    /// The place of an address, with what a trusted edge says of it.
    pub fn place(&self, address: IpAddr, hint: Option<&PlaceHint>) -> Place {
        self.geo.load().place(address, hint)
    }

    /// The geo files in use.
    pub fn geo(&self) -> Arc<Geo> {
        self.geo.load_full()
    }

    /// Exchanges the geo files; events under way finish with the old ones.
    pub fn replace_geo(&self, geo: Geo) {
        self.geo.store(Arc::new(geo));
    }

    fn draft(&self, id: EventId, hit: Hit) -> Draft {
        Draft {
            event: Event {
                workspace: hit.workspace,
                kind: EventKind::Click,
                at_ms: hit.at_ms,
                id,
                link: hit.link,
                visitor: 0,
                repeat: false,
                place: Place::default(),
                agent: Arc::clone(&self.nothing),
                trigger: hit.trigger,
                referrer: Referrer::default(),
                url: hit.url,
                utm: Utm::default(),
                conversion: None,
            },
            address: hit.address,
            user_agent: hit.user_agent,
            referrer: hit.referrer,
            place: hit.place,
            visitor_epoch: hit.visitor_epoch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hit::Trigger;
    use crate::domain::id::{LinkId, WorkspaceId};
    use proptest::prelude::*;

    const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";

    fn enricher() -> Enricher {
        Enricher::new(EnrichOptions { geo: Geo::default(), visitor_secret: [7; 32] })
    }

    fn hit(at_ms: i64) -> Hit {
        Hit {
            at_ms,
            workspace: WorkspaceId(3),
            link: LinkId(5),
            address: "81.2.69.142".parse().unwrap(),
            user_agent: FIREFOX.into(),
            referrer: "https://www.example.com/page?secret=1".into(),
            url: "https://shop.example/?utm_source=mail".into(),
            trigger: Trigger::Qr,
            place: Some(PlaceHint { country: "GB".into(), region: "ENG".into(), ..PlaceHint::default() }),
            repeat_window_secs: 3_600,
            visitor_epoch: 0,
        }
    }

    #[test]
    fn a_hit_becomes_a_click() {
        let event = enricher().enrich(EventId(9), hit(1_000));
        assert_eq!(
            (event.workspace, event.link, event.id, event.at_ms),
            (WorkspaceId(3), LinkId(5), EventId(9), 1_000)
        );
        assert_eq!((event.kind, event.trigger, event.repeat), (EventKind::Click, Trigger::Qr, false));
        assert_eq!((event.place.continent.as_str(), event.place.region.as_str()), ("EU", "GB-ENG"));
        assert_eq!((event.agent.browser.as_str(), event.agent.os.as_str()), ("Firefox", "Windows"));
        assert_eq!((event.agent.device.as_str(), event.agent.bot.as_str()), ("Desktop", ""));
        assert_eq!(event.referrer.url, "https://www.example.com/page");
        assert_eq!(event.utm.source, "mail");
        assert_eq!(event.url, "https://shop.example/?utm_source=mail");
        assert_ne!(event.visitor, 0);
        assert!(event.conversion.is_none());
    }

    #[test]
    fn a_batch_is_its_hits_one_by_one() {
        let enricher = enricher();
        let hits: Vec<_> = (0..CHUNK as u64 * 2 + 3).map(|id| (EventId(id), hit(id as i64))).collect();
        let single: Vec<_> = hits.iter().map(|(id, hit)| enricher.enrich(*id, hit.clone())).collect();
        let batch = enricher.enrich_batch(hits);
        assert_eq!(batch, single);
        // One parsed agent is shared by all.
        assert!(batch.iter().all(|event| Arc::ptr_eq(&event.agent, &batch[0].agent)));
        assert!(enricher.enrich_batch(Vec::new()).is_empty());
    }

    #[test]
    fn names_of_steps_are_unique() {
        for (place, step) in STEPS.iter().enumerate() {
            assert!(STEPS[place + 1..].iter().all(|other| other.name != step.name), "{}", step.name);
        }
    }

    proptest! {
        #[test]
        fn any_hit_becomes_an_event(
            at_ms: i64,
            address: IpAddr,
            user_agent in "(Mozilla/5.0 |Opera/)?.{0,120}",
            referrer in "(https?://)?.{0,60}",
            url in "https://.{0,60}(\\?utm_.{0,30})?",
            country in ".{0,3}",
            region in ".{0,4}",
            visitor_epoch: u32,
        ) {
            let place = Some(PlaceHint { country, region, ..PlaceHint::default() });
            let hit = Hit { at_ms, address, user_agent, referrer, url, place, visitor_epoch, ..hit(0) };
            let event = enricher().enrich(EventId(1), hit.clone());
            prop_assert_eq!(&event.url, &hit.url);
            prop_assert_ne!(event.visitor, 0);
            prop_assert_eq!(event.place.country.len() % 2, 0);
        }
    }
}
