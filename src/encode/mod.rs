//! Answers -> bytes: JSON, CSV or TSV, row by row, so that a long answer needs little memory; and QR codes as pictures.

pub mod archive;
pub mod buffers;
pub mod delimited;
pub mod dub;
pub mod json;
pub mod marks;
pub mod qr;

pub use archive::Archive;
pub use buffers::Buffers;
pub use delimited::Delimited;
pub use json::{JsonArray, RowObject};
pub use marks::Marks;

/// The form that a caller asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/json`
    Json,
    /// `text/csv`: comma, RFC 4180 quoting, LF, a header row, UTF-8 without BOM.
    Csv,
    /// `text/tab-separated-values`: the same with tabs.
    Tsv,
}

impl Format {
    /// The names that `format=` takes.
    pub const NAMES: [(&'static str, Self); 3] = [("json", Self::Json), ("csv", Self::Csv), ("tsv", Self::Tsv)];

    /// The format that an `Accept` header prefers among ours; JSON when it names none, since that is what clients expect
    /// who accept anything.
    pub fn from_accept(header: &str) -> Self {
        let mut best = (0.0, Self::Json);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let format = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/json" | "*/*" | "application/*" => Self::Json,
                "text/csv" | "application/csv" | "text/*" => Self::Csv,
                "text/tab-separated-values" | "text/tsv" => Self::Tsv,
                _ => continue,
            };
            let quality = parts
                .find_map(|parameter| parameter.strip_prefix("q="))
                .map_or(1.0, |quality| quality.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0));
            if quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }

    /// The `Content-Type` of an answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Tsv => "text/tab-separated-values; charset=utf-8",
        }
    }

    /// The ending of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_headers() {
        for (header, format) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("text/csv", Format::Csv),
            ("text/tab-separated-values", Format::Tsv),
            ("text/html, text/csv;q=0.9, */*;q=0.1", Format::Csv),
            ("application/json, text/csv", Format::Json),
            ("text/csv;q=0.1, application/json;q=0.2", Format::Json),
            ("text/csv;q=nonsense", Format::Json),
            ("image/png", Format::Json),
            ("TEXT/CSV", Format::Csv),
        ] {
            assert_eq!(Format::from_accept(header), format, "{header:?}");
        }
    }
}
