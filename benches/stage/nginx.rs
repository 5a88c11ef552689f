//! A yardstick that few beat: nginx, which looks a slug up in a map and returns 302.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;
use tempfile::TempDir;

use super::process::children;

/// nginx at work, in a folder of its own.
pub struct Nginx {
    child: Child,
    /// Its workers.
    pub processes: Vec<u32>,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: TempDir,
}

/// Where it is installed, if it is.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Not every user's path has the last two.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join("nginx")).find(|file| file.is_file())
}

impl Nginx {
    /// Starts it, with a worker for each core; `None` where it is not installed.
    pub async fn start(links: impl Iterator<Item = (String, String)>) -> anyhow::Result<Option<Self>> {
        let Some(program) = program() else { return Ok(None) };
        let folder = tempfile::Builder::new().prefix("nginx-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        // Free a moment ago.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let workers = std::thread::available_parallelism()?.get();
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration(address, workers, links))?;
        let mut child = Command::new(program)
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .spawn()?;
        let began = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            let ended = child.try_wait()?;
            ensure!(ended.is_none() && began.elapsed() < Duration::from_secs(10), "nginx does not start: {ended:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Some(Self { processes: children(child.id())?, child, address, _folder: folder }))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // In order, for its workers end with it then.
        // SAFETY: no memory is involved; the child was not waited for, so the id is its own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
        let _ = self.child.wait();
    }
}

fn configuration(address: SocketAddr, workers: usize, links: impl Iterator<Item = (String, String)>) -> String {
    let mut map = String::new();
    for (slug, target) in links {
        let _ = writeln!(map, "    /{slug} \"{target}\";");
    }
    format!(
        "daemon off;\nworker_processes {workers};\npid nginx.pid;\nerror_log stderr warn;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 1000000000;\n  tcp_nodelay on;\n\
         \x20 client_body_temp_path body;\n  proxy_temp_path proxy;\n  fastcgi_temp_path fastcgi;\n\
         \x20 uwsgi_temp_path uwsgi;\n  scgi_temp_path scgi;\n\
         \x20 map_hash_max_size 262144;\n  map_hash_bucket_size 128;\n  map $uri $target {{\n{map}  }}\n\
         \x20 server {{\n    listen {address} backlog=1024;\n    location / {{\n\
         \x20     if ($target = \"\") {{ return 404; }}\n      return 302 $target;\n    }}\n  }}\n}}\n"
    )
}
