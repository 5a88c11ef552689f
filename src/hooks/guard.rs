//! Which addresses may be connected to: those of the public Internet, and those that the operator allows.
//!
//! The check stands between looking a name up and connecting, on the very address that is connected to, whether it came
//! from a name or stood in the URL; so no spelling of an address and no second answer of a name server gets around it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub use crate::domain::hook_target::{Policy, TargetError};

/// Time for a connection to one address.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Addresses of one name that are tried.
const MAX_TRIED: usize = 3;

/// Addresses of a name.
pub trait Resolve: Send + Sync + 'static {
    /// Looks a name up.
    fn resolve(&self, name: String, port: u16) -> BoxFuture<io::Result<Vec<SocketAddr>>>;
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The system's way of looking names up.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: String, port: u16) -> BoxFuture<io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, port)).await?.collect()) })
    }
}

/// Said of a connection that was not opened because its address is not allowed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the target's address is not public")]
pub struct Refused;

impl Refused {
    /// Whether this is what went wrong.
    pub fn caused(error: &io::Error) -> bool {
        match error.get_ref() {
            Some(cause) => cause.is::<Self>(),
            None => false,
        }
    }
}

/// Connects to addresses that the policy allows.
#[derive(Clone)]
pub struct Connector {
    policy: Arc<Policy>,
    resolver: Arc<dyn Resolve>,
}

impl Connector {
    /// One for this policy.
    pub fn new(policy: Arc<Policy>, resolver: Arc<dyn Resolve>) -> Self {
        Self { policy, resolver }
    }

    async fn connect(self, uri: Uri) -> io::Result<TokioIo<TcpStream>> {
        let malformed = || io::Error::new(io::ErrorKind::InvalidInput, "no host");
        let host = uri.host().ok_or_else(malformed)?;
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let found = match literal {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => self.resolver.resolve(host.to_owned(), port).await?,
        };
        let any = !found.is_empty();
        let allowed: Vec<SocketAddr> = found.into_iter().filter(|address| self.policy.allows(address.ip())).collect();
        let mut last = if any {
            io::Error::other(Refused)
        } else {
            io::Error::new(io::ErrorKind::NotFound, "the name has no address")
        };
        for address in allowed.into_iter().take(MAX_TRIED) {
            match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(TokioIo::new(stream));
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = BoxFuture<io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::net::TcpListener;
    use tower::Service;

    use super::*;

    /// Answers what it is told to, in turn.
    struct Fickle {
        answers: Vec<Vec<SocketAddr>>,
        asked: AtomicUsize,
    }

    impl Resolve for Fickle {
        fn resolve(&self, _name: String, _port: u16) -> BoxFuture<io::Result<Vec<SocketAddr>>> {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            let answer = self.answers[asked.min(self.answers.len() - 1)].clone();
            Box::pin(async move { Ok(answer) })
        }
    }

    #[tokio::test]
    async fn a_name_that_changes_its_answer_is_never_connected_to() {
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inside = target.local_addr().unwrap();
        let public: SocketAddr = "8.8.8.8:80".parse().unwrap();
        let resolver = Arc::new(Fickle { answers: vec![vec![public], vec![inside]], asked: AtomicUsize::new(0) });
        let policy = Arc::new(Policy::default());
        // The check beforehand sees the public answer ...
        let first = resolver.resolve("rebind.example".to_owned(), 80).await.unwrap();
        assert!(first.iter().all(|address| policy.allows(address.ip())));
        // ... and the connector the other one.
        let mut connector = Connector::new(policy, Arc::clone(&resolver) as Arc<dyn Resolve>);
        let uri: Uri = format!("http://rebind.example:{}/", inside.port()).parse().unwrap();
        let error = connector.call(uri).await.unwrap_err();
        assert!(Refused::caused(&error), "{error}");
        assert_eq!(resolver.asked.load(Ordering::Relaxed), 2);
        // Nobody knocked: what connects next is the first.
        let knock = tokio::spawn(TcpStream::connect(inside));
        let (_, from) = target.accept().await.unwrap();
        assert_eq!(from, knock.await.unwrap().unwrap().local_addr().unwrap());
    }

    #[tokio::test]
    async fn of_several_addresses_only_allowed_ones_are_tried() {
        let (wanted, unwanted) =
            (TcpListener::bind("127.0.0.2:0").await.unwrap(), TcpListener::bind("127.0.0.3:0").await.unwrap());
        let answer = vec![unwanted.local_addr().unwrap(), wanted.local_addr().unwrap()];
        let resolver = Arc::new(Fickle { answers: vec![answer], asked: AtomicUsize::new(0) });
        let policy = Arc::new(Policy { allowed: vec!["127.0.0.2/32".parse().unwrap()] });
        let mut connector = Connector::new(policy, resolver);
        let stream = connector.call("http://mixed.example/".parse().unwrap()).await.unwrap();
        assert_eq!(stream.inner().peer_addr().unwrap(), wanted.local_addr().unwrap());
    }
}
