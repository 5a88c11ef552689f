//! What a process takes, as the kernel tells it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

/// Between two looks at a process.
const TICK: Duration = Duration::from_millis(20);

/// What a process has taken of processors so far, in seconds.
pub fn cpu_secs(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in brackets, may hold blanks; user and system time are fields 14 and 15.
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: f64 = after_name.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    // SAFETY: no memory is involved.
    let a_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Ok(ticks / a_second as f64)
}

/// The processes that a process has started.
pub fn children(process: u32) -> anyhow::Result<Vec<u32>> {
    let mut found = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let list = std::fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        found.extend(list.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    Ok(found)
}

/// The embedded ClickHouse of a running program.
pub fn clickhouse(process: u32) -> anyhow::Result<u32> {
    let is_clickhouse = |&child: &u32| {
        let line = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        line.split(|&byte| byte == 0).any(|word| word == b"engine-clickhouse")
    };
    children(process)?.into_iter().find(is_clickhouse).context("the program runs no ClickHouse")
}

/// Waits until a process has little to do, such as merging what was inserted; half a minute at most.
pub async fn quiet(process: u32) -> anyhow::Result<()> {
    let (began, look) = (Instant::now(), Duration::from_millis(500));
    let mut before = cpu_secs(process)?;
    while began.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(look).await;
        let now = cpu_secs(process)?;
        if now - before < look.as_secs_f64() * 0.15 {
            break;
        }
        before = now;
    }
    Ok(())
}

/// A process that does nothing until this is dropped.
pub struct Halted(libc::pid_t);

impl Halted {
    /// Halts a process.
    pub fn new(process: u32) -> anyhow::Result<Self> {
        let process = libc::pid_t::try_from(process)?;
        // SAFETY: no memory is involved.
        unsafe { libc::kill(process, libc::SIGSTOP) };
        Ok(Self(process))
    }
}

impl Drop for Halted {
    fn drop(&mut self) {
        // SAFETY: no memory is involved.
        unsafe { libc::kill(self.0, libc::SIGCONT) };
    }
}

/// Memory of a process that is in use, in megabytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// All of it.
    pub resident: f64,
    /// Its own.
    pub anonymous: f64,
    /// Pages of files that it has mapped, its program among them.
    pub files: f64,
}

impl Memory {
    /// What it is now.
    pub fn of(process: u32) -> anyhow::Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let line = |name| megabytes(&status, name);
        Ok(Self { resident: line("VmRSS:")?, anonymous: line("RssAnon:")?, files: line("RssFile:")? })
    }
}

/// The most that a process has held since [`forget_peak`], in megabytes.
pub fn peak_mb(process: u32) -> anyhow::Result<f64> {
    megabytes(&std::fs::read_to_string(format!("/proc/{process}/status"))?, "VmHWM:")
}

/// The peak is what the process holds now.
pub fn forget_peak(process: u32) -> anyhow::Result<()> {
    Ok(std::fs::write(format!("/proc/{process}/clear_refs"), "5")?)
}

fn megabytes(status: &str, name: &str) -> anyhow::Result<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}

/// Looks at a process's memory again and again.
pub struct MemoryWatch {
    stop: Arc<AtomicBool>,
    watching: JoinHandle<Memory>,
}

impl MemoryWatch {
    /// Begins.
    pub fn start(process: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let watching = std::thread::spawn(move || {
            let mut most = Memory::default();
            while !stopped.load(Ordering::Relaxed) {
                if let Ok(now) = Memory::of(process)
                    && now.resident > most.resident
                {
                    most = now;
                }
                std::thread::sleep(TICK);
            }
            most
        });
        Self { stop, watching }
    }

    /// Ends: what was in use when it was most.
    pub fn most(self) -> anyhow::Result<Memory> {
        self.stop.store(true, Ordering::Relaxed);
        self.watching.join().map_err(|_| anyhow!("the watch ended early"))
    }
}
