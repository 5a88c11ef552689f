//! The program as a process of its own: a data folder, its lives, and what it says about itself.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::client::{Answer, ask};
use super::process;
use super::small_disk::SmallDisk;
use crate::world::PROGRAM;

/// Longest wait for something that must happen; nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Links that every furnished home has.
pub const LINKS: [&str; 3] = ["one", "two", "three"];
/// Small batches, one after the other: whatever happens, happens in the middle of one.
pub const HASTY: [&str; 4] = ["--batch-rows", "200", "--batch-linger-ms", "10"];
/// Where they lead to.
const DESTINATION: &str = "https://example.com/landing";
const PREFIX: &str = "faults-";
/// The pages of the only site, number 1, are here.
pub const SITE_HOST: &str = "pages.example";
/// Somebody who was a lead once.
pub const CUSTOMER: &str = "somebody";
const CLICK_FILE: &str = "click";

/// A data folder with the settings of its program.
pub struct Home {
    folder: TempDir,
    pub address: SocketAddr,
    flags: Vec<String>,
    variables: Vec<(&'static str, String)>,
    /// Where the spool is, and the last process that saw it there.
    small_disk: Option<(SmallDisk, AtomicU32)>,
}

/// Where a home's stores are.
pub struct Urls {
    pub writer: String,
    pub reader: String,
    pub database: String,
}

impl Home {
    /// A folder that had its first start, with [`LINKS`] on its default domain.
    pub async fn furnished(flags: &[&str]) -> Self {
        Self::new(copy_of_the_model().await, flags, Vec::new())
    }

    /// The same, with the ClickHouse of a home that runs.
    pub async fn furnished_with_clickhouse_of(other: &Self, flags: &[&str]) -> Self {
        let urls = other.urls();
        let variables = vec![("CLICKHOUSE_URL", urls.writer), ("CLICKHOUSE_READER_URL", urls.reader)];
        Self::new(copy_of_the_model().await, flags, variables)
    }

    /// An empty folder whose stores are those of a home that runs.
    pub fn beside(other: &Self, flags: &[&str]) -> Self {
        let urls = other.urls();
        let variables = vec![
            ("DATABASE_URL", urls.database),
            ("CLICKHOUSE_URL", urls.writer),
            ("CLICKHOUSE_READER_URL", urls.reader),
        ];
        Self::new(folder(), flags, variables)
    }

    /// An empty folder.
    pub fn empty() -> Self {
        Self::new(folder(), &[], Vec::new())
    }

    fn new(folder: TempDir, flags: &[&str], variables: Vec<(&'static str, String)>) -> Self {
        // Given back at once, and not given away again soon.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        Self { folder, address, flags: flags.iter().map(ToString::to_string).collect(), variables, small_disk: None }
    }

    /// The same with another filter of its log.
    pub fn logging(mut self, filter: &str) -> Self {
        self.variables.push(("LINKTRAIL_LOG", filter.to_owned()));
        self
    }

    /// Starts the program and returns when it says that it is ready.
    pub async fn start(&self) -> Server {
        let mut server = self.launch();
        let mut lines = BufReader::new(server.child.stdout.take().unwrap()).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.starts_with("linktrail is ready") {
                    return true;
                }
            }
            false
        };
        let ready = timeout(PATIENCE, ready).await.unwrap_or(false);
        assert!(ready, "the program did not become ready");
        server
    }

    /// Starts the program.
    pub fn launch(&self) -> Server {
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--data-dir"]).arg(self.path());
        command.args(["--listen", &self.address.to_string()]).args(&self.flags);
        for name in ["DATABASE_URL", "CLICKHOUSE_URL", "CLICKHOUSE_READER_URL"] {
            command.env_remove(name);
        }
        command.env("LINKTRAIL_LOG", "info").env("NO_COLOR", "1").envs(self.variables.clone());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        process::survive_file_limits(&mut command);
        if let Some((disk, _)) = &self.small_disk {
            disk.mount_for(&mut command);
        }
        let server = Server { child: command.spawn().unwrap() };
        if let Some((_, process)) = &self.small_disk {
            process.store(server.id(), Ordering::SeqCst);
        }
        server
    }

    /// The data folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where its stores are, once they were started.
    pub fn urls(&self) -> Urls {
        let own: Value = serde_json::from_slice(&fs::read(self.path().join("stores.json")).unwrap()).unwrap();
        let text = |name: &str, variable: &str| match self.variables.iter().find(|(given, _)| *given == variable) {
            Some((_, url)) => url.clone(),
            None => own[name].as_str().unwrap_or_default().to_owned(),
        };
        Urls {
            writer: text("clickhouse", "CLICKHOUSE_URL"),
            reader: text("reader", "CLICKHOUSE_READER_URL"),
            database: text("database", "DATABASE_URL"),
        }
    }

    /// The first run's API key.
    pub fn key(&self) -> String {
        let first: Value = serde_json::from_slice(&fs::read(self.path().join("first-run.json")).unwrap()).unwrap();
        first["api_key"].as_str().unwrap().to_owned()
    }

    /// The folder of its spool; one on a small disk is there while the program runs.
    pub fn spool(&self) -> PathBuf {
        match &self.small_disk {
            Some((disk, process)) => disk.seen_by(process.load(Ordering::SeqCst)),
            None => self.path().join("spool"),
        }
    }

    /// Has every life of the program find its spool on an empty disk of so many bytes; `false` where that cannot be had.
    pub async fn put_spool_on_small_disk(&mut self, bytes: u64) -> bool {
        let disk = SmallDisk::over(&self.path().join("spool"), bytes).await;
        self.small_disk = disk.map(|disk| (disk, AtomicU32::new(0)));
        self.small_disk.is_some()
    }

    /// The id of a click that is stored.
    pub fn click(&self) -> String {
        fs::read_to_string(self.path().join(CLICK_FILE)).unwrap()
    }

    /// Calls the API.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        call(self.address, &self.key(), method, path, body).await
    }

    /// Visits a link once, without a number.
    pub async fn visit(&self, slug: &str) -> Answer {
        ask(self.address, "GET", &format!("/{slug}"), "", "").await.unwrap()
    }

    /// The sum of a metric over all label sets that contain `labels`.
    pub async fn metric(&self, name: &str, labels: &str) -> u64 {
        let page = ask(self.address, "GET", "/metrics", "", "").await.unwrap().body;
        page.lines()
            .filter(|line| line.starts_with(name) && line.contains(labels))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum::<f64>() as u64
    }

    /// Everything that the program has logged in all its lives.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Leaves the folder for others; its path.
    fn keep(mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.path().to_owned()
    }

    fn log_file(&self) -> PathBuf {
        self.path().join("server.log")
    }
}

/// What the program said helps to understand why a test failed.
impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of {}:\n{}", self.address, self.log());
        }
    }
}

/// A life of the program.
pub struct Server {
    child: Child,
}

impl Server {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it was not waited for")
    }

    /// The ClickHouse that runs right now.
    pub fn clickhouse(&self) -> Option<u32> {
        process::children(self.id())
            .into_iter()
            .find(|child| process::command_line(*child).contains("engine-clickhouse"))
    }

    /// The Postgres that runs right now: the one that starts the others.
    pub fn postgres(&self) -> Option<u32> {
        process::children(self.id()).into_iter().find(|child| process::command_line(*child).contains("postgres"))
    }

    /// Both engines with all processes of theirs.
    pub fn descendants(&self) -> Vec<u32> {
        process::descendants(self.id())
    }

    /// Ends it as the kernel does when memory is out.
    pub async fn kill(mut self) {
        process::signal(self.id(), libc::SIGKILL);
        self.child.wait().await.unwrap();
    }

    /// Orders it to stop; what it answered. At most as long as an orderly end may take.
    pub async fn stop(mut self) -> ExitStatus {
        process::signal(self.id(), libc::SIGTERM);
        timeout(Duration::from_secs(10), self.child.wait()).await.expect("it ends within ten seconds").unwrap()
    }
}

async fn call(address: SocketAddr, key: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let headers = format!("Authorization: Bearer {key}\r\nContent-Type: application/json\r\n");
    let body = body.map(Value::to_string).unwrap_or_default();
    ask(address, method, path, &headers, &body).await.unwrap()
}

/// The first start, which takes seconds: once for all tests.
async fn furnish() -> PathBuf {
    remove_old_folders();
    let home = Home::empty();
    let server = home.start().await;
    for slug in LINKS {
        let made = home.call("POST", "/links", Some(&json!({ "url": DESTINATION, "key": slug }))).await;
        assert_eq!(made.status, 200, "{}", made.body);
    }
    let status = Command::new(PROGRAM).args(["site", "add", SITE_HOST, "--data-dir"]).arg(home.path()).output();
    assert!(status.await.unwrap().status.success(), "no site was made");
    let lead = json!({ "clickId": a_click(&home).await, "eventName": "Met", "customerExternalId": CUSTOMER });
    let met = home.call("POST", "/track/lead", Some(&lead)).await;
    assert_eq!(met.status, 200, "{}", met.body);
    assert!(server.stop().await.success());
    fs::write(home.path().join(CLICK_FILE), lead["clickId"].as_str().unwrap()).unwrap();
    let path = home.keep();
    // Copies run at the same time, so each finds ports of its own.
    for remembered in ["clickhouse/port", "postgres/port", "server.log"] {
        fs::remove_file(path.join(remembered)).unwrap();
    }
    path
}

/// The id of a click that is stored.
async fn a_click(home: &Home) -> String {
    assert_eq!(home.visit(LINKS[0]).await.status, 302);
    let begun = Instant::now();
    loop {
        let told = home.call("GET", "/events?event=clicks&bots=include", None).await;
        let events: Value = serde_json::from_str(&told.body).unwrap();
        if let Some(click) = events[0]["click"]["id"].as_str() {
            return click.to_owned();
        }
        assert!(begun.elapsed() < PATIENCE, "the click is not told: {}", told.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn copy_of_the_model() -> TempDir {
    static MODEL: OnceCell<PathBuf> = OnceCell::const_new();
    let model = MODEL.get_or_init(furnish).await;
    let folder = folder();
    let copied = Command::new("cp").arg("-a").arg(model.join(".")).arg(folder.path()).status().await.unwrap();
    assert!(copied.success(), "the furnished folder could not be copied");
    folder
}

fn folder() -> TempDir {
    let prefix = format!("{PREFIX}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// What test processes left that were killed or kept their model.
fn remove_old_folders() {
    for entry in fs::read_dir(env!("CARGO_TARGET_TMPDIR")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')?.0.parse().ok());
        if owner.is_some_and(|owner: u32| !process::alive(owner)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
