//! The cache against a source that can be held up, broken and changed.

use std::sync::atomic::{AtomicBool, AtomicUsize};

use tokio::sync::Notify;

use super::super::source::{BoxFuture, FoundLink};
use super::super::target::tests::found;
use super::*;
use crate::domain::id::WorkspaceId;
use crate::domain::link::LinkFields;
use crate::domain::workspace::Domain;

/// A store in memory. Held up, a load reads first and answers when it is let go, so that a test can change the store
/// behind its back.
#[derive(Default)]
pub(in crate::redirect) struct FakeSource {
    links: Mutex<HashMap<String, FoundLink>>,
    domains: Mutex<Vec<Domain>>,
    loads: AtomicUsize,
    broken: AtomicBool,
    held: AtomicBool,
    panics: AtomicBool,
    go_on: Notify,
    reached: Notify,
}

impl FakeSource {
    pub(in crate::redirect) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(in crate::redirect) fn put(&self, slug: &str, id: u64) {
        let fields = LinkFields { url: format!("https://example.com/{id}"), ..LinkFields::default() };
        self.links.lock().unwrap().insert(slug.to_owned(), found(id, fields));
    }

    fn delete(&self, slug: &str) {
        self.links.lock().unwrap().remove(slug);
    }

    pub(in crate::redirect) fn set_domains(&self, domains: &[(u64, &str)]) {
        let domain = |&(id, name): &(u64, &str)| Domain {
            id: DomainId(id),
            workspace: WorkspaceId(2),
            name: name.to_owned(),
            case_sensitive: false,
            primary: false,
            ..Domain::default()
        };
        *self.domains.lock().unwrap() = domains.iter().map(domain).collect();
    }

    pub(in crate::redirect) fn break_down(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    pub(in crate::redirect) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
    }
}

impl LinkSource for FakeSource {
    fn links<'a>(&'a self, places: &'a [LinkPlace]) -> BoxFuture<'a, Vec<Result<Option<FoundLink>, Unavailable>>> {
        Box::pin(async move {
            self.loads.fetch_add(1, Ordering::SeqCst);
            assert!(!self.panics.load(Ordering::SeqCst), "told to");
            let read = |place: &LinkPlace| self.links.lock().unwrap().get(&*place.slug_key).cloned();
            let read: Vec<_> = places.iter().map(read).collect();
            if self.held.load(Ordering::SeqCst) {
                self.reached.notify_one();
                self.go_on.notified().await;
            }
            let is_broken = self.broken.load(Ordering::SeqCst);
            read.into_iter().map(|found| if is_broken { Err(Unavailable) } else { Ok(found) }).collect()
        })
    }

    fn domains(&self) -> BoxFuture<'_, Result<Vec<Domain>, Unavailable>> {
        Box::pin(async move {
            if self.broken.load(Ordering::SeqCst) { Err(Unavailable) } else { Ok(self.domains.lock().unwrap().clone()) }
        })
    }
}

const DOMAIN: DomainId = DomainId(1);

fn cache(source: &Arc<FakeSource>) -> LinkCache {
    LinkCache::new(source.clone(), CacheLimits { load_timeout: Duration::from_secs(20), ..CacheLimits::default() })
}

async fn id(cache: &LinkCache, slug: &str) -> Result<Option<u64>, Unavailable> {
    cache.get(DOMAIN, slug).await.map(|target| target.map(|target| target.link.0))
}

/// Tells the cache that a link, or anything at all, has changed.
fn announce(cache: &LinkCache, all: bool) {
    if all {
        cache.doubt_all();
    } else {
        cache.forget(DOMAIN, "a");
    }
}

/// Starts a visit whose load has read the store and is held up there.
async fn visit_in_the_air(
    source: &FakeSource,
    cache: &LinkCache,
) -> tokio::task::JoinHandle<Result<Option<u64>, Unavailable>> {
    source.hold(true);
    let cache = cache.clone();
    let visit = tokio::spawn(async move { id(&cache, "a").await });
    source.reached.notified().await;
    source.hold(false);
    visit
}

#[tokio::test]
async fn links_and_their_absence_are_kept() {
    let source = FakeSource::new();
    source.put("a", 1);
    let cache = cache(&source);
    for _ in 0..3 {
        assert_eq!(id(&cache, "a").await, Ok(Some(1)));
        assert_eq!(id(&cache, "b").await, Ok(None));
    }
    assert_eq!(source.loads(), 2);
    source.put("a", 2);
    source.put("b", 3);
    cache.forget(DOMAIN, "a");
    cache.forget(DOMAIN, "b");
    assert_eq!(id(&cache, "a").await, Ok(Some(2)));
    assert_eq!(id(&cache, "b").await, Ok(Some(3)));
}

#[tokio::test]
async fn absence_is_believed_for_a_while_only() {
    let source = FakeSource::new();
    let limits = CacheLimits { missing_ttl: Duration::from_millis(1), ..CacheLimits::default() };
    let cache = LinkCache::new(source.clone(), limits);
    assert_eq!(id(&cache, "a").await, Ok(None));
    source.put("a", 1);
    while id(&cache, "a").await == Ok(None) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn many_visits_cause_one_load() {
    let source = FakeSource::new();
    source.put("a", 1);
    let cache = cache(&source);
    let first = visit_in_the_air(&source, &cache).await;
    let others: Vec<_> = (0..50)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { id(&cache, "a").await })
        })
        .collect();
    tokio::task::yield_now().await;
    first.abort();
    source.go_on.notify_one();
    for other in others {
        assert_eq!(other.await.unwrap(), Ok(Some(1)));
    }
    assert_eq!(source.loads(), 1);
}

#[tokio::test]
async fn a_load_from_before_a_change_is_not_kept() {
    for all in [false, true] {
        let source = FakeSource::new();
        source.put("a", 1);
        let cache = cache(&source);
        let early = visit_in_the_air(&source, &cache).await;
        source.put("a", 2);
        announce(&cache, all);
        // A visit after the change does not wait for the old load, and the old load does not undo what it found.
        assert_eq!(id(&cache, "a").await, Ok(Some(2)));
        source.go_on.notify_one();
        assert_eq!(early.await.unwrap(), Ok(Some(1)), "it began before the change");
        assert_eq!(id(&cache, "a").await, Ok(Some(2)));
        assert_eq!(source.loads(), 2);
    }
}

#[tokio::test]
async fn an_old_load_does_not_land_on_the_flight_of_a_new_one() {
    for all in [false, true] {
        let source = FakeSource::new();
        source.put("a", 1);
        let cache = cache(&source);
        let early = visit_in_the_air(&source, &cache).await;
        source.put("a", 2);
        announce(&cache, all);
        let late = visit_in_the_air(&source, &cache).await;
        // The one that waits longest goes first.
        source.go_on.notify_one();
        assert_eq!(early.await.unwrap(), Ok(Some(1)));
        assert_eq!(cache.known(DOMAIN, "a"), None);
        source.go_on.notify_one();
        assert_eq!(late.await.unwrap(), Ok(Some(2)));
        assert_eq!(id(&cache, "a").await, Ok(Some(2)));
        assert_eq!(source.loads(), 2);
    }
}

#[tokio::test]
async fn a_load_from_before_a_change_is_not_kept_when_nobody_asked_since() {
    for all in [false, true] {
        let source = FakeSource::new();
        let cache = cache(&source);
        let early = visit_in_the_air(&source, &cache).await;
        source.put("a", 2);
        announce(&cache, all);
        source.go_on.notify_one();
        assert_eq!(early.await.unwrap(), Ok(None));
        assert_eq!(cache.known(DOMAIN, "a"), None);
        assert_eq!(id(&cache, "a").await, Ok(Some(2)), "all: {all}");
    }
}

#[tokio::test]
async fn doubted_links_are_loaded_again_and_used_while_the_store_is_away() {
    let source = FakeSource::new();
    source.put("a", 1);
    source.put("gone", 5);
    let cache = cache(&source);
    assert_eq!(id(&cache, "a").await, Ok(Some(1)));
    assert_eq!(id(&cache, "gone").await, Ok(Some(5)));
    assert_eq!(id(&cache, "none").await, Ok(None));
    source.put("a", 2);
    source.delete("gone");
    cache.doubt_all();
    source.break_down(true);
    assert_eq!(id(&cache, "a").await, Ok(Some(1)));
    assert_eq!(id(&cache, "none").await, Err(Unavailable), "absence is not believed");
    cache.inner.failed_ms.store(0, Ordering::Relaxed);
    source.break_down(false);
    assert_eq!(id(&cache, "a").await, Ok(Some(2)));
    assert_eq!(id(&cache, "gone").await, Ok(None));
    let loads = source.loads();
    assert_eq!(id(&cache, "a").await, Ok(Some(2)));
    assert_eq!(source.loads(), loads);
}

#[tokio::test]
async fn forgotten_links_are_not_used_while_the_store_is_away() {
    let source = FakeSource::new();
    source.put("a", 1);
    let cache = cache(&source);
    assert_eq!(id(&cache, "a").await, Ok(Some(1)));
    cache.forget(DOMAIN, "a");
    source.break_down(true);
    assert_eq!(id(&cache, "a").await, Err(Unavailable));
}

#[tokio::test]
async fn a_store_that_hangs_costs_a_visit_its_time_limit() {
    let source = FakeSource::new();
    source.put("a", 1);
    source.hold(true);
    let cache = LinkCache::new(
        source.clone(),
        CacheLimits { max_loads: 1, load_timeout: Duration::from_millis(50), ..CacheLimits::default() },
    );
    let turns = async {
        source.reached.notified().await;
        tokio::task::yield_now().await;
        source.loads()
    };
    let (a, b, loads) = tokio::join!(id(&cache, "a"), id(&cache, "b"), turns);
    assert_eq!((a, b, loads), (Err(Unavailable), Err(Unavailable), 1), "the second waits for its turn");
    source.hold(false);
    while id(&cache, "a").await != Ok(Some(1)) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_missed_while_others_load_is_loaded_together() {
    let source = FakeSource::new();
    source.put("b3", 3);
    let cache = LinkCache::new(source.clone(), CacheLimits { max_loads: 1, ..CacheLimits::default() });
    let first = visit_in_the_air(&source, &cache).await;
    let others: Vec<_> = (0..BATCH + 10)
        .map(|number| {
            let cache = cache.clone();
            tokio::spawn(async move { id(&cache, &format!("b{number}")).await })
        })
        .collect();
    tokio::task::yield_now().await;
    source.go_on.notify_one();
    assert_eq!(first.await.unwrap(), Ok(None));
    for (number, other) in others.into_iter().enumerate() {
        assert_eq!(other.await.unwrap(), Ok((number == 3).then_some(3)), "{number}");
    }
    assert_eq!(source.loads(), 3, "one alone, then as many as may be, then the rest");
}

#[tokio::test]
async fn a_load_that_panics_leaves_nothing_behind() {
    let source = FakeSource::new();
    source.put("a", 1);
    let cache = cache(&source);
    source.panics.store(true, Ordering::SeqCst);
    assert_eq!(id(&cache, "a").await, Err(Unavailable));
    source.panics.store(false, Ordering::SeqCst);
    assert_eq!(id(&cache, "a").await, Ok(Some(1)));
}

/// Writers change a link and forget it; readers that start afterwards must never see anything older.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_never_go_back_behind_a_change() {
    let source = FakeSource::new();
    source.put("a", 0);
    let cache = cache(&source);
    let announced = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (cache, announced) = (cache.clone(), Arc::clone(&announced));
            tokio::spawn(async move {
                let mut seen = 0;
                while seen < 2_000 {
                    let at_least = announced.load(Ordering::SeqCst);
                    seen = id(&cache, "a").await.unwrap().unwrap();
                    assert!(seen >= at_least, "saw {seen} after {at_least} was announced");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for version in 1..=2_000u64 {
        source.put("a", version);
        announce(&cache, version % 7 == 0);
        announced.store(version, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    for reader in readers {
        reader.await.unwrap();
    }
}
