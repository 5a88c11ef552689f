//! The embedded ClickHouse: how it is started and reached.
//!
//! ClickHouse comes as a shared library. The child is this same program with the hidden command [`COMMAND`], which loads
//! the library and hands over to it ([`run`]): a ClickHouse gone wrong takes nothing of ours with it.

mod config;
mod library;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::data_dir::{DataDir, hex, make_private_folder, write_private};
use super::error::EngineError;
use super::supervisor::{self, Refusal};
use super::{DATABASE, child, loopback_url};
use config::{Users, configuration};

pub use library::run;

/// The hidden command that turns this program into ClickHouse. Its arguments are made by the supervisor.
pub const COMMAND: &str = "engine-clickhouse";

/// User for the drain and the migrations.
const WRITER: &str = "writer";
/// User for analytics.
const READER: &str = "reader";

/// Generated passwords.
#[derive(Clone, Debug)]
pub(super) struct Passwords {
    pub(super) writer: SecretString,
    pub(super) reader: SecretString,
}

/// How to reach it once it runs.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) port: u16,
    pub(super) writer: SecretString,
    pub(super) reader: SecretString,
}

impl Access {
    pub(super) fn writer_url(&self) -> SecretString {
        loopback_url("http", WRITER, &self.writer, self.port, DATABASE)
    }

    pub(super) fn reader_url(&self) -> SecretString {
        loopback_url("http", READER, &self.reader, self.port, DATABASE)
    }

    /// Makes our database unless it is there.
    pub(super) async fn create_database(&self) -> Result<(), EngineError> {
        let client = ::clickhouse::Client::default()
            .with_url(format!("http://127.0.0.1:{}", self.port))
            .with_user(WRITER)
            .with_password(self.writer.expose_secret());
        client
            .query(&format!("CREATE DATABASE IF NOT EXISTS {DATABASE}"))
            .execute()
            .await
            .map_err(|error| EngineError::Setup { engine: "clickhouse", detail: error.to_string() })
    }
}

/// How it is started.
#[derive(Debug)]
pub(super) struct Recipe {
    folder: PathBuf,
    library: PathBuf,
    launcher: PathBuf,
    passwords: Passwords,
    port_file: PathBuf,
    log_file: PathBuf,
    // What this start answers to `GET /`: tells it from a stranger on the same port.
    sign: String,
}

impl Recipe {
    /// All that ClickHouse keeps is in `clickhouse` of the data folder.
    pub(super) fn new(
        data_dir: &DataDir,
        library: PathBuf,
        launcher: Option<PathBuf>,
        passwords: Passwords,
    ) -> Result<Self, EngineError> {
        let folder = data_dir.folder("clickhouse")?;
        // The link still leads to this very program when its file was replaced by a newer one.
        let launcher = match launcher {
            Some(launcher) => launcher,
            None if cfg!(target_os = "linux") => PathBuf::from("/proc/self/exe"),
            None => std::env::current_exe().map_err(|error| EngineError::io("find this program", error))?,
        };
        Ok(Self {
            library,
            launcher,
            passwords,
            port_file: folder.join("port"),
            log_file: folder.join("log/clickhouse.log"),
            folder,
            sign: String::new(),
        })
    }

    fn text(&self, path: &Path) -> Result<String, EngineError> {
        path.to_str().map(str::to_owned).ok_or_else(|| {
            EngineError::io(format!("use the folder {}", path.display()), std::io::ErrorKind::InvalidFilename.into())
        })
    }
}

impl supervisor::Recipe for Recipe {
    const NAME: &'static str = "clickhouse";
    const ENDING: &'static [(libc::c_int, Duration)] = &[(libc::SIGTERM, Duration::from_secs(3))];

    fn prepare(&mut self, port: u16) -> Result<(), EngineError> {
        for name in ["data", "work", "log"] {
            make_private_folder(&self.folder.join(name))?;
        }
        let mut sign = [0u8; 16];
        getrandom::fill(&mut sign)
            .map_err(|error| EngineError::io("draw random bytes", std::io::Error::other(error)))?;
        self.sign = hex(&sign);
        let settings = config::Settings {
            port,
            data: &self.text(&self.folder.join("data"))?,
            users: &self.text(&self.folder.join("users.xml"))?,
            error_log: &self.text(&self.folder.join("log/errors.log"))?,
            sign: &self.sign,
        };
        let users = Users {
            writer: (WRITER, self.passwords.writer.expose_secret()),
            reader: (READER, self.passwords.reader.expose_secret()),
        };
        write_private(&self.folder.join("config.xml"), configuration(&settings).as_bytes())?;
        write_private(&self.folder.join("users.xml"), config::users(&users).as_bytes())?;
        Ok(())
    }

    fn command(&self, _port: u16) -> Result<Command, EngineError> {
        let mut command = child::command(&self.launcher, &self.folder.join("work"));
        command
            .arg0("linktrail")
            .arg(COMMAND)
            .arg(&self.library)
            .arg(self.folder.join("config.xml"))
            .arg(self.folder.join("data"));
        // What it acknowledged is on disk; killing it is the surest end.
        child::die_with_parent(&mut command, libc::SIGKILL);
        Ok(command)
    }

    fn is_ready(&self, _process: u32, port: u16) -> bool {
        get(port).is_some_and(|answer| answer.contains(&self.sign))
    }

    fn refusal(&self, words: &str) -> Refusal {
        if words.contains("Code: 210.") {
            Refusal::Port
        } else if words.contains("Code: 76.") {
            Refusal::Busy
        } else {
            Refusal::Other
        }
    }

    fn port_file(&self) -> &Path {
        &self.port_file
    }

    fn log_file(&self) -> &Path {
        &self.log_file
    }
}

/// What stands at `/` on this port.
fn get(port: u16) -> Option<String> {
    let limit = Duration::from_millis(500);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream.set_write_timeout(Some(limit)).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}
