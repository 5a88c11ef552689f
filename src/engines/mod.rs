//! The embedded engines: a ClickHouse and a Postgres of our own, for those who bring none.
//!
//! Each engine is a child process under a supervisor: one operating-system thread that spawns it, waits for it, starts it
//! again with back-off when it ends by itself, and ends it in order. What always holds:
//! - an engine listens on 127.0.0.1 only, with passwords that were generated for this data folder;
//! - no password stands on a command line, in an environment or in a log;
//! - an engine does not outlive the program, however the program ends;
//! - once started, an engine keeps its port, so the URLs stay true while the program runs.
//!
//! Nothing outside this module knows whether a store is embedded: it gets URLs.

mod child;
pub mod clickhouse;
pub mod data_dir;
mod error;
mod identity;
mod log;
mod packages;
mod port;
pub mod postgres;
mod supervisor;

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

pub use data_dir::{DataDir, DataDirError};
pub use error::EngineError;
pub use supervisor::EngineState;

pub use packages::geo_files;

use packages::Packages;
use supervisor::Supervisor;

/// Name of the database that both engines create for us.
pub const DATABASE: &str = "linktrail";

/// What to start and with what.
#[derive(Clone, Debug)]
pub struct EnginesOptions {
    /// The open, locked data folder. It stays locked until the last engine has ended.
    pub data_dir: Arc<DataDir>,
    /// Folder that holds the engines' `node_modules`. `None`: `.engines` in the current folder or above the program.
    pub engines_dir: Option<PathBuf>,
    /// Program that understands the hidden command [`clickhouse::COMMAND`]. `None`: this program.
    pub launcher: Option<PathBuf>,
    /// Start ClickHouse.
    pub clickhouse: bool,
    /// Start Postgres.
    pub postgres: bool,
}

/// The engines that run. Dropping it asks them to end without waiting; [`Engines::stop`] waits.
#[derive(Debug)]
pub struct Engines {
    clickhouse: Option<Running<clickhouse::Access>>,
    postgres: Option<Running<postgres::Access>>,
}

/// How each engine is; `None` for one that was not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnginesHealth {
    /// ClickHouse.
    pub clickhouse: Option<EngineState>,
    /// Postgres.
    pub postgres: Option<EngineState>,
}

#[derive(Debug)]
struct Running<A> {
    supervisor: Supervisor,
    access: A,
}

impl Engines {
    /// Starts the engines that are asked for, at the same time, and returns when all of them answer. The first start
    /// makes their data; a start after a crash recovers it. When one fails, the other is ended again.
    pub async fn start(options: EnginesOptions) -> Result<Self, EngineError> {
        if !(options.clickhouse || options.postgres) {
            return Ok(Self { clickhouse: None, postgres: None });
        }
        if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
            return Err(EngineError::Platform);
        }
        let packages = Packages::find(options.engines_dir.as_deref())?;
        let (clickhouse, postgres) =
            tokio::join!(start_clickhouse(&options, &packages), start_postgres(&options, &packages));
        match (clickhouse, postgres) {
            (Ok(clickhouse), Ok(postgres)) => Ok(Self { clickhouse, postgres }),
            (clickhouse, postgres) => {
                let (mut first, mut running) = (None, Self { clickhouse: None, postgres: None });
                match clickhouse {
                    Ok(engine) => running.clickhouse = engine,
                    Err(error) => first = Some(error),
                }
                match postgres {
                    Ok(engine) => running.postgres = engine,
                    Err(error) => first = first.or(Some(error)),
                }
                running.stop().await;
                Err(first.unwrap_or(EngineError::Stopped))
            }
        }
    }

    /// ClickHouse for the user that may write, with its database: `http://writer:...@127.0.0.1:PORT/linktrail`.
    pub fn clickhouse_url(&self) -> Option<SecretString> {
        self.clickhouse.as_ref().map(|engine| engine.access.writer_url())
    }

    /// ClickHouse for the user that can only read.
    pub fn clickhouse_reader_url(&self) -> Option<SecretString> {
        self.clickhouse.as_ref().map(|engine| engine.access.reader_url())
    }

    /// Postgres for the owner of our database, who is no superuser.
    pub fn database_url(&self) -> Option<SecretString> {
        self.postgres.as_ref().map(|engine| engine.access.owner_url(DATABASE))
    }

    /// Postgres for its superuser and the maintenance database: for repairs and tests, never for serving.
    pub fn postgres_admin_url(&self) -> Option<SecretString> {
        self.postgres.as_ref().map(|engine| engine.access.admin_url())
    }

    /// How the engines are at this moment.
    pub fn health(&self) -> EnginesHealth {
        EnginesHealth {
            clickhouse: self.clickhouse.as_ref().map(|engine| engine.supervisor.state()),
            postgres: self.postgres.as_ref().map(|engine| engine.supervisor.state()),
        }
    }

    /// Process ids of ClickHouse and Postgres, where one is running right now.
    pub fn process_ids(&self) -> (Option<u32>, Option<u32>) {
        (
            self.clickhouse.as_ref().and_then(|engine| engine.supervisor.process_id()),
            self.postgres.as_ref().and_then(|engine| engine.supervisor.process_id()),
        )
    }

    /// Ends the engines in order and returns when they are gone, after 3 seconds at the latest.
    pub async fn stop(self) {
        let Self { clickhouse, postgres } = self;
        tokio::join!(
            async {
                if let Some(engine) = clickhouse {
                    engine.supervisor.stop().await;
                }
            },
            async {
                if let Some(engine) = postgres {
                    engine.supervisor.stop().await;
                }
            }
        );
    }
}

async fn start_clickhouse(
    options: &EnginesOptions,
    packages: &Packages,
) -> Result<Option<Running<clickhouse::Access>>, EngineError> {
    if !options.clickhouse {
        return Ok(None);
    }
    let data_dir = &options.data_dir;
    let (writer, reader) = (data_dir.secret("clickhouse-writer")?, data_dir.secret("clickhouse-reader")?);
    let recipe = clickhouse::Recipe::new(
        data_dir,
        packages.clickhouse_library()?,
        options.launcher.clone(),
        clickhouse::Passwords { writer: writer.clone(), reader: reader.clone() },
    )?;
    let (supervisor, port) = Supervisor::start(recipe, Arc::clone(data_dir)).await?;
    let access = clickhouse::Access { port, writer, reader };
    access.create_database().await?;
    Ok(Some(Running { supervisor, access }))
}

async fn start_postgres(
    options: &EnginesOptions,
    packages: &Packages,
) -> Result<Option<Running<postgres::Access>>, EngineError> {
    if !options.postgres {
        return Ok(None);
    }
    let data_dir = &options.data_dir;
    let (admin, owner) = (data_dir.secret("postgres-admin")?, data_dir.secret("postgres-owner")?);
    let recipe = postgres::Recipe::new(data_dir, packages.postgres_programs()?, admin.clone())?;
    let (supervisor, port) = Supervisor::start(recipe, Arc::clone(data_dir)).await?;
    let access = postgres::Access { port, admin, owner };
    access.create_database().await?;
    Ok(Some(Running { supervisor, access }))
}

/// `scheme://user:password@127.0.0.1:port/path`. User names and generated passwords need no escaping.
fn loopback_url(scheme: &str, user: &str, password: &SecretString, port: u16, path: &str) -> SecretString {
    SecretString::from(format!("{scheme}://{user}:{}@127.0.0.1:{port}/{path}", password.expose_secret()))
}
