//! `spool status`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use indicatif::{HumanBytes, HumanCount};

use crate::config::PlacesConfig;
use crate::server;
use crate::spool::Status;

/// `linktrail spool ...`
#[derive(Subcommand, Debug)]
pub enum SpoolCommand {
    /// Tell how many events wait for ClickHouse, and what was set aside. Reads the folder only; a server may be running.
    Status {
        /// Folder of the spool. Default: `spool` in the data folder.
        #[arg(long, env = "LINKTRAIL_SPOOL_DIR", value_name = "FOLDER")]
        spool_dir: Option<PathBuf>,
    },
}

/// Runs `linktrail spool`.
pub fn run(places: &PlacesConfig, command: &SpoolCommand) -> anyhow::Result<()> {
    let SpoolCommand::Status { spool_dir } = command;
    let folder = server::spool_folder(places, spool_dir.as_deref());
    print!("{}", report(&folder)?);
    Ok(())
}

fn report(folder: &Path) -> anyhow::Result<String> {
    let status = match Status::read(folder) {
        Ok(status) => status,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(format!("folder           {}\nnot there yet: nothing was recorded\n", folder.display()));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read the spool in {}", folder.display())),
    };
    let mut lines = vec![
        format!("folder           {}", folder.display()),
        format!("pending events   {}", HumanCount(status.pending_records)),
        format!("pending bytes    {} in {} segments", HumanBytes(status.pending_bytes), status.segments),
    ];
    if let Some(oldest) = status.oldest_sequence {
        lines.push(format!("oldest pending   {oldest}"));
    }
    lines.push(match status.stored_through {
        Some(stored) => format!("stored through   {stored}"),
        None => {
            "stored through   unknown: the checkpoint cannot be read; everything pending is looked up first".to_owned()
        }
    });
    if let Some((first, last)) = status.in_flight {
        lines.push(format!("in flight        {first} to {last}"));
    }
    lines.push(format!("next sequence    {}", status.next_sequence));
    for name in &status.unreadable {
        lines.push(format!("unreadable       {name}"));
    }
    for name in &status.set_aside {
        lines.push(format!("set aside        {name}"));
    }
    Ok(lines.join("\n") + "\n")
}
