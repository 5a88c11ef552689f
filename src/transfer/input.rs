//! The file of an import: its format, its bytes (unpacked when they are gzip), and the fingerprint by which it is known.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::record::Ending;

/// Bytes that are read from disk at once.
const READ: usize = 1 << 20;

/// How rows are written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With a header.
    Csv,
    /// A JSON object a line.
    Ndjson,
}

impl Format {
    /// The name, also of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// The format that a file's name tells, whether or not it is packed.
    pub fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" | "json" => Some(Self::Ndjson),
            _ => None,
        }
    }

    pub(super) fn ending(self) -> Ending {
        match self {
            Self::Csv => Ending::Csv,
            Self::Ndjson => Ending::Line,
        }
    }
}

/// A file that cannot be read as one to import.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The disk or the packing.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Neither name nor contents tell.
    #[error("{}: is it CSV or NDJSON? Name it .csv or .ndjson, or say so with --format", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
    },
}

/// A file to import.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
    format: Format,
    bytes: u64,
}

impl Source {
    /// Looks at a file. Without a given format it is told by the name, or else by the first byte: `{` begins NDJSON.
    ///
    /// # Errors
    /// When the file cannot be read or its format cannot be told.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Self, InputError> {
        let read = |error| InputError::Read { path: path.to_owned(), error };
        let file = File::open(path).map_err(read)?;
        let bytes = file.metadata().map_err(read)?.len();
        let mut source = Self { path: path.to_owned(), format: Format::Csv, bytes };
        source.format = match format.or_else(|| Format::of_name(path)) {
            Some(format) => format,
            None => {
                let mut first = [0; 1];
                let mut reader = source.reader(&Arc::default()).map_err(read)?;
                match reader.read(&mut first).map_err(read)? {
                    1 if first[0] == b'{' => Format::Ndjson,
                    _ => return Err(InputError::Format { path: path.to_owned() }),
                }
            }
        };
        Ok(source)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How its rows are written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its size on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What it holds, unpacked, from the beginning. `passed` counts the bytes that were read from disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn reader(&self, passed: &Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(&self.path)?;
        let mut magic = [0; 2];
        let is_packed = file.read(&mut magic)? == 2 && magic == [0x1f, 0x8b];
        file.seek(SeekFrom::Start(0))?;
        let counted = BufReader::with_capacity(READ, Counted { file, passed: Arc::clone(passed) });
        Ok(if is_packed { Box::new(MultiGzDecoder::new(counted)) } else { Box::new(counted) })
    }

    /// SHA-256 of its bytes on disk, in hexadecimal digits.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn fingerprint(&self) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; READ];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
                Ok(read) => hasher.update(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

struct Counted {
    file: File,
    passed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out)?;
        self.passed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_formats() {
        for (name, format) in [
            ("a.csv", Some(Format::Csv)),
            ("a.CSV.gz", Some(Format::Csv)),
            ("a.b.ndjson", Some(Format::Ndjson)),
            ("a.jsonl.gz", Some(Format::Ndjson)),
            ("a.gz", None),
            ("csv", None),
            ("a.txt", None),
        ] {
            assert_eq!(Format::of_name(Path::new(name)), format, "{name}");
        }
    }

    #[test]
    fn packed_files_are_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut packed, b"{\"a\":1}\n").unwrap();
        std::fs::write(&path, packed.finish().unwrap()).unwrap();
        let source = Source::open(&path, None).unwrap();
        assert_eq!(source.format(), Format::Ndjson);
        let mut text = String::new();
        source.reader(&Arc::default()).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "{\"a\":1}\n");
        std::fs::write(&path, "kind").unwrap();
        assert!(matches!(Source::open(&path, None), Err(InputError::Format { .. })));
    }
}
