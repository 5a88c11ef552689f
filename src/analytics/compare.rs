//! Clicks, leads and sales side by side, for whatever shape of an answer.

use std::cmp::Reverse;

use futures_util::future::{OptionFuture, try_join_all};

use crate::domain::dimension::Dimension;
use crate::domain::event::EventKind;
use crate::plan::{Money, Query, Request, Shape, build};
use crate::table::{Cell, Table};

use super::tally::{By, Key, MOST_KINDS};
use super::{Analytics, Error, columns};

/// The last four columns of every comparison: three counts, and what was paid, in the currency's smallest unit.
pub const METRICS: [&str; 4] = ["clicks", "leads", "sales", "saleAmount"];

/// The kinds that are compared, in the order of their columns.
const KINDS: [EventKind; MOST_KINDS] = [EventKind::Click, EventKind::Lead, EventKind::Sale];

/// An answer of several kinds of events.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Keys as [`Analytics::run`] has them, then [`METRICS`]; kinds that were not asked for are 0.
    pub table: Table,
    /// The currency of what was paid; `None` without sales, and for groups by currency, where each row's is its own.
    /// Different currencies are never added up: it is that of the most sales among those that count, of equals the first
    /// by its code. `sales` counts those in every currency.
    pub currency: Option<String>,
}

/// The number of events of a kind in a comparison of totals.
pub fn number(totals: &Table, kind: EventKind) -> i64 {
    let place = KINDS.iter().position(|known| *known == kind);
    match totals.rows.first().zip(place).and_then(|(row, place)| row.get(place)) {
        Some(Cell::Int(number)) => *number,
        _ => 0,
    }
}

impl Analytics {
    /// Answers a request for each of these kinds (clicks, leads, sales; its own kind is not looked at) in one table.
    ///
    /// Rows that only some of the kinds have are all there. The largest come first: by the kind, sales by what was paid, or
    /// by their number where each row has a currency of its own; of several kinds by the first of them, then by the others,
    /// but by what was paid where they are grouped by what links are. Where a limit leaves rows out that the first kind has,
    /// of those with equal numbers of it the first by their values stay. Conditions that say nothing of a kind leave it alone.
    ///
    /// # Errors
    /// When a store does not answer, or a query costs more than it may.
    pub async fn compare(&self, request: Request, kinds: &[EventKind]) -> Result<Comparison, Error> {
        let kinds: Vec<EventKind> = KINDS.into_iter().filter(|kind| kinds.contains(kind)).collect();
        let mut queries: Vec<Query> = kinds.iter().map(|&kind| build(Request { kind, ..request.clone() })).collect();
        self.resolve_links_once(&mut queries).await?;
        let sales = queries.iter().find(|query| query.kind == EventKind::Sale);
        let own = matches!(request.shape, Shape::Groups { by: Dimension::Currency, .. });
        let sales = sales.filter(|_| !own);
        if sales.is_some() && request.shape == Shape::Total {
            return self.totals(queries).await;
        }
        let currency = OptionFuture::from(sales.map(|query| self.main_currency(query))).await.transpose()?.flatten();
        let money = if own { Some(Money::Own) } else { currency.clone().map(Money::In) };
        for (place, query) in queries.iter_mut().enumerate() {
            query.money.clone_from(&money);
            if let Shape::Groups { limit, .. } = &mut query.shape
                && place > 0
            {
                // Which of these keys are among the largest is for the first kind to say.
                *limit = None;
            }
        }
        let by = match (kinds.as_slice(), &request.shape) {
            _ if own => By::Count,
            ([EventKind::Sale], _) | ([_, _, ..], Shape::Attributes(_)) => By::Money,
            _ => By::Count,
        };
        let mut table = Table::new(&columns(&request.shape, &METRICS));
        for (key, measures) in self.tally(queries, by).await? {
            let mut row = key.cells();
            row.extend(KINDS.map(|kind| {
                let place = kinds.iter().position(|known| *known == kind);
                Cell::from(place.map_or(0, |place| measures.counts[place]))
            }));
            row.push(Cell::from(measures.money));
            table.push(row);
        }
        Ok(Comparison { table, currency })
    }

    /// Totals of kinds that sales are among. Counted by currency, sales tell at once how many there are, which currency most
    /// of them have, and what was paid in it.
    async fn totals(&self, queries: Vec<Query>) -> Result<Comparison, Error> {
        let kinds: Vec<EventKind> = queries.iter().map(|query| query.kind).collect();
        let counted = queries.into_iter().map(|query| {
            let query = match query.kind {
                EventKind::Sale => Query {
                    shape: Shape::Groups { by: Dimension::Currency, unknown: true, limit: None },
                    money: Some(Money::Own),
                    ..query
                },
                _ => query,
            };
            self.tally(vec![query], By::Count)
        });
        let answers = try_join_all(counted).await?;
        let counts = KINDS.map(|kind| {
            let answer = kinds.iter().position(|known| *known == kind).map(|place| &answers[place]);
            answer.into_iter().flatten().map(|(_, measures)| measures.counts[0]).sum::<u64>()
        });
        let paid = answers.iter().flatten().filter_map(|(key, measures)| match key {
            Key::Values(codes) => codes.first().filter(|code| !code.is_empty()).map(|code| (code.clone(), *measures)),
            Key::Whole | Key::Start(_) | Key::StartOf(..) => None,
        });
        let main = paid.max_by_key(|(code, measures)| (measures.counts[0], Reverse(code.clone())));
        let mut row: Vec<Cell> = counts.map(Cell::from).into();
        row.push(Cell::from(main.as_ref().map_or(0, |(_, measures)| measures.money)));
        let mut table = Table::new(&METRICS);
        table.push(row);
        Ok(Comparison { table, currency: main.map(|(code, _)| code) })
    }

    /// What must be true of links is the same for all kinds.
    async fn resolve_links_once(&self, queries: &mut [Query]) -> Result<(), Error> {
        let Some((first, rest)) = queries.split_first_mut() else { return Ok(()) };
        if first.links.is_empty() {
            return Ok(());
        }
        *first = self.with_links(first.clone()).await?;
        let resolved = first.conditions.last().cloned();
        for query in rest {
            query.links.clear();
            query.conditions.extend(resolved.clone());
        }
        Ok(())
    }

    /// The currency of most of the sales that a query counts.
    async fn main_currency(&self, sales: &Query) -> Result<Option<String>, Error> {
        let shape = Shape::Groups { by: Dimension::Currency, unknown: false, limit: Some(1) };
        let largest = self.run(Query { shape, ..sales.clone() }).await?;
        Ok(match largest.rows.into_iter().next().and_then(|row| row.into_iter().next()) {
            Some(Cell::Text(code)) => Some(code),
            _ => None,
        })
    }
}
