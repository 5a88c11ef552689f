//! Webhooks: whoever asked is told of clicks and of changes of links; addresses that stand in a link are told of its clicks.
//!
//! What always holds:
//! - nothing waits for an endpoint: the drain publishes and goes on, a change of a link writes a row and goes on;
//! - an endpoint that is down or slow takes its own few places and no others';
//! - a target is connected to only after the very address that is connected to was checked (`guard.rs`);
//! - what Dub's webhooks are told is in Postgres until it was delivered or given up; what Linkly's are told is sent once.

mod courier;
mod deliver;
mod feed;
pub mod guard;
pub mod linkly_link;
mod outbox;
pub mod payload;
mod schedule;
pub mod send;
pub mod sign;
mod subscriptions;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::calendar::Clock;
use crate::catalog::Catalog;
use crate::domain::event::Event;

use courier::Courier;
use deliver::Deliverer;
use feed::Feed;
use guard::{Policy, SystemResolver, TargetError};
use outbox::Outbox;
use payload::Shape;
pub use schedule::HookOptions;
use send::{SendError, Sender};
use subscriptions::Subscriptions;

/// At the end, how long attempts under way may take, and what was published last may take to be written.
const GRACE: Duration = Duration::from_millis(500);

/// What the surfaces reach of webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Hooks {
    policy: Arc<Policy>,
    wake: Arc<Notify>,
    /// Made with the first delivery that a caller asks for.
    sender: Arc<OnceLock<Option<Sender>>>,
}

impl Hooks {
    /// Webhooks whose targets this policy allows.
    pub fn new(policy: Policy) -> Self {
        Self { policy: Arc::new(policy), wake: Arc::new(Notify::new()), sender: Arc::default() }
    }

    /// Posts JSON to a target once, at the word of a caller. The status when it is 2xx.
    ///
    /// # Errors
    /// Why it counts as failed.
    pub async fn post_once(&self, target: &str, body: Bytes) -> Result<u16, SendError> {
        let sender = self.sender.get_or_init(|| {
            let made = Sender::new(self.policy(), Arc::new(SystemResolver));
            made.inspect_err(|error| tracing::error!(%error, "TLS of webhooks")).ok()
        });
        match sender {
            Some(sender) => sender.post(target, HeaderMap::new(), body).await,
            None => Err(SendError::Unreachable),
        }
    }

    /// The target that a text means, as it is kept.
    ///
    /// # Errors
    /// Why it is not allowed.
    pub fn check_target(&self, text: &str) -> Result<String, TargetError> {
        self.policy.check(text.trim()).map(String::from)
    }

    /// Says that a delivery is due now.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Which targets are allowed.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy)
    }
}

/// What telling needs.
pub struct TellingParts {
    /// The handle that the surfaces have.
    pub hooks: Hooks,
    /// Webhooks, outbox and deliveries.
    pub catalog: Catalog,
    /// When it is.
    pub clock: Clock,
    /// Posts.
    pub sender: Sender,
    /// How links and clicks are shown.
    pub shape: Arc<dyn Shape>,
    /// What was just stored.
    pub events: broadcast::Receiver<Arc<[Event]>>,
    /// Told whether anybody is to be told of events; while nobody is, none need come.
    pub wants: Box<dyn Fn(bool) + Send + Sync>,
    /// How deliveries are made.
    pub options: HookOptions,
}

/// Telling at work.
pub struct Telling {
    /// No further attempts and no further notes.
    stop: CancellationToken,
    /// The feed is over.
    last: CancellationToken,
    give_up: CancellationToken,
    tasks: TaskTracker,
    feed: JoinHandle<()>,
}

impl Telling {
    /// Begins to tell.
    pub async fn start(parts: TellingParts) -> Self {
        let TellingParts { hooks, catalog, clock, sender, shape, events, wants, options } = parts;
        let (stop, last, give_up) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let subscriptions = Subscriptions::default();
        // Without an answer it is read as soon as changes are heard.
        subscriptions.read(&catalog).await;
        let courier = Courier::new(sender.clone(), clock.clone(), give_up.clone());
        let tasks = courier.tasks.clone();
        let (changed, wake) = (Arc::new(Notify::new()), Arc::clone(&hooks.wake));
        tasks.spawn(subscriptions.clone().follow(catalog.clone(), Arc::clone(&changed), wants, stop.clone()));
        let outbox = Outbox {
            catalog: catalog.clone(),
            clock: clock.clone(),
            subscriptions: subscriptions.clone(),
            shape: Arc::clone(&shape),
            courier: courier.clone(),
            changed,
            wake: Arc::clone(&wake),
            poll: options.poll,
            stop: stop.clone(),
        };
        tasks.spawn(outbox.run());
        let deliverer = Deliverer {
            catalog: catalog.clone(),
            clock: clock.clone(),
            sender,
            options: Arc::new(options),
            wake: Arc::clone(&wake),
            busy: Arc::default(),
            tasks: tasks.clone(),
            stop: stop.clone(),
            give_up: give_up.clone(),
        };
        tasks.spawn(deliverer.run());
        let feed = Feed { events, catalog, clock, subscriptions, shape, courier, wake, last: last.clone() };
        Self { stop, last, give_up, tasks, feed: tokio::spawn(feed.run()) }
    }

    /// Begins no more attempts. To be called when the end begins, while the drain still stores.
    pub fn wind_down(&self) {
        self.stop.cancel();
    }

    /// Ends, within a second: what was published is written, attempts under way are given up. To be called
    /// when nothing more is published. What is in Postgres goes on with the next start.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.last.cancel();
        if tokio::time::timeout(GRACE, &mut self.feed).await.is_err() {
            tracing::warn!("the last clicks could not be written for webhooks in time");
            self.feed.abort();
        }
        self.tasks.close();
        if tokio::time::timeout(GRACE / 2, self.tasks.wait()).await.is_err() {
            self.give_up.cancel();
            let _ = tokio::time::timeout(GRACE / 2, self.tasks.wait()).await;
        }
    }
}
