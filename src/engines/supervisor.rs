//! One engine's life: start, wait, start again with back-off, end in order.
//!
//! All of it happens on one thread, because the kernel ties a child's death signal to the thread that spawned it. A second,
//! tiny thread a run waits for the child's end and says so on the channel that also brings the order to stop, so nothing
//! polls while an engine runs. Only this thread signals the child, and only before it has waited for it, so a signal
//! never meets a process that inherited the number.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::data_dir::{DataDir, write_private};
use super::error::EngineError;
use super::log::RunLog;
use super::{child, port};
use crate::telemetry;

/// Longest wait for an engine to answer; recovering a large database takes its time.
const START_LIMIT: Duration = Duration::from_secs(300);
/// How long a first start waits for a dying predecessor to let go of the data.
const BUSY_LIMIT: Duration = Duration::from_secs(10);
/// Ports tried at a first start.
const PORTS: usize = 5;
/// A run longer than this makes the next back-off start small again.
const STEADY: Duration = Duration::from_secs(60);

/// What differs between the engines.
pub(super) trait Recipe: Send + 'static {
    /// For messages, metrics and thread names.
    const NAME: &'static str;
    /// What to send at the end, and how long to wait after each; then it is killed.
    const ENDING: &'static [(libc::c_int, Duration)];

    /// Gets files ready before each start.
    fn prepare(&mut self, port: u16) -> Result<(), EngineError>;
    /// The process to start. Its standard error is the engine's log.
    fn command(&self, port: u16) -> Result<Command, EngineError>;
    /// Whether it is this process, and no other, that answers on the port.
    fn is_ready(&self, process: u32, port: u16) -> bool;
    /// Why it ended instead of starting, from its last words.
    fn refusal(&self, words: &str) -> Refusal;
    /// File that remembers the port.
    fn port_file(&self) -> &Path;
    /// File for its standard error.
    fn log_file(&self) -> &Path;
}

/// Why an engine ended instead of starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Something else listens on the port.
    Port,
    /// Another process, perhaps a dying one, uses the data.
    Busy,
    /// Anything else.
    Other,
}

/// How an engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EngineState {
    /// It starts for the first time.
    Starting,
    /// It answers, as far as we know.
    Up,
    /// It ended by itself and is being started again.
    Restarting,
    /// It was told to stop.
    Stopped,
}

/// The handle to an engine's thread. Dropping it orders the engine to stop.
#[derive(Debug)]
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    orders: Sender<Event>,
    ended: Option<oneshot::Receiver<()>>,
}

#[derive(Debug)]
struct Shared {
    state: AtomicU8,
    // 0 while none runs.
    process: AtomicU32,
}

enum Event {
    Ended(u32),
    Stop,
}

impl Supervisor {
    /// Starts the engine and returns when it answers, with its port. `data_dir` stays locked until the engine is gone.
    pub(super) async fn start<R: Recipe>(recipe: R, data_dir: Arc<DataDir>) -> Result<(Self, u16), EngineError> {
        let shared = Arc::new(Shared { state: AtomicU8::new(EngineState::Starting as u8), process: AtomicU32::new(0) });
        let (orders, events) = mpsc::channel();
        let (started_sender, started) = oneshot::channel();
        let (ended_sender, ended) = oneshot::channel();
        let mut runner = Runner { recipe, shared: Arc::clone(&shared), events, orders: orders.clone() };
        std::thread::Builder::new()
            .name(format!("engine-{}", R::NAME))
            .spawn(move || {
                match runner.start_first() {
                    Ok((port, run)) => {
                        let _ = started_sender.send(Ok(port));
                        runner.keep(port, run);
                    }
                    Err(error) => {
                        let _ = started_sender.send(Err(error));
                    }
                }
                runner.shared.set(EngineState::Stopped);
                drop(data_dir);
                let _ = ended_sender.send(());
            })
            .map_err(|error| EngineError::io("start a thread", error))?;
        let supervisor = Self { shared, orders, ended: Some(ended) };
        let port = started.await.unwrap_or(Err(EngineError::Stopped))?;
        Ok((supervisor, port))
    }

    /// How it is at this moment.
    pub(super) fn state(&self) -> EngineState {
        self.shared.state()
    }

    /// Its process id, while one runs.
    pub(super) fn process_id(&self) -> Option<u32> {
        Some(self.shared.process.load(Ordering::Acquire)).filter(|process| *process != 0)
    }

    /// Orders it to stop and waits until it is gone.
    pub(super) async fn stop(mut self) {
        let _ = self.orders.send(Event::Stop);
        if let Some(ended) = self.ended.take() {
            let _ = ended.await;
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.orders.send(Event::Stop);
    }
}

impl Shared {
    fn set(&self, state: EngineState) {
        self.state.store(state as u8, Ordering::Release);
    }

    fn state(&self) -> EngineState {
        let state = self.state.load(Ordering::Acquire);
        [EngineState::Starting, EngineState::Up, EngineState::Restarting]
            .into_iter()
            .find(|known| *known as u8 == state)
            .unwrap_or(EngineState::Stopped)
    }
}

struct Runner<R> {
    recipe: R,
    shared: Arc<Shared>,
    events: Receiver<Event>,
    orders: Sender<Event>,
}

struct Run {
    child: Child,
    log: RunLog,
}

enum Trouble {
    Stopped,
    Refused(Refusal, EngineError),
    Failed(EngineError),
}

impl<R: Recipe> Runner<R> {
    fn start_first(&mut self) -> Result<(u16, Run), EngineError> {
        let free = |error| EngineError::io("find a free port", error);
        let begun = Instant::now();
        let mut port = port::remembered_or_free(self.recipe.port_file()).map_err(free)?;
        let mut ports = 1;
        loop {
            match self.bring_up(port) {
                Ok(run) => {
                    write_private(self.recipe.port_file(), format!("{port}\n").as_bytes())?;
                    tracing::info!(
                        engine = R::NAME,
                        port,
                        took_ms = begun.elapsed().as_millis() as u64,
                        "engine started"
                    );
                    return Ok((port, run));
                }
                Err(Trouble::Refused(Refusal::Port, _)) if ports < PORTS => {
                    ports += 1;
                    port = port::free().map_err(free)?;
                }
                Err(Trouble::Refused(Refusal::Busy, _)) if begun.elapsed() < BUSY_LIMIT => {
                    if self.pause(Duration::from_millis(100)) {
                        return Err(EngineError::Stopped);
                    }
                }
                Err(Trouble::Stopped) => return Err(EngineError::Stopped),
                Err(Trouble::Refused(_, error) | Trouble::Failed(error)) => return Err(error),
            }
        }
    }

    /// Returns when it was told to stop and the engine is gone.
    fn keep(&mut self, port: u16, mut run: Run) {
        let mut failures = 0;
        loop {
            let since = Instant::now();
            let Some(status) = self.wait(&mut run) else {
                self.end(run);
                return;
            };
            self.shared.set(EngineState::Restarting);
            let words = run.log.last_words();
            tracing::error!(engine = R::NAME, %status, last = last_line(&words), "engine ended by itself");
            if since.elapsed() > STEADY {
                failures = 0;
            }
            run = loop {
                if self.pause(back_off(failures)) {
                    return;
                }
                failures += 1;
                metrics::counter!(telemetry::name::ENGINE_RESTARTS_TOTAL, "engine" => R::NAME).increment(1);
                match self.bring_up(port) {
                    Ok(run) => break run,
                    Err(Trouble::Stopped) => return,
                    Err(Trouble::Refused(_, error) | Trouble::Failed(error)) => {
                        tracing::error!(engine = R::NAME, %error, "engine did not come back, trying again");
                    }
                }
            };
            tracing::warn!(engine = R::NAME, port, after_ms = since.elapsed().as_millis() as u64, "engine is back");
        }
    }

    fn bring_up(&mut self, port: u16) -> Result<Run, Trouble> {
        self.recipe.prepare(port).map_err(Trouble::Failed)?;
        let mut run = self.spawn(port).map_err(Trouble::Failed)?;
        let process = run.child.id();
        let begun = Instant::now();
        let mut told = begun;
        loop {
            let patience = if begun.elapsed() < Duration::from_secs(2) { 10 } else { 100 };
            match self.events.recv_timeout(Duration::from_millis(patience)) {
                Ok(Event::Ended(ended)) if ended == process => return Err(self.refused(run)),
                Ok(Event::Ended(_)) => {}
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    self.end(run);
                    return Err(Trouble::Stopped);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.recipe.is_ready(process, port) {
                self.shared.process.store(process, Ordering::Release);
                self.shared.set(EngineState::Up);
                return Ok(run);
            }
            if begun.elapsed() > START_LIMIT {
                let _ = run.child.kill();
                let detail = run.log.so_far();
                self.end(run);
                return Err(Trouble::Failed(EngineError::Slow {
                    engine: R::NAME,
                    seconds: START_LIMIT.as_secs(),
                    detail,
                }));
            }
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                tracing::info!(engine = R::NAME, seconds = begun.elapsed().as_secs(), "engine is still starting");
            }
        }
    }

    fn spawn(&self, port: u16) -> Result<Run, EngineError> {
        let mut command = self.recipe.command(port)?;
        command.stderr(Stdio::piped());
        let starting = |error| EngineError::io(format!("start {}", R::NAME), error);
        let mut child = command.spawn().map_err(starting)?;
        let process = child.id();
        let orders = self.orders.clone();
        let watched =
            child.stderr.take().ok_or_else(|| std::io::Error::other("no standard error")).and_then(|stderr| {
                let log = RunLog::follow(stderr, self.recipe.log_file())?;
                std::thread::Builder::new().name("engine-wait".to_owned()).stack_size(64 * 1024).spawn(move || {
                    child::wait_for_end(process);
                    let _ = orders.send(Event::Ended(process));
                })?;
                Ok(log)
            });
        match watched {
            Ok(log) => Ok(Run { child, log }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(starting(error))
            }
        }
    }

    fn refused(&self, mut run: Run) -> Trouble {
        let status = run.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        let detail = run.log.last_words();
        match self.recipe.refusal(&detail) {
            Refusal::Busy => Trouble::Refused(Refusal::Busy, EngineError::Busy { engine: R::NAME, detail }),
            refusal => Trouble::Refused(refusal, EngineError::Failed { engine: R::NAME, status, detail }),
        }
    }

    /// How it ended by itself; `None` when it is to be stopped.
    fn wait(&self, run: &mut Run) -> Option<String> {
        let process = run.child.id();
        loop {
            match self.events.recv() {
                Ok(Event::Ended(ended)) if ended == process => break,
                Ok(Event::Ended(_)) => {}
                Ok(Event::Stop) | Err(_) => return None,
            }
        }
        self.shared.process.store(0, Ordering::Release);
        Some(run.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string()))
    }

    fn end(&self, mut run: Run) {
        let process = run.child.id();
        self.shared.process.store(0, Ordering::Release);
        for (signal, patience) in R::ENDING {
            child::send(process, *signal);
            let deadline = Instant::now() + *patience;
            while let Some(left) = deadline.checked_duration_since(Instant::now()) {
                match self.events.recv_timeout(left) {
                    Ok(Event::Ended(ended)) if ended == process => {
                        let _ = run.child.wait();
                        return;
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        }
        tracing::warn!(engine = R::NAME, "engine did not end when told to, killing it");
        let _ = run.child.kill();
        let _ = run.child.wait();
    }

    /// Waits; true when told to stop.
    fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match self.events.recv_timeout(left) {
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return true,
                Ok(Event::Ended(_)) => {}
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        false
    }
}

/// 0.1 s, doubled by each failure, 30 s at most.
fn back_off(failures: u32) -> Duration {
    Duration::from_millis(100).saturating_mul(1 << failures.min(16)).min(Duration::from_secs(30))
}

fn last_line(words: &str) -> &str {
    words.lines().next_back().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A recipe whose engine is a shell script.
    struct Script {
        folder: PathBuf,
        script: &'static str,
        port_file: PathBuf,
        log_file: PathBuf,
    }

    impl Recipe for Script {
        const NAME: &'static str = "script";
        const ENDING: &'static [(libc::c_int, Duration)] = &[(libc::SIGTERM, Duration::from_millis(300))];

        fn prepare(&mut self, _port: u16) -> Result<(), EngineError> {
            Ok(())
        }

        fn command(&self, _port: u16) -> Result<Command, EngineError> {
            let mut command = child::command(Path::new("/bin/sh"), &self.folder);
            command.arg("-c").arg(self.script);
            child::die_with_parent(&mut command, libc::SIGKILL);
            Ok(command)
        }

        fn is_ready(&self, process: u32, _port: u16) -> bool {
            std::fs::read_to_string(self.folder.join("ready")).is_ok_and(|text| text.trim() == process.to_string())
        }

        fn refusal(&self, words: &str) -> Refusal {
            match words {
                "port" => Refusal::Port,
                "busy" => Refusal::Busy,
                _ => Refusal::Other,
            }
        }

        fn port_file(&self) -> &Path {
            &self.port_file
        }

        fn log_file(&self) -> &Path {
            &self.log_file
        }
    }

    async fn start(script: &'static str) -> (tempfile::TempDir, Result<(Supervisor, u16), EngineError>) {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = Arc::new(DataDir::open(folder.path()).unwrap());
        let root = data_dir.root().to_owned();
        let recipe = Script { port_file: root.join("port"), log_file: root.join("script.log"), folder: root, script };
        let started = Supervisor::start(recipe, data_dir).await;
        (folder, started)
    }

    fn alive(process: u32) -> bool {
        Path::new(&format!("/proc/{process}")).exists()
    }

    #[tokio::test]
    async fn runs_comes_back_and_stops() {
        let (folder, started) = start("echo $$ > ready; exec sleep 60").await;
        let (supervisor, port) = started.unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("port")).unwrap(), format!("{port}\n"));
        let first = supervisor.process_id().unwrap();
        child::send(first, libc::SIGKILL);
        while supervisor.process_id().is_none_or(|process| process == first) || supervisor.state() != EngineState::Up {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let second = supervisor.process_id().unwrap();
        assert!(DataDir::open(folder.path()).is_err(), "the folder stays locked while the engine runs");
        supervisor.stop().await;
        assert!(!alive(second));
        DataDir::open(folder.path()).unwrap();
    }

    #[tokio::test]
    async fn one_that_ignores_the_order_is_killed() {
        let (_folder, started) = start("trap '' TERM; echo $$ > ready; while :; do sleep 1; done").await;
        let (supervisor, _) = started.unwrap();
        let process = supervisor.process_id().unwrap();
        supervisor.stop().await;
        assert!(!alive(process));
    }

    #[tokio::test]
    async fn a_taken_port_and_a_busy_folder_are_tried_again() {
        let (_folder, started) = start(
            "echo x >> tries; case $(wc -l < tries) in 1) printf port >&2; exit 1;; 2) printf busy >&2; exit 1;; \
             *) echo $$ > ready; exec sleep 60;; esac",
        )
        .await;
        started.unwrap().0.stop().await;
    }

    #[tokio::test]
    async fn a_failure_tells_the_last_words() {
        let (_folder, started) = start("echo 'no such thing' >&2; exit 3").await;
        let message = started.unwrap_err().to_string();
        assert!(message.contains("no such thing") && message.contains("exit status: 3"), "{message}");
    }

    #[tokio::test]
    async fn dropping_the_handle_ends_it() {
        let (_folder, started) = start("echo $$ > ready; exec sleep 60").await;
        let (supervisor, _) = started.unwrap();
        let process = supervisor.process_id().unwrap();
        drop(supervisor);
        while alive(process) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[test]
    fn backs_off_to_half_a_minute() {
        let waits: Vec<u128> = [0, 1, 2, 8, 9, 40].into_iter().map(|failures| back_off(failures).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 25_600, 30_000, 30_000]);
    }
}
