//! What can go wrong in Postgres, by what follows from it. Messages are for our logs; `web::error` decides what a caller
//! is shown.

use tokio_postgres::error::SqlState;

/// A failed call to the catalog.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique value is in use; the constraint's name says which.
    #[error("{0} is taken")]
    Taken(String),
    /// Something referred to is not there, or not this workspace's; the constraint's name says what.
    #[error("{0} refers to something that does not exist")]
    Missing(String),
    /// A value that Postgres cannot store, such as text with a NUL byte.
    #[error("value cannot be stored: {0}")]
    Unstorable(String),
    /// Postgres does not answer, refuses connections, or took too long. Worth another try.
    #[error("postgres is unavailable: {0}")]
    Unavailable(String),
    /// The address of Postgres or its TLS settings make no sense.
    #[error("postgres settings: {0}")]
    Settings(String),
    /// The schema cannot be brought to this program's version.
    #[error("postgres schema: {0}")]
    Schema(String),
    /// A fault of ours.
    #[error("catalog fault: {0}")]
    Bug(String),
}

impl Error {
    /// Whether `constraint` is what is taken.
    pub fn is_taken(&self, constraint: &str) -> bool {
        matches!(self, Self::Taken(name) if name == constraint)
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(refusal) = error.as_db_error() else {
            // Without an answer from the server: the connection failed, or we misread a row.
            return if error.is_closed() || has_io_cause(&error) {
                Self::Unavailable(with_causes(&error))
            } else {
                Self::Bug(with_causes(&error))
            };
        };
        let constraint = || refusal.constraint().unwrap_or("value").to_owned();
        let message = format!("{} ({})", refusal.message(), refusal.code().code());
        match refusal.code() {
            code if *code == SqlState::UNIQUE_VIOLATION => Self::Taken(constraint()),
            code if *code == SqlState::FOREIGN_KEY_VIOLATION => Self::Missing(constraint()),
            code if *code == SqlState::CHARACTER_NOT_IN_REPERTOIRE
                || *code == SqlState::UNTRANSLATABLE_CHARACTER
                || *code == SqlState::PROGRAM_LIMIT_EXCEEDED =>
            {
                Self::Unstorable(message)
            }
            code if may_pass(code) => Self::Unavailable(message),
            _ => Self::Bug(message),
        }
    }
}

/// States of the server rather than faults of the statement: another try may succeed.
fn may_pass(code: &SqlState) -> bool {
    // Connection trouble, authentication, missing database, rollback (deadlock), out of resources, operator's
    // intervention (shutdown, cancelled, statement timeout), system trouble.
    const CLASSES: [&str; 7] = ["08", "28", "3D", "40", "53", "57", "58"];
    CLASSES.iter().any(|class| code.code().starts_with(class))
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        || *code == SqlState::LOCK_NOT_AVAILABLE
}

fn has_io_cause(error: &tokio_postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<std::io::Error>() {
            return true;
        }
        cause = inner.source();
    }
    // The driver keeps its kinds to itself; these have no inner error and say so only in words.
    let words = error.to_string();
    ["error connecting", "timeout waiting", "error performing TLS", "authentication"]
        .iter()
        .any(|start| words.starts_with(start))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(inner) => match Self::from(inner) {
                // No statement ran yet, so nothing of ours can be at fault.
                Self::Bug(message) => Self::Unavailable(message),
                other => other,
            },
            other => Self::Unavailable(other.to_string()),
        }
    }
}
