//! Connections: accepted up to a limit, served over HTTP/1.1, ended in order.
//!
//! What always holds:
//! - A client has a limited time for its request headers and for being idle, and a limited room for them: beyond it hyper
//!   answers 431 (headers), 414 (address) or closes.
//! - A failing `accept` never spins and never ends the loop.
//! - Once told to stop, the port is closed at once, requests under way are finished with `Connection: close`, and nothing
//!   is left running after the grace period.
//! - An answer given before the whole request was read still reaches the client: what it goes on sending is read and
//!   dropped for a moment, because closing on unread bytes would reset the connection and take the answer with it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::http::HttpConfig;
use crate::web::client::Peer;

/// Room for a request's line and headers, and for buffered output, of one connection.
const BUFFER_BYTES: usize = 128 << 10;
const BACKLOG: u32 = 4_096;
/// How long, and for how many bytes, a client that is still sending is listened to after its answer.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 8 << 20;
/// At the end, how long a connection may still bring its first request.
const FRESH_GRACE: Duration = Duration::from_millis(300);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How to listen.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    /// Time for the headers of a request, and for a connection to be idle.
    pub header_timeout: Duration,
    /// Connections served at once; at least one.
    pub max_connections: u32,
    /// How long requests under way may take once the end has come.
    pub grace: Duration,
}

impl ListenOptions {
    /// The options of the settings, with a grace of 4 s.
    pub fn new(config: &HttpConfig) -> Self {
        Self {
            header_timeout: Duration::from_secs(config.header_timeout_secs),
            max_connections: config.max_connections,
            grace: Duration::from_secs(4),
        }
    }
}

/// A bound port.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    options: ListenOptions,
}

impl Listener {
    /// Binds an address; port 0 takes a free one. Clients can connect from now on and are answered by
    /// [`serve`](Self::serve).
    ///
    /// # Errors
    /// What the system says, such as an address in use.
    pub fn bind(address: SocketAddr, options: ListenOptions) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self { socket: socket.listen(BACKLOG)?, options })
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop`; `open` makes the service of each connection. Returns when the last connection has ended, at
    /// most the grace period after `stop`, with the number of connections that were cut off.
    pub async fn serve<S>(self, open: impl Fn(Peer) -> S, stop: CancellationToken) -> u32
    where
        S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Unpin + Send + 'static,
        S::Future: Unpin + Send + 'static,
    {
        let Self { socket, options } = self;
        let mut protocol = http1::Builder::new();
        protocol.timer(TokioTimer::new()).header_read_timeout(options.header_timeout).max_buf_size(BUFFER_BYTES);
        let most = options.max_connections.max(1);
        let places = Arc::new(Semaphore::new(most as usize));
        let cut_off = Arc::new(AtomicU32::new(0));
        let mut pause = FIRST_PAUSE;
        loop {
            let next = async {
                // The semaphore is never closed.
                let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
                socket.accept().await.map(|(stream, peer)| (place, stream, peer))
            };
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = next => accepted,
            };
            match accepted {
                Ok((place, stream, peer)) => {
                    pause = FIRST_PAUSE;
                    let conversation = Conversation {
                        protocol: protocol.clone(),
                        // Its own, so that the connections do not wait for each other's locks.
                        stop: stop.child_token(),
                        grace: options.grace,
                        cut_off: Arc::clone(&cut_off),
                    };
                    let service = open(Peer(peer));
                    tokio::spawn(async move {
                        conversation.hold(stream, service).await;
                        drop(place);
                    });
                }
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    // No descriptors or no memory: others have to end first.
                    if pause == FIRST_PAUSE {
                        tracing::warn!(%error, "cannot accept connections, trying again");
                    }
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        drop(socket);
        // All places free: all connections ended. Each of them keeps the grace period by itself.
        let _all = places.acquire_many(most).await;
        cut_off.load(Ordering::Relaxed)
    }
}

/// Errors of one connection, which went away before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// What one connection needs.
struct Conversation {
    protocol: http1::Builder,
    stop: CancellationToken,
    grace: Duration,
    cut_off: Arc<AtomicU32>,
}

impl Conversation {
    async fn hold<S>(self, stream: TcpStream, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Unpin,
        S::Future: Unpin,
    {
        // Answers are small and written in one go.
        let _ = stream.set_nodelay(true);
        let asked = Arc::new(AtomicBool::new(false));
        let service = Noted { service, asked: Arc::clone(&asked) };
        let mut connection = self.protocol.serve_connection(TokioIo::new(stream), service);
        let ended = tokio::select! {
            biased;
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => Some(ended),
            () = self.stop.cancelled() => None,
        };
        if let Some(ended) = ended {
            // A client that let its time pass is not waited for once more.
            if ended.as_ref().map_or_else(hyper::Error::is_parse, |()| true) {
                linger(connection.into_parts().io.into_inner()).await;
            }
            return;
        }
        Pin::new(&mut connection).graceful_shutdown();
        let has_asked = asked.load(Ordering::Relaxed);
        let limit = if has_asked { self.grace } else { self.grace.min(FRESH_GRACE) };
        match tokio::time::timeout(limit, poll_fn(|context| connection.poll_without_shutdown(context))).await {
            Ok(_) => {
                let _ = connection.into_parts().io.into_inner().shutdown().await;
            }
            Err(_) if asked.load(Ordering::Relaxed) => {
                self.cut_off.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {}
        }
    }
}

/// Ends our side, then reads what the client still sends until it ends its own, within limits.
async fn linger(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let drain = async {
        let mut dropped = 0;
        let mut buffer = vec![0; 8 << 10];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            dropped += length;
            if dropped > LINGER_BYTES {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, drain).await;
}

/// Notes whether a connection ever brought a request: at the end, one that did not is not waited for.
struct Noted<S> {
    service: S,
    asked: Arc<AtomicBool>,
}

impl<S: Service<Request<Incoming>>> Service<Request<Incoming>> for Noted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.asked.store(true, Ordering::Relaxed);
        self.service.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_descriptors_is_not_the_clients_doing() {
        for (error, is_client) in
            [(libc::ECONNABORTED, true), (libc::EINTR, true), (libc::EMFILE, false), (libc::ENOMEM, false)]
        {
            assert_eq!(is_of_the_client(&io::Error::from_raw_os_error(error)), is_client, "{error}");
        }
    }
}
