//! Identical queries in flight share one answer: the same statement with the same values, read into the same rows. Nothing
//! is kept once the answer is there, and a query that everybody has stopped waiting for is given up.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use metrics::counter;

use super::Sql;
use super::failure::Error;
use crate::telemetry::name::QUERIES_SHARED_TOTAL;

/// Rows that several may hold.
pub(super) type Answer<T> = Result<Arc<Vec<T>>, Error>;
/// An answer that may be on its way already.
pub(super) type Flight<T> = Shared<BoxFuture<'static, Answer<T>>>;

/// The queries in flight. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    flights: HashMap<Key, (u64, Box<dyn Any + Send>)>,
    next: u64,
}

/// A statement names its workspace, so that no two workspaces have the same.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    rows: TypeId,
    sql: Arc<Sql>,
}

impl Flights {
    /// The answer to a query: the one that is on its way, else what `ask` gives. It comes as long as one of those who want it
    /// still waits.
    pub(super) fn join<T: Send + Sync + 'static>(
        &self,
        sql: &Sql,
        ask: impl FnOnce(Arc<Sql>) -> BoxFuture<'static, Answer<T>>,
    ) -> Flight<T> {
        let key = Key { rows: TypeId::of::<T>(), sql: Arc::new(sql.clone()) };
        let mut known = self.known();
        let flying = known.flights.get(&key).and_then(|(_, flight)| flight.downcast_ref::<WeakShared<_>>()?.upgrade());
        if let Some(flight) = flying {
            drop(known);
            counter!(QUERIES_SHARED_TOTAL).increment(1);
            return flight;
        }
        let number = known.next;
        known.next += 1;
        let asked = ask(Arc::clone(&key.sql));
        let landing = Landing { flights: self.clone(), key: key.clone(), number };
        let flight = async move {
            // Gone with the answer, or with the last who waits for it.
            let _landing = landing;
            asked.await
        };
        let flight: Flight<T> = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            known.flights.insert(key, (number, Box::new(weak)));
        }
        flight
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a flight from the list when it is dropped.
struct Landing {
    flights: Flights,
    key: Key,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut known = self.flights.known();
        if known.flights.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            known.flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[derive(Clone, Default)]
    struct Store {
        flights: Flights,
        asked: Arc<AtomicUsize>,
        go: Arc<Notify>,
    }

    impl Store {
        fn ask<T: Clone + Send + Sync + 'static>(&self, text: &'static str, answer: Result<T, Error>) -> Flight<T> {
            let (asked, go) = (Arc::clone(&self.asked), Arc::clone(&self.go));
            self.flights.join(&Sql::new(text), move |_| {
                async move {
                    asked.fetch_add(1, Ordering::SeqCst);
                    go.notified().await;
                    Ok(Arc::new(vec![answer?]))
                }
                .boxed()
            })
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn the_same_is_asked_once_and_then_anew() {
        let store = Store::default();
        let mut first = Box::pin(store.ask("a", Ok(1_u64)));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(store.ask("a", Ok(2_u64)));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(store.asked(), 1);
        // Another statement, and the same read into other rows.
        assert!(Box::pin(store.ask("b", Ok(3_u64))).as_mut().now_or_never().is_none());
        assert!(Box::pin(store.ask("a", Ok(4_i64))).as_mut().now_or_never().is_none());
        assert_eq!(store.asked(), 3);
        store.go.notify_one();
        let (first, second) = tokio::join!(first, second);
        assert_eq!((first.unwrap()[0], second.unwrap()[0]), (1, 1));
        assert!(store.flights.known().flights.is_empty());
        store.go.notify_one();
        assert_eq!(store.ask("a", Ok(5_u64)).await.unwrap()[0], 5);
    }

    #[tokio::test]
    async fn who_asked_first_may_go_and_failures_are_shared() {
        let store = Store::default();
        let failure = || Err::<u64, _>(Error::Unavailable("gone".to_owned()));
        let mut first = Box::pin(store.ask("a", failure()));
        assert!(first.as_mut().now_or_never().is_none());
        let second = tokio::spawn(store.ask("a", failure()));
        let third = tokio::spawn(store.ask("a", failure()));
        tokio::task::yield_now().await;
        drop(first);
        store.go.notify_one();
        for waiting in [second, third] {
            assert!(matches!(waiting.await.unwrap(), Err(Error::Unavailable(cause)) if cause == "gone"));
        }
        assert_eq!(store.asked(), 1);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_given_up() {
        let store = Store::default();
        let mut only = Box::pin(store.ask("a", Ok(1_u64)));
        assert!(only.as_mut().now_or_never().is_none());
        drop(only);
        assert!(store.flights.known().flights.is_empty());
        // Never looked at: never asked.
        drop(store.ask("a", Ok(1_u64)));
        assert!(store.flights.known().flights.is_empty());
        assert_eq!(store.asked(), 1);
    }
}
