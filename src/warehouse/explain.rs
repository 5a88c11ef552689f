//! What was asked of ClickHouse on the way to one answer: told to owners who want to see it.
//!
//! Collected is what runs inside [`Explanation::of`], in the order in which it was asked; outside nothing is kept. A piece of
//! work that is handed to another task is not inside.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clickhouse::QuerySummary;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::sql::{Sql, Value};
use crate::plan::Query;

/// Queries of one answer that are told; the rest are counted. An export in slices asks again and again.
const MOST_QUERIES: usize = 100;
/// Items of a list that are shown, and letters of a text.
const MOST_ITEMS: usize = 20;
const MOST_LETTERS: usize = 1_000;

tokio::task_local! {
    static COLLECTED: Explanation;
}

/// The queries of one answer. Cheap to clone; clones share what was collected.
#[derive(Clone, Debug, Default)]
pub struct Explanation(Arc<Mutex<Vec<Asked>>>);

/// One query, and what became of it so far.
#[derive(Clone, Debug, Serialize)]
struct Asked {
    /// The plan that the statement carries out, line by line; some questions need none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    plan: Vec<String>,
    sql: String,
    /// The format that ClickHouse writes the answer in, where it goes out as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    parameters: Vec<Json>,
    /// Settings of the server for this statement alone.
    #[serde(skip_serializing_if = "Map::is_empty")]
    settings: Map<String, Json>,
    /// From the asking to the last row, or to where reading ended.
    took_ms: f64,
    /// Rows that were taken; where ClickHouse writes the file itself, `bytes` stands instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// What ClickHouse read to find them, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_bytes: Option<u64>,
    /// Read to its end.
    whole: bool,
}

impl Explanation {
    /// Runs a piece of work and collects what it asks.
    pub async fn of<T>(&self, work: impl Future<Output = T>) -> T {
        COLLECTED.scope(self.clone(), work).await
    }

    /// What was collected: `queries`, and how many `more` there were.
    pub fn json(&self) -> Json {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = &asked[..asked.len().min(MOST_QUERIES)];
        let mut json = json!({ "queries": shown });
        if asked.len() > shown.len() {
            json["more"] = json!(asked.len() - shown.len());
        }
        json
    }
}

/// Whether somebody wants to see what is asked.
pub(super) fn is_wanted() -> bool {
    COLLECTED.try_with(|_| ()).is_ok()
}

/// The plan that a statement carries out, where somebody wants to see it.
pub(super) fn plan(query: &Query) -> Option<Vec<String>> {
    is_wanted().then(|| query.to_string().lines().map(str::to_owned).collect())
}

/// A query under way that somebody wants to see. What became of it is told when this is dropped.
#[derive(Debug)]
pub(super) struct Told {
    explanation: Explanation,
    place: usize,
    began: Instant,
    waits: bool,
    asked: Asked,
}

impl Told {
    /// A query that begins now; `None` where nobody wants to see it. What was read for it is known where the server `waits`
    /// for the query's end before it answers.
    pub(super) fn begin(sql: &Sql, waits: bool) -> Option<Self> {
        let explanation = COLLECTED.try_with(Explanation::clone).ok()?;
        let asked = Asked {
            plan: sql.plan().to_vec(),
            sql: sql.text().to_owned(),
            format: None,
            parameters: sql.values().iter().enumerate().map(|(place, value)| parameter(place, value)).collect(),
            settings: sql.settings().iter().map(|(name, value)| ((*name).to_owned(), Json::from(*value))).collect(),
            took_ms: 0.0,
            rows: None,
            bytes: None,
            read_rows: None,
            read_bytes: None,
            whole: false,
        };
        let place = {
            let mut collected = explanation.0.lock().unwrap_or_else(PoisonError::into_inner);
            collected.push(asked.clone());
            collected.len() - 1
        };
        Some(Self { explanation, place, began: Instant::now(), waits, asked })
    }

    /// The same query, whose answer ClickHouse writes in this format.
    pub(super) fn written(mut self, format: &'static str) -> Self {
        self.asked.format = Some(format);
        self
    }

    /// A row was taken, or the last one was already.
    pub(super) fn row(&mut self, is_there: bool, summary: Option<&QuerySummary>) {
        *self.asked.rows.get_or_insert(0) += u64::from(is_there);
        if !is_there {
            self.end();
            let summary = summary.filter(|_| self.waits);
            self.asked.read_rows = summary.and_then(QuerySummary::read_rows);
            self.asked.read_bytes = summary.and_then(QuerySummary::read_bytes);
        }
    }

    /// So many bytes were taken, or the last ones were already.
    pub(super) fn bytes(&mut self, length: Option<usize>) {
        *self.asked.bytes.get_or_insert(0) += length.unwrap_or(0) as u64;
        if length.is_none() {
            self.end();
        }
    }

    fn end(&mut self) {
        self.asked.whole = true;
        self.asked.took_ms = self.elapsed_ms();
    }

    fn elapsed_ms(&self) -> f64 {
        (self.began.elapsed().as_secs_f64() * 1e6).round() / 1e3
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if !self.asked.whole {
            self.asked.took_ms = self.elapsed_ms();
        }
        let mut collected = self.explanation.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = collected.get_mut(self.place) {
            std::mem::swap(asked, &mut self.asked);
        }
    }
}

/// A bound value as it is shown: of what is long the beginning, and its length.
fn parameter(place: usize, value: &Value) -> Json {
    let (shown, length) = match value {
        Value::UInt(number) => (json!(number), None),
        Value::Int(number) => (json!(number), None),
        Value::Text(text) => {
            (json!(beginning(text)), Some(text.chars().count()).filter(|length| *length > MOST_LETTERS))
        }
        Value::Texts(texts) => (
            texts.iter().take(MOST_ITEMS).map(|text| json!(beginning(text))).collect(),
            Some(texts.len()).filter(|length| *length > MOST_ITEMS),
        ),
        Value::UInts(numbers) => (
            numbers.iter().take(MOST_ITEMS).map(|number| json!(number)).collect(),
            Some(numbers.len()).filter(|length| *length > MOST_ITEMS),
        ),
    };
    let mut json = json!({ "name": format!("p{place}"), "type": value.type_name(), "value": shown });
    if let Some(length) = length {
        json["length"] = json!(length);
    }
    json
}

fn beginning(text: &str) -> &str {
    text.char_indices().nth(MOST_LETTERS).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Sql {
        let mut sql = Sql::new("SELECT ");
        sql.bind(Value::UInt(7)).push(" IN ").bind(Value::UInts((0..50).collect()));
        sql
    }

    #[tokio::test]
    async fn queries_are_told_in_the_order_of_their_asking() {
        let explanation = Explanation::default();
        explanation
            .of(async {
                let mut first = Told::begin(&statement(), true).unwrap();
                let mut second = Told::begin(&Sql::new("SELECT 2"), false).unwrap();
                second.bytes(Some(10));
                second.bytes(None);
                drop(second);
                first.row(true, None);
                first.row(true, None);
                first.row(false, None);
            })
            .await;
        let json = explanation.json();
        let [first, second] = json["queries"].as_array().unwrap().as_slice() else { panic!("{json}") };
        assert_eq!(first["sql"], "SELECT {p0:UInt64} IN {p1:Array(UInt64)}");
        assert_eq!(first["parameters"][0], json!({"name": "p0", "type": "UInt64", "value": 7}));
        assert_eq!(first["parameters"][1]["length"], 50);
        assert_eq!(first["parameters"][1]["value"], json!((0..20).collect::<Vec<_>>()));
        assert_eq!((&first["rows"], &first["whole"]), (&json!(2), &json!(true)));
        assert_eq!((&second["bytes"], second.get("rows")), (&json!(10), None));
        assert_eq!(json.get("more"), None);
    }

    #[tokio::test]
    async fn what_is_not_read_to_its_end_says_so() {
        let explanation = Explanation::default();
        explanation
            .of(async {
                for _ in 0..=MOST_QUERIES {
                    Told::begin(&statement(), true).unwrap().row(true, None);
                }
            })
            .await;
        let json = explanation.json();
        assert_eq!(json["queries"].as_array().unwrap().len(), MOST_QUERIES);
        assert_eq!((&json["more"], &json["queries"][0]["whole"]), (&json!(1), &json!(false)));
    }

    #[test]
    fn nothing_is_kept_where_nobody_asks() {
        assert!(Told::begin(&statement(), true).is_none() && !is_wanted());
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        let long = "é".repeat(MOST_LETTERS + 1);
        let json = parameter(3, &Value::Text(long.clone()));
        assert_eq!(json["length"], MOST_LETTERS + 1);
        assert_eq!(json["value"], "é".repeat(MOST_LETTERS));
        for short in ["it's", "", &long[2..]] {
            let expected = json!({"name": "p0", "type": "String", "value": short});
            assert_eq!(parameter(0, &Value::Text(short.to_owned())), expected);
        }
        let json = parameter(0, &Value::Texts(vec![long]));
        assert_eq!((json["value"][0].as_str().unwrap().chars().count(), json.get("length")), (MOST_LETTERS, None));
    }
}
