//! Clicks, leads and sales side by side, for whatever shape of an answer.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::future::{try_join, try_join_all};

use crate::domain::dimension::{Dimension, Of};
use crate::domain::event::EventKind;
use crate::plan::{Condition, Money, Query, Request, Shape, Source, build};
use crate::table::{Cell, Table};
use crate::telemetry::name::QUERY_SECONDS;
use crate::warehouse::count::{self, KindGroupRow};

use super::tally::{By, Key, MOST_KINDS, Measures, Tally};
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

/// The table of a comparison of these kinds.
fn side_by_side(shape: &Shape, kinds: &[EventKind], rows: Vec<(Key, Measures)>) -> Table {
    let mut table = Table::new(&columns(shape, &METRICS));
    for (key, measures) in rows {
        let mut row = key.cells();
        row.extend(KINDS.map(|kind| {
            let place = kinds.iter().position(|known| *known == kind);
            Cell::from(place.map_or(0, |place| measures.counts[place]))
        }));
        row.push(Cell::from(measures.money));
        table.push(row);
    }
    table
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
        let own = matches!(request.shape, Shape::Groups { by: Dimension::Currency, .. });
        if kinds.contains(&EventKind::Sale) && request.shape == Shape::Total {
            return self.totals(queries).await;
        }
        if let Some(found) = self.together(&queries).await? {
            return Ok(found);
        }
        for query in queries.iter_mut().skip(1) {
            if let Shape::Groups { limit, .. } = &mut query.shape {
                // Which of these keys are among the largest is for the first kind to say.
                *limit = None;
            }
        }
        let by = match (kinds.as_slice(), &request.shape) {
            _ if own => By::Count,
            ([EventKind::Sale], _) | ([_, _, ..], Shape::Attributes(_)) => By::Money,
            _ => By::Count,
        };
        // Sales are the last; others need not wait until it is known what was paid in.
        let sales = queries.pop_if(|query| query.kind == EventKind::Sale);
        let place = queries.len();
        let paid = async {
            let Some(mut query) = sales else { return Ok((None, Vec::new())) };
            let currency = if own { None } else { self.main_currency(&query).await? };
            query.money = if own { Some(Money::Own) } else { currency.clone().map(Money::In) };
            Ok::<_, Error>((currency, self.count(place, query).await?))
        };
        let others = try_join_all(queries.into_iter().enumerate().map(|(place, query)| self.count(place, query)));
        let began = Instant::now();
        let ((currency, paid), others) = try_join(paid, others).await?;
        let rows = others.into_iter().flatten().chain(paid);
        let rows = self.arranged(request.workspace, &request.shape, rows, by, began).await?;
        Ok(Comparison { table: side_by_side(&request.shape, &kinds, rows), currency })
    }

    /// Groups of several kinds by one reading of the events; `None` where they take more than that.
    async fn together(&self, queries: &[Query]) -> Result<Option<Comparison>, Error> {
        let [first, _, ..] = queries else { return Ok(None) };
        let Shape::Groups { by, unknown, limit } = first.shape else { return Ok(None) };
        let same = queries.iter().all(|query| query.conditions == first.conditions);
        let plain = first.conditions.iter().all(|condition| match condition {
            Condition::Dimension { .. } | Condition::Links { .. } | Condition::ReferrerDomain { .. } => true,
            // Of a click these mean another thing than of a sale.
            Condition::Customers { .. } | Condition::SaleType(_) | Condition::Metadata(_) => false,
        });
        let query = self.planned(first.clone());
        if !same || !plain || query.counting.unique || by.info().of != Of::Every || query.source != Source::Events {
            return Ok(None);
        }
        let began = Instant::now();
        let kinds: Vec<EventKind> = queries.iter().map(|query| query.kind).collect();
        let rows: Vec<KindGroupRow> =
            self.warehouse.collect(&count::groups_of_kinds(&query, &kinds, by, unknown, limit)).await?;
        let mut sales: BTreeMap<&str, u64> = BTreeMap::new();
        for row in rows.iter().filter(|row| !row.in_currency.is_empty()) {
            *sales.entry(&row.in_currency).or_default() += row.counted;
        }
        let currency =
            sales.into_iter().max_by_key(|&(code, sales)| (sales, Reverse(code))).map(|(code, _)| code.to_owned());
        let mut tally = Tally::default();
        for row in rows.into_iter().filter(|row| row.shown) {
            let Some(place) = kinds.iter().position(|kind| kind.name() == row.of_kind) else { continue };
            let is_main = currency.as_ref() == Some(&row.in_currency);
            let mut measures = Measures { money: if is_main { row.money } else { 0 }, ..Measures::default() };
            measures.counts[place] = row.counted;
            tally.add(Key::Values(row.keys), measures);
        }
        metrics::histogram!(QUERY_SECONDS, "kind" => "groups").record(began.elapsed());
        let table = side_by_side(&first.shape, &kinds, tally.ordered(By::Count, limit));
        Ok(Some(Comparison { table, currency }))
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
            self.tally(query)
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
