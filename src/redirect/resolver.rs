//! Host and slug to a link: the domains, the cache and the bound on misses, put together.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use super::cache::{CacheLimits, LinkCache};
use super::hosts::{Hosts, Place, host_name};
use super::manners::Manners;
use super::slug::{is_script, key_of, slug_of};
use super::source::{LinkSource, Unavailable};
use super::target::Target;
use crate::domain::id::DomainId;
use crate::throttle::Misses;

/// How a resolver is set up.
#[derive(Clone, Debug)]
pub struct ResolverOptions {
    /// The domain whose slugs answer on every host that is no short domain; default: the oldest.
    pub default_domain: Option<String>,
    /// The host of the API. Even when it is a short domain too, the API answers there first.
    pub api_host: Option<String>,
    /// Bounds of the cache.
    pub cache: CacheLimits,
    /// Visits of one client that may miss in `miss_window`, each at the cost of a query; 0 for no limit. Default 1,000.
    pub miss_limit: u32,
    /// Default 10 s.
    pub miss_window: Duration,
}

impl Default for ResolverOptions {
    fn default() -> Self {
        Self {
            default_domain: None,
            api_host: None,
            cache: CacheLimits::default(),
            miss_limit: 1_000,
            miss_window: Duration::from_secs(10),
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// Memory does not know the link and the store does not answer.
    #[error("the link store does not answer")]
    Unavailable,
    /// This client asked for too many links that are not there.
    #[error("too many visits to links that do not exist")]
    TooManyMisses,
}

/// Finds the link of a visit.
pub struct Resolver {
    source: Arc<dyn LinkSource>,
    /// Empty until the domains were read once.
    hosts: ArcSwapOption<Hosts>,
    reloading: Mutex<()>,
    links: LinkCache,
    misses: Misses,
    default_name: Option<String>,
    api_name: Option<String>,
}

impl Resolver {
    /// A resolver that knows nothing yet; [`reload_domains`](Self::reload_domains) comes next.
    pub fn new(source: Arc<dyn LinkSource>, options: ResolverOptions) -> Self {
        let name = |host: Option<String>| host.map(|host| host_name(&host).into_owned());
        Self {
            hosts: ArcSwapOption::empty(),
            reloading: Mutex::new(()),
            links: LinkCache::new(Arc::clone(&source), options.cache),
            misses: Misses::new(options.miss_limit, options.miss_window),
            default_name: name(options.default_domain),
            api_name: name(options.api_host),
            source,
        }
    }

    /// Reads all domains again: at the start, and whenever one changed.
    ///
    /// # Errors
    /// [`Unavailable`] when the source does not answer; what was known before stays.
    pub async fn reload_domains(&self) -> Result<(), Unavailable> {
        // One at a time, so that what was read last is what stays.
        let _turn = self.reloading.lock().await;
        let domains = self.source.domains().await?;
        self.hosts.store(Some(Arc::new(Hosts::new(&domains, self.default_name.as_deref()))));
        Ok(())
    }

    /// Forgets one link, because it changed. `slug_key` is in the form by which its domain looks slugs up.
    pub fn forget_link(&self, domain: DomainId, slug_key: &str) {
        self.links.forget(domain, slug_key);
    }

    /// Loads every link again before it is believed: after a change of a workspace's settings, or when changes may have
    /// been missed. Known links go on being answered while the store is away.
    pub fn forget_all(&self) {
        self.links.doubt_all();
    }

    /// The short domain of a `Host` header, where visits come before everything else. `None` for the API's own host.
    pub fn short_domain(&self, host: &str) -> Option<Place> {
        let name = host_name(host);
        if self.api_name.as_deref() == Some(&*name) {
            return None;
        }
        self.hosts.load().as_ref().and_then(|hosts| hosts.get(&name))
    }

    /// The short domain of this name, the API's own included.
    ///
    /// # Errors
    /// [`Unavailable`] while the domains were never read.
    pub fn domain(&self, name: &str) -> Result<Option<Place>, Unavailable> {
        Ok(self.hosts.load().as_ref().ok_or(Unavailable)?.get(&host_name(name)))
    }

    /// What the short domain of a `Host` header answers where no link does. `None` when it says nothing, and for hosts
    /// that are no short domain, even where the default domain's slugs answer.
    pub fn manners(&self, host: &str) -> Option<Arc<Manners>> {
        let hosts = self.hosts.load();
        hosts.as_ref().filter(|hosts| hosts.have_manners()).and_then(|hosts| hosts.manners(&host_name(host)))
    }

    /// The domain whose slugs answer on this host after everything else: its own, or else the default.
    ///
    /// # Errors
    /// [`Unavailable`] while the domains were never read.
    pub fn fallback_domain(&self, host: &str) -> Result<Option<Place>, Unavailable> {
        let hosts = self.hosts.load();
        let hosts = hosts.as_ref().ok_or(Unavailable)?;
        Ok(hosts.get(&host_name(host)).or_else(|| hosts.default_place()))
    }

    /// The link at a path of a domain; `None` when there is none. `client` is who would be to blame for guessing.
    ///
    /// # Errors
    /// See [`Unresolved`]; never for a link that memory knows.
    pub async fn resolve(&self, place: Place, path: &str, client: IpAddr) -> Result<Option<Arc<Target>>, Unresolved> {
        let Some(slug) = slug_of(path).filter(|slug| !is_script(slug)) else { return Ok(None) };
        let key = key_of(slug, place.case_sensitive);
        if let Some(answer) = self.links.known(place.domain, &key) {
            return Ok(answer);
        }
        if self.misses.exhausted(client) && !self.links.has_any(place.domain, &key) {
            return Err(Unresolved::TooManyMisses);
        }
        let answer = Box::pin(self.links.get(place.domain, &key)).await;
        let answer = answer.map_err(|Unavailable| Unresolved::Unavailable)?;
        if answer.is_none() {
            self.misses.count(client);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::cache::tests::FakeSource;
    use super::*;
    use crate::domain::id::WorkspaceId;

    fn options() -> ResolverOptions {
        ResolverOptions { miss_limit: 3, ..ResolverOptions::default() }
    }

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[tokio::test]
    async fn hosts_are_short_domains_or_fall_back() {
        let source = FakeSource::new();
        let resolver = Resolver::new(
            source.clone(),
            ResolverOptions {
                default_domain: Some("Go.Example".to_owned()),
                api_host: Some("api.example:8080".to_owned()),
                ..options()
            },
        );
        assert_eq!(resolver.short_domain("go.example"), None);
        assert_eq!(resolver.fallback_domain("go.example"), Err(Unavailable));
        source.set_domains(&[(3, "old.example"), (4, "go.example"), (5, "api.example")]);
        resolver.reload_domains().await.unwrap();
        let id = |place: Option<Place>| place.map(|place| place.domain.0);
        for (host, short, fallback) in [
            ("go.example", Some(4), Some(4)),
            ("WWW.GO.example.:99", Some(4), Some(4)),
            ("old.example", Some(3), Some(3)),
            ("api.example", None, Some(5)),
            ("localhost:8080", None, Some(4)),
            ("", None, Some(4)),
        ] {
            assert_eq!(id(resolver.short_domain(host)), short, "{host}");
            assert_eq!(id(resolver.fallback_domain(host).unwrap()), fallback, "{host}");
        }
        source.set_domains(&[(3, "old.example")]);
        resolver.reload_domains().await.unwrap();
        assert_eq!(id(resolver.short_domain("go.example")), None);
        assert_eq!(id(resolver.fallback_domain("go.example").unwrap()), Some(3));
        source.break_down(true);
        assert_eq!(resolver.reload_domains().await, Err(Unavailable));
        assert_eq!(id(resolver.short_domain("old.example")), Some(3));
    }

    #[tokio::test]
    async fn case_is_the_domains_business() {
        let source = FakeSource::new();
        source.put("sale", 7);
        let resolver = Resolver::new(source.clone(), options());
        let folding = Place { domain: DomainId(1), case_sensitive: false, owner: WorkspaceId(2) };
        let exact = Place { case_sensitive: true, ..folding };
        assert!(resolver.resolve(folding, "/SALE", CLIENT).await.unwrap().is_some());
        assert!(resolver.resolve(exact, "/SALE", CLIENT).await.unwrap().is_none());
        assert!(resolver.resolve(exact, "/%00", CLIENT).await.unwrap().is_none());
        assert_eq!(source.loads(), 2, "a path that no link can have is not looked up");
    }

    #[tokio::test]
    async fn guessing_is_bounded_and_known_links_go_on() {
        let source = FakeSource::new();
        source.put("there", 7);
        let resolver = Resolver::new(source.clone(), options());
        let place = Place { domain: DomainId(1), case_sensitive: false, owner: WorkspaceId(2) };
        assert!(resolver.resolve(place, "/there", CLIENT).await.unwrap().is_some());
        for guess in ["/a", "/b", "/c"] {
            assert_eq!(resolver.resolve(place, guess, CLIENT).await, Ok(None));
        }
        assert_eq!(resolver.resolve(place, "/d", CLIENT).await, Err(Unresolved::TooManyMisses));
        assert_eq!(source.loads(), 4);
        assert!(resolver.resolve(place, "/there", CLIENT).await.unwrap().is_some());
        assert_eq!(resolver.resolve(place, "/a", CLIENT).await, Ok(None));
        assert_eq!(resolver.resolve(place, "/d", IpAddr::from([192, 0, 2, 2])).await, Ok(None));
    }
}
