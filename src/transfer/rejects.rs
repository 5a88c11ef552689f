//! The file of rejected rows: each as it was, with its line number and the reason in front. Corrected, it can be imported.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::column::Column;
use super::input::Format;
use super::row::Fields;

/// Columns in front of the row's own.
const LINE: &str = Column::RejectedLine.name();
const REASON: &str = Column::RejectedReason.name();

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Where it stands.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Writes rejected rows. The file is made with the first of them.
pub struct Rejects {
    path: PathBuf,
    format: Format,
    /// Of CSV: the first record of the imported file.
    header: Vec<u8>,
    file: Option<BufWriter<File>>,
    bytes: u64,
}

impl Rejects {
    /// A file at `path` of which `keep` bytes are there from an earlier run; what is beyond them is cut off. A file of
    /// other rejects that is in the way is written over.
    ///
    /// # Errors
    /// When the disk fails, or fewer bytes are there.
    pub fn open(path: &Path, format: Format, header: Vec<u8>, keep: u64) -> io::Result<Self> {
        let mut rejects = Self { path: path.to_owned(), format, header, file: None, bytes: keep };
        if keep > 0 {
            let mut file = File::options().write(true).open(path)?;
            if file.metadata()?.len() < keep {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than it was"));
            }
            file.set_len(keep)?;
            file.seek(SeekFrom::End(0))?;
            rejects.file = Some(BufWriter::new(file));
        }
        Ok(rejects)
    }

    /// Appends a row.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn write(&mut self, reject: &Reject, record: &[u8]) -> io::Result<()> {
        let mut text = Vec::with_capacity(record.len() + 128);
        if self.file.is_none() {
            self.file = Some(BufWriter::new(File::create(&self.path)?));
            if self.format == Format::Csv {
                csv_line(&mut text, LINE, REASON, &self.header, &self.header)?;
            }
        }
        match self.format {
            Format::Csv => csv_line(&mut text, &reject.line.to_string(), &reject.reason, &self.header, record)?,
            Format::Ndjson => json_line(&mut text, reject, record),
        }
        if let Some(file) = &mut self.file {
            file.write_all(&text)?;
        }
        self.bytes += text.len() as u64;
        Ok(())
    }

    /// Sees that everything is on disk; the length of the file.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&mut self) -> io::Result<u64> {
        if let Some(file) = &mut self.file {
            file.flush()?;
            file.get_ref().sync_data()?;
        }
        Ok(self.bytes)
    }
}

/// The fields as they were, without those that an earlier import put in front.
fn csv_line(out: &mut Vec<u8>, line: &str, reason: &str, header: &[u8], record: &[u8]) -> io::Result<()> {
    let mut names = Fields::default();
    let is_ours: Vec<bool> = match names.read(header) {
        Ok(names) => names.map(|name| matches!(name.trim(), LINE | REASON)).collect(),
        Err(_) => Vec::new(),
    };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(record);
    let fields = reader.byte_records().next().transpose()?.unwrap_or_default();
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(out);
    writer.write_field(line)?;
    writer.write_field(reason)?;
    for (place, field) in fields.iter().enumerate() {
        if !is_ours.get(place).copied().unwrap_or(false) {
            writer.write_field(field)?;
        }
    }
    writer.write_record(None::<&[u8]>)?;
    writer.flush()
}

/// The object as it was, with two members more; what is no object is a text in a member `row`.
fn json_line(out: &mut Vec<u8>, reject: &Reject, record: &[u8]) {
    let text = String::from_utf8_lossy(record);
    let front = format!("{{\"{LINE}\":{},\"{REASON}\":{}", reject.line, json!(reject.reason));
    out.extend_from_slice(front.as_bytes());
    match serde_json::from_slice::<Map<String, Value>>(record) {
        Ok(mut object) => {
            let was_rejected = [LINE, REASON].map(|name| object.remove(name).is_some());
            if was_rejected.contains(&true) {
                push_members(out, &Value::Object(object).to_string());
            } else {
                push_members(out, &text);
            }
        }
        Err(_) => out.extend_from_slice(format!(",\"row\":{}}}", json!(text)).as_bytes()),
    }
    out.push(b'\n');
}

/// Appends what follows the first brace of an object's text.
fn push_members(out: &mut Vec<u8>, object: &str) {
    let members = object.split_once('{').map_or("}", |(_, members)| members).trim();
    if members != "}" {
        out.push(b',');
    }
    out.extend_from_slice(members.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, header: &[u8], record: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r");
        let mut rejects = Rejects::open(&path, format, header.to_vec(), 0).unwrap();
        rejects.write(&Reject { line: 7, reason: "it, too".to_owned() }, record).unwrap();
        let bytes = rejects.sync().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.len() as u64, bytes);
        // A second run goes on where the first one was.
        let mut again = Rejects::open(&path, format, header.to_vec(), bytes).unwrap();
        again.write(&Reject { line: 8, reason: "x".to_owned() }, record).unwrap();
        drop(again);
        let mut again = Rejects::open(&path, format, header.to_vec(), bytes).unwrap();
        assert_eq!(again.sync().unwrap(), bytes);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        assert!(Rejects::open(&path, format, header.to_vec(), bytes + 1).is_err());
        text
    }

    #[test]
    fn rows_are_kept_as_they_were() {
        assert_eq!(
            written(Format::Csv, b"a,b", b"\"x\ny\",\"1\"\"\",z"),
            "rejected_line,rejected_reason,a,b\n7,\"it, too\",\"x\ny\",\"1\"\"\",z\n"
        );
        assert_eq!(
            written(Format::Csv, b"rejected_line,rejected_reason,a", b"3,old,x"),
            "rejected_line,rejected_reason,a\n7,\"it, too\",x\n"
        );
        let front = "{\"rejected_line\":7,\"rejected_reason\":\"it, too\"";
        for (record, rest) in [
            (&b"{\"b\": 1.10, \"a\":2}"[..], ",\"b\": 1.10, \"a\":2}"),
            (b"{}", "}"),
            (b"{\"rejected_line\":3,\"a\":1}", ",\"a\":1}"),
            (b"[1", ",\"row\":\"[1\"}"),
        ] {
            assert_eq!(written(Format::Ndjson, b"", record), format!("{front}{rest}\n"));
        }
    }
}
