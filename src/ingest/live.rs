//! What was just stored, for whoever wants to see it as it comes: webhooks and live streams.
//!
//! A listener that does not keep up misses events and is told how many chunks; the drain waits for nobody. After an unclean
//! end of the program, events of the batch that was under way may be told again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::broadcast;

use crate::domain::event::Event;

/// Events that are told together at most.
const CHUNK: usize = 500;
/// Chunks that a slow listener may be behind.
const BACKLOG: usize = 128;

/// Neighbours of one batch, in the order of identities.
pub type LiveEvents = Arc<[Event]>;

/// Tells of stored events. Clones share it.
#[derive(Clone, Debug)]
pub struct Live {
    sender: broadcast::Sender<LiveEvents>,
    /// Listeners that want nothing for now.
    idle: Arc<AtomicUsize>,
}

impl Default for Live {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG), idle: Arc::default() }
    }
}

impl Live {
    /// To what is recorded from now on.
    pub fn listen(&self) -> broadcast::Receiver<LiveEvents> {
        self.sender.subscribe()
    }

    /// As [`listen`](Self::listen), for one who does not always want to hear: it says so by the function, and may miss what is
    /// told while it wants nothing. Both are to be dropped together.
    pub fn listen_at_will(&self) -> (broadcast::Receiver<LiveEvents>, impl Fn(bool) + Send + Sync + 'static) {
        let attention = Attention { idle: Arc::clone(&self.idle), is_idle: AtomicBool::new(false) };
        (self.listen(), move |wants| attention.set(wants))
    }

    /// Whether anybody listens, and wants to.
    pub(super) fn is_wanted(&self) -> bool {
        self.sender.receiver_count() > self.idle.load(Ordering::Relaxed)
    }

    /// Tells of events that were stored.
    pub(super) fn publish(&self, events: Vec<Event>) {
        if !self.is_wanted() {
            return;
        }
        let mut events = events.into_iter();
        loop {
            let chunk: LiveEvents = events.by_ref().take(CHUNK).collect();
            // The last listener may just have gone.
            if chunk.is_empty() || self.sender.send(chunk).is_err() {
                return;
            }
        }
    }
}

/// Whether one listener wants anything.
struct Attention {
    idle: Arc<AtomicUsize>,
    is_idle: AtomicBool,
}

impl Attention {
    fn set(&self, wants: bool) {
        match (self.is_idle.swap(!wants, Ordering::Relaxed), wants) {
            (true, true) => _ = self.idle.fetch_sub(1, Ordering::Relaxed),
            (false, false) => _ = self.idle.fetch_add(1, Ordering::Relaxed),
            (true, false) | (false, true) => {}
        }
    }
}

/// Who is gone is not idle.
impl Drop for Attention {
    fn drop(&mut self) {
        self.set(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::click_id::EventId;

    fn events(count: u64) -> Vec<Event> {
        (0..count).map(|id| Event { id: EventId(id), ..Event::default() }).collect()
    }

    #[test]
    fn listeners_hear_everything_in_order() {
        let live = Live::default();
        live.publish(events(3));
        let mut listener = live.listen();
        live.publish(events(CHUNK as u64 + 2));
        let mut heard = Vec::new();
        while let Ok(chunk) = listener.try_recv() {
            assert!(chunk.len() <= CHUNK);
            heard.extend(chunk.iter().map(|event| event.id.0));
        }
        assert_eq!(heard, (0..CHUNK as u64 + 2).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_told_while_nobody_wants_it() {
        let live = Live::default();
        let (mut listener, wants) = live.listen_at_will();
        drop(live.listen_at_will().1);
        for (says, others, heard) in [
            (None, 0, 1),
            (Some(false), 0, 0),
            (Some(false), 0, 0),
            (Some(false), 1, 1),
            (Some(true), 0, 1),
            (Some(true), 1, 1),
        ] {
            says.into_iter().for_each(&wants);
            let others: Vec<_> = (0..others).map(|_| live.listen()).collect();
            live.publish(events(1));
            assert_eq!(listener.len(), heard, "{says:?}, {} others", others.len());
            let _ = listener.try_recv();
        }
    }

    #[test]
    fn who_is_too_slow_is_told() {
        let live = Live::default();
        let mut listener = live.listen();
        for _ in 0..=BACKLOG {
            live.publish(events(1));
        }
        assert!(matches!(listener.try_recv(), Err(broadcast::error::TryRecvError::Lagged(1))));
        assert!(listener.try_recv().is_ok());
    }
}
