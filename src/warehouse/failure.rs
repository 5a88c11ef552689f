//! What ClickHouse's errors mean for us: whether a batch is sent again, set aside or waits for a person, and what the
//! asker of a query is told.

use std::time::Duration;

use clickhouse::error::Error as DriverError;

use crate::throttle::Refusal;

/// What a query may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caps {
    /// Seconds it may run.
    pub(super) secs: u32,
    /// Rows it may read; 0 for no limit.
    pub(super) rows: u64,
    /// Bytes of memory it may take.
    pub(super) memory_bytes: u64,
}

/// What a query had too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// Seconds.
    Time,
    /// Rows that it reads.
    Rows,
    /// Bytes of memory.
    Memory,
    /// Something that the server caps by itself.
    Server,
}

impl Cap {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Rows => "rows",
            Self::Memory => "memory",
            Self::Server => "server",
        }
    }

    /// The setting that raises it; none for the server's own.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Time => "--query-max-secs",
            Self::Rows => "--query-max-rows",
            Self::Memory => "--query-max-memory-bytes",
            Self::Server => "",
        }
    }
}

/// A failed call to ClickHouse.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Not reachable, not ready or overloaded; worth another try.
    #[error("ClickHouse is not available: {0}")]
    Unavailable(String),
    /// There is no place for one more query now.
    #[error("too many queries are running or waiting")]
    Busy(Refusal),
    /// The query hit a cap.
    #[error("the query is too expensive: {cause}")]
    TooExpensive {
        /// Which.
        cap: Cap,
        /// How much a query may have of it; `None` where that is not ours to say.
        allowed: Option<u64>,
        /// In ClickHouse's words.
        cause: String,
    },
    /// The data of a batch cannot be stored, now or later.
    #[error("ClickHouse refuses the data: {0}")]
    Refused(String),
    /// The server is not what we need it to be: rights, schema, settings. A person has to look.
    #[error("ClickHouse cannot serve us: {0}")]
    Misconfigured(String),
    /// Anything else.
    #[error("unexpected error from ClickHouse: {0}")]
    Unexpected(String),
}

/// What to do with a batch whose insert failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Send it again, the same batch with the same token. Whether anything was stored is unknown.
    Retry,
    /// It will never be accepted, and none of it was stored.
    SetAside,
    /// Nothing of ours will be accepted until somebody acts. Whether anything was stored is unknown.
    Stop,
}

impl Disposition {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::SetAside => "set_aside",
            Self::Stop => "stop",
        }
    }
}

impl Error {
    /// What to do with a batch whose insert ended so.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Unavailable(_) | Self::Busy(_) | Self::TooExpensive { .. } => Disposition::Retry,
            Self::Refused(_) => Disposition::SetAside,
            Self::Misconfigured(_) | Self::Unexpected(_) => Disposition::Stop,
        }
    }

    /// The same of a query under these caps.
    pub(super) fn under(self, caps: Caps) -> Self {
        match self {
            Self::TooExpensive { cap, cause, .. } => {
                let allowed = match cap {
                    Cap::Time => Some(u64::from(caps.secs)),
                    Cap::Rows => Some(caps.rows),
                    Cap::Memory => Some(caps.memory_bytes),
                    Cap::Server => None,
                };
                Self::TooExpensive { cap, allowed, cause }
            }
            other => other,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Busy(refusal)
    }
}

impl From<DriverError> for Error {
    fn from(error: DriverError) -> Self {
        let text = error.to_string();
        match &error {
            DriverError::BadResponse(message) => match code(message) {
                Some(code) => of_code(code, text),
                // A proxy's error page or a connection that broke in the middle of an answer.
                None => Self::Unavailable(text),
            },
            DriverError::Network(_)
            | DriverError::TimedOut
            | DriverError::Compression(_)
            | DriverError::Decompression(_) => Self::Unavailable(text),
            DriverError::SchemaMismatch(_) | DriverError::InvalidColumnsHeader(_) => Self::Misconfigured(text),
            _ => Self::Unexpected(text),
        }
    }
}

/// Waits for an answer, but not for ever: a server that took the question and fell silent is not available.
pub(super) async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, DriverError>>) -> Result<T, Error> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::Unavailable(format!("no answer within {} s", limit.as_secs()))),
    }
}

/// The number in `Code: 159. DB::Exception: ...`.
fn code(message: &str) -> Option<u32> {
    let digits = &message[message.find("Code: ")? + "Code: ".len()..];
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// Codes of ClickHouse's `ErrorCodes.cpp`.
fn of_code(code: u32, text: String) -> Error {
    let expensive = |cap, cause| Error::TooExpensive { cap, allowed: None, cause };
    match code {
        // Timeout exceeded, too slow.
        159 | 160 => expensive(Cap::Time, text),
        // Too many rows.
        158 => expensive(Cap::Rows, text),
        // The query's memory; else that of all queries together, which another may free.
        241 if text.contains("Query memory limit") || text.contains("(for query)") => expensive(Cap::Memory, text),
        241 => Error::Unavailable(text),
        // Set size, bytes, rows of a result.
        191 | 307 | 396 => expensive(Cap::Server, text),
        // Data that cannot be parsed, converted or is out of range.
        6 | 26 | 27 | 33 | 38 | 41 | 53 | 69 | 70 | 72 | 117 | 131 | 321 | 349 | 691 => Error::Refused(text),
        // Syntax, unknown names, settings, access, wrong password, unknown database.
        16 | 36 | 46 | 47 | 60 | 62 | 81 | 115 | 164 | 192 | 193 | 194 | 291 | 452 | 497 | 516 => {
            Error::Misconfigured(text)
        }
        // Files, sockets, too many queries or parts, shutting down, no space, read-only table, Keeper, unknown outcome.
        23 | 74 | 75 | 76 | 202 | 203 | 216 | 209 | 210 | 225 | 236 | 242 | 243 | 252 | 279 | 285 | 286 | 319 | 341
        | 370 | 394 | 425 | 439 | 473 | 492 | 519 | 700 | 999 => Error::Unavailable(text),
        _ => Error::Unexpected(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_are_told_apart() {
        let caps = Caps { secs: 30, rows: 1_000, memory_bytes: 4_096 };
        let of = |message: &str| Error::from(DriverError::BadResponse(message.to_owned())).under(caps);
        for (message, expected) in [
            ("Code: 159. DB::Exception: Timeout exceeded: elapsed 30.1 s", (Cap::Time, Some(30))),
            ("Code: 158. DB::Exception: Limit for rows to read exceeded", (Cap::Rows, Some(1_000))),
            ("Code: 241. DB::Exception: Query memory limit exceeded: would use 5 KiB", (Cap::Memory, Some(4_096))),
            ("Code: 307. DB::Exception: Limit for bytes exceeded", (Cap::Server, None)),
        ] {
            let Error::TooExpensive { cap, allowed, cause } = of(message) else { panic!("{message}") };
            assert_eq!((cap, allowed), expected);
            assert!(cause.contains(message));
        }
        let total = of("Code: 241. DB::Exception: (total) memory limit exceeded: would use 14 GiB");
        assert!(matches!(total, Error::Unavailable(_)));
        assert!(matches!(of("Code: 202. DB::Exception: Too many simultaneous queries"), Error::Unavailable(_)));
    }

    #[test]
    fn codes_mean_what_they_should() {
        let of = |message: &str| Error::from(DriverError::BadResponse(message.to_owned())).disposition();
        assert_eq!(of("Code: 252. DB::Exception: Too many parts"), Disposition::Retry);
        assert_eq!(of("Code: 243. DB::Exception: Cannot reserve 1.00 MiB"), Disposition::Retry);
        assert_eq!(of("Code: 117. DB::Exception: Incorrect data"), Disposition::SetAside);
        assert_eq!(of("Code: 53. DB::Exception: Type mismatch"), Disposition::SetAside);
        assert_eq!(of("Code: 516. DB::Exception: writer: Authentication failed"), Disposition::Stop);
        assert_eq!(of("Code: 60. DB::Exception: Unknown table"), Disposition::Stop);
        assert_eq!(of("Code: 99999. DB::Exception: new in a later version"), Disposition::Stop);
        assert_eq!(of("<html>502 Bad Gateway</html>"), Disposition::Retry);
        assert_eq!(Error::from(DriverError::TimedOut).disposition(), Disposition::Retry);
    }
}
