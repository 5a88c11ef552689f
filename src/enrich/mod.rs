//! Hit -> event: everything that is derived from what the edge saw.
//!
//! The steps are a named list. Each sees one event and fills its own part of it, needs at most what the steps before it
//! filled, and cannot fail: what cannot be told stays empty. A batch goes through step by step, so that each is timed by name at no cost per event.

pub mod agent;
pub mod bot;
mod campaign;
mod channel;
pub mod geo;
mod language;
mod referrer;
mod source;
mod visitor;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use crate::domain::click_id::EventId;
use crate::domain::event::{Agent, Event, EventKind, Network, Place, Referrer};
use crate::domain::hit::{Carried, ConversionHit, ConversionKind, Hit, PageHit, PlaceHint, What};
use crate::domain::id::WorkspaceId;
use crate::domain::workspace::AddressStorage;
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
    address_storage: AddressStorage,
    user_agent: String,
    referrer: String,
    place: Option<PlaceHint>,
    visitor_epoch: u32,
    /// The visitor's first-party id; empty for none.
    visitor_id: String,
    /// It carries its click's dimensions: there is nothing to read.
    carried: bool,
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
        apply: |with, draft| {
            (draft.event.place, draft.event.coordinates) = with.geo.load().locate(draft.address, draft.place.as_ref());
        },
    },
    Step { name: "network", apply: |with, draft| draft.event.network = with.geo.load().network(draft.address) },
    Step { name: "agent", apply: |with, draft| draft.event.agent = with.agents.get(&draft.user_agent) },
    Step { name: "referrer", apply: |_, draft| draft.event.referrer = came_from(draft) },
    Step { name: "campaign", apply: |_, draft| draft.event.utm = campaign::campaign(&draft.event.url) },
    Step { name: "channel", apply: |_, draft| draft.event.channel = channel::channel(&draft.event) },
    Step {
        name: "language",
        apply: |_, draft| draft.event.language = language::language(&draft.event.accept_language),
    },
    Step { name: "visitor", apply: identify },
];

/// Of a page another page of the same site is no place to come from.
fn came_from(draft: &Draft) -> Referrer {
    if draft.event.page.is_some() {
        referrer::referrer_of_page(&draft.referrer, &draft.event.url)
    } else {
        referrer::referrer(&draft.referrer)
    }
}

/// A first-party id names the visitor; else address and agent do. That a person is told by name changes neither: what the
/// browser did before and after is one visitor's.
fn identify(with: &Enricher, draft: &mut Draft) {
    let (workspace, epoch) = (draft.event.workspace, draft.visitor_epoch);
    draft.event.visitor = if draft.visitor_id.is_empty() {
        with.visitors.visitor(workspace, epoch, draft.address, &draft.user_agent)
    } else {
        with.visitors.named(workspace, epoch, &draft.visitor_id)
    };
    draft.event.address = draft.address_storage.keep(draft.address);
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

    /// One hit as an event.
    pub fn enrich(&self, id: EventId, hit: Hit) -> Event {
        let mut draft = self.draft(id, hit);
        if !draft.carried {
            for step in STEPS {
                (step.apply)(self, &mut draft);
            }
        }
        draft.event
    }

    /// One hit as an event of which nothing is read: what it does not say itself stays empty, the visitor too.
    pub fn unread(&self, id: EventId, hit: Hit) -> Event {
        let Draft { mut event, address, address_storage, .. } = self.draft(id, hit);
        event.address = address_storage.keep(address);
        event
    }

    /// Hits as events, in their order; `repeat` is left false, for it depends on what came before. The time that each step
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
                for draft in drafts.iter_mut().filter(|draft| !draft.carried) {
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

    /// Whether a robot sent the user agent, or none was sent.
    pub fn is_bot(&self, user_agent: &str) -> bool {
        !self.agents.get(user_agent).bot.is_empty()
    }

    /// The place of an address, with what a trusted edge says of it.
    pub fn place(&self, address: IpAddr, hint: Option<&PlaceHint>) -> Place {
        self.geo.load().place(address, hint)
    }

    /// Through whose network an address comes; empty without a file that knows networks.
    pub fn network(&self, address: IpAddr) -> Network {
        self.geo.load().network(address)
    }

    /// The visitor behind a name that somebody else gave; never 0.
    pub fn named(&self, workspace: WorkspaceId, epoch: u32, name: &str) -> u64 {
        self.visitors.named(workspace, epoch, name)
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
        let mut event = Event {
            workspace: hit.workspace,
            kind: EventKind::Click,
            at_ms: hit.at_ms,
            id,
            link: hit.link,
            site: hit.site,
            idempotency: hit.idempotency,
            agent: Arc::clone(&self.nothing),
            trigger: hit.trigger,
            url: hit.url,
            params: hit.params,
            accept_language: hit.accept_language,
            sec_fetch: hit.sec_fetch,
            ..Event::default()
        };
        let (mut visitor_id, mut carried) = (String::new(), false);
        match hit.what {
            What::Click => {}
            What::Page(page) => {
                let PageHit { is_pageview, event: page, visitor_id: id } = *page;
                event.kind = if is_pageview { EventKind::Pageview } else { EventKind::Custom };
                event.page = Some(Box::new(page));
                visitor_id = id;
            }
            What::Conversion(conversion) => {
                let ConversionHit { kind, event: conversion, carried: of_click } = *conversion;
                event.kind = match kind {
                    ConversionKind::Lead => EventKind::Lead,
                    ConversionKind::Sale => EventKind::Sale,
                    ConversionKind::Custom => EventKind::Custom,
                };
                event.conversion = Some(Box::new(conversion));
                carry(&mut event, of_click);
                carried = true;
            }
        }
        Draft {
            event,
            address: hit.address,
            address_storage: hit.address_storage,
            user_agent: hit.user_agent,
            referrer: hit.referrer,
            place: hit.place,
            visitor_epoch: hit.visitor_epoch,
            visitor_id,
            carried,
        }
    }
}

fn carry(event: &mut Event, of_click: Carried) {
    let Carried { visitor, place, network, agent, referrer, channel, utm, language } = of_click;
    event.visitor = visitor;
    event.place = place;
    event.network = network;
    event.agent = Arc::new(agent);
    event.referrer = referrer;
    event.channel = channel;
    event.utm = utm;
    event.language = language;
}

#[cfg(test)]
mod tests;
