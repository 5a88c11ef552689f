//! The way of events, from the spool's folder to ClickHouse, put together for a server or for one command.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Stores;
use crate::calendar::Clock;
use crate::config::{IngestConfig, PlacesConfig};
use crate::engines;
use crate::enrich::{EnrichOptions, Enricher, Geo, GeoError};
use crate::ingest::{Drain, DrainOptions, Ingest};
use crate::spool::{self, Disk, Reader, RealDisk, Status};

/// How long the drain may go on at the end; what is left goes out at the next start.
const DRAIN_GRACE: Duration = Duration::from_secs(2);

/// How far the drain's threads yield to the others, as in `nice`.
const DRAIN_NICENESS: libc::c_int = 10;

/// The pause before a drain that failed begins again.
const DRAIN_AGAIN: Duration = Duration::from_secs(2);

/// The folder of the spool.
pub fn spool_folder(places: &PlacesConfig, given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| places.data_dir.join("spool"), Path::to_owned)
}

/// Opens the geo files named in the settings, and those that were fetched when the named ones know no places; reads from
/// disk.
///
/// # Errors
/// When a file cannot be read as one.
pub fn find_geo(places: &PlacesConfig) -> Result<Geo, GeoError> {
    let named = Geo::open(&places.geo_files)?;
    if named.knows_places() {
        return Ok(named);
    }
    let mut files = places.geo_files.clone();
    files.extend(engines::geo_files(places.engines_dir.as_deref()));
    Geo::open(&files)
}

/// Opens the geo files as [`find_geo`] does, and says what is to be said of them.
///
/// # Errors
/// When a file cannot be read as one.
pub fn open_geo(places: &PlacesConfig) -> anyhow::Result<Geo> {
    let geo = find_geo(places)?;
    if !geo.knows_places() {
        tracing::warn!("no geo file: countries and cities will be unknown; name one with --geo-file");
    }
    for attribution in geo.attribution() {
        tracing::info!("{} ({})", attribution.text, attribution.url);
    }
    Ok(geo)
}

/// The way of events from a spool in `folder` to ClickHouse.
///
/// # Errors
/// When the spool cannot be opened or a store does not answer.
pub async fn start_ingest(
    stores: &Stores,
    config: &IngestConfig,
    folder: PathBuf,
    geo: Geo,
    clock: Clock,
) -> anyhow::Result<(Ingest, Arc<Enricher>, Draining)> {
    let node = stores.catalog.register_node(&node_token(&folder)?).await?;
    let visitor_secret = stores.catalog.secret("visitor").await?;
    let enricher = Arc::new(Enricher::new(EnrichOptions { geo, visitor_secret }));
    let stored_through = {
        let folder = folder.clone();
        tokio::task::spawn_blocking(move || Status::read(&folder)).await?.ok().and_then(|status| status.stored_through)
    };
    let known_to_store = stores
        .warehouse
        .last_sequence(node, stored_through.unwrap_or(0))
        .await
        .context("ClickHouse cannot tell which events of this spool it holds")?;
    let (ingest, reader) = tokio::task::spawn_blocking({
        let config = config.clone();
        move || Ingest::open(&config, &folder, node, known_to_store)
    })
    .await?
    .context("the spool cannot be opened")?;
    let options = DrainOptions { stop_within: DRAIN_GRACE, ..DrainOptions::from(config) };
    let store = Arc::new(stores.warehouse.apart()?);
    let shutdown = CancellationToken::new();
    let begin = {
        let (ingest, enricher, shutdown) = (ingest.clone(), Arc::clone(&enricher), shutdown.clone());
        move |reader: Reader| {
            let enricher = Arc::clone(&enricher);
            let enrich = move |hits| enricher.enrich_batch(hits);
            let (ingest, store) = (ingest.clone(), Arc::clone(&store));
            tokio::spawn(
                Drain::new(ingest, reader, store, enrich, clock.clone(), options.clone()).run(shutdown.clone()),
            )
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("drain")
        .on_thread_start(step_back)
        .enable_all()
        .build()?;
    let task = runtime.spawn(keep_draining(ingest.clone(), reader, shutdown.clone(), begin));
    Ok((ingest.clone(), enricher, Draining { ingest, shutdown, task, runtime: Some(runtime) }))
}

/// Has this thread yield to those that answer visitors where both want the processor.
fn step_back() {
    // SAFETY: no memory is involved. On Linux it concerns the calling thread alone; without effect nothing is lost.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, DRAIN_NICENESS);
    }
}

/// Begins the drain again when it panics: what was under way is then in doubt, as after a crash, and looked up. A panic of
/// ours must not let clicks pile up unseen until the next start.
async fn keep_draining(
    ingest: Ingest,
    mut reader: Reader,
    shutdown: CancellationToken,
    begin: impl Fn(Reader) -> JoinHandle<()>,
) {
    while let Err(error) = begin(reader).await {
        tracing::error!(%error, "the drain failed and begins again");
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(DRAIN_AGAIN) => {}
        }
        reader = ingest.spool().reader();
    }
}

/// A drain at work, on threads of its own: a batch takes the processor for tens of milliseconds at a time, and no visitor
/// must wait behind it.
pub struct Draining {
    ingest: Ingest,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

/// A runtime must not wait for its threads where others are being served.
impl Drop for Draining {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Draining {
    /// Closes the spool, so that nothing more is accepted and all is on disk, and stores what can be stored in time.
    pub async fn stop(mut self) {
        let spool = self.ingest.spool().clone();
        // Waits for a sync.
        let closed = tokio::task::spawn_blocking(move || spool.close()).await;
        self.shutdown.cancel();
        if let Err(error) = closed.and((&mut self.task).await) {
            tracing::error!(%error, "the drain failed");
        }
    }
}

/// The name under which a spool's folder is known to the catalog: made once, so that a folder keeps its node number and
/// another folder never gets it.
fn node_token(folder: &Path) -> anyhow::Result<String> {
    let file = folder.join(spool::OWNER);
    RealDisk.make_folder(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    match std::fs::read_to_string(&file) {
        Ok(token) if !token.trim().is_empty() => Ok(token.trim().to_owned()),
        Ok(_) => {
            anyhow::bail!("{} is empty: restore it, or move the spool away and start with another one", file.display())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut random = [0u8; 16];
            getrandom::fill(&mut random)?;
            let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            keep_token(folder, &token).with_context(|| format!("cannot write {}", file.display()))?;
            Ok(token)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// Writes the token so that it is there whole or not at all.
fn keep_token(folder: &Path, token: &str) -> std::io::Result<()> {
    let fresh = folder.join(format!("{}.new", spool::OWNER));
    match RealDisk.remove(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = RealDisk.create(&fresh)?;
    file.write_at(token.as_bytes(), 0)?;
    file.sync()?;
    RealDisk.rename(&fresh, &folder.join(spool::OWNER))?;
    RealDisk.sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_drain_that_panics_begins_again() {
        let folder = tempfile::tempdir().unwrap();
        let (ingest, reader) = Ingest::open(&IngestConfig::default(), folder.path(), 1, 0).unwrap();
        let begun = Arc::new(AtomicU32::new(0));
        let begin = {
            let begun = Arc::clone(&begun);
            move |_reader: Reader| {
                let first = begun.fetch_add(1, Ordering::Relaxed) == 0;
                tokio::spawn(async move { assert!(!first, "the first one goes wrong") })
            }
        };
        keep_draining(ingest, reader, CancellationToken::new(), begin).await;
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_folder_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let token = node_token(folder.path()).unwrap();
        assert_eq!(node_token(folder.path()).unwrap(), token);
        std::fs::write(folder.path().join(spool::OWNER), "").unwrap();
        assert!(node_token(folder.path()).is_err());
    }
}
