//! The real program, as users run it, with a data folder of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

/// The release program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_linktrail");

/// A command of the release program on a data folder, without the user's own stores and settings.
fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        let is_setting = name_text.starts_with("LINKTRAIL_") && name_text != "LINKTRAIL_ENGINES_DIR";
        if is_setting || ["DATABASE_URL", "CLICKHOUSE_URL", "CLICKHOUSE_READER_URL"].contains(&&*name_text) {
            command.env_remove(name);
        }
    }
    command.args(arguments).args([OsStr::new("--data-dir"), data.as_os_str()]).env("LINKTRAIL_LOG", "error");
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end: what it printed.
pub fn run(data: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = command(data, arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("linktrail {} failed; are the engines there? `make engines` fetches them", arguments.join(" "));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A running `linktrail serve`.
pub struct Server {
    child: Child,
    /// Its process.
    pub process: u32,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts it on a free port and waits until it is ready.
    pub fn start(data: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        // One key asks for everything here, as fast as it can.
        let own = ["serve", "--listen", "127.0.0.1:0", "--rate-limit", "0", "--analytics-rate-limit", "0"];
        let arguments = [&own, flags].concat();
        let mut child = command(data, &arguments).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("no output")?;
        for line in BufReader::new(output).lines() {
            if let Some((_, rest)) = line?.split_once("linktrail is ready at http://") {
                let address = rest.split(' ').next().unwrap_or(rest).parse()?;
                return Ok(Self { process: child.id(), child, address });
            }
        }
        let _ = child.wait();
        bail!("linktrail serve did not start; are the engines there? `make engines` fetches them")
    }

    /// Ends it in order.
    pub fn stop(mut self) -> anyhow::Result<()> {
        // SAFETY: no memory is involved; the child was not waited for, so the id is its own.
        unsafe { libc::kill(libc::pid_t::try_from(self.process)?, libc::SIGTERM) };
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "linktrail serve ended with {status}");
        Ok(())
    }
}

/// Its engines end with it, however it ends.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
