//! The spool against a modelled disk: random actions, faults and crashes; and random damage.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use super::model::ModelDisk;
use super::reader::Batch;
use super::segment::{self, Scanner, Step};
use super::writer::Writer;
use super::{Disk, Options, Pending, Reader, Spool};

fn folder() -> PathBuf {
    PathBuf::from("spool")
}

fn options(disk: &ModelDisk, segment_bytes: u64) -> Options {
    Options { disk: Arc::new(disk.clone()), segment_bytes, ..Options::new(folder()) }
}

#[derive(Clone, Debug)]
enum Action {
    Append { records: usize, size: usize },
    Round,
    Retire,
    Begin { records: usize },
    Store,
    Advance { chain: usize },
    FailSyncs(Vec<bool>),
    DiskFull { room: u64 },
    DiskFree,
    PowerOffAfter(u64),
    Crash(u64),
    Kill(u64),
    Close,
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => (1usize..4, 1usize..120).prop_map(|(records, size)| Action::Append { records, size }),
        8 => Just(Action::Round),
        1 => Just(Action::Retire),
        4 => (1usize..12).prop_map(|records| Action::Begin { records }),
        4 => Just(Action::Store),
        4 => (0usize..12).prop_map(|chain| Action::Advance { chain }),
        2 => prop::collection::vec(any::<bool>(), 1..5).prop_map(Action::FailSyncs),
        1 => (0u64..300).prop_map(|room| Action::DiskFull { room }),
        2 => Just(Action::DiskFree),
        2 => (0u64..12).prop_map(Action::PowerOffAfter),
        2 => any::<u64>().prop_map(Action::Crash),
        2 => any::<u64>().prop_map(Action::Kill),
        1 => Just(Action::Close),
    ]
}

type Records = Vec<(u64, Vec<u8>)>;

fn records(batch: &Batch) -> Records {
    batch.iter().map(|(sequence, payload)| (sequence, payload.to_vec())).collect()
}

/// The spool, and what the world outside knows about it.
struct World {
    disk: ModelDisk,
    segment_bytes: u64,
    open: Option<(Spool, Reader, Writer)>,
    given: BTreeMap<u64, Vec<u8>>,
    waiting: Vec<Pending>,
    acknowledged: BTreeSet<u64>,
    /// Batches by their range, as they were first cut.
    cut: BTreeMap<(u64, u64), Records>,
    held: Option<(Records, u64)>,
    held_is_stored: bool,
    tokens: BTreeSet<(u64, u64)>,
    warehouse: BTreeMap<u64, Vec<u8>>,
}

impl World {
    fn new(segment_bytes: u64) -> Self {
        let mut world = Self {
            disk: ModelDisk::default(),
            segment_bytes,
            open: None,
            given: BTreeMap::new(),
            waiting: vec![],
            acknowledged: BTreeSet::new(),
            cut: BTreeMap::new(),
            held: None,
            held_is_stored: false,
            tokens: BTreeSet::new(),
            warehouse: BTreeMap::new(),
        };
        world.start();
        world
    }

    fn start(&mut self) {
        let (spool, mut reader, writer) = Spool::open_stopped(options(&self.disk, self.segment_bytes)).unwrap();
        self.held = None;
        if let Some((first, last)) = spool.checkpoint().in_flight {
            let records = records(&reader.read_through(last).unwrap());
            assert_eq!(Some(&records), self.cut.get(&(first, last)), "the batch in flight is cut as before");
            self.held_is_stored = self.tokens.contains(&(first, last));
            self.held = Some((records, last));
        }
        self.open = Some((spool, reader, writer));
    }

    fn crash(&mut self, seed: u64) {
        self.acknowledge();
        // First the power, then the process, so that nothing is put in order at the end.
        self.disk.power_off_after(0);
        self.open = None;
        self.waiting.clear();
        self.disk.crash(seed);
        if seed.is_multiple_of(3) {
            // The power goes again while the spool is opened.
            self.disk.power_off_after(seed % 37);
            drop(Spool::open_stopped(options(&self.disk, self.segment_bytes)));
            self.disk.power_off_after(0);
            self.disk.crash(seed + 1);
        }
        self.start();
    }

    fn kill(&mut self, seed: u64) {
        self.acknowledge();
        self.disk.power_off_after(0);
        self.open = None;
        self.waiting.clear();
        self.disk.kill(seed);
        self.start();
    }

    fn acknowledge(&mut self) {
        self.waiting.retain(|pending| match pending.outcome() {
            Some(outcome) => {
                if outcome.is_ok() {
                    self.acknowledged.extend(pending.sequence()..=pending.last());
                }
                false
            }
            None => true,
        });
    }

    fn hold(&mut self, batch: &Batch) {
        let records = records(batch);
        if let Some(range) = batch.range() {
            for (sequence, payload) in &records {
                assert_eq!(self.given.get(sequence), Some(payload), "what is read was appended under this sequence");
            }
            let earlier = self.cut.insert(range, records.clone());
            assert!(earlier.is_none_or(|earlier| earlier == records), "one range, one content");
        }
        self.held = Some((records, batch.through));
        self.held_is_stored = false;
    }

    fn store(&mut self) {
        let Some((records, _)) = &self.held else { return };
        if let (Some(first), Some(last)) = (records.first(), records.last())
            && self.tokens.insert((first.0, last.0))
        {
            for (sequence, payload) in records {
                let double = self.warehouse.insert(*sequence, payload.clone());
                assert!(double.is_none(), "record {sequence} is stored twice");
            }
        }
        self.held_is_stored = true;
    }

    fn act(&mut self, action: Action) {
        let Some((spool, reader, writer)) = &mut self.open else { return };
        match action {
            Action::Append { records, size } => {
                let from = self.given.len();
                let payloads: Vec<Vec<u8>> =
                    (from..from + records).map(|number| format!("{number:0size$}").into_bytes()).collect();
                if let Ok(pending) = spool.append_many(&payloads) {
                    for (sequence, payload) in (pending.sequence()..=pending.last()).zip(payloads) {
                        assert!(self.given.insert(sequence, payload).is_none(), "sequence {sequence} is given twice");
                    }
                    self.waiting.push(pending);
                }
            }
            Action::Round => {
                writer.round();
                let _ = spool.handle.shared.reserve_in_time();
                self.acknowledge();
            }
            Action::Retire => writer.retire(),
            Action::Begin { records } => {
                if self.held.is_none()
                    && let Ok(batch) = reader.read(records, usize::MAX)
                    && let Some((first, last)) = batch.range()
                {
                    let begun = spool.begin(first, last);
                    self.hold(&batch);
                    if begun.is_err() {
                        // Nobody may store it now; a restart is what this model does about it.
                        self.crash(first);
                    }
                }
            }
            Action::Store => self.store(),
            Action::Advance { chain } => {
                if let Some((_, through)) = self.held.as_ref().filter(|_| self.held_is_stored) {
                    let through = *through;
                    let next = if chain > 0 { reader.read(chain, usize::MAX).ok() } else { None };
                    let next = next.filter(|batch| !batch.is_empty());
                    if spool.advance(through, next.as_ref().and_then(Batch::range)).is_ok() {
                        self.held = None;
                    }
                    let advanced = self.held.is_none();
                    if let Some(batch) = next {
                        self.hold(&batch);
                    }
                    if !advanced {
                        self.crash(through);
                    }
                }
            }
            Action::FailSyncs(failing) => self.disk.fail_syncs(failing),
            Action::DiskFull { room } => self.disk.limit(Some(self.disk.used() + room)),
            Action::DiskFree => self.disk.limit(None),
            Action::PowerOffAfter(operations) => self.disk.power_off_after(operations),
            Action::Crash(seed) => self.crash(seed),
            Action::Kill(seed) => self.kill(seed),
            Action::Close => {
                spool.close();
                if let Some((spool, reader, mut writer)) = self.open.take() {
                    writer.round();
                    writer.finish();
                    self.acknowledge();
                    drop((spool, reader));
                }
                if self.disk.is_failing() {
                    self.disk.crash(7);
                }
                self.waiting.clear();
                self.disk.fail_syncs(vec![]);
                self.start();
            }
        }
    }

    /// Everything that was acknowledged reaches the warehouse once the disk behaves.
    fn settle(mut self, seed: u64) {
        self.acknowledge();
        self.disk.limit(None);
        self.crash(seed);
        loop {
            self.store();
            let Some((spool, reader, _)) = &mut self.open else { return };
            if let Some((_, through)) = self.held.take() {
                spool.advance(through, None).unwrap();
            }
            let batch = reader.read(5, usize::MAX).unwrap();
            assert_eq!(batch.damage.iter().map(|damage| damage.records).sum::<u64>(), 0, "{:?}", batch.damage);
            let Some((first, last)) = batch.range() else { break };
            spool.begin(first, last).unwrap();
            self.hold(&batch);
        }
        for sequence in &self.acknowledged {
            assert_eq!(self.warehouse.get(sequence), self.given.get(sequence), "record {sequence} was acknowledged");
        }
        // All stored, so nothing but the newest segment is left, and an orderly end removes that too.
        let Some((spool, _, writer)) = self.open.take() else { return };
        writer.finish();
        drop(spool);
        let left: Vec<PathBuf> = self.disk.paths().into_iter().filter(|path| path.extension().is_some()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_acknowledged_is_lost_or_doubled(
        segment_bytes in 60u64..600,
        actions in prop::collection::vec(any_action(), 1..80),
        seed: u64,
    ) {
        let mut world = World::new(segment_bytes);
        for action in actions {
            world.act(action);
        }
        world.settle(seed);
    }
}

#[derive(Clone, Debug)]
enum Harm {
    Flip { file: prop::sample::Index, place: prop::sample::Index, with: u8 },
    Overwrite { file: prop::sample::Index, place: prop::sample::Index, with: Vec<u8> },
    Cut { file: prop::sample::Index, place: prop::sample::Index },
    Missing { file: prop::sample::Index },
    Swap { one: prop::sample::Index, other: prop::sample::Index },
    Garbage { first: u64, bytes: Vec<u8> },
    NewerVersion { first: u64 },
    Stray,
    CheckpointFlip { place: u64, with: u8 },
    CheckpointLost,
}

fn any_harm() -> impl Strategy<Value = Harm> {
    use prop::sample::Index;
    let bytes = || prop::collection::vec(any::<u8>(), 0..150);
    prop_oneof![
        4 => (any::<Index>(), any::<Index>(), 1u8..).prop_map(|(file, place, with)| Harm::Flip { file, place, with }),
        2 => (any::<Index>(), any::<Index>(), bytes())
            .prop_map(|(file, place, with)| Harm::Overwrite { file, place, with }),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(file, place)| Harm::Cut { file, place }),
        2 => any::<Index>().prop_map(|file| Harm::Missing { file }),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Harm::Swap { one, other }),
        1 => (1u64..200, bytes()).prop_map(|(first, bytes)| Harm::Garbage { first, bytes }),
        1 => (1u64..200).prop_map(|first| Harm::NewerVersion { first }),
        1 => Just(Harm::Stray),
        1 => (0u64..8_192, 1u8..).prop_map(|(place, with)| Harm::CheckpointFlip { place, with }),
        1 => Just(Harm::CheckpointLost),
    ]
}

fn segments(disk: &ModelDisk) -> Vec<PathBuf> {
    let name = |path: &Path| path.file_name().and_then(|name| segment::parse_name(name.to_str()?));
    disk.paths().into_iter().filter(|path| name(path).is_some()).collect()
}

fn harm(disk: &ModelDisk, harm: Harm) {
    let files = segments(disk);
    let pick = |file: prop::sample::Index| (!files.is_empty()).then(|| files[file.index(files.len())].clone());
    let checkpoint = folder().join("checkpoint");
    match harm {
        Harm::Flip { file, place, with } => {
            if let Some(path) = pick(file) {
                let length = disk.bytes(&path).unwrap().len();
                disk.damage(&path, place.index(length.max(1)) as u64, with);
            }
        }
        Harm::Overwrite { file, place, with } => {
            if let Some(path) = pick(file) {
                let mut bytes = disk.bytes(&path).unwrap();
                let from = place.index(bytes.len() + 1);
                let to = (from + with.len()).min(bytes.len());
                bytes.splice(from..to, with);
                disk.put(&path, Some(bytes));
            }
        }
        Harm::Cut { file, place } => {
            if let Some(path) = pick(file) {
                let mut bytes = disk.bytes(&path).unwrap();
                bytes.truncate(place.index(bytes.len() + 1));
                disk.put(&path, Some(bytes));
            }
        }
        Harm::Missing { file } => {
            if let Some(path) = pick(file) {
                disk.put(&path, None);
            }
        }
        Harm::Swap { one, other } => {
            if let (Some(one), Some(other)) = (pick(one), pick(other)) {
                let (first, second) = (disk.bytes(&one), disk.bytes(&other));
                disk.put(&one, second);
                disk.put(&other, first);
            }
        }
        Harm::Garbage { first, bytes } => {
            let path = folder().join(segment::name(first));
            if disk.bytes(&path).is_none() {
                disk.put(&path, Some(bytes));
            }
        }
        Harm::NewerVersion { first } => {
            let mut bytes = segment::header(first, first - 1).to_vec();
            bytes[8] = 9;
            let checksum = crc32fast::hash(&bytes[..32]);
            bytes[32..].copy_from_slice(&checksum.to_le_bytes());
            let path = folder().join(segment::name(first));
            if disk.bytes(&path).is_none() {
                disk.put(&path, Some(bytes));
            }
        }
        Harm::Stray => disk.put(&folder().join("notes.txt"), Some(b"hello".to_vec())),
        Harm::CheckpointFlip { place, with } => disk.damage(&checkpoint, place, with),
        Harm::CheckpointLost => disk.put(&checkpoint, None),
    }
}

/// Sequences of all records that are whole in any segment file.
fn whole_records(disk: &ModelDisk) -> BTreeSet<u64> {
    let mut whole = BTreeSet::new();
    for path in segments(disk) {
        let length = disk.bytes(&path).unwrap().len() as u64;
        let mut scanner = Scanner::new(disk.open(&path).unwrap(), 0);
        loop {
            let size = match scanner.step(length).unwrap() {
                Step::Record { sequence, size, .. } => {
                    whole.insert(sequence);
                    size
                }
                Step::Bad { .. } => 0,
                Step::End => break,
            };
            scanner.pass(size);
        }
    }
    whole
}

fn read_all(reader: &mut Reader) -> (Records, u64, bool) {
    let (mut all, mut lost, mut damaged) = (vec![], 0, false);
    loop {
        let batch = reader.read(3, usize::MAX).unwrap();
        lost += batch.damage.iter().map(|damage| damage.records).sum::<u64>();
        damaged |= !batch.damage.is_empty();
        if batch.is_empty() {
            return (all, lost, damaged);
        }
        all.extend(records(&batch));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    /// Whatever happens to the files: a start succeeds, every record that is still whole is read once and in order,
    /// nothing else is, what is lost is counted, and no sequence comes twice.
    #[test]
    fn damage_costs_only_what_it_touches(
        segment_bytes in 60u64..400,
        rounds in prop::collection::vec(prop::collection::vec(1usize..60, 1..5), 1..12),
        stored in 0u64..20,
        orderly: bool,
        harms in prop::collection::vec(any_harm(), 1..3),
    ) {
        let disk = ModelDisk::default();
        let (spool, _, mut writer) = Spool::open_stopped(options(&disk, segment_bytes)).unwrap();
        let mut given = BTreeMap::new();
        for sizes in rounds {
            for size in sizes {
                let payload = vec![given.len() as u8; size];
                given.insert(spool.append(&payload).unwrap().sequence(), payload);
            }
            writer.round();
        }
        let last = *given.keys().last().unwrap();
        let stored = stored.min(last);
        spool.advance(stored, None).unwrap();
        if orderly {
            spool.close();
            writer.finish();
        } else {
            disk.power_off_after(0);
            drop(writer);
        }
        drop(spool);
        disk.crash(1);

        let lost_segments = harms.iter().any(|harm| matches!(harm, Harm::Missing { .. } | Harm::Cut { .. }));
        let lost_checkpoint = harms.iter().any(|harm| matches!(harm, Harm::CheckpointLost));
        for one in harms {
            harm(&disk, one);
        }
        let whole = whole_records(&disk);
        let (spool, mut reader, mut writer) = Spool::open_stopped(options(&disk, segment_bytes)).unwrap();
        let checkpoint = spool.checkpoint();
        let from = if lost_checkpoint { 0 } else { checkpoint.stored_through };
        prop_assert!(from <= stored);
        let expected: Vec<(u64, Vec<u8>)> =
            whole.into_iter().filter(|&sequence| sequence > from).map(|one| (one, given[&one].clone())).collect();
        let (found, lost, damaged) = read_all(&mut reader);
        prop_assert_eq!(&found, &expected);
        if lost_checkpoint && !found.is_empty() {
            prop_assert!(checkpoint.doubt_through >= found[found.len() - 1].0);
        }
        // A loss between two records that were read cannot go unseen.
        let gaps: u64 = found.windows(2).map(|pair| pair[1].0 - pair[0].0 - 1).sum();
        prop_assert!(lost >= gaps, "{} lost, {} gaps", lost, gaps);
        prop_assert!(damaged || gaps == 0);

        if !(lost_checkpoint && lost_segments) {
            let pending = spool.append(b"new").unwrap();
            prop_assert!(pending.sequence() > last);
            writer.round();
            prop_assert_eq!(read_all(&mut reader).0, vec![(pending.sequence(), b"new".to_vec())]);
        }
        // And the start after it.
        drop((spool, reader, writer));
        let (_, mut reader, _writer) = Spool::open_stopped(options(&disk, segment_bytes)).unwrap();
        prop_assert!(read_all(&mut reader).0.len() >= found.len());
    }
}
