//! The import of one event file: read -> rows -> events -> store, each on threads of its own.
//!
//! - The file, by its bytes, and the workspace make a node number; that and the line make an event's identity. Batches end
//!   at fixed lines, and the catalog remembers up to which line all is stored or rejected.
//! - An import that was interrupted goes on after that line. Since what follows may be there in part, it is looked up
//!   before it is sent. The rejects file goes on at the length it had.
//! - Repeats are told among the clicks of the file alone: all of it is read again, so they come out the same.
//! - No more than four batches are in memory.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::event::Setting;
use super::input::{Format, InputError, Source};
use super::maker::{Maker, Ready};
use super::names::Names;
use super::record::{Chunk, Splitter};
use super::rejects::{Reject, Rejects};
use super::row::Header;
use crate::calendar::Clock;
use crate::catalog::{self, Catalog, ImportState};
use crate::enrich::Enricher;
use crate::ingest::{Bulk, BulkRepeats, EventStore};

/// Lines of a batch unless asked otherwise.
pub const BATCH_LINES: u64 = 200_000;
/// Reasons that a dry run shows.
const SHOWN_REJECTS: usize = 20;

/// What an import is to do.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Whose events.
    pub setting: Setting,
    /// Where rejected rows go.
    pub rejects: PathBuf,
    /// Say what would happen, and change nothing.
    pub dry_run: bool,
    /// Rows are stored by so many lines at once, at least 1.
    pub batch_lines: u64,
}

/// How far an import is.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of the file that were read.
    pub bytes: Arc<AtomicU64>,
    /// Rows that are stored or rejected.
    pub rows: AtomicU64,
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events stored; of a dry run, those that would be.
    pub stored: u64,
    /// Rows rejected.
    pub rejected: u64,
    /// An earlier run had come to this line.
    pub resumed_after: u64,
    /// Of a dry run the first rejected rows.
    pub first_rejects: Vec<Reject>,
}

/// How an import ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All rows are stored or rejected.
    Done(Summary),
    /// An earlier run had finished; nothing was changed.
    DoneBefore {
        /// Events stored then.
        stored: u64,
        /// Rows rejected then.
        rejected: u64,
    },
}

/// An import that could not go on. Run again it does.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Its first line, or one that the import was told to stop at.
    #[error("{}: {reason}", path.display())]
    Header {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another process is at it.
    #[error("this file is being imported by another process")]
    Held,
    /// The rejects file.
    #[error("cannot write {}: {error}", path.display())]
    Rejects {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Postgres.
    #[error("the catalog: {0}")]
    Catalog(#[from] catalog::Error),
    /// A thread of ours ended.
    #[error("the import broke off; run it again")]
    Broken,
}

/// Imports event files.
pub struct Import<S> {
    /// Where names are looked up and progress is kept.
    pub catalog: Catalog,
    /// Where events go.
    pub store: Arc<S>,
    /// What rows do not say is read by it.
    pub enricher: Arc<Enricher>,
    /// Says when.
    pub clock: Clock,
    /// What to do.
    pub options: ImportOptions,
}

/// Records on their way: those of one batch.
pub(super) struct Read {
    pub chunk: Chunk,
    /// All lines up to this one are in it or before.
    pub through: u64,
}

impl<S: EventStore> Import<S> {
    /// Imports a file.
    ///
    /// # Errors
    /// When it cannot go on. What was stored by then is known, and another run goes on from there.
    pub async fn run(&self, source: &Source, progress: &Progress) -> Result<Outcome, ImportError> {
        let header = blocking({
            let source = source.clone();
            move || first_record(&source)
        })
        .await??;
        let columns = match &header {
            Some(record) => Some(Header::read(record).map_err(|reason| bad_header(source, reason))?),
            None => None,
        };
        let fingerprint = blocking({
            let source = source.clone();
            move || source.fingerprint()
        })
        .await?
        .map_err(|error| unreadable(source, error))?;
        let workspace = self.options.setting.workspace;
        let token = format!("import {fingerprint} into {workspace} as {}", source.format().name());
        let known = self.catalog.import(&token).await?;
        if let Some(outcome) = known.as_ref().and_then(done_before) {
            return Ok(outcome);
        }
        let rejects = |state: &ImportState| {
            let path = &self.options.rejects;
            Rejects::open(path, source.format(), header.clone().unwrap_or_default(), state.rejects_bytes)
        };
        if self.options.dry_run {
            let state = known.unwrap_or_default();
            return self.work(source, columns, state, known.is_some(), None, progress).await;
        }
        let node = self.catalog.register_node(&token).await?;
        let _hold = self.catalog.hold_import(node).await?.ok_or(ImportError::Held)?;
        let name = source.path().display().to_string();
        self.catalog.begin_import(workspace, node, &name, self.clock.now_ms()).await?;
        // Only now is nobody else at it.
        let mut state = self.catalog.import(&token).await?.ok_or(ImportError::Broken)?;
        if let Some(outcome) = done_before(&state) {
            return Ok(outcome);
        }
        let rejects = match rejects(&state) {
            Ok(rejects) => rejects,
            Err(error) if state.rejects_bytes > 0 => {
                // It was moved or cut: everything is looked up again, and rejected again.
                tracing::warn!(%error, "the rejects of the earlier run are gone, the file is gone through from its beginning");
                state = ImportState { node, ..ImportState::default() };
                rejects(&state).map_err(|error| self.unwritable(error))?
            }
            Err(error) => return Err(self.unwritable(error)),
        };
        self.work(source, columns, state, known.is_some(), Some(rejects), progress).await
    }

    /// Goes through the file. `doubtful` when an earlier run may have stored something after `state.through`.
    async fn work(
        &self,
        source: &Source,
        columns: Option<Header>,
        state: ImportState,
        doubtful: bool,
        rejects: Option<Rejects>,
        progress: &Progress,
    ) -> Result<Outcome, ImportError> {
        let (to_rows, mut records) = mpsc::channel::<Result<Read, ImportError>>(1);
        let (to_store, batches) = mpsc::channel::<Result<Ready<S::Packed>, ImportError>>(1);
        let reading = tokio::task::spawn_blocking({
            let (source, bytes) = (source.clone(), Arc::clone(&progress.bytes));
            let (has_header, lines) = (columns.is_some(), self.options.batch_lines.max(1));
            let settled = state.through;
            move || read_all(&source, &bytes, has_header, (lines, settled), &to_rows)
        });
        let mut maker = Maker {
            setting: self.options.setting.clone(),
            columns,
            node: state.node,
            names: Names::new(self.catalog.clone(), self.options.setting.workspace).await?,
            enricher: Arc::clone(&self.enricher),
            repeats: BulkRepeats::default(),
            dry_run: self.options.dry_run,
            threads: std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
            runtime: tokio::runtime::Handle::current(),
        };
        let making = tokio::task::spawn_blocking(move || {
            while let Some(read) = records.blocking_recv() {
                let ready = read.and_then(|read| maker.make(read));
                let failed = ready.is_err();
                if to_store.blocking_send(ready).is_err() || failed {
                    return;
                }
            }
        });
        let stored = self.store_all(batches, state, doubtful, rejects, progress).await;
        // Both end at once when nobody takes what they make.
        let ended = reading.await.and(making.await);
        let summary = stored?;
        ended.map_err(|_| ImportError::Broken)?;
        Ok(Outcome::Done(summary))
    }

    async fn store_all(
        &self,
        mut batches: mpsc::Receiver<Result<Ready<S::Packed>, ImportError>>,
        mut state: ImportState,
        doubtful: bool,
        mut rejects: Option<Rejects>,
        progress: &Progress,
    ) -> Result<Summary, ImportError> {
        let bulk = Bulk::new(Arc::clone(&self.store), state.node);
        let mut summary = Summary { resumed_after: state.through, ..Summary::default() };
        while let Some(ready) = batches.recv().await {
            let Ready { read, events, rejects: mut rejected } = ready?;
            progress.rows.fetch_add(read.chunk.records().len() as u64, Ordering::Relaxed);
            if read.through <= state.through {
                continue;
            }
            let mut stored = events.len() as u64;
            if let Some(file) = &mut rejects {
                for refused in bulk.store(events, doubtful).await {
                    stored -= refused.sequences.len() as u64;
                    let reject = |line| Reject { line, reason: format!("the store refuses it: {}", refused.reason) };
                    rejected.extend(refused.sequences.iter().copied().map(reject));
                }
                rejected.sort_by_key(|reject| reject.line);
                state.rejects_bytes =
                    write_rejects(file, &rejected, &read.chunk).map_err(|error| self.unwritable(error))?;
            } else {
                let room = SHOWN_REJECTS.saturating_sub(summary.first_rejects.len());
                summary.first_rejects.extend(rejected.iter().take(room).cloned());
            }
            state.through = read.through;
            state.stored += stored;
            state.rejected += rejected.len() as u64;
            if rejects.is_some() {
                self.catalog.advance_import(self.options.setting.workspace, &state).await?;
            }
        }
        summary = Summary { stored: state.stored, rejected: state.rejected, ..summary };
        if rejects.is_some() {
            // A file of which nothing could be taken is not done: its links may not have been there yet.
            let is_done = state.stored > 0 || state.rejected == 0;
            state = if is_done {
                ImportState { finished_at_ms: Some(self.clock.now_ms()), ..state }
            } else {
                ImportState { node: state.node, ..ImportState::default() }
            };
            self.catalog.advance_import(self.options.setting.workspace, &state).await?;
        }
        Ok(summary)
    }

    fn unwritable(&self, error: io::Error) -> ImportError {
        ImportError::Rejects { path: self.options.rejects.clone(), error }
    }
}

fn done_before(state: &ImportState) -> Option<Outcome> {
    state.finished_at_ms.map(|_| Outcome::DoneBefore { stored: state.stored, rejected: state.rejected })
}

pub(super) fn unreadable(source: &Source, error: io::Error) -> ImportError {
    InputError::Read { path: source.path().to_owned(), error }.into()
}

pub(super) fn bad_header(source: &Source, reason: String) -> ImportError {
    ImportError::Header { path: source.path().to_owned(), reason }
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ImportError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ImportError::Broken)
}

/// The header of a CSV file, as it is written; `None` for NDJSON.
pub(super) fn first_record(source: &Source) -> Result<Option<Vec<u8>>, ImportError> {
    if source.format() == Format::Ndjson {
        return Ok(None);
    }
    let reader = source.reader(&Arc::default()).map_err(|error| unreadable(source, error))?;
    let chunk =
        Splitter::new(reader, source.format().ending()).next(1, u64::MAX).map_err(|error| unreadable(source, error))?;
    match chunk.records().first() {
        Some(record) => Ok(Some(chunk.bytes(record).to_vec())),
        None => Err(bad_header(source, "the file is empty; CSV begins with a header".to_owned())),
    }
}

/// Reads the whole file, batch by batch, for as long as somebody takes them. One ends after every so many lines, and where
/// an earlier run had come to: it may have been told other batches.
pub(super) fn read_all(
    source: &Source,
    bytes: &Arc<AtomicU64>,
    has_header: bool,
    (lines, settled): (u64, u64),
    take: &mpsc::Sender<Result<Read, ImportError>>,
) {
    let read = || -> io::Result<()> {
        let mut splitter = Splitter::new(source.reader(bytes)?, source.format().ending());
        if has_header {
            splitter.next(1, u64::MAX)?;
        }
        while !splitter.is_done()? {
            let line = splitter.line();
            let mut last = (line - 1) / lines * lines + lines;
            if (line..last).contains(&settled) {
                last = settled;
            }
            let chunk = splitter.next(usize::MAX, last + 1)?;
            let through = chunk.records().last().map_or(last, |record| record.line);
            if take.blocking_send(Ok(Read { chunk, through })).is_err() {
                return Ok(());
            }
        }
        Ok(())
    };
    if let Err(error) = read() {
        // Who does not take it has a failure of their own.
        let _ = take.blocking_send(Err(unreadable(source, error)));
    }
}

pub(super) fn write_rejects(file: &mut Rejects, rejected: &[Reject], chunk: &Chunk) -> io::Result<u64> {
    for reject in rejected {
        let record = chunk.find(reject.line).map_or(&[][..], |record| chunk.bytes(record));
        file.write(reject, record)?;
    }
    file.sync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn batches_end_after_so_many_lines_and_where_an_earlier_run_had_come_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.ndjson");
        std::fs::write(&path, "{}\n".repeat(8)).unwrap();
        let source = Source::open(&path, None).unwrap();
        for (settled, expected) in
            [(0, [3, 6, 8].as_slice()), (3, &[3, 6, 8]), (4, &[3, 4, 6, 8]), (8, &[3, 6, 8]), (90, &[3, 6, 8])]
        {
            let (sender, mut batches) = mpsc::channel(9);
            let source = source.clone();
            blocking(move || read_all(&source, &Arc::default(), false, (3, settled), &sender)).await.unwrap();
            let mut ends = Vec::new();
            while let Some(batch) = batches.recv().await {
                ends.push(batch.unwrap().through);
            }
            assert_eq!(ends, expected, "{settled}");
        }
    }
}
