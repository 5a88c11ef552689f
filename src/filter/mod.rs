//! Text -> what a caller wants to see or not to see. Knows no store and no surface: a surface says which parameter is
//! which [`Field`] and how its lists are written.

pub mod list;
pub mod metadata;

pub use list::{List, Sense, Separator};

use crate::domain::dimension::{Dimension, LinkAttribute};
use crate::domain::event::EventKind;
use metadata::Expression;

/// Values in one filter at most.
pub const MAX_VALUES: usize = 10_000;
/// Bytes in one value at most: the longest destination that a link may have.
pub const MAX_VALUE_BYTES: usize = 4_096;

/// Everything one can filter by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// A dimension of the event.
    Dimension(Dimension),
    /// What the event's link is now.
    Attribute(LinkAttribute),
    /// The referrer's host, or a domain that it lies below.
    ReferrerDomain,
    /// The customer that a click led to.
    Customer,
}

/// Whether a customer bought before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SaleType {
    /// The customer's first sale by the link.
    New,
    /// Any later one.
    Recurring,
}

/// One filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// A field that is, or is not, among some values.
    Among {
        /// What is looked at.
        field: Field,
        /// The values and the sense.
        list: List,
    },
    /// Sales of this type.
    SaleType(SaleType),
    /// What must hold of the metadata.
    Metadata(Expression),
}

/// Why a filter was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// More than [`MAX_VALUES`].
    #[error("Too many values: {given} given, at most {MAX_VALUES} are allowed")]
    TooManyValues {
        /// How many there were.
        given: usize,
    },
    /// A value longer than [`MAX_VALUE_BYTES`].
    #[error("Value number {place} is too long: {bytes} bytes given, at most {MAX_VALUE_BYTES} are allowed")]
    ValueTooLong {
        /// Counted from 1.
        place: usize,
        /// Its length.
        bytes: usize,
    },
}

impl Filter {
    /// Reads one parameter; `None` when it holds no value and so filters nothing.
    ///
    /// # Errors
    /// When the list is longer, or one of its values larger, than allowed.
    pub fn parse(field: Field, text: &str, separator: Separator) -> Result<Option<Self>, FilterError> {
        Ok(List::parse(text, separator)?.map(|list| Self::Among { field, list }))
    }

    /// The list that a filter holds of this field.
    pub fn list_of(&self, wanted: Field) -> Option<&List> {
        match self {
            Self::Among { field, list } if *field == wanted => Some(list),
            _ => None,
        }
    }

    /// Whether events of a kind have what the filter looks at. One that says nothing of a kind lets all of it through
    /// (Dub contract, section 2).
    pub fn concerns(&self, kind: EventKind) -> bool {
        match self {
            Self::Among { field: Field::Dimension(dimension), .. } => dimension.info().of.includes(kind),
            Self::Among { field: Field::Attribute(_) | Field::ReferrerDomain | Field::Customer, .. } => true,
            Self::SaleType(_) => kind == EventKind::Sale,
            Self::Metadata(_) => kind != EventKind::Click,
        }
    }
}
