//! Places for work that is dear, for many payers: who finds none waits for a turn, but not for long.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::turns::{Bounds, Crowd, Ticket, Turns};
use crate::telemetry::name::{QUERIES_REFUSED_TOTAL, QUERIES_RUNNING, QUERIES_WAITING, QUERY_WAIT_SECONDS};

/// What may be waited for at most, and what is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionOptions {
    /// The class in the metrics.
    pub class: &'static str,
    /// How many at once.
    pub bounds: Bounds,
    /// How long one may wait.
    pub patience: Duration,
}

/// The places of one class of work. Clones share them.
pub struct Admission<P: Copy + Eq + Hash>(Arc<Inner<P>>);

struct Inner<P: Copy + Eq + Hash> {
    options: AdmissionOptions,
    turns: Mutex<Turns<P, oneshot::Sender<Permit<P>>>>,
}

/// There was no place, and none came free in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is full.
    pub crowd: Crowd,
    /// Seconds after which another try makes sense, at least 1.
    pub retry_after_secs: u64,
}

/// A place, free again when it is dropped.
pub struct Permit<P: Copy + Eq + Hash> {
    inner: Arc<Inner<P>>,
    payer: P,
}

impl<P: Copy + Eq + Hash> Clone for Admission<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Copy + Eq + Hash> Admission<P> {
    /// All places are free.
    pub fn new(options: AdmissionOptions) -> Self {
        Self(Arc::new(Inner { turns: Mutex::new(Turns::new(options.bounds)), options }))
    }

    /// A place of the payer's, waited for where there is none. Who stops waiting leaves the queue.
    ///
    /// # Errors
    /// [`Refusal`] when the queue is full, or no place came free in time.
    pub async fn permit(&self, payer: P) -> Result<Permit<P>, Refusal> {
        let class = self.0.options.class;
        let began = Instant::now();
        let outcome = self.place(payer).await;
        match &outcome {
            Ok(_) => histogram!(QUERY_WAIT_SECONDS, "class" => class).record(began.elapsed()),
            Err((_, reason)) => counter!(QUERIES_REFUSED_TOTAL, "class" => class, "reason" => *reason).increment(1),
        }
        outcome.map_err(|(crowd, _)| {
            let retry_after_secs = self.0.options.patience.as_secs().max(1);
            Refusal { crowd, retry_after_secs }
        })
    }

    async fn place(&self, payer: P) -> Result<Permit<P>, (Crowd, &'static str)> {
        let (ticket, turn) = {
            let mut turns = self.0.turns();
            if turns.start(payer) {
                return Ok(Permit::new(&self.0, payer));
            }
            let (sender, turn) = oneshot::channel();
            let (ticket, displaced) = turns.wait(payer, sender).map_err(|crowd| match crowd {
                Crowd::Own => (crowd, "own_queue_full"),
                Crowd::All => (crowd, "queue_full"),
            })?;
            drop(turns);
            // Its end of the channel tells it.
            drop(displaced);
            (ticket, turn)
        };
        let waiting = Waiting::new(&self.0, payer, ticket);
        let mut turn = turn;
        match timeout(self.0.options.patience, &mut turn).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err((Crowd::All, "displaced")),
            Err(_) => match waiting.leave() {
                Some(crowd @ Crowd::Own) => Err((crowd, "own_places_taken")),
                Some(crowd @ Crowd::All) => Err((crowd, "places_taken")),
                // The place came at the last moment.
                None => turn.await.map_err(|_| (Crowd::All, "displaced")),
            },
        }
    }
}

impl<P: Copy + Eq + Hash> Inner<P> {
    fn turns(&self) -> MutexGuard<'_, Turns<P, oneshot::Sender<Permit<P>>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Copy + Eq + Hash> Permit<P> {
    /// For a place that is counted already.
    fn new(inner: &Arc<Inner<P>>, payer: P) -> Self {
        gauge!(QUERIES_RUNNING, "class" => inner.options.class).increment(1.0);
        Self { inner: Arc::clone(inner), payer }
    }
}

impl<P: Copy + Eq + Hash> Drop for Permit<P> {
    fn drop(&mut self) {
        gauge!(QUERIES_RUNNING, "class" => self.inner.options.class).decrement(1.0);
        let next = self.inner.turns().end(self.payer);
        if let Some((payer, sender)) = next {
            // Where nobody waits any more, the place comes back and goes to the one after: not under the lock.
            let _ = sender.send(Permit::new(&self.inner, payer));
        }
    }
}

/// A ticket that leaves the queue when it is dropped, unless it has its place.
struct Waiting<'a, P: Copy + Eq + Hash> {
    inner: &'a Arc<Inner<P>>,
    payer: P,
    ticket: Ticket,
}

impl<'a, P: Copy + Eq + Hash> Waiting<'a, P> {
    fn new(inner: &'a Arc<Inner<P>>, payer: P, ticket: Ticket) -> Self {
        gauge!(QUERIES_WAITING, "class" => inner.options.class).increment(1.0);
        Self { inner, payer, ticket }
    }

    fn leave(&self) -> Option<Crowd> {
        self.inner.turns().leave(self.payer, self.ticket)
    }
}

impl<P: Copy + Eq + Hash> Drop for Waiting<'_, P> {
    fn drop(&mut self) {
        gauge!(QUERIES_WAITING, "class" => self.inner.options.class).decrement(1.0);
        self.leave();
    }
}

impl<P: Copy + Eq + Hash> std::fmt::Debug for Admission<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Admission").field(&self.0.options).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;

    fn admission(running: usize, waiting: usize, patience: Duration) -> Admission<u8> {
        let bounds = Bounds { running, running_each: running.div_ceil(2), waiting, waiting_each: waiting };
        Admission::new(AdmissionOptions { class: "test", bounds, patience })
    }

    fn is_idle(admission: &Admission<u8>) -> bool {
        admission.0.turns().is_idle()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn never_more_than_the_bound_and_each_place_comes_back() {
        let admission = admission(4, 1_000, Duration::from_secs(60));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = (0..400_u32).map(|number| {
            let (admission, now, most) = (admission.clone(), Arc::clone(&now), Arc::clone(&most));
            tokio::spawn(async move {
                let run = async {
                    let _permit = admission.permit((number % 7) as u8).await.unwrap();
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    now.fetch_sub(1, Ordering::SeqCst);
                };
                if number % 3 == 0 {
                    // Gone after its first look: whether it waits then or not.
                    let _ = Box::pin(admission.permit((number % 7) as u8)).as_mut().now_or_never();
                } else {
                    run.await;
                }
            })
        });
        for done in join_all(work).await {
            done.unwrap();
        }
        let most = most.load(Ordering::SeqCst);
        assert!((1..=4).contains(&most), "{most}");
        assert!(is_idle(&admission));
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_the_queue() {
        let admission = admission(2, 2, Duration::from_secs(60));
        let held = admission.permit(1).await.unwrap();
        let mut waiting = Box::pin(admission.permit(1));
        assert!(waiting.as_mut().now_or_never().is_none());
        let mut behind = Box::pin(admission.permit(1));
        assert!(behind.as_mut().now_or_never().is_none());
        drop(waiting);
        drop(held);
        // The place was given to who was behind, who goes without having looked.
        drop(behind);
        assert!(is_idle(&admission));
    }

    #[tokio::test]
    async fn refusals_say_what_is_full() {
        let admission = admission(2, 2, Duration::from_millis(1_500));
        let _own = admission.permit(1).await.unwrap();
        let mut waiting = [Box::pin(admission.permit(1)), Box::pin(admission.permit(1))];
        for waiting in &mut waiting {
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        let refused = |payer| admission.permit(payer).now_or_never().map(Result::err);
        assert_eq!(refused(1), Some(Some(Refusal { crowd: Crowd::Own, retry_after_secs: 1 })));
        let _other = admission.permit(2).await.unwrap();
        // Another payer takes the place of the last in the longest queue.
        let mut third = Box::pin(admission.permit(3));
        assert!(third.as_mut().now_or_never().is_none());
        let [first, displaced] = waiting;
        assert_eq!(displaced.await.err().map(|refusal| refusal.crowd), Some(Crowd::All));
        assert_eq!(refused(4), Some(Some(Refusal { crowd: Crowd::All, retry_after_secs: 1 })));
        let (first, third) = tokio::join!(first, third);
        assert_eq!(first.err().map(|refusal| refusal.crowd), Some(Crowd::Own));
        assert_eq!(third.err().map(|refusal| refusal.crowd), Some(Crowd::All));
    }
}
