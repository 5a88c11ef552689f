//! Rows as CSV or TSV.

use std::borrow::Cow;

use crate::table::Cell;

use super::Format;

/// Writes delimited rows: RFC 4180 quoting, LF.
#[derive(Clone, Copy, Debug)]
pub struct Delimited {
    delimiter: u8,
    /// Take the sting out of cells that a spreadsheet would run as a formula.
    spreadsheet_safe: bool,
}

impl Delimited {
    /// For CSV; for TSV when the format says so. `spreadsheet_safe` puts an apostrophe before cells that begin like a
    /// formula; without it values are exactly as stored.
    pub fn new(format: Format, spreadsheet_safe: bool) -> Self {
        Self { delimiter: if format == Format::Tsv { b'\t' } else { b',' }, spreadsheet_safe }
    }

    /// Appends the header.
    ///
    /// # Errors
    /// None in practice: memory is all that is written to.
    pub fn header(&self, out: &mut Vec<u8>, columns: &[Cow<'static, str>]) -> Result<(), csv::Error> {
        self.write(out, columns.iter().map(|column| Cow::Borrowed(column.as_ref())))
    }

    /// Appends one row.
    ///
    /// # Errors
    /// None in practice: memory is all that is written to.
    pub fn row(&self, out: &mut Vec<u8>, row: &[Cell]) -> Result<(), csv::Error> {
        self.write(
            out,
            row.iter().map(|cell| match cell {
                Cell::Null => Cow::Borrowed(""),
                Cell::Text(text) if self.spreadsheet_safe && runs_in_spreadsheets(text) => {
                    Cow::Owned(format!("'{text}"))
                }
                Cell::Text(text) => Cow::Borrowed(text.as_str()),
                Cell::Int(number) => Cow::Owned(number.to_string()),
                Cell::Decimal(number) => Cow::Owned(number.to_string()),
                Cell::Bool(yes) => Cow::Borrowed(if *yes { "true" } else { "false" }),
            }),
        )
    }

    fn write<'a>(&self, out: &mut Vec<u8>, cells: impl Iterator<Item = Cow<'a, str>>) -> Result<(), csv::Error> {
        let mut writer = csv::WriterBuilder::new().delimiter(self.delimiter).buffer_capacity(1_024).from_writer(out);
        for cell in cells {
            writer.write_field(cell.as_bytes())?;
        }
        writer.write_record(None::<&[u8]>)?;
        Ok(writer.flush()?)
    }
}

/// Whether a spreadsheet would take the text, or a line of it, for a formula: it begins with `= + - @` or a tab, however
/// many blanks stand before.
fn runs_in_spreadsheets(text: &str) -> bool {
    text.split(['\n', '\r']).any(|line| {
        line.starts_with('\t')
            || line
                .trim_start_matches(|letter: char| {
                    letter.is_whitespace() || letter.is_control() || letter == '\u{feff}'
                })
                .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(safe: bool, format: Format, cells: &[Cell]) -> String {
        let mut out = Vec::new();
        Delimited::new(format, safe).row(&mut out, cells).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quotes_as_rfc_4180() {
        let cells = [Cell::from("a,b"), Cell::from("say \"hi\""), Cell::Null, Cell::Int(-3), Cell::from("two\nlines")];
        assert_eq!(line(false, Format::Csv, &cells), "\"a,b\",\"say \"\"hi\"\"\",,-3,\"two\nlines\"\n");
        assert_eq!(line(false, Format::Tsv, &[Cell::from("a,b"), Cell::from("c\td")]), "a,b\t\"c\td\"\n");
        assert_eq!(line(false, Format::Csv, &[Cell::from("")]), "\"\"\n");
    }

    #[test]
    fn formulas_are_defused_when_asked() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\u{a0}=1", "fine\n=1", "\r=1", "\u{feff}=1"] {
            assert!(
                line(true, Format::Csv, &[Cell::from(formula)]).trim_start_matches('"').starts_with('\''),
                "{formula:?}"
            );
            assert!(!line(false, Format::Csv, &[Cell::from(formula)]).contains('\''));
        }
        for plain in ["https://example.com/?a=1", "a-b", "München", "", "1"] {
            assert!(!line(true, Format::Csv, &[Cell::from(plain)]).contains('\''), "{plain:?}");
        }
        assert_eq!(line(true, Format::Csv, &[Cell::Int(-3)]), "-3\n");
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(cells in prop::collection::vec(".*", 2..5), tabs: bool) {
            let format = if tabs { Format::Tsv } else { Format::Csv };
            // As in every answer, a header stands before the rows: at the very start of a file a byte order mark is none.
            let header = Cell::from("column");
            let mut written = line(false, format, &vec![header; cells.len()]);
            written.push_str(&line(false, format, &cells.iter().map(|text| Cell::from(text.as_str())).collect::<Vec<_>>()));
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(true)
                .delimiter(if tabs { b'\t' } else { b',' })
                .from_reader(written.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(record.iter().collect::<Vec<_>>(), cells);
        }
    }
}
