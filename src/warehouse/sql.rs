//! SQL text and its values, kept apart: text is literal, values are bound.
//!
//! Only `&'static str` can become text, so a caller's words cannot; a value enters as a typed server-side parameter.

use std::fmt::Write;

use clickhouse::query::Query;

use super::explain;
use crate::domain::id::WorkspaceId;
use crate::plan;

/// Bytes of one parameter at most. ClickHouse refuses a form field beyond 128 KiB before it looks at any setting that comes
/// with the request, so a limit raised there comes too late.
const MAX_WRITTEN_BYTES: usize = 100_000;
/// Numbers in one parameter at most: 20 digits and a comma each.
const MAX_NUMBERS: usize = MAX_WRITTEN_BYTES / 21;

/// What a text in a list takes at most once it is quoted and escaped, which happens twice.
fn written_length(text: &str) -> usize {
    let written = |byte: u8| if byte.is_ascii_control() || matches!(byte, b'\\' | b'\'') { 4 } else { 1 };
    text.bytes().map(written).sum::<usize>() + "'',".len()
}

/// A bound value; its variant fixes the ClickHouse type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// `UInt64`
    UInt(u64),
    /// `Int64`
    Int(i64),
    /// `String`
    Text(String),
    /// `Array(String)`
    Texts(Vec<String>),
    /// `Array(UInt64)`
    UInts(Vec<u64>),
}

impl Value {
    /// The value, or a list in parts that each fit into a parameter; at least one.
    fn parts(self) -> Vec<Self> {
        match self {
            Self::Texts(values)
                if values.iter().map(|value| written_length(value)).sum::<usize>() > MAX_WRITTEN_BYTES =>
            {
                let mut parts: Vec<Vec<String>> = Vec::new();
                let mut room = 0;
                for value in values {
                    let length = written_length(&value);
                    match parts.last_mut() {
                        Some(part) if length <= room => part.push(value),
                        _ => {
                            parts.push(vec![value]);
                            room = MAX_WRITTEN_BYTES;
                        }
                    }
                    room = room.saturating_sub(length);
                }
                parts.into_iter().map(Self::Texts).collect()
            }
            Self::UInts(values) if values.len() > MAX_NUMBERS => {
                values.chunks(MAX_NUMBERS).map(|part| Self::UInts(part.to_vec())).collect()
            }
            whole => vec![whole],
        }
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::UInt(_) => "UInt64",
            Self::Int(_) => "Int64",
            Self::Text(_) => "String",
            Self::Texts(_) => "Array(String)",
            Self::UInts(_) => "Array(UInt64)",
        }
    }
}

/// A statement under construction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sql {
    text: String,
    values: Vec<Value>,
    settings: Vec<(&'static str, &'static str)>,
    workspace: Option<WorkspaceId>,
    /// The plan that it carries out, line by line, where somebody wants to see it.
    plan: Vec<String>,
}

impl Sql {
    /// A statement that begins with this text.
    pub fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Appends trusted text.
    pub fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends `workspace_id = ...`, which holds the rows to one workspace, and notes whose statement this is. There is no
    /// other way to say it, so that what has no workspace is known, and not run for a caller.
    pub fn scope(&mut self, workspace: WorkspaceId) -> &mut Self {
        debug_assert!(self.workspace.is_none_or(|known| known == workspace), "a statement has one workspace");
        self.workspace = Some(workspace);
        self.push("workspace_id = ").bind(Value::UInt(workspace.0))
    }

    /// Whose rows it reads; `None` before [`scope`](Self::scope).
    pub fn workspace(&self) -> Option<WorkspaceId> {
        self.workspace
    }

    /// Appends a placeholder and keeps the value out of the text. A list too long for one is joined from several.
    pub fn bind(&mut self, value: Value) -> &mut Self {
        let mut parts = value.parts();
        if parts.len() == 1 {
            return self.bind_whole(parts.remove(0));
        }
        for (place, part) in parts.into_iter().enumerate() {
            self.push(if place == 0 { "arrayConcat(" } else { ", " }).bind_whole(part);
        }
        self.push(")")
    }

    /// As [`bind`](Self::bind) for what is no list; a value that is bound already is not sent again. ClickHouse takes 1,000
    /// parameters and settings at most.
    pub fn bind_shared(&mut self, value: Value) -> &mut Self {
        match self.values.iter().position(|known| *known == value) {
            Some(place) => self.push_placeholder(place, value.type_name()),
            None => self.bind_whole(value),
        }
    }

    fn bind_whole(&mut self, value: Value) -> &mut Self {
        self.push_placeholder(self.values.len(), value.type_name());
        self.values.push(value);
        self
    }

    fn push_placeholder(&mut self, place: usize, type_name: &'static str) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{{p{place}:{type_name}}}");
        self
    }

    /// Adds a setting of the server for this statement alone; once is enough.
    pub fn set(&mut self, name: &'static str, value: &'static str) -> &mut Self {
        if !self.settings.contains(&(name, value)) {
            self.settings.push((name, value));
        }
        self
    }

    /// Says what the statement is for; the first plan that is told stays.
    pub(super) fn carry_out(&mut self, query: &plan::Query) -> &mut Self {
        if self.plan.is_empty() {
            self.plan = explain::plan(query).unwrap_or_default();
        }
        self
    }

    /// The text with its placeholders.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The values in the order of their placeholders.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The settings of the server.
    pub(super) fn settings(&self) -> &[(&'static str, &'static str)] {
        &self.settings
    }

    /// The plan that was told.
    pub(super) fn plan(&self) -> &[String] {
        &self.plan
    }

    /// The statement as the driver sends it.
    pub(super) fn query(&self, client: &clickhouse::Client) -> Query {
        self.query_as(client, &self.text)
    }

    /// The same under a text of which the installation's own names were filled in.
    pub(super) fn query_as(&self, client: &clickhouse::Client, text: &str) -> Query {
        let mut query = client.query_raw(text);
        for (place, value) in self.values.iter().enumerate() {
            let name = format!("p{place}");
            query = match value {
                Value::UInt(value) => query.param(&name, value),
                Value::Int(value) => query.param(&name, value),
                Value::Text(value) => query.param(&name, value),
                Value::Texts(values) => query.param(&name, values),
                Value::UInts(values) => query.param(&name, values),
            };
        }
        for (name, value) in &self.settings {
            query = query.with_setting(*name, *value);
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_joined_from_parameters() {
        let numbers: Vec<u64> = (0..10_000).collect();
        let mut sql = Sql::new("x IN ");
        sql.bind(Value::UInts(numbers.clone()));
        assert_eq!(sql.text(), "x IN arrayConcat({p0:Array(UInt64)}, {p1:Array(UInt64)}, {p2:Array(UInt64)})");
        let bound: Vec<u64> = sql
            .values()
            .iter()
            .flat_map(|value| match value {
                Value::UInts(part) => part.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(bound, numbers);
    }

    #[test]
    fn long_texts_are_joined_from_parameters() {
        // The longest values that a filter takes, at their worst.
        let texts: Vec<String> = (0..100).map(|place| format!("{place}{}", "\\".repeat(4_000))).collect();
        let mut sql = Sql::default();
        sql.bind(Value::Texts(texts.clone()));
        let mut bound = Vec::new();
        for value in sql.values() {
            let Value::Texts(part) = value else { panic!("{value:?}") };
            assert!(part.iter().map(|text| written_length(text)).sum::<usize>() <= MAX_WRITTEN_BYTES);
            bound.extend(part.clone());
        }
        assert_eq!(bound, texts);
        assert_eq!(sql.values().len(), 17);
    }

    #[test]
    fn shared_values_are_sent_once() {
        let mut sql = Sql::default();
        sql.bind(Value::UInt(1)).bind_shared(Value::Text("a".to_owned())).bind_shared(Value::Text("1".to_owned()));
        sql.push(" ").bind_shared(Value::Text("a".to_owned())).bind_shared(Value::UInt(1)).bind(Value::UInt(1));
        assert_eq!(sql.text(), "{p0:UInt64}{p1:String}{p2:String} {p1:String}{p0:UInt64}{p3:UInt64}");
        assert_eq!(sql.values().len(), 4);
    }

    #[test]
    fn a_scope_is_noted() {
        let mut sql = Sql::new("SELECT 1 FROM events WHERE ");
        assert_eq!(sql.workspace(), None);
        sql.scope(WorkspaceId(7)).push(" AND x IN (SELECT 2 FROM visitors WHERE ").scope(WorkspaceId(7)).push(")");
        assert_eq!(sql.workspace(), Some(WorkspaceId(7)));
        assert_eq!(
            sql.text(),
            "SELECT 1 FROM events WHERE workspace_id = {p0:UInt64} AND x IN (SELECT 2 FROM visitors \
             WHERE workspace_id = {p1:UInt64})"
        );
        assert_eq!(sql.values(), [Value::UInt(7), Value::UInt(7)]);
    }

    #[test]
    fn short_lists_are_one_parameter() {
        for value in [Value::Texts(Vec::new()), Value::UInts(Vec::new()), Value::Texts(vec!["a".to_owned()])] {
            let mut sql = Sql::default();
            sql.bind(value.clone());
            assert_eq!(sql.values(), [value]);
        }
    }
}
