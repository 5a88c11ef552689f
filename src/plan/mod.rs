//! What is asked, free of any dialect: a [`Query`] is a plain value with nothing left to guess, so that it can be compared,
//! printed and tested without a server.

pub mod build;
pub mod explain;
pub mod matches;
pub mod rewrite;

pub use build::{Request, build};
pub use matches::matches;
pub use rewrite::rewrite;

use crate::calendar::{Buckets, Range};
use crate::domain::click_id::EventId;
use crate::domain::dimension::{Dimension, LinkAttribute};
use crate::domain::event::EventKind;
use crate::domain::id::{CustomerId, LinkId, SiteId, WorkspaceId};
use crate::filter::metadata::Expression;
use crate::filter::{List, SaleType, Sense};

/// One question about events.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Whose events; no condition can widen it.
    pub workspace: WorkspaceId,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub range: Range,
    /// Which of the events count.
    pub counting: Counting,
    /// All of these hold.
    pub conditions: Vec<Condition>,
    /// What must be true of the links now; the catalog turns these into [`Condition::Links`].
    pub links: Vec<LinkCondition>,
    /// The form of the answer.
    pub shape: Shape,
    /// Beside counts, of sales also what was paid.
    pub money: Option<Money>,
    /// Where it is answered from; chosen by [`rewrite()`].
    pub source: Source,
}

/// What is added up of sales, in the smallest unit of a currency. Different currencies never are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Money {
    /// Those in this currency (ISO 4217, lower case). Rows are then ordered by the sum.
    In(String),
    /// Each row's, in its own currency: for groups by currency. Such sums say nothing of the order of rows.
    Own,
}

/// Which events count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// Robots.
    pub bots: Bots,
    /// Second clicks of the same visitor on the same link within the workspace's window.
    pub repeats: bool,
    /// After all else, only the first event of each visitor on each link in the range.
    pub unique: bool,
}

/// Whether robots count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bots {
    /// Humans only.
    Exclude,
    /// Everyone.
    Include,
    /// Robots only.
    Only,
}

/// One thing that must hold of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A dimension is, or is not, among values, compared as its line in the table of dimensions says.
    Dimension {
        /// Which.
        dimension: Dimension,
        /// Values and sense.
        list: List,
    },
    /// The link is, or is not, one of these.
    Links {
        /// Wanted or unwanted.
        sense: Sense,
        /// May be empty: then nothing is wanted, or nothing unwanted.
        ids: Vec<LinkId>,
    },
    /// The referrer's host is, or is not, one of these or below one of them; lower case.
    ReferrerDomain {
        /// Values and sense.
        list: List,
    },
    /// The customer is, or is not, one of these: of a click, the one whose lead it led to.
    Customers {
        /// Wanted or unwanted.
        sense: Sense,
        /// May be empty, as for links.
        ids: Vec<CustomerId>,
    },
    /// Sales only. New is the first one (by time, then identity) of its customer and link over all time, where a retry is
    /// no sale (Dub contract, 4.4); recurring is every other. Of a sale without a customer nobody knows that they bought
    /// before: it is new.
    SaleType(SaleType),
    /// What must hold of the metadata, or of the properties of a custom event.
    Metadata(Expression),
}

/// One thing that must hold of a link now.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkCondition {
    /// An attribute is, or is not, among values.
    Attribute {
        /// Which.
        attribute: LinkAttribute,
        /// Values and sense.
        list: List,
    },
    /// The link is, or is not, its domain's root.
    Root(bool),
    /// The link belongs to this site.
    Site(SiteId),
    /// The link lives under this slug, in lower case, or did until it was deleted.
    Slug(String),
}

/// The form of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// One number.
    Total,
    /// One number a bucket, zeros included.
    Series(Buckets),
    /// One number a value, largest first.
    Groups {
        /// By this dimension; places bring what they lie in with them.
        by: Dimension,
        /// Show events whose dimension is unknown.
        unknown: bool,
        /// Rows at most; `None` for all.
        limit: Option<u64>,
    },
    /// One number a value of what the links are now, largest first.
    Attributes(LinkAttribute),
    /// One number a bucket and link; pairs without events are left out.
    Pivot(Buckets),
    /// One number a `name=value` of the visit's query, decoded, largest first. An event counts once for each that it has.
    Params {
        /// Rows at most.
        limit: u64,
    },
    /// The events themselves.
    Events {
        /// By time, then identity.
        order: Order,
        /// Which of them.
        page: Page,
    },
}

/// Direction of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// A part of a list of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Events at most; [`Page::ALL`] for however many there are.
    pub limit: u64,
    /// Where it begins.
    pub from: From,
}

impl Page {
    /// No limit.
    pub const ALL: u64 = u64::MAX;
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// After this many events.
    Offset(u64),
    /// After this event, in the order asked for.
    After {
        /// Its time in milliseconds.
        at_ms: i64,
        /// Its identity.
        id: EventId,
    },
}

/// Where a query is answered from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// The events themselves.
    Events,
    /// Counts by quarter of an hour within this range, whose edges lie on quarters; events for what is left of the query's
    /// range on either side.
    Rollup(Range),
}
