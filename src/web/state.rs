//! What every handler can reach: cheap handles to the services.

use std::sync::Arc;

use url::Url;

use crate::analytics::Analytics;
use crate::auth::Auth;
use crate::calendar::Clock;
use crate::catalog::Catalog;
use crate::conversions::Conversions;
use crate::domain::click_id::ClickKey;
use crate::enrich::Enricher;
use crate::holdings::Holdings;
use crate::hooks::Hooks;
use crate::ingest::Ingest;
use crate::links::LinkService;
use crate::redirect::Resolver;
use crate::sites::Sites;

use super::client::ClientRules;
use super::client_clicks::ClientClicks;
use super::kept_answers::KeptAnswers;
use super::limits::Limits;
use super::places::Places;
use super::recent_visits::RecentVisits;
use super::streams::Streams;

/// Exports of one workspace at once.
pub const EXPORTS_PER_WORKSPACE: u32 = 4;

/// The handles. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The present.
    pub clock: Clock,
    /// Postgres.
    pub catalog: Catalog,
    /// Who asks.
    pub auth: Auth,
    /// How much they may ask.
    pub limits: Limits,
    /// Public answers that are asked for often.
    pub kept_answers: KeptAnswers,
    /// Links.
    pub links: LinkService,
    /// Short domains, tags and folders.
    pub holdings: Holdings,
    /// Sites whose events are taken.
    pub sites: Sites,
    /// Questions about events.
    pub analytics: Analytics,
    /// Leads, sales and customers.
    pub conversions: Conversions,
    /// Accepts events.
    pub ingest: Ingest,
    /// Geo files and tables of agents.
    pub enricher: Arc<Enricher>,
    /// Who asks, behind proxies.
    pub clients: ClientRules,
    /// Finds links as visits do, in memory.
    pub resolver: Arc<Resolver>,
    /// Clicks that pages report themselves.
    pub client_clicks: ClientClicks,
    /// What addresses followed last, for apps that ask.
    pub recent_visits: RecentVisits,
    /// Webhooks.
    pub hooks: Hooks,
    /// Live streams of events.
    pub streams: Streams,
    /// Exports that are under way.
    pub exports: Places,
    /// Signs click ids.
    pub clicks: ClickKey,
    /// The address at which this installation is reached, without a slash at its end when shown.
    pub public_url: Arc<Url>,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
}

impl App {
    /// Has this node see a change of short domains at once, which it would hear of within a moment.
    pub async fn reload_domains(&self) {
        if self.resolver.reload_domains().await.is_err() {
            tracing::debug!("a change of short domains is seen when it is heard of");
        }
        self.resolver.forget_all();
    }

    /// `https://go.example.com`: scheme, host and port of the public address.
    pub fn origin(&self) -> String {
        self.public_url.origin().ascii_serialization()
    }
}
