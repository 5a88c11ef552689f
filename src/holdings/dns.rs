//! Texts in the DNS, asked of a name server that looks further itself. Over UDP, and over TCP where an answer does not fit.
//! Nothing is remembered, so that a record is seen as soon as the name server has it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::dns_message::{Answer, UDP_BYTES, answer, question};

/// The longest that one question to one name server takes, and how often all of them are asked.
const TRY_LIMIT: Duration = Duration::from_millis(1_200);
const ROUNDS: usize = 2;
/// Name servers of the system that are asked.
const MOST_SERVERS: usize = 2;
/// Where the system names its name servers.
const SYSTEM_SERVERS: &str = "/etc/resolv.conf";
const PORT: u16 = 53;

/// No name server told whether there is such a record.
#[derive(Debug, thiserror::Error)]
#[error("the DNS does not answer: {0}")]
pub(super) struct Unanswered(String);

/// Who is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dns {
    server: Option<SocketAddr>,
}

impl Dns {
    /// This name server; those of the system, when there is none.
    pub(super) fn new(server: Option<SocketAddr>) -> Self {
        Self { server }
    }

    /// The TXT records of a name, each put together from its parts; none when the name is not there. Takes five seconds at
    /// most.
    ///
    /// # Errors
    /// [`Unanswered`] when it cannot be told.
    pub(super) async fn texts(&self, name: &str) -> Result<Vec<String>, Unanswered> {
        let servers = match self.server {
            Some(server) => vec![server],
            None => servers_in(&tokio::fs::read_to_string(SYSTEM_SERVERS).await.unwrap_or_default()),
        };
        let mut last = Unanswered("there is no name server".to_owned());
        for server in servers.iter().cycle().take(servers.len() * ROUNDS) {
            match timeout(TRY_LIMIT, ask(*server, name)).await {
                Ok(Ok(Answer::Texts(texts))) => return Ok(texts),
                Ok(Ok(Answer::Failed(code))) => last = Unanswered(format!("{server} answers with code {code}")),
                Ok(Ok(Answer::Truncated)) => last = Unanswered(format!("{server} answers in part")),
                Ok(Err(error)) => last = Unanswered(format!("{server}: {error}")),
                Err(_) => last = Unanswered(format!("{server} is silent")),
            }
        }
        Err(last)
    }
}

async fn ask(server: SocketAddr, name: &str) -> io::Result<Answer> {
    // With the port, which the system draws, it keeps strangers from answering.
    let id = getrandom::u32().map_err(io::Error::other)?.to_be_bytes();
    let Some(question) = question(u16::from_be_bytes([id[0], id[1]]), name) else {
        return Ok(Answer::Texts(Vec::new()));
    };
    match over_udp(server, &question).await? {
        Answer::Truncated => over_tcp(server, &question).await,
        answer => Ok(answer),
    }
}

async fn over_udp(server: SocketAddr, question: &[u8]) -> io::Result<Answer> {
    let any = if server.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0)).await?;
    // What others send is not received.
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut message = [0; UDP_BYTES as usize];
    loop {
        let length = socket.recv(&mut message).await?;
        if let Some(answer) = answer(&message[..length], question) {
            return Ok(answer);
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let mut message = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut message).await?;
    answer(&message, question).ok_or_else(|| io::Error::other("the answer is broken"))
}

/// The name servers that the system's settings name; this host, when they name none.
fn servers_in(settings: &str) -> Vec<SocketAddr> {
    let named = settings.lines().filter_map(|line| {
        let (key, address) = line.trim().split_once([' ', '\t'])?;
        // `fe80::1%eth0` needs the number of an interface and is left out.
        (key == "nameserver").then(|| address.trim().parse::<IpAddr>().ok()).flatten()
    });
    let servers: Vec<SocketAddr> = named.take(MOST_SERVERS).map(|address| (address, PORT).into()).collect();
    if servers.is_empty() { vec![(Ipv4Addr::LOCALHOST, PORT).into()] } else { servers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_names_its_servers() {
        let servers = |text| servers_in(text).iter().map(ToString::to_string).collect::<Vec<_>>();
        let settings = "# comment\nsearch lan\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 \nnameserver 192.0.2.3\n";
        assert_eq!(servers(settings), ["192.0.2.1:53", "[2001:db8::1]:53"]);
        for none in ["", "nameserver", "nameserver fe80::1%eth0", "nameservers 192.0.2.1", "#nameserver 192.0.2.1"] {
            assert_eq!(servers(none), ["127.0.0.1:53"], "{none}");
        }
    }
}
