//! A name server for tests: TXT records that a test writes, over UDP and, for those that do not fit, over TCP.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// Answers over UDP are at most this long.
const UDP_BYTES: usize = 512;

#[derive(Clone, Default)]
struct Zone {
    records: Arc<Mutex<HashMap<String, Vec<String>>>>,
    /// Questions are answered with "server failure".
    broken: Arc<Mutex<bool>>,
}

pub struct NameServer {
    zone: Zone,
    pub address: SocketAddr,
}

impl NameServer {
    pub async fn start() -> Self {
        let udp = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let address = udp.local_addr().unwrap();
        let tcp = TcpListener::bind(address).await.unwrap();
        let zone = Zone::default();
        let by_udp = zone.clone();
        tokio::spawn(async move {
            let mut question = [0; 512];
            loop {
                let Ok((length, from)) = udp.recv_from(&mut question).await else { return };
                // Something else first, as a stranger might send.
                udp.send_to(&[0; 20], from).await.unwrap();
                udp.send_to(&by_udp.answer(&question[..length], UDP_BYTES), from).await.unwrap();
            }
        });
        let by_tcp = zone.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
                stream.read_exact(&mut question).await.unwrap();
                let answer = by_tcp.answer(&question, usize::MAX);
                stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        });
        Self { zone, address }
    }

    pub fn set(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        self.zone.records.lock().unwrap().insert(name.to_owned(), texts);
    }

    pub fn set_broken(&self, broken: bool) {
        *self.zone.broken.lock().unwrap() = broken;
    }
}

impl Zone {
    fn answer(&self, question: &[u8], most: usize) -> Vec<u8> {
        let mut at = 12;
        let mut labels = Vec::new();
        while question[at] != 0 {
            let end = at + 1 + usize::from(question[at]);
            labels.push(String::from_utf8(question[at + 1..end].to_vec()).unwrap());
            at = end;
        }
        assert_eq!(question[at + 1..at + 5], [0, 16, 0, 1], "TXT is asked for");
        let known = self.records.lock().unwrap().get(&labels.join(".")).cloned();
        let code = if *self.broken.lock().unwrap() {
            2
        } else if known.is_some() {
            0
        } else {
            3
        };
        let texts = if code == 0 { known.unwrap_or_default() } else { Vec::new() };
        let mut answer = question[..2].to_vec();
        answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::try_from(texts.len()).unwrap(), 0, 0, 0, 0]);
        answer.extend(&question[12..at + 5]);
        for text in &texts {
            let mut data = Vec::new();
            for part in text.as_bytes().chunks(255) {
                data.push(u8::try_from(part.len()).unwrap());
                data.extend(part);
            }
            answer.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
            answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            answer.extend(data);
        }
        if answer.len() > most {
            answer.truncate(at + 5);
            answer[2] |= 0x02;
            answer[6..8].copy_from_slice(&[0, 0]);
        }
        answer
    }
}
