//! What is asked: a path of the API, the best SQL for the same by hand, and how the two answers are told to be equal.

use anyhow::{Context, ensure};
use serde_json::Value;

/// How an answer grows with the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Counts by the quarter of an hour serve it.
    Rollup,
    /// Events have to be read.
    Events,
}

/// Rows of an answer, as texts that can be compared.
pub type Rows = Vec<Vec<String>>;

/// The statements that follow, out of the rows by hand.
pub type Then = Box<dyn Fn(&[Vec<Value>]) -> Vec<String>>;

/// Reads the program's answer.
type Reading = Box<dyn Fn(&Value) -> Option<Rows>>;

/// A question, put in two ways.
pub struct Question {
    /// What peers know it by.
    pub id: &'static str,
    /// Said in the report.
    pub name: String,
    /// How it grows.
    pub growth: Growth,
    /// Asked of the program.
    pub path: String,
    /// Ways to ask ClickHouse, of which the fastest is the yardstick; all give the same rows, in any order.
    pub by_hand: Vec<String>,
    /// Asked after it, by hand too: what an answer says of the links in it.
    pub then: Option<Then>,
    reading: Reading,
    /// Rows that are compared, the first ones.
    most: usize,
}

impl Question {
    /// A question of which all rows count.
    pub fn new(
        id: &'static str,
        name: impl Into<String>,
        growth: Growth,
        path: String,
        by_hand: Vec<String>,
        reading: impl Fn(&Value) -> Option<Rows> + 'static,
    ) -> Self {
        Self { id, name: name.into(), growth, path, by_hand, then: None, reading: Box::new(reading), most: usize::MAX }
    }

    /// Only so many rows are compared: by hand one asks for no more.
    pub fn first(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// More is asked of what was found.
    pub fn then(mut self, then: impl Fn(&[Vec<Value>]) -> Vec<String> + 'static) -> Self {
        self.then = Some(Box::new(then));
        self
    }

    /// Compares the answers.
    ///
    /// # Errors
    /// When they are not the same.
    pub fn check(&self, ours: &str, by_hand: &[Vec<Value>]) -> anyhow::Result<()> {
        let answer: Value = serde_json::from_str(ours).with_context(|| format!("{} is no JSON: {ours}", self.path))?;
        let mut ours = (self.reading)(&answer).with_context(|| format!("{}: cannot read {answer}", self.path))?;
        ours.truncate(self.most);
        // By hand more may be read than is compared.
        let width = ours.first().map_or(usize::MAX, Vec::len);
        let mut theirs: Rows = by_hand.iter().map(|row| row.iter().take(width).map(text).collect()).collect();
        ours.sort_unstable();
        theirs.sort_unstable();
        let differs = || {
            let first = ours.iter().zip(&theirs).find(|(own, other)| own != other);
            format!("wrong answer: {}: {} rows, by hand {}; {first:?}", self.path, ours.len(), theirs.len())
        };
        ensure!(ours == theirs, "{}", differs());
        Ok(())
    }
}

/// A value as text: numbers and words without quotes.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// These fields of an object, or of each object of a list.
pub fn fields(names: &'static [&'static str]) -> impl Fn(&Value) -> Option<Rows> {
    move |answer| {
        let row = |object: &Value| names.iter().map(|name| object.get(name).map(text)).collect::<Option<Vec<String>>>();
        match answer {
            Value::Array(objects) => objects.iter().map(row).collect(),
            object => Some(vec![row(object)?]),
        }
    }
}

/// The clicks of a series that are not 0, in order.
pub fn points(answer: &Value) -> Option<Rows> {
    let clicks = answer.as_array()?.iter().map(|point| point.get("clicks")?.as_u64()).collect::<Option<Vec<_>>>()?;
    let counted = clicks.into_iter().filter(|&clicks| clicks > 0);
    Some(counted.enumerate().map(|(place, clicks)| vec![place.to_string(), clicks.to_string()]).collect())
}

/// What is not 0 of a matrix of Linkly's: day, link, clicks.
pub fn cells(answer: &Value) -> Option<Rows> {
    let links: Vec<String> =
        answer.get("links")?.as_array()?.iter().map(|link| link.get("id").map(text)).collect::<Option<_>>()?;
    let mut rows = Vec::new();
    for point in answer.get("traffic")?.as_array()? {
        let day = text(point.get("t")?);
        for (link, value) in links.iter().zip(point.get("values")?.as_array()?) {
            if value.as_u64()? > 0 {
                rows.push(vec![day.clone(), link.clone(), value.to_string()]);
            }
        }
    }
    Some(rows)
}

/// Events of a page: time, slug, country, city, browser, destination.
pub fn events(answer: &Value) -> Option<Rows> {
    let row = |event: &Value| {
        let (click, link) = (event.get("click")?, event.get("link")?);
        let at = text(click.get("timestamp")?).replace('T', " ").replace('Z', "");
        // What is not known is stored as an empty text.
        let known = |value: &Value| if value == "Unknown" { String::new() } else { text(value) };
        let of_click = ["country", "city", "browser", "url"].map(|name| click.get(name).map(known));
        let mut row = vec![at, text(link.get("key")?)];
        row.extend(of_click.into_iter().collect::<Option<Vec<String>>>()?);
        Some(row)
    };
    answer.as_array()?.iter().map(row).collect()
}
