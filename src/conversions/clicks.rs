//! Finding a click by its public id: in memory, in ClickHouse, and when it happened a moment ago on this node, in
//! ClickHouse after the drain was hurried.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{Conversions, Error, Result};
use crate::domain::click_id::EventId;
use crate::domain::id::WorkspaceId;
use crate::domain::link::Link;
use crate::warehouse;
use crate::warehouse::conversion::ClickFacts;

/// How long a click that was just recorded is waited for.
const DRAIN_LIMIT: Duration = Duration::from_secs(3);
/// How long another node's click is waited for, and how often it is looked for.
const OTHERS_LIMIT: Duration = Duration::from_secs(2);
const OTHERS_PAUSE: Duration = Duration::from_millis(200);
/// How long ClickHouse may take to find one event.
const QUERY_LIMIT: Duration = Duration::from_secs(5);

impl Conversions {
    /// The identity behind a public click id, as a caller gave it.
    pub(super) fn click_id(&self, text: &str) -> Result<EventId> {
        self.parts.clicks.parse(text).ok_or_else(|| Error::NoClick(text.to_owned()))
    }

    /// The public id of a click.
    pub fn public_click(&self, click: EventId) -> String {
        self.parts.clicks.public(click)
    }

    /// The click of this identity; `None` when the workspace has none.
    pub(super) async fn click(&self, workspace: WorkspaceId, id: EventId) -> Result<Option<Arc<ClickFacts>>> {
        if let Some(known) = self.known_clicks.get(&(workspace, id)) {
            return Ok(Some(known));
        }
        let ingest = &self.parts.ingest;
        let ours = id.node() == ingest.node();
        if ours && !ingest.is_stored(id) {
            timeout(DRAIN_LIMIT, ingest.flushed()).await.map_err(|_| Error::Late)?;
        }
        let until = Instant::now() + OTHERS_LIMIT;
        loop {
            if let Some(facts) = self.read(workspace, id).await? {
                let facts = Arc::new(facts);
                self.known_clicks.insert((workspace, id), Arc::clone(&facts));
                return Ok(Some(facts));
            }
            if ours || Instant::now() >= until {
                return Ok(None);
            }
            sleep(OTHERS_PAUSE).await;
        }
    }

    async fn read(&self, workspace: WorkspaceId, id: EventId) -> Result<Option<ClickFacts>> {
        match timeout(QUERY_LIMIT, self.parts.warehouse.click(workspace, id)).await {
            Ok(found) => Ok(found?),
            Err(_) => Err(warehouse::Error::Unavailable("a click was not found in time".to_owned()).into()),
        }
    }

    /// The link of a click that a caller names, if it can still have leads.
    pub(super) async fn link_of(&self, workspace: WorkspaceId, click: &str, facts: &ClickFacts) -> Result<Link> {
        let link = self.parts.catalog.link(workspace, facts.link).await?;
        link.filter(|link| link.fields.disabled_at_ms.is_none()).ok_or_else(|| Error::NoLink(click.to_owned()))
    }
}
