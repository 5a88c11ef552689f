//! Hears of every change that a cache may hold, from whichever node made it.
//!
//! A stream of changes that never ends by itself: a lost connection is made anew with growing pauses, and every new
//! connection is told by [`Change::Reconnected`], because what happened in between was not heard.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_postgres::AsyncMessage;
use tokio_stream::wrappers::ReceiverStream;

use super::{CALL_LIMIT, Catalog, Error, Result};
use crate::domain::id::{DomainId, SiteId, WorkspaceId};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// So long after Postgres is back a change may go unheard.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A silent connection is asked for a sign of life this often.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Changes that wait for a slow listener before Postgres has to keep them.
const BUFFER: usize = 1024;

/// Something that a cache may hold was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A link was made, changed or deleted.
    Link {
        /// Its short domain.
        domain: DomainId,
        /// Its slug, as it is looked up.
        slug_key: String,
    },
    /// Some short domain was added, changed or removed.
    Domain,
    /// A workspace or its settings.
    Workspace(WorkspaceId),
    /// A site was added, changed or removed.
    Site(SiteId),
    /// Some API key or membership was changed or withdrawn.
    Key,
    /// Some webhook was added, changed or removed.
    Webhook,
    /// The connection is new: anything may have changed unheard.
    Reconnected,
}

impl Change {
    /// Reads a notification; `None` for what this version does not know.
    fn parse(payload: &str) -> Option<Self> {
        match payload.split_once(' ') {
            None if payload == "domain" => Some(Self::Domain),
            None if payload == "key" => Some(Self::Key),
            Some(("site", id)) => id.parse().ok().map(|id| Self::Site(SiteId::from_row(id))),
            None if payload == "webhook" => Some(Self::Webhook),
            Some(("workspace", id)) => id.parse().ok().map(|id| Self::Workspace(WorkspaceId::from_row(id))),
            Some(("link", rest)) => {
                let (domain, slug_key) = rest.split_once(' ')?;
                let domain = DomainId::from_row(domain.parse().ok()?);
                Some(Self::Link { domain, slug_key: slug_key.to_owned() })
            }
            _ => None,
        }
    }
}

impl Catalog {
    /// Starts to listen. The first item is [`Change::Reconnected`], as soon as changes are heard. Dropping the stream ends
    /// the listening.
    pub fn changes(&self) -> ReceiverStream<Change> {
        let (sender, receiver) = mpsc::channel(BUFFER);
        let catalog = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = catalog.keep_listening(&sender) => {}
                () = sender.closed() => {}
            }
        });
        ReceiverStream::new(receiver)
    }

    async fn keep_listening(&self, sender: &mpsc::Sender<Change>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut heard = false;
            let Err(error) = self.listen_once(sender, &mut heard).await else { return };
            if heard {
                pause = FIRST_PAUSE;
            }
            tracing::warn!(%error, "not hearing of changes in postgres, trying again");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One connection's life: an error when it ended, nothing when nobody listens any more.
    async fn listen_once(&self, sender: &mpsc::Sender<Change>, heard: &mut bool) -> Result<()> {
        let connecting = self.inner.config.connect(self.inner.tls.clone());
        let (client, mut connection) = timeout(CALL_LIMIT, connecting).await.map_err(|_| silent())??;
        // The connection only moves while it is polled, so what it hears and what we ask of it go side by side.
        let hear = async {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(AsyncMessage::Notification(message))) => {
                        if let Some(change) = Change::parse(message.payload())
                            && sender.send(change).await.is_err()
                        {
                            return Ok(());
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(Error::from(error)),
                    None => return Err(Error::Unavailable("connection closed".to_owned())),
                }
            }
        };
        let ask = async {
            timeout(CALL_LIMIT, client.batch_execute("LISTEN linktrail")).await.map_err(|_| silent())??;
            *heard = true;
            if sender.send(Change::Reconnected).await.is_err() {
                return Ok(());
            }
            loop {
                sleep(HEARTBEAT).await;
                timeout(CALL_LIMIT, client.batch_execute("SELECT 1")).await.map_err(|_| silent())??;
            }
        };
        let (hear, ask) = (pin!(hear), pin!(ask));
        tokio::select! {
            outcome = hear => outcome,
            outcome = ask => outcome,
        }
    }
}

fn silent() -> Error {
    Error::Unavailable("no answer in time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_notifications() {
        let link = |domain, slug: &str| Some(Change::Link { domain: DomainId(domain), slug_key: slug.to_owned() });
        assert_eq!(Change::parse("link 7 a b"), link(7, "a b"));
        assert_eq!(Change::parse("link 7 "), link(7, ""));
        assert_eq!(Change::parse("domain"), Some(Change::Domain));
        assert_eq!(Change::parse("key"), Some(Change::Key));
        assert_eq!(Change::parse("webhook"), Some(Change::Webhook));
        assert_eq!(Change::parse("workspace 3"), Some(Change::Workspace(WorkspaceId(3))));
        assert_eq!(Change::parse("site 5"), Some(Change::Site(SiteId(5))));
        for unknown in ["", "link", "link 7", "link x y", "workspace", "workspace x", "domain 7", "novelty"] {
            assert_eq!(Change::parse(unknown), None, "{unknown}");
        }
    }
}
