//! Import and export: how history and links come over from another tool, and leave for another.
//!
//! What always holds:
//! - What is exported can be imported elsewhere with nothing changed: both read the same tables of columns.
//! - An import is made of its file: event identities are the file's node number and line numbers. So a file that was
//!   interrupted and is read again goes on where it was, and nothing is stored twice.
//! - A row that cannot be taken is written to the rejects file with its line number and the reason; the rest goes on.

mod column;
mod event;
mod export;
mod field;
mod import;
mod input;
mod link_row;
mod links;
mod maker;
mod names;
mod record;
mod rejects;
mod row;

pub use column::Column;
pub use event::Setting;
pub use export::{ExportError, ExportEvents, Out};
pub use import::{BATCH_LINES, Import, ImportError, ImportOptions, Outcome, Progress, Summary};
pub use input::{Format, InputError, Source};
pub use link_row::{link_column_list, link_columns};
pub use links::{ImportLinks, LinkSummary, OnConflict, export_links};
pub use names::Names;
pub use rejects::Reject;
