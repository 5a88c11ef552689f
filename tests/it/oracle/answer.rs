//! An answer in a form that both sides can give, and where two of them differ.

use std::fmt::Write as _;

use linktrail::domain::id::{LinkId, WorkspaceId};
use linktrail::table::Table;
use linktrail::warehouse::event::EventRow;

/// Metrics of a row that compares kinds, which stand last.
pub const METRICS: usize = 4;

#[derive(Debug, PartialEq)]
pub enum Answer {
    /// The question makes no sense: its start is after its end, or it has too many buckets.
    Refused,
    Table(Table),
    /// Of several kinds, with the currency of what was paid.
    Compared(Table, Option<String>),
    Events(Vec<Seen>),
}

/// One event of a list, with what is shown of its link.
#[derive(Debug, PartialEq)]
pub struct Seen {
    pub event: EventRow,
    pub link: Option<SeenLink>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SeenLink {
    pub id: LinkId,
    pub workspace: WorkspaceId,
    pub clicks: u64,
    pub last_ms: Option<i64>,
}

impl Answer {
    /// Rows that tell of at least one event.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Refused => true,
            Self::Table(table) => table.rows.iter().all(|row| row.last() == Some(&linktrail::table::Cell::Int(0))),
            Self::Compared(table, _) => table.rows.iter().all(|row| {
                let metrics = &row[row.len() - METRICS..];
                metrics.iter().all(|cell| *cell == linktrail::table::Cell::Int(0))
            }),
            Self::Events(events) => events.is_empty(),
        }
    }

    /// Where two answers part, in a few lines.
    pub fn difference(&self, expected: &Self) -> String {
        match (self, expected) {
            (Self::Table(got), Self::Table(wanted)) if got.columns == wanted.columns => rows(&got.rows, &wanted.rows),
            (Self::Compared(got, currency), Self::Compared(wanted, right))
                if got.columns == wanted.columns && currency == right =>
            {
                rows(&got.rows, &wanted.rows)
            }
            (Self::Table(got), Self::Table(wanted)) => format!("columns {:?}, not {:?}", got.columns, wanted.columns),
            (Self::Events(got), Self::Events(wanted)) => rows(got, wanted),
            _ => format!("engine {}\noracle {}", brief(self), brief(expected)),
        }
    }
}

fn rows<T: std::fmt::Debug + PartialEq>(got: &[T], wanted: &[T]) -> String {
    let mut text = format!("engine {} rows, oracle {} rows", got.len(), wanted.len());
    let differing = (0..got.len().max(wanted.len())).filter(|place| got.get(*place) != wanted.get(*place));
    for place in differing.take(3) {
        let (got, wanted) = (got.get(place), wanted.get(place));
        let _ = write!(text, "\nrow {place}\n  engine {}\n  oracle {}", brief(&got), brief(&wanted));
    }
    text
}

/// What fits on a screen.
pub fn brief(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.chars().take(1_200).collect()
}
