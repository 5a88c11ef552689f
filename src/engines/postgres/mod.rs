//! The embedded Postgres: how it is started and reached.
//!
//! We sign in as `linktrail`, who owns the database of that name and is no superuser; the superuser's password is used once
//! to make the two. Postgres listens on 127.0.0.1 alone, without a socket file.

mod cluster;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::NoTls;

use super::data_dir::{DataDir, make_private_folder};
use super::error::EngineError;
use super::identity::Identity;
use super::supervisor::{self, Refusal};
use super::{DATABASE, child, loopback_url};

/// The superuser.
const ADMIN: &str = "postgres";
/// The user that owns our database.
const OWNER: &str = "linktrail";

/// Settings that differ from Postgres' own. Errors of statements come back to us and are logged by us; their details,
/// which hold values, stay out of the log.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=64MB",
    "max_wal_size=512MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_min_messages=log",
    "log_checkpoints=off",
    "log_error_verbosity=terse",
];

/// How to reach it once it runs.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) port: u16,
    pub(super) admin: SecretString,
    pub(super) owner: SecretString,
}

impl Access {
    pub(super) fn owner_url(&self, database: &str) -> SecretString {
        loopback_url("postgres", OWNER, &self.owner, self.port, &format!("{database}?sslmode=disable"))
    }

    pub(super) fn admin_url(&self) -> SecretString {
        loopback_url("postgres", ADMIN, &self.admin, self.port, "postgres?sslmode=disable")
    }

    /// Makes the owner and the database unless the owner can sign in to it already.
    pub(super) async fn create_database(&self) -> Result<(), EngineError> {
        if connect(&self.owner_url(DATABASE)).await.is_ok() {
            return Ok(());
        }
        let made = async {
            let client = connect(&self.admin_url()).await?;
            // The names are ours and the password is hexadecimal; these statements take no parameters.
            let password = self.owner.expose_secret();
            let role = client.query_opt("SELECT 1 FROM pg_roles WHERE rolname = $1", &[&OWNER]).await?;
            let verb = if role.is_some() { "ALTER" } else { "CREATE" };
            client.batch_execute(&format!("{verb} ROLE {OWNER} LOGIN PASSWORD '{password}'")).await?;
            let database = client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&DATABASE]).await?;
            if database.is_none() {
                client.batch_execute(&format!("CREATE DATABASE {DATABASE} OWNER {OWNER}")).await?;
            }
            Ok::<(), tokio_postgres::Error>(())
        };
        made.await.map_err(|error| {
            let detail = match error.as_db_error() {
                Some(failure) if failure.code().code() == "28P01" => {
                    "its superuser's password is not the one in secrets/postgres-admin of the data folder; restore that file"
                        .to_owned()
                }
                Some(failure) => failure.message().to_owned(),
                None => error.to_string(),
            };
            EngineError::Setup { engine: "postgres", detail }
        })
    }
}

async fn connect(url: &SecretString) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection to the embedded postgres ended");
        }
    });
    Ok(client)
}

/// How it is started.
#[derive(Debug)]
pub(super) struct Recipe {
    folder: PathBuf,
    data: PathBuf,
    programs: PathBuf,
    admin: SecretString,
    port_file: PathBuf,
    log_file: PathBuf,
    identity: Option<Identity>,
}

impl Recipe {
    /// All that Postgres keeps is in `postgres` of the data folder.
    pub(super) fn new(data_dir: &DataDir, programs: PathBuf, admin: SecretString) -> Result<Self, EngineError> {
        let folder = data_dir.folder("postgres")?;
        Ok(Self {
            data: folder.join("data"),
            programs,
            admin,
            port_file: folder.join("port"),
            log_file: folder.join("log/postgres.log"),
            folder,
            identity: None,
        })
    }
}

impl supervisor::Recipe for Recipe {
    const NAME: &'static str = "postgres";
    // Fast shutdown with a checkpoint, then immediate shutdown, which the next start recovers from.
    const ENDING: &'static [(libc::c_int, Duration)] =
        &[(libc::SIGINT, Duration::from_millis(2_500)), (libc::SIGQUIT, Duration::from_millis(500))];

    fn prepare(&mut self, _port: u16) -> Result<(), EngineError> {
        make_private_folder(&self.folder.join("log"))?;
        let identity = match self.identity.take() {
            Some(identity) => identity,
            None => Identity::choose(&self.programs.join("postgres"), &self.folder)?,
        };
        let identity = self.identity.insert(identity);
        if !self.data.is_dir() {
            cluster::create(&self.programs, identity, &self.folder, &self.data, &self.admin)?;
        }
        cluster::check_version(&self.data)?;
        identity.own(&self.data).map_err(|error| EngineError::io("take over postgres' data", error))?;
        cluster::settle_lock(&self.data)
    }

    fn command(&self, port: u16) -> Result<Command, EngineError> {
        let mut command = child::command(&self.programs.join("postgres"), Path::new("/"));
        command.arg("-D").arg(&self.data).arg("-p").arg(port.to_string());
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        if let Some(identity) = &self.identity {
            identity.apply(&mut command, &self.data)?;
        }
        // Fast shutdown: backends end, a checkpoint is written, the next start needs no recovery.
        child::die_with_parent(&mut command, libc::SIGINT);
        Ok(command)
    }

    fn is_ready(&self, process: u32, _port: u16) -> bool {
        // Postgres writes its state into the lock file, after its process id: no stranger can be meant.
        let text = fs::read_to_string(self.data.join(cluster::LOCK_FILE)).unwrap_or_default();
        let mut lines = text.lines();
        lines.next().is_some_and(|line| line.trim() == process.to_string())
            && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    }

    fn refusal(&self, words: &str) -> Refusal {
        if words.contains("could not create any TCP/IP sockets") {
            Refusal::Port
        } else if words.contains("already exists") || words.contains("is still in use") {
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
