//! SQL text and its values, kept apart: text is literal, values are bound.
//!
//! Only `&'static str` can become text, so a caller's words cannot; a value enters as a typed server-side parameter.

use std::fmt::Write;

use clickhouse::query::Query;

/// A bound value; its variant fixes the ClickHouse type.
#[derive(Clone, Debug, PartialEq)]
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
    fn type_name(&self) -> &'static str {
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sql {
    text: String,
    values: Vec<Value>,
    settings: Vec<(&'static str, &'static str)>,
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

    /// Appends a placeholder and keeps the value out of the text.
    pub fn bind(&mut self, value: Value) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{{p{}:{}}}", self.values.len(), value.type_name());
        self.values.push(value);
        self
    }

    /// Adds a setting of the server for this statement alone.
    pub fn set(&mut self, name: &'static str, value: &'static str) -> &mut Self {
        self.settings.push((name, value));
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

    /// The statement as the driver sends it.
    pub(super) fn query(&self, client: &clickhouse::Client) -> Query {
        let mut query = client.query_raw(&self.text);
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
