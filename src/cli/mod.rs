//! The command line.

mod check;
mod demo;
mod erase;
mod export;
mod import;
mod invite;
mod link;
mod manage;
mod retention;
mod site;
mod spool;
mod user;
mod workspace;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::config::{
    Config, DomainsConfig, HooksConfig, HttpConfig, IngestConfig, LimitsConfig, PlacesConfig, SignInConfig,
};
use crate::engines;
use crate::server::{self, Sharing, Stores};
use crate::telemetry;

/// Short links, and what came of them: redirects and click analytics over ClickHouse and Postgres.
///
/// Without --database-url and --clickhouse-url Linktrail runs its own Postgres and ClickHouse in the data folder. Every
/// option is also an environment variable.
#[derive(Parser, Debug)]
#[command(name = "linktrail", version, max_term_width = 110)]
struct Line {
    #[command(flatten)]
    places: PlacesConfig,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve short links and the APIs.
    ///
    /// On an empty data folder this makes a first workspace with an owner and an API key, prints them once and keeps them
    /// in first-run.json (mode 0600) in the data folder.
    Serve {
        #[command(flatten)]
        http: HttpConfig,
        #[command(flatten)]
        limits: LimitsConfig,
        #[command(flatten)]
        sign_in: SignInConfig,
        #[command(flatten)]
        ingest: IngestConfig,
        #[command(flatten)]
        hooks: HooksConfig,
        #[command(flatten)]
        domains: DomainsConfig,
    },
    /// Bring the schemas of both stores up to date and exit; `serve` does the same when it starts.
    Migrate,
    /// Fill a workspace of its own with believable links and clicks of the last 90 days.
    ///
    /// The events take the real way: spool, enrichment, batches. A running server may go on meanwhile.
    Demo(demo::DemoArgs),
    /// Workspaces and how their events are collected, counted and kept: add, list, show, set, remove.
    #[command(subcommand)]
    Workspace(workspace::WorkspaceCommand),
    /// People and their roles: add, list, remove, password, role.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Invitations to a workspace: add, list, remove.
    #[command(subcommand)]
    Invite(invite::InviteCommand),
    /// Short domains: add, list, remove.
    #[command(subcommand)]
    Domain(manage::DomainCommand),
    /// Links that were deleted and can come back.
    #[command(subcommand)]
    Link(link::LinkCommand),
    /// Sites whose pages are tracked: add, list, remove.
    #[command(subcommand)]
    Site(site::SiteCommand),
    /// API keys: add, list, remove.
    #[command(subcommand)]
    Key(manage::KeyCommand),
    /// Forget a link's events or a person for good, and prove it with a report; exit status 1 when anything is left.
    ///
    /// Deletes from all tables, waits for it, and counts again. A server may be running. ClickHouse takes the files with
    /// what was deleted off its disk some minutes later (its setting old_parts_lifetime, 8 minutes by default).
    Erase(erase::EraseArgs),
    /// Delete the events that are older than their workspace keeps them; `serve` does the same every hour.
    ///
    /// How long that is: `linktrail workspace set --retention-days`. A server may be running.
    Retention(retention::RetentionArgs),
    /// Bring over links, and events of the past, from another tool.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Write events and links to files that can be imported elsewhere.
    #[command(subcommand)]
    Export(export::ExportCommand),
    /// The queue of events on disk that are on their way to ClickHouse.
    #[command(subcommand)]
    Spool(spool::SpoolCommand),
    /// Look at everything that `serve` needs and say what is wrong: folder, stores, schemas, geo files, clock.
    Check {
        #[command(flatten)]
        http: HttpConfig,
        #[command(flatten)]
        limits: LimitsConfig,
        #[command(flatten)]
        sign_in: SignInConfig,
        #[command(flatten)]
        ingest: IngestConfig,
        #[command(flatten)]
        hooks: HooksConfig,
        #[command(flatten)]
        domains: DomainsConfig,
    },
    /// The embedded ClickHouse, started by `serve` as a child.
    #[command(name = engines::clickhouse::COMMAND, hide = true)]
    EngineClickhouse {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let Line { places, command } = Line::parse();
    if let Command::EngineClickhouse { arguments } = command {
        return engines::clickhouse::run(arguments.into_iter());
    }
    telemetry::start_logging();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(places, command));
    // A disk that hangs must not keep the process from ending.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(places: PlacesConfig, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve { http, limits, sign_in, ingest, hooks, domains } => {
            server::serve(Config { places, http, limits, sign_in, ingest, hooks, domains }).await?;
        }
        Command::Migrate => migrate(&places).await?,
        Command::Demo(args) => demo::run(&places, &args).await?,
        Command::Workspace(command) => workspace::run(&places, command).await?,
        Command::User(command) => user::run(&places, command).await?,
        Command::Invite(command) => invite::run(&places, command).await?,
        Command::Domain(command) => manage::domain(&places, command).await?,
        Command::Link(command) => link::run(&places, command).await?,
        Command::Site(command) => site::run(&places, command).await?,
        Command::Key(command) => manage::key(&places, command).await?,
        Command::Erase(args) => return erase::run(&places, &args).await,
        Command::Retention(args) => retention::run(&places, &args).await?,
        Command::Export(command) => return export::run(&places, command).await,
        Command::Import(command) => return import::run(&places, command).await,
        Command::Spool(command) => spool::run(&places, &command)?,
        Command::Check { http, limits, sign_in, ingest, hooks, domains } => {
            return check::run(Config { places, http, limits, sign_in, ingest, hooks, domains }).await;
        }
        // Taken care of before there was a runtime.
        Command::EngineClickhouse { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate(places: &PlacesConfig) -> anyhow::Result<()> {
    let stores = Stores::open(places, Sharing::Beside, None).await?;
    let migrated = stores.migrate().await.context("the schemas cannot be brought up to date");
    stores.close().await;
    migrated?;
    println!("both schemas are up to date");
    Ok(())
}

/// Opens both stores for the time of one command.
async fn with_stores<T>(places: &PlacesConfig, work: impl AsyncFnOnce(&Stores) -> T) -> anyhow::Result<T> {
    let stores = Stores::open(places, Sharing::Beside, None).await?;
    let done = match stores.migrate_if_fresh().await {
        Ok(()) => Ok(work(&stores).await),
        Err(error) => Err(error),
    };
    stores.close().await;
    done
}
