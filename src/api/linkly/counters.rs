//! `GET /api/v1/workspace/{workspace}/clicks/counters/{counter}`: clicks by the values of a dimension (Linkly contract, 1.5 and
//! D7 to D9).

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::caller::Caller;
use super::click_params::{Asked, LastDay};
use super::clicks::accept;
use crate::domain::dimension::{DIMENSIONS, Dimension};
use crate::domain::platform;
use crate::plan::{Request, Shape, build};
use crate::table::{Cell, Table};
use crate::web::answer;
use crate::web::error::{ApiError, quoted};
use crate::web::params::Params;
use crate::web::state::App;

/// Values at most; the total counts the others too.
const MOST_VALUES: usize = 10_000;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counter {
    Dimension(Dimension),
    /// Pairs of the visit's query: a click counts once for each that it has.
    Params,
}

impl Counter {
    fn parse(name: &str) -> Result<Self, ApiError> {
        if name == "top_params" {
            return Ok(Self::Params);
        }
        DIMENSIONS
            .iter()
            .find(|line| line.linkly.contains(&name))
            .map(|line| Self::Dimension(line.dimension))
            .ok_or_else(|| {
                let mut names: Vec<&str> = DIMENSIONS.iter().flat_map(|line| line.linkly).copied().collect();
                names.push("top_params");
                let message = format!("expected one of {}. Given: {}", names.join(", "), quoted(name));
                ApiError::invalid("invalid_value", "counter", message)
            })
    }

    fn shape(self) -> Shape {
        match self {
            Self::Params => Shape::Params { limit: MOST_VALUES as u64 },
            Self::Dimension(by) => {
                // What lies in something else is counted apart and put together here; else one row more than is shown tells
                // whether the unknown, which comes first among equals there and last here, is among those shown.
                let limit = by.info().within.is_empty().then_some(MOST_VALUES as u64 + 1);
                Shape::Groups { by, unknown: true, limit }
            }
        }
    }

    /// A stored value as Linkly shows it; `None` for the unknown.
    fn shown(self, value: &str) -> Option<String> {
        let value = match self {
            Self::Dimension(Dimension::Os) => platform::shown(value),
            Self::Dimension(Dimension::Link) if value == "0" => "",
            Self::Dimension(_) | Self::Params => value,
        };
        (!value.is_empty()).then(|| value.to_owned())
    }
}

/// Answers one call.
pub(super) async fn counter(
    State(app): State<App>,
    caller: Caller,
    Path((workspace, counter)): Path<(String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let member = caller.workspace(&workspace)?;
    member.require("analytics.read")?;
    let counter = Counter::parse(&counter)?;
    let asked = Asked::read(&app, member.workspace, &params, accept(&headers), ("counters", LastDay::Today))?;
    let query = |shape| build(Request { shape, ..asked.request.clone() });
    let (total, counts) =
        tokio::try_join!(app.analytics.run(query(Shape::Total)), app.analytics.run(query(counter.shape())))?;
    let values = values(counter, &counts);
    let total = match total.rows.first().map(Vec::as_slice) {
        Some([Cell::Int(total)]) => *total,
        _ => 0,
    };
    let objects: Vec<Value> = values.iter().map(|(value, count)| json!({ "count": count, "value": value })).collect();
    let mut table = Table::new(&["value", "count"]);
    for (value, count) in values {
        table.push(vec![Cell::from(value), Cell::from(count)]);
    }
    let answer = answer::value(&json!({ "total": total, "values": objects }), &table, &asked.writing)?;
    asked.say_uniques(&app, answer).await
}

/// Most frequent first, equals by value, the unknown after its equals.
fn values(counter: Counter, counts: &Table) -> Vec<(Option<String>, i64)> {
    let mut sums: HashMap<Option<String>, i64> = HashMap::new();
    for row in &counts.rows {
        let [.., Cell::Text(value), Cell::Int(count)] = row.as_slice() else { continue };
        *sums.entry(counter.shown(value)).or_default() += count;
    }
    let mut values: Vec<(Option<String>, i64)> = sums.into_iter().collect();
    values.sort_unstable_by(|(left, fewer), (right, more)| {
        more.cmp(fewer).then_with(|| (left.is_none(), left).cmp(&(right.is_none(), right)))
    });
    values.truncate(MOST_VALUES);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_by_linklys_names() {
        for (name, expected) in [
            ("country", Counter::Dimension(Dimension::Country)),
            ("platform", Counter::Dimension(Dimension::Os)),
            ("browser_name", Counter::Dimension(Dimension::Browser)),
            ("isp", Counter::Dimension(Dimension::Isp)),
            ("remote_ip", Counter::Dimension(Dimension::Address)),
            ("destination", Counter::Dimension(Dimension::Url)),
            ("top_params", Counter::Params),
        ] {
            assert_eq!(Counter::parse(name).unwrap(), expected, "{name}");
        }
        let refusal = Counter::parse("shoes").unwrap_err().to_string();
        assert!(refusal.contains("link_id") && refusal.contains("\"shoes\""), "{refusal}");
    }

    #[test]
    fn values_meet_and_stand_in_order() {
        let mut counts = Table::new(&["os", "events"]);
        for (os, count) in [("Mac OS", 2_i64), ("Linux", 3), ("", 3), ("macOS", 1), ("iOS", 1), ("Android", 1)] {
            counts.push(vec![Cell::from(os), Cell::from(count)]);
        }
        let shown = values(Counter::Dimension(Dimension::Os), &counts);
        let expected = [(Some("Linux"), 3), (Some("Mac"), 3), (None, 3), (Some("Android"), 1), (Some("iOS"), 1)];
        assert_eq!(shown, expected.map(|(value, count)| (value.map(str::to_owned), count)));
    }
}
