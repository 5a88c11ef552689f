//! Ports on loopback, kept in the data folder so that they change seldom.
//!
//! Between finding a port free and the engine's binding it another program can take it. The engine then says so and
//! another port is tried; that it is our engine that answers on the port is checked before any password is sent.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::Path;

use rand::RngExt;

/// Below the ports that Linux gives to outgoing connections (from 32768), which come and go.
const RANGE: Range<u16> = 20_000..32_000;

/// Draws before the choice is left to the kernel.
const DRAWS: usize = 64;

/// The port that `file` remembers, when it is free; else another free one.
pub(super) fn remembered_or_free(file: &Path) -> io::Result<u16> {
    let remembered = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
    match remembered {
        Some(port) if port >= 1024 && is_free(port) => Ok(port),
        _ => free(),
    }
}

/// A port that nothing listens on at this moment.
pub(super) fn free() -> io::Result<u16> {
    let mut random = rand::rng();
    match (0..DRAWS).map(|_| random.random_range(RANGE)).find(|port| is_free(*port)) {
        Some(port) => Ok(port),
        None => Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port()),
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_a_port_while_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("port");
        let port = free().unwrap();
        fs::write(&file, format!("{port}\n")).unwrap();
        assert_eq!(remembered_or_free(&file).unwrap(), port);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_ne!(remembered_or_free(&file).unwrap(), port);
    }

    #[test]
    fn a_damaged_file_is_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("port");
        for text in ["", "x", "70000", "0", "80", "-1"] {
            fs::write(&file, text).unwrap();
            assert!(remembered_or_free(&file).unwrap() >= 1024, "{text}");
        }
    }
}
