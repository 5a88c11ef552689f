//! Clicks, leads and sales side by side, reckoned event by event.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use linktrail::domain::event::{Event, EventKind};
use linktrail::table::{Cell, Table};

use super::almanac::Almanac;
use super::answer::Answer;
use super::question::{Form, KINDS, MOST_BUCKETS, Question};
use super::reckoning::{attribute_values, columns, counted, is_hidden, keys};
use super::scene::Workspace;

/// Clicks, leads, sales, and what was paid.
type Metrics = [i64; 4];

/// From when until when, and by which bucket where nothing is said of it.
pub type Span = (i64, i64, &'static str);

/// The right answer to a question about several kinds.
pub fn compare(workspace: &Workspace, question: &Question, kinds: &str, almanac: &Almanac, span: Span) -> Answer {
    let (_, kinds) = KINDS.iter().find(|(name, _)| *name == kinds).unwrap();
    let (start_ms, end_ms, bucket) = span;
    let events: Vec<&Event> =
        kinds.iter().flat_map(|kind| counted(workspace, question, *kind, start_ms, end_ms)).collect();
    // By currency, each row's money is its own; elsewhere it is that of one currency.
    let own = matches!(&question.form, Form::Groups { by, .. } if *by == "currencies");
    let currency = main_currency(&events).filter(|_| !own);
    let adds = |code: &str| own || Some(code) == currency.as_deref();
    let sums = |keys: &dyn Fn(&Event) -> Vec<Vec<String>>| sums(&events, &adds, keys);
    let by_money = |attributes: bool| !own && **kinds == [EventKind::Sale] || attributes && kinds.len() > 1;
    let table = match &question.form {
        Form::Total => {
            let whole = sums(&|_| vec![Vec::new()]).remove(&Vec::new()).unwrap_or_default();
            table(&[], vec![(Vec::new(), whole)])
        }
        Form::Series if start_ms == end_ms => table(&["start_ms"], Vec::new()),
        Form::Series => {
            let bucket = question.granularity.unwrap_or(bucket);
            let Some(buckets) = almanac.buckets(bucket, start_ms, end_ms, MOST_BUCKETS) else { return Answer::Refused };
            let name = |key: (i64, i64)| format!("{key:?}");
            let mut sums = sums(&|event| vec![vec![name(almanac.key(bucket, event.at_ms))]]);
            let rows = buckets
                .into_iter()
                .map(|(key, start_ms)| (vec![Cell::from(start_ms)], sums.remove(&vec![name(key)]).unwrap_or_default()));
            let table = table(&["start_ms"], rows.collect());
            assert!(sums.is_empty(), "events in no bucket: {sums:?}");
            table
        }
        Form::Groups { by, unknown, limit } => {
            let sums = sums(&|event| {
                Some(keys(event, by)).filter(|keys| *unknown || !is_hidden(by, keys)).into_iter().collect()
            });
            let rows = largest(sums, by_money(false), *limit, kinds[0]);
            table(columns(by), cells(rows))
        }
        Form::Attributes(name) => {
            let values = |event: &Event| attribute_values(workspace, event, name);
            let sums = sums(&|event| values(event).into_iter().map(|value| vec![value]).collect());
            table(&["value"], cells(largest(sums, by_money(true), None, kinds[0])))
        }
        Form::Page { .. } | Form::After { .. } | Form::Walk { .. } => panic!("a list is of one kind"),
    };
    Answer::Compared(table, currency)
}

/// That of the most sales, of equals the first by its code.
fn main_currency(events: &[&Event]) -> Option<String> {
    let mut sales: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind == EventKind::Sale) {
        *sales.entry(event.conversion.as_ref().unwrap().currency.as_str()).or_default() += 1;
    }
    sales.remove("");
    let most = sales.iter().min_by_key(|(code, count)| (Reverse(**count), **code));
    most.map(|(code, _)| (*code).to_owned())
}

fn sums(
    events: &[&Event],
    adds: &dyn Fn(&str) -> bool,
    keys: &dyn Fn(&Event) -> Vec<Vec<String>>,
) -> BTreeMap<Vec<String>, Metrics> {
    let mut sums: BTreeMap<Vec<String>, Metrics> = BTreeMap::new();
    for event in events {
        for key in keys(event) {
            let metrics = sums.entry(key).or_default();
            metrics[place(event.kind)] += 1;
            if let Some(conversion) = &event.conversion
                && event.kind == EventKind::Sale
                && adds(&conversion.currency)
            {
                metrics[3] += conversion.amount;
            }
        }
    }
    sums
}

fn place(kind: EventKind) -> usize {
    match kind {
        EventKind::Click => 0,
        EventKind::Lead => 1,
        EventKind::Sale => 2,
        other => panic!("{other:?} is not compared"),
    }
}

/// In order, at most so many: first it is the first kind that says which stay.
fn largest(
    sums: BTreeMap<Vec<String>, Metrics>,
    by_money: bool,
    limit: Option<u64>,
    first: EventKind,
) -> Vec<(Vec<String>, Metrics)> {
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
    let mut rows: Vec<(Vec<String>, Metrics)> = sums.into_iter().collect();
    // Sorts are stable, so equals stay in the order of their keys.
    rows.sort_by_key(|(_, metrics)| Reverse((if by_money { metrics[3] } else { 0 }, metrics[place(first)])));
    let of_first = rows.iter().filter(|(_, metrics)| metrics[place(first)] > 0).count();
    if of_first >= limit {
        rows.retain(|(_, metrics)| metrics[place(first)] > 0);
        rows.truncate(limit);
    }
    rows.sort_by(|left, right| left.0.cmp(&right.0));
    rows.sort_by_key(|(_, [clicks, leads, sales, money])| {
        Reverse(if by_money { [*money, *clicks, *leads, *sales] } else { [*clicks, *leads, *sales, *money] })
    });
    rows.truncate(limit);
    rows
}

fn cells(rows: Vec<(Vec<String>, Metrics)>) -> Vec<(Vec<Cell>, Metrics)> {
    rows.into_iter().map(|(keys, metrics)| (keys.into_iter().map(Cell::from).collect(), metrics)).collect()
}

fn table(keys: &[&'static str], rows: Vec<(Vec<Cell>, Metrics)>) -> Table {
    let columns: Vec<&'static str> = keys.iter().copied().chain(["clicks", "leads", "sales", "saleAmount"]).collect();
    let mut table = Table::new(&columns);
    for (mut row, metrics) in rows {
        row.extend(metrics.map(Cell::from));
        table.push(row);
    }
    table
}
