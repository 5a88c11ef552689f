//! How far the events are stored, and what may be stored already: one small file of two slots.
//!
//! A change is written over the older slot and synced; the newer one stays whole meanwhile, so a torn or failed write
//! leaves the state before it. The file never grows after it was made: with a full disk it can still be written, and the
//! drain can empty the spool. (A file replaced by renaming would need a free block for each change.) The older slot is
//! also what is left if the newer one is damaged: at worst a batch is looked up in the store once more.
//!
//! | bytes of a slot (at 0 and at 4,096) | content (little endian) |
//! |---|---|
//! | 0..8 | `LTMARK` and two bytes of version, 1 |
//! | 8..16 | generation: the greater one is the newer |
//! | 16..24 | `stored_through` |
//! | 24..40 | `in_flight`: first and last; zeros for none |
//! | 40..48 | `doubt_through` |
//! | 48..56 | `reserved` |
//! | 56..60 | CRC-32 of the bytes above |

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile};

/// The name of the file in the spool's folder.
pub(super) const NAME: &str = "checkpoint";
const SLOTS: [u64; 2] = [0, 4_096];
const FILE_LENGTH: u64 = 8_192;
const LENGTH: usize = 60;
const MAGIC: [u8; 8] = *b"LTMARK\x01\x00";

/// What outlasts a crash beside the records themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Every record up to here is stored or set aside, and is not read again.
    pub stored_through: u64,
    /// The first and the last record of the batch that was being stored: its outcome is unknown after a crash, and the
    /// same batch must be cut again.
    pub in_flight: Option<(u64, u64)>,
    /// Records up to here may be stored already, although `stored_through` does not say so: the checkpoint was lost, or is
    /// older than what the store holds.
    pub doubt_through: u64,
    /// No sequence above this one was ever given away.
    pub reserved: u64,
}

impl Checkpoint {
    fn encode(self, generation: u64) -> [u8; LENGTH] {
        let (first, last) = self.in_flight.unwrap_or((0, 0));
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&MAGIC);
        let fields = [generation, self.stored_through, first, last, self.doubt_through, self.reserved];
        for (place, field) in bytes[8..56].chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes[..56]);
        bytes[56..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; LENGTH]) -> Option<(u64, Self)> {
        let checksum = crc32fast::hash(&bytes[..56]).to_le_bytes();
        if bytes[..8] != MAGIC || bytes[56..] != checksum {
            return None;
        }
        let mut fields = [0; 6];
        for (field, place) in fields.iter_mut().zip(bytes[8..56].chunks_exact(8)) {
            *field = place.first_chunk().map_or(0, |long| u64::from_le_bytes(*long));
        }
        let [generation, stored_through, first, last, doubt_through, reserved] = fields;
        let in_flight = (first > 0).then_some((first, last));
        Some((generation, Self { stored_through, in_flight, doubt_through, reserved }))
    }
}

/// The open file.
pub(super) struct CheckpointFile {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    file: Option<Box<dyn DiskFile>>,
    generation: u64,
    /// The slot that is written next.
    slot: usize,
    current: Checkpoint,
}

impl CheckpointFile {
    /// Reads what is there. `None` beside the file: there is none, or neither slot can be read.
    pub fn open(disk: Arc<dyn Disk>, folder: PathBuf) -> io::Result<(Self, Option<Found>)> {
        let found = read(disk.as_ref(), &folder)?;
        let file = match found {
            None => Self { disk, folder, file: None, generation: 0, slot: 0, current: Checkpoint::default() },
            Some(Found { generation, slot, checkpoint, .. }) => {
                Self { disk, folder, file: None, generation, slot: 1 - slot, current: checkpoint }
            }
        };
        Ok((file, found))
    }

    /// What holds now.
    pub fn current(&self) -> Checkpoint {
        self.current
    }

    /// What holds although it could not be read: the next [`store`](Self::store) builds on it.
    pub fn assume(&mut self, checkpoint: Checkpoint) {
        self.current = checkpoint;
    }

    /// Returns once `next` is on the disk. On an error either may be there after a crash, while here the old one holds.
    pub fn store(&mut self, next: Checkpoint) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.make()?,
        };
        let written = file.write_at(&next.encode(self.generation + 1), SLOTS[self.slot]).and_then(|()| file.sync());
        // After a failure the file is opened anew, and the same slot is written: the other one is the last known good.
        written?;
        self.file = Some(file);
        self.generation += 1;
        self.slot = 1 - self.slot;
        self.current = next;
        Ok(())
    }

    fn make(&self) -> io::Result<Box<dyn DiskFile>> {
        let path = self.folder.join(NAME);
        let file = match self.disk.open_to_write(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.disk.create(&path)?,
            opened => opened?,
        };
        let length = file.len()?;
        if length < FILE_LENGTH {
            let missing = usize::try_from(FILE_LENGTH - length).unwrap_or(0);
            file.write_at(&vec![0; missing], length)?;
        }
        self.disk.sync_folder(&self.folder)?;
        Ok(file)
    }
}

/// What was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    generation: u64,
    slot: usize,
    /// The newest readable slot.
    pub checkpoint: Checkpoint,
    /// The other slot cannot be read; it may have been the newer one.
    pub alone: bool,
}

/// Reads a folder's checkpoint without opening it for writing; `None` when there is none or it cannot be read.
pub(super) fn read(disk: &dyn Disk, folder: &Path) -> io::Result<Option<Found>> {
    let file = match disk.open(&folder.join(NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut newest: Option<Found> = None;
    for (slot, offset) in SLOTS.into_iter().enumerate() {
        let mut bytes = [0; LENGTH];
        let mut got = 0;
        while got < LENGTH {
            match file.read_at(&mut bytes[got..], offset + got as u64)? {
                0 => break,
                more => got += more,
            }
        }
        if let Some((generation, checkpoint)) = Checkpoint::decode(&bytes) {
            newest = Some(match newest {
                Some(newer) if newer.generation > generation => Found { alone: false, ..newer },
                older => Found { generation, slot, checkpoint, alone: older.is_none() },
            });
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spool::model::ModelDisk;

    fn any_checkpoint() -> impl Strategy<Value = Checkpoint> {
        (any::<u64>(), prop::option::of((1u64.., any::<u64>())), any::<u64>(), any::<u64>()).prop_map(
            |(stored_through, in_flight, doubt_through, reserved)| Checkpoint {
                stored_through,
                in_flight,
                doubt_through,
                reserved,
            },
        )
    }

    proptest! {
        /// After a crash at any operation the last stored value is there, or the one that was being stored.
        #[test]
        fn a_crash_leaves_the_old_or_the_new(
            values in prop::collection::vec(any_checkpoint(), 1..8),
            crash_after in 0u64..40,
            failed_syncs in prop::collection::vec(any::<bool>(), 12),
            seed: u64,
        ) {
            let disk = ModelDisk::default();
            let folder = PathBuf::from("spool");
            disk.make_folder(&folder).unwrap();
            disk.fail_syncs(failed_syncs);
            disk.power_off_after(crash_after);
            let mut stored = None;
            let mut tried = vec![None];
            if let Ok((mut file, _)) = CheckpointFile::open(Arc::new(disk.clone()), folder.clone()) {
                for value in values {
                    tried.push(Some(value));
                    if file.store(value).is_ok() {
                        stored = Some(value);
                        tried = vec![Some(value)];
                    }
                    prop_assert_eq!(file.current(), stored.unwrap_or_default());
                }
            }
            disk.crash(seed);
            let (mut file, found) = CheckpointFile::open(Arc::new(disk.clone()), folder.clone()).unwrap();
            let found = found.map(|found| found.checkpoint);
            prop_assert!(tried.contains(&found), "{:?} is none of {:?}", found, tried);
            // And it can be written again.
            let next = Checkpoint { stored_through: 1, ..Checkpoint::default() };
            file.store(next).unwrap();
            disk.crash(seed);
            prop_assert_eq!(read(&disk, &folder).unwrap().unwrap().checkpoint, next);
        }

        #[test]
        fn one_flipped_byte_never_loses_both_slots(place in 0u64..8_192, with in 1u8..) {
            let disk = ModelDisk::default();
            let folder = PathBuf::from("spool");
            disk.make_folder(&folder).unwrap();
            let (mut file, _) = CheckpointFile::open(Arc::new(disk.clone()), folder.clone()).unwrap();
            for stored_through in 1..=3 {
                file.store(Checkpoint { stored_through, reserved: 9, ..Checkpoint::default() }).unwrap();
            }
            disk.damage(&folder.join(NAME), place, with);
            let found = read(&disk, &folder).unwrap().unwrap().checkpoint;
            prop_assert!((2..=3).contains(&found.stored_through));
            prop_assert_eq!(found.reserved, 9);
        }
    }
}
