//! Files in a zip archive, for answers of any length: what was written is taken out at once, so that little of it is in memory.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Datelike, Timelike};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

pub use zip::result::ZipError;

/// Bytes that wait to be taken.
#[derive(Clone, Debug, Default)]
struct Waiting(Arc<Mutex<Vec<u8>>>);

impl Write for Waiting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An archive that is being written.
pub struct Archive {
    writer: ZipWriter<StreamWriter<Waiting>>,
    waiting: Waiting,
    options: SimpleFileOptions,
}

impl Archive {
    /// An archive without files; those that come bear this time, in UTC and whole seconds.
    pub fn new(at_ms: i64) -> Self {
        let waiting = Waiting::default();
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        Self {
            writer: ZipWriter::new_stream(waiting.clone()),
            waiting,
            options: options.last_modified_time(dos_time(at_ms)),
        }
    }

    /// Begins the next file.
    ///
    /// # Errors
    /// None in practice: memory is all that is written to.
    pub fn begin(&mut self, name: &str) -> Result<(), ZipError> {
        self.writer.start_file(name, self.options)
    }

    /// Adds to the file that was begun.
    ///
    /// # Errors
    /// When the file passes 4 GiB.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ZipError> {
        Ok(self.writer.write_all(bytes)?)
    }

    /// What there is of the archive since the last time; may be nothing.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut *self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The end of the archive, with all that was not taken.
    ///
    /// # Errors
    /// When the last file passes 4 GiB.
    pub fn finish(self) -> Result<Vec<u8>, ZipError> {
        let Self { writer, waiting, .. } = self;
        writer.finish()?;
        Ok(std::mem::take(&mut *waiting.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Archives know the years 1980 to 2107; any other time is their earliest.
fn dos_time(at_ms: i64) -> zip::DateTime {
    let at = DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    let part = |number: u32| u8::try_from(number).unwrap_or_default();
    let year = u16::try_from(at.year()).unwrap_or_default();
    let [month, day, hour, minute, second] = [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(part);
    zip::DateTime::from_date_and_time(year, month, day, hour, minute, second).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    #[test]
    fn what_is_written_in_pieces_is_read_whole() {
        let long = "line of a long file\n".repeat(50_000);
        let mut archive = Archive::new(1_790_000_000_000);
        let mut bytes = Vec::new();
        let mut most = 0;
        archive.begin("empty.csv").unwrap();
        archive.begin("long.csv").unwrap();
        for piece in long.as_bytes().chunks(10_000) {
            archive.write(piece).unwrap();
            let taken = archive.take();
            most = most.max(taken.len());
            bytes.extend(taken);
        }
        bytes.extend(archive.finish().unwrap());
        // Nothing was held back for long.
        assert!(most < 100_000);
        let mut read = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let names: Vec<String> = read.file_names().map(|name| name.unwrap().into_owned()).collect();
        assert_eq!(names, ["empty.csv", "long.csv"]);
        let mut file = read.by_name("long.csv").unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, long);
        assert_eq!(file.last_modified().unwrap().to_string(), "2026-09-21 14:13:20");
    }

    #[test]
    fn times_before_archives_are_their_earliest() {
        assert_eq!(dos_time(0), zip::DateTime::default());
        assert_eq!(dos_time(i64::MAX), zip::DateTime::default());
    }
}
