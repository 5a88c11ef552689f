//! Records taken out of the queue because the store refuses them: kept in files of their own, in the format of a segment,
//! until somebody looks at them.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, RealDisk};
use super::record;
use super::segment::{self, Scanner, Step};

const FOLDER: &str = "set-aside";
const SUFFIX: &str = ".seg";

/// Writes a file under another name first, so that a whole one is there or none.
pub(super) fn write(disk: &dyn Disk, spool: &Path, name: &str, records: &[(u64, &[u8])]) -> io::Result<PathBuf> {
    let folder = spool.join(FOLDER);
    disk.make_folder(&folder)?;
    let first = records.first().map_or(1, |(sequence, _)| *sequence).max(1);
    let mut bytes = segment::header(first, first - 1).to_vec();
    for (sequence, payload) in records {
        record::push(&mut bytes, record::digest(payload), *sequence, payload);
    }
    let (path, unfinished) = (folder.join(format!("{name}{SUFFIX}")), folder.join(format!("{name}.unfinished")));
    match disk.remove(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&unfinished)?;
    file.write_at(&bytes, 0)?;
    file.sync()?;
    disk.rename(&unfinished, &path)?;
    disk.sync_folder(&folder)?;
    Ok(path)
}

/// Names of the files, sorted.
pub(super) fn list(disk: &dyn Disk, spool: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = match disk.list(&spool.join(FOLDER)) {
        Ok(files) => files.into_iter().map(|(name, _)| name).filter(|name| name.ends_with(SUFFIX)).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    names.sort();
    Ok(names)
}

/// Sequences and payloads of a file that [`set_aside`](super::Spool::set_aside) wrote; damaged records are left out.
/// Blocks.
pub fn read_set_aside(path: &Path) -> io::Result<Vec<(u64, Vec<u8>)>> {
    read(&RealDisk, path)
}

/// Has a file of the folder `set-aside` hold these records and no others; without any it is removed. Blocks.
pub fn rewrite_set_aside(spool: &Path, file: &str, records: &[(u64, &[u8])]) -> io::Result<()> {
    let name = file.strip_suffix(SUFFIX).unwrap_or(file);
    if !records.is_empty() {
        return write(&RealDisk, spool, name, records).map(drop);
    }
    let folder = spool.join(FOLDER);
    RealDisk.remove(&folder.join(format!("{name}{SUFFIX}")))?;
    RealDisk.sync_folder(&folder)
}

/// Where a file that [`Status`](super::Status) names is.
pub fn set_aside_path(spool: &Path, file: &str) -> PathBuf {
    spool.join(FOLDER).join(file)
}

/// The same on any disk.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let file = disk.open(path)?;
    let length = file.len()?;
    let mut scanner = Scanner::new(file, segment::HEADER);
    let mut records = Vec::new();
    loop {
        let size = match scanner.step(length)? {
            Step::Record { sequence, payload, size } => {
                records.push((sequence, payload.to_vec()));
                size
            }
            Step::Bad { .. } => 0,
            Step::End => return Ok(records),
        };
        scanner.pass(size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_is_read_back() {
        let temp = tempfile::tempdir().unwrap();
        assert!(list(&RealDisk, temp.path()).unwrap().is_empty());
        let records: [(u64, &[u8]); 2] = [(7, b"one"), (9, b"two")];
        for _ in 0..2 {
            let path = write(&RealDisk, temp.path(), "7-9", &records).unwrap();
            let read = read_set_aside(&path).unwrap();
            assert_eq!(read, [(7, b"one".to_vec()), (9, b"two".to_vec())]);
        }
        assert_eq!(list(&RealDisk, temp.path()).unwrap(), ["7-9.seg"]);
        rewrite_set_aside(temp.path(), "7-9.seg", &records[1..]).unwrap();
        assert_eq!(read_set_aside(&set_aside_path(temp.path(), "7-9.seg")).unwrap(), [(9, b"two".to_vec())]);
        rewrite_set_aside(temp.path(), "7-9.seg", &[]).unwrap();
        assert!(list(&RealDisk, temp.path()).unwrap().is_empty());
    }
}
