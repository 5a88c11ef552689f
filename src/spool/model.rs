//! A disk in memory that forgets what was not synced, for tests: see [`super::disk`] for what it may do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::disk::{Disk, DiskFile};

/// A handle on the modelled disk; clones share it.
#[derive(Clone, Default)]
pub(crate) struct ModelDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    unsynced_names: Vec<(PathBuf, NameChange)>,
    locked: BTreeSet<PathBuf>,
    capacity: Option<u64>,
    operations_left: Option<u64>,
    failing_syncs: VecDeque<bool>,
    /// Open files of an earlier life are dead.
    life: u64,
}

#[derive(Clone)]
enum NameChange {
    Link(usize),
    Unlink,
    Rename(PathBuf, usize),
}

#[derive(Clone, Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone)]
struct Change {
    what: Content,
    /// A sync of it failed: later syncs say nothing about it.
    limbo: bool,
}

#[derive(Clone)]
enum Content {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

/// Small and repeatable; quality does not matter here.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }
}

fn apply(bytes: &mut Vec<u8>, what: &Content) {
    match what {
        Content::Write(offset, data) => {
            if bytes.len() < offset + data.len() {
                bytes.resize(offset + data.len(), 0);
            }
            bytes[*offset..offset + data.len()].copy_from_slice(data);
        }
        Content::Truncate(length) => bytes.truncate(*length),
    }
}

impl Inode {
    fn sync(&mut self) {
        let mut limbo: Vec<Change> = Vec::new();
        for change in std::mem::take(&mut self.unsynced) {
            if change.limbo {
                limbo.push(change);
                continue;
            }
            apply(&mut self.durable, &change.what);
            // What was synced over bytes in limbo is no longer in doubt.
            for doubtful in &mut limbo {
                if let Content::Write(offset, data) = &mut doubtful.what {
                    match &change.what {
                        Content::Write(start, new) => {
                            let (from, to) = ((*offset).max(*start), (*offset + data.len()).min(start + new.len()));
                            if from < to {
                                data[from - *offset..to - *offset].copy_from_slice(&new[from - start..to - start]);
                            }
                        }
                        Content::Truncate(length) => data.truncate(length.saturating_sub(*offset)),
                    }
                }
            }
        }
        self.unsynced = limbo;
    }

    fn crash(&mut self, dice: &mut Dice) {
        for change in std::mem::take(&mut self.unsynced) {
            match (dice.roll(5), change.what) {
                (0 | 1, _) => {}
                (2, Content::Write(offset, data)) => {
                    let kept = dice.roll(data.len() as u64 + 1) as usize;
                    apply(&mut self.durable, &Content::Write(offset, data[..kept].to_vec()));
                }
                // The new length arrived, the bytes did not.
                (3, Content::Write(offset, data)) => {
                    let zeros = (offset + data.len()).saturating_sub(self.durable.len());
                    apply(&mut self.durable, &Content::Write(offset + data.len() - zeros, vec![0; zeros]));
                }
                (_, what) => apply(&mut self.durable, &what),
            }
        }
        self.now = self.durable.clone();
    }
}

fn apply_name(names: &mut BTreeMap<PathBuf, usize>, path: &Path, change: &NameChange) {
    match change {
        NameChange::Link(inode) => {
            names.insert(path.to_owned(), *inode);
        }
        NameChange::Unlink => {
            names.remove(path);
        }
        NameChange::Rename(to, inode) => {
            names.remove(path);
            names.insert(to.clone(), *inode);
        }
    }
}

impl State {
    /// Counts one operation; an error once the power is off.
    fn operate(&mut self) -> io::Result<()> {
        match &mut self.operations_left {
            None => Ok(()),
            Some(0) => Err(io::Error::other("power is off")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn used(&self) -> u64 {
        self.names.values().map(|&inode| self.inodes[inode].now.len() as u64).sum()
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change_name(&mut self, path: &Path, change: NameChange) {
        apply_name(&mut self.names, path, &change);
        self.unsynced_names.push((path.to_owned(), change));
    }
}

impl ModelDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// All space that there is, in bytes; `None` for no limit.
    pub fn limit(&self, capacity: Option<u64>) {
        self.state().capacity = capacity;
    }

    /// Bytes in files.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// Whether each of the next syncs fails; those after succeed.
    pub fn fail_syncs(&self, failing: Vec<bool>) {
        self.state().failing_syncs = failing.into();
    }

    /// After so many operations all others fail until the [`crash`](Self::crash).
    pub fn power_off_after(&self, operations: u64) {
        self.state().operations_left = Some(operations);
    }

    /// Whether the power is off or about to go off.
    pub fn is_failing(&self) -> bool {
        self.state().operations_left.is_some()
    }

    /// Loses what chance wills of everything that was not synced; then the power is on again and nothing is open.
    pub fn crash(&self, seed: u64) {
        let mut state = self.state();
        let dice = &mut Dice(seed);
        for inode in &mut state.inodes {
            inode.crash(dice);
        }
        let mut names = state.durable_names.clone();
        for (path, change) in std::mem::take(&mut state.unsynced_names) {
            if dice.roll(2) == 0 {
                apply_name(&mut names, &path, &change);
            }
        }
        state.durable_names = names.clone();
        state.names = names;
        state.locked.clear();
        state.operations_left = None;
        state.failing_syncs.clear();
        state.life += 1;
    }

    /// The process ends and the system goes on: nothing is lost, nothing is synced, nothing is open. What a failed sync left
    /// in doubt is lost by chance, as in a [`crash`](Self::crash): nobody could tell it from what can be synced later.
    pub fn kill(&self, seed: u64) {
        let doubtful = self.state().inodes.iter().any(|inode| inode.unsynced.iter().any(|change| change.limbo));
        if doubtful {
            return self.crash(seed);
        }
        let mut state = self.state();
        state.locked.clear();
        state.operations_left = None;
        state.failing_syncs.clear();
        state.life += 1;
    }

    /// Paths of all files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    /// A file's bytes.
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(path).map(|&inode| state.inodes[inode].now.clone())
    }

    /// Puts a file there, durably; `None` takes it away.
    pub fn put(&self, path: &Path, bytes: Option<Vec<u8>>) {
        let mut state = self.state();
        let Some(bytes) = bytes else {
            state.names.remove(path);
            state.durable_names.remove(path);
            return;
        };
        let inode = state.inodes.len();
        state.inodes.push(Inode { now: bytes.clone(), durable: bytes, unsynced: Vec::new() });
        state.names.insert(path.to_owned(), inode);
        state.durable_names.insert(path.to_owned(), inode);
    }

    /// Flips bits of one byte of a file, if it is that long.
    pub fn damage(&self, path: &Path, offset: u64, with: u8) {
        if let Some(mut bytes) = self.bytes(path)
            && let Some(byte) = bytes.get_mut(offset as usize)
        {
            *byte ^= with;
            self.put(path, Some(bytes));
        }
    }

    fn file(&self, inode: usize) -> Box<dyn DiskFile> {
        Box::new(ModelFile { disk: self.clone(), inode, life: self.state().life })
    }
}

impl Disk for ModelDisk {
    fn make_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, u64)>> {
        let mut state = self.state();
        state.operate()?;
        let inside = state.names.iter().filter(|(path, _)| path.parent() == Some(folder));
        Ok(inside
            .map(|(path, &inode)| {
                (path.file_name().unwrap().to_str().unwrap().to_owned(), state.inodes[inode].now.len() as u64)
            })
            .collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.operate()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if state.capacity.is_some_and(|capacity| state.used() >= capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change_name(path, NameChange::Link(inode));
        drop(state);
        Ok(self.file(inode))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.operate()?;
        let inode = state.find(path)?;
        drop(state);
        Ok(self.file(inode))
    }

    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        let inode = state.find(from)?;
        state.change_name(from, NameChange::Rename(to.to_owned(), inode));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        state.find(path)?;
        state.change_name(path, NameChange::Unlink);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        let changes = std::mem::take(&mut state.unsynced_names);
        for (path, change) in changes {
            if path.parent() == Some(folder) {
                apply_name(&mut state.durable_names, &path, &change);
            } else {
                state.unsynced_names.push((path, change));
            }
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let mut state = self.state();
        state.operate()?;
        let taken = state.locked.insert(path.to_owned());
        let life = state.life;
        Ok(taken.then(|| Box::new(ModelLock { disk: self.clone(), path: path.to_owned(), life }) as _))
    }
}

struct ModelLock {
    disk: ModelDisk,
    path: PathBuf,
    life: u64,
}

impl Drop for ModelLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.life == self.life {
            state.locked.remove(&self.path);
        }
    }
}

struct ModelFile {
    disk: ModelDisk,
    inode: usize,
    life: u64,
}

impl ModelFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.life == self.life { Ok(state) } else { Err(io::Error::other("opened before the crash")) }
    }

    fn change(&self, what: Content) -> io::Result<()> {
        let mut state = self.state()?;
        let inode = &mut state.inodes[self.inode];
        apply(&mut inode.now, &what);
        inode.unsynced.push(Change { what, limbo: false });
        Ok(())
    }
}

impl DiskFile for ModelFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.inodes[self.inode].now.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state()?;
        state.operate()?;
        let now = &state.inodes[self.inode].now;
        let rest = now.get(offset as usize..).unwrap_or(&[]);
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (powered, room, length) = {
            let mut state = self.state()?;
            let was_off = state.operations_left == Some(0);
            if was_off {
                state.operate()?;
            }
            let powered = state.operate().and_then(|()| {
                // The write that the power cut falls into may still reach the disk in part.
                if state.operations_left == Some(0) { Err(io::Error::other("power is off")) } else { Ok(()) }
            });
            let room = state.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used()));
            (powered, room, state.inodes[self.inode].now.len() as u64)
        };
        let growth = (offset + bytes.len() as u64).saturating_sub(length);
        let kept = bytes.len() - growth.saturating_sub(room) as usize;
        self.change(Content::Write(offset as usize, bytes[..kept].to_vec()))?;
        powered?;
        if kept < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state()?;
        state.operate()?;
        let fails = state.failing_syncs.pop_front().unwrap_or(false);
        let inode = &mut state.inodes[self.inode];
        if fails {
            inode.unsynced.iter_mut().for_each(|change| change.limbo = true);
            return Err(io::Error::other("sync failed"));
        }
        inode.sync();
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.state()?.operate()?;
        self.change(Content::Truncate(length as usize))
    }
}
