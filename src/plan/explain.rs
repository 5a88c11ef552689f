//! A query as an indented tree, for logs and tests. Values are counted, not shown: they may be personal.

use std::fmt;

use super::{Bots, Condition, From, LinkCondition, Money, Order, Page, Query, Shape, Source};
use crate::filter::{List, SaleType, Sense};

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shape {
            Shape::Total => writeln!(f, "total")?,
            Shape::Series(buckets) => writeln!(f, "series of {} {:?} buckets", buckets.len(), buckets.bucket())?,
            Shape::Groups { by, unknown, limit } => {
                let limit = limit.map_or_else(|| "all".to_owned(), |limit| limit.to_string());
                writeln!(f, "groups by {by:?}, limit {limit}, unknown {}", if *unknown { "shown" } else { "hidden" })?;
            }
            Shape::Pivot(buckets) => writeln!(f, "links in {} {:?} buckets", buckets.len(), buckets.bucket())?,
            Shape::Params { limit } => writeln!(f, "groups by parameters of the visit, limit {limit}")?,
            Shape::Attributes(attribute) => writeln!(f, "groups by the links' {attribute:?}")?,
            Shape::Events { order, page } => {
                let order = match order {
                    Order::Ascending => "oldest",
                    Order::Descending => "newest",
                };
                let limit = if page.limit == Page::ALL { "all".to_owned() } else { page.limit.to_string() };
                match page.from {
                    From::Offset(offset) => writeln!(f, "events {order} first, {limit} from {offset}")?,
                    From::After { .. } => writeln!(f, "events {order} first, {limit} after a cursor")?,
                }
            }
        }
        writeln!(f, "  of workspace {}, kind {}", self.workspace.0, self.kind.name())?;
        writeln!(f, "  within [{}, {}) ms", self.range.start_ms(), self.range.end_ms())?;
        let bots = match self.counting.bots {
            Bots::Exclude => "no bots",
            Bots::Include => "bots too",
            Bots::Only => "only bots",
        };
        let repeats = if self.counting.repeats { "repeats too" } else { "no repeats" };
        writeln!(
            f,
            "  counting {bots}, {repeats}{}",
            if self.counting.unique { ", first of each visitor" } else { "" }
        )?;
        match &self.money {
            Some(Money::In(currency)) => writeln!(f, "  adding up {currency}")?,
            Some(Money::Own) => writeln!(f, "  adding up each currency")?,
            None => {}
        }
        for condition in &self.conditions {
            match condition {
                Condition::Dimension { dimension, list } => writeln!(f, "  where {dimension:?} {}", sized(list))?,
                Condition::ReferrerDomain { list } => writeln!(f, "  where referrer domain {}", sized(list))?,
                Condition::Links { sense, ids } => {
                    writeln!(f, "  where link {} {} ids", sense_text(*sense), ids.len())?
                }
                Condition::Customers { sense, ids } => {
                    writeln!(f, "  where customer {} {} ids", sense_text(*sense), ids.len())?
                }
                Condition::SaleType(SaleType::New) => writeln!(f, "  where first sale of the customer")?,
                Condition::SaleType(SaleType::Recurring) => writeln!(f, "  where not first sale of the customer")?,
                Condition::Metadata(expression) => {
                    writeln!(f, "  where metadata meets {} comparisons", expression.comparisons())?
                }
            }
        }
        for condition in &self.links {
            match condition {
                LinkCondition::Attribute { attribute, list } => {
                    writeln!(f, "  of links whose {attribute:?} {}", sized(list))?
                }
                LinkCondition::Root(root) => {
                    writeln!(f, "  of {} links", if *root { "root" } else { "other than root" })?
                }
                LinkCondition::Site(site) => writeln!(f, "  of links of site {}", site.0)?,
                LinkCondition::Slug(_) => writeln!(f, "  of links under one slug")?,
            }
        }
        match self.source {
            Source::Events => write!(f, "  from events"),
            Source::Rollup(inner) => {
                write!(f, "  from the rollup within [{}, {}) ms", inner.start_ms(), inner.end_ms())?;
                if inner == self.range { Ok(()) } else { write!(f, ", events at the edges") }
            }
        }
    }
}

fn sense_text(sense: Sense) -> &'static str {
    match sense {
        Sense::Is => "among",
        Sense::IsNot => "not among",
    }
}

fn sized(list: &List) -> String {
    format!("{} {} values", sense_text(list.sense), list.values.len())
}
