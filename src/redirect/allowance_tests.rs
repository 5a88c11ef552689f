use std::sync::atomic::AtomicU64;

use tokio::sync::Semaphore;

use super::*;

/// A store that gives what it is told to, one question after the other, each when it is let through.
struct Fake {
    left: Mutex<u64>,
    questions: AtomicU64,
    passes: Semaphore,
    is_down: AtomicBool,
}

impl Fake {
    fn new(left: u64, passes: usize) -> Arc<Self> {
        Arc::new(Self {
            left: Mutex::new(left),
            questions: AtomicU64::new(0),
            passes: Semaphore::new(passes),
            is_down: AtomicBool::new(false),
        })
    }
}

impl AllowanceStore for Fake {
    fn take(&self, _: WorkspaceId, _: LinkId, wanted: u64) -> BoxFuture<'_, Result<Taken, Unavailable>> {
        Box::pin(async move {
            self.questions.fetch_add(1, Ordering::SeqCst);
            self.passes.acquire().await.unwrap().forget();
            if self.is_down.load(Ordering::SeqCst) {
                return Err(Unavailable);
            }
            let mut left = self.left.lock().unwrap();
            let granted = wanted.min(*left);
            *left -= granted;
            Ok(Taken { granted, left: *left > 0 })
        })
    }
}

const OWNER: WorkspaceId = WorkspaceId(2);
const LINK: LinkId = LinkId(7);
const MANY: usize = 1_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn never_one_more() {
    for (limit, visitors) in [(50, 200), (200, 50), (0, 10), (1, 100)] {
        let store = Fake::new(limit, MANY);
        let allowances = Allowances::new(store.clone());
        let visits: Vec<_> = (0..visitors)
            .map(|_| {
                let allowances = allowances.clone();
                tokio::spawn(async move { allowances.take(OWNER, LINK).await.unwrap() })
            })
            .collect();
        let mut followed = 0;
        for visit in visits {
            followed += u64::from(visit.await.unwrap());
        }
        assert_eq!(followed, limit.min(visitors), "{limit} {visitors}");
        assert!(allowances.inner.queues().is_empty());
    }
}

#[tokio::test]
async fn visitors_at_the_same_time_ask_together() {
    let store = Fake::new(50, 0);
    let allowances = Allowances::new(store.clone());
    let ask = |takes: bool| {
        let allowances = allowances.clone();
        tokio::spawn(async move { allowances.ask(OWNER, LINK, takes).await })
    };
    let first = ask(true);
    while store.questions.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (0..100).map(|number| ask(number % 2 == 0)).collect();
    while allowances.inner.queues().get(&LINK).is_none_or(|queue| queue.len() < 100) {
        tokio::task::yield_now().await;
    }
    // One who leaves is not asked for.
    others[0].abort();
    while !others[0].is_finished() {
        tokio::task::yield_now().await;
    }
    store.passes.add_permits(2);
    assert_eq!(first.await.unwrap(), Ok(true));
    for (number, other) in others.into_iter().enumerate().skip(1) {
        assert_eq!(other.await.unwrap(), Ok(true), "{number}");
    }
    assert_eq!(store.questions.load(Ordering::SeqCst), 2);
    // 1 and 49 of 50 are gone.
    assert_eq!(*store.left.lock().unwrap(), 0);
    store.passes.add_permits(2);
    assert_eq!(allowances.look(OWNER, LINK).await, Ok(false));
    assert_eq!(allowances.take(OWNER, LINK).await, Ok(false));
}

#[tokio::test]
async fn a_store_that_is_away_lets_nobody_through() {
    let store = Fake::new(1, MANY);
    let allowances = Allowances::new(store.clone());
    store.is_down.store(true, Ordering::SeqCst);
    assert_eq!(allowances.take(OWNER, LINK).await, Err(Unavailable));
    assert_eq!(allowances.look(OWNER, LINK).await, Err(Unavailable));
    store.is_down.store(false, Ordering::SeqCst);
    assert_eq!(allowances.look(OWNER, LINK).await, Ok(true));
    assert_eq!(allowances.take(OWNER, LINK).await, Ok(true));
    assert_eq!(allowances.take(OWNER, LINK).await, Ok(false));
}

#[tokio::test]
async fn what_one_who_left_does_not_take_is_the_next_ones() {
    let (gone, _) = oneshot::channel();
    let (here, answer) = oneshot::channel();
    let waiting = vec![Waiting { takes: true, answer: gone }, Waiting { takes: true, answer: here }];
    deal_out(waiting, Ok(Taken { granted: 1, left: false }));
    assert_eq!(answer.await.unwrap(), Ok(true));
}
