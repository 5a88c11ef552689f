//! Records of an event file -> events: read, looked up, enriched, repeats marked; a few lines at a time, on several threads.

use std::collections::VecDeque;
use std::sync::Arc;

use super::event::{Draft, Finish, Found, Setting, draft};
use super::field::Agents;
use super::import::{ImportError, Read};
use super::names::Names;
use super::record::{Chunk, Record};
use super::rejects::Reject;
use super::row::{Fields, Header, json_row};
use crate::domain::click_id::EventId;
use crate::domain::event::Event;
use crate::domain::hit::Hit;
use crate::enrich::Enricher;
use crate::ingest::{BulkEvents, BulkRepeats, PackedEvents};

/// Lines of a batch that go through all steps together on a thread: few enough to stay in the processor's cache.
const PART: usize = 256;
/// Parts that are read ahead where new names are asked for.
const AHEAD: usize = 31;

/// A batch on its way to the store.
pub(super) struct Ready<P> {
    pub read: Read,
    pub events: BulkEvents<P>,
    pub rejects: Vec<Reject>,
}

/// Makes events of records.
pub(super) struct Maker {
    pub setting: Setting,
    pub columns: Option<Header>,
    pub node: u16,
    pub names: Names,
    pub enricher: Arc<Enricher>,
    pub repeats: BulkRepeats,
    pub dry_run: bool,
    pub threads: usize,
    pub runtime: tokio::runtime::Handle,
}

impl Maker {
    pub fn make<P: PackedEvents>(&mut self, read: Read) -> Result<Ready<P>, ImportError> {
        let (mut events, mut rejects) = (BulkEvents::default(), Vec::new());
        self.names.forget_in_time();
        let mut parts = read.chunk.records().chunks(PART * self.threads);
        let mut drafted = VecDeque::new();
        loop {
            let mut draft = || Some(self.in_parts(parts.next()?, |records| self.drafts(&read.chunk, records)));
            let Some((drafts, rejected)) = drafted.pop_front().or_else(&mut draft) else { break };
            if self.names.lacks(&drafts) {
                // Where new names are, more are to come: they are asked for together.
                let ahead = AHEAD.saturating_sub(drafted.len());
                drafted.extend(std::iter::from_fn(draft).take(ahead));
                let ahead = drafted.iter().flat_map(|(drafts, _): &(Vec<Draft>, _)| drafts);
                self.runtime.block_on(self.names.learn(drafts.iter().chain(ahead)))?;
            }
            rejects.extend(rejected);
            events.add(self.make_part(drafts, &mut rejects)?);
        }
        self.repeats.sweep();
        Ok(Ready { read, events, rejects })
    }

    /// What comes of some drafts whose links are known.
    fn make_part(&mut self, drafts: Vec<Draft>, rejects: &mut Vec<Reject>) -> Result<Vec<Event>, ImportError> {
        let mut found = Vec::with_capacity(drafts.len());
        for draft in drafts {
            match self.names.find(&draft) {
                Ok(names) => found.push((draft, names)),
                Err(reason) => rejects.push(Reject { line: draft.line, reason }),
            }
        }
        let names = &mut self.names;
        self.runtime.block_on(names.meet_customers(found.iter().map(|(draft, _)| draft), self.dry_run))?;
        let split = |(draft, names): (Draft, Found)| {
            let customer = self.names.customer(&draft);
            draft.split(self.node, Found { customer, ..names })
        };
        let found = found.into_iter().map(split).collect();
        let (mut events, windows) = self.enriched(found);
        self.repeats.mark(&mut events, &windows);
        Ok(events)
    }

    /// Does the parts of a list on several threads; what comes of them, in order.
    fn in_parts<T: Sync, A: Send, B: Send>(
        &self,
        items: &[T],
        work: impl Fn(&[T]) -> (Vec<A>, Vec<B>) + Sync,
    ) -> (Vec<A>, Vec<B>) {
        if self.threads < 2 {
            return work(items);
        }
        let size = items.len().div_ceil(self.threads).max(1);
        let (mut all, mut others) = (Vec::with_capacity(items.len()), Vec::new());
        std::thread::scope(|scope| {
            let parts: Vec<_> = items.chunks(size).map(|part| scope.spawn(|| work(part))).collect();
            for part in parts {
                match part.join() {
                    Ok((some, other)) => {
                        all.extend(some);
                        others.extend(other);
                    }
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        (all, others)
    }

    fn drafts(&self, chunk: &Chunk, records: &[Record]) -> (Vec<Draft>, Vec<Reject>) {
        let (mut fields, mut agents) = (Fields::default(), Agents::default());
        let (mut drafts, mut rejects) = (Vec::with_capacity(records.len()), Vec::new());
        for record in records {
            let (line, bytes) = (record.line, chunk.bytes(record));
            let read = if record.is_cut {
                Err("the row is too long; is there a quote that is never closed?".to_owned())
            } else {
                let row = match &self.columns {
                    Some(columns) => columns.row(&mut fields, bytes),
                    None => json_row(bytes),
                };
                row.and_then(|row| draft(&self.setting, &mut agents, line, &row))
            };
            match read {
                Ok(draft) => drafts.push(draft),
                Err(reason) => rejects.push(Reject { line, reason }),
            }
        }
        (drafts, rejects)
    }

    /// Events with the windows within which they may be repeats.
    fn enriched(&self, found: Vec<((EventId, Hit), Finish)>) -> (Vec<Event>, Vec<(EventId, u32)>) {
        let finish_all = |found: Vec<((EventId, Hit), Finish)>| {
            let mut events = Vec::with_capacity(found.len());
            let mut finishes = Vec::with_capacity(found.len());
            let mut hits = Vec::new();
            for ((id, hit), finish) in found {
                if finish.is_enriched() {
                    events.extend(self.enricher.enrich_batch(std::mem::take(&mut hits)));
                    events.push(self.enricher.unread(id, hit));
                } else {
                    hits.push((id, hit));
                }
                finishes.push(finish);
            }
            events.extend(self.enricher.enrich_batch(hits));
            let mut windows = Vec::with_capacity(events.len());
            for (event, finish) in events.iter_mut().zip(finishes) {
                match finish.finish(&self.enricher, event) {
                    0 => {}
                    secs => windows.push((event.id, secs)),
                }
            }
            (events, windows)
        };
        if self.threads < 2 {
            return finish_all(found);
        }
        let size = found.len().div_ceil(self.threads).max(1);
        let mut parts = Vec::new();
        let mut rest = found;
        while rest.len() > size {
            let tail = rest.split_off(size);
            parts.push(std::mem::replace(&mut rest, tail));
        }
        parts.push(rest);
        let (mut events, mut windows) = (Vec::new(), Vec::new());
        std::thread::scope(|scope| {
            let parts: Vec<_> = parts.into_iter().map(|part| scope.spawn(|| finish_all(part))).collect();
            for part in parts {
                match part.join() {
                    Ok((some, other)) => {
                        events.extend(some);
                        windows.extend(other);
                    }
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        (events, windows)
    }
}
