//! Conditions on metadata -> SQL. The column holds JSON as text, of which ClickHouse reads one path at a time; a text that is
//! not JSON, or that holds a whole number beyond 64 bits, has nothing to it.

use crate::filter::metadata::{Comparison, Expression, Literal, Number, Operator};

use super::sql::{Sql, Value};

/// Appends an expression in parentheses. It is never null.
pub(super) fn push_metadata(sql: &mut Sql, expression: &Expression) {
    match expression {
        Expression::All(parts) => push_joined(sql, parts, " AND "),
        Expression::Any(parts) => push_joined(sql, parts, " OR "),
        Expression::Comparison(comparison) => push_comparison(sql, comparison),
    }
}

fn push_joined(sql: &mut Sql, parts: &[Expression], word: &'static str) {
    for (place, part) in parts.iter().enumerate() {
        push_metadata(sql.push(if place == 0 { "(" } else { word }), part);
    }
    sql.push(")");
}

fn push_comparison(sql: &mut Sql, comparison: &Comparison) {
    let Comparison { path, operator, literal } = comparison;
    match operator {
        Operator::Equal => push_equal(sql, path, literal),
        Operator::NotEqual => push_equal(sql.push("NOT "), path, literal),
        Operator::Greater => push_ordered(sql, path, " > ", literal),
        Operator::GreaterOrEqual => push_ordered(sql, path, " >= ", literal),
        Operator::Less => push_ordered(sql, path, " < ", literal),
        Operator::LessOrEqual => push_ordered(sql, path, " <= ", literal),
    }
}

/// Appends a call such as `JSONType(metadata, 'a', 'b')`.
fn push_call<'s>(sql: &'s mut Sql, function: &'static str, path: &[String]) -> &'s mut Sql {
    sql.push(function).push("(metadata");
    for key in path {
        sql.push(", ").bind_shared(Value::Text(key.clone()));
    }
    sql.push(")")
}

fn push_equal(sql: &mut Sql, path: &[String], literal: &Literal) {
    push_call(sql.push("(("), "JSONExtractString", path).push(" = ").bind_shared(Value::Text(literal.text.clone()));
    // ClickHouse: the text of a number or of an object looks like that of a string.
    push_call(sql.push(" AND "), "JSONType", path).push(" = 'String')");
    if matches!(literal.text.as_str(), "true" | "false") {
        push_call(sql.push(" OR "), "JSONExtractRaw", path).push(" = ").bind_shared(Value::Text(literal.text.clone()));
    }
    if let Some(Number::Whole(whole)) = literal.number {
        push_call(sql.push(" OR ("), "JSONExtractRaw", path).push(" = ").bind_shared(Value::Text(whole.to_string()));
        push_call(sql.push(" AND "), "JSONType", path).push(" IN ('Int64', 'UInt64'))");
    }
    if let Some(float) = literal.number.and_then(Number::as_float) {
        push_float(push_call(sql.push(" OR ("), "JSONExtractFloat", path).push(" = "), float);
        push_call(sql.push(" AND "), "JSONType", path).push(" = 'Double')");
    }
    sql.push(")");
}

fn push_ordered(sql: &mut Sql, path: &[String], sign: &'static str, literal: &Literal) {
    let Some(float) = literal.float else {
        sql.push("false");
        return;
    };
    push_float(push_call(sql.push("(("), "JSONExtractFloat", path).push(sign), float);
    push_call(sql.push(" AND "), "JSONType", path).push(" IN ('Int64', 'UInt64', 'Double'))");
    push_call(sql.push(" OR ("), "JSONType", path).push(" = 'String' AND ");
    push_call(sql.push("match("), "JSONExtractString", path);
    sql.push(", '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$') AND ");
    push_call(sql.push("isFinite(toFloat64OrZero("), "JSONExtractString", path).push(")) AND ");
    push_call(sql.push("toFloat64OrZero("), "JSONExtractString", path).push(")").push(sign);
    push_float(sql, float).push("))");
    // ClickHouse: of old, a float read from a text may be off by its last bit.
    sql.set("precise_float_parsing", "1");
}

/// Appends a float to the bit: as a parameter it would be written and read again.
fn push_float(sql: &mut Sql, float: f64) -> &mut Sql {
    // Minus zero is equal to zero.
    sql.push("reinterpretAsFloat64(").bind_shared(Value::UInt(float.to_bits())).push(")")
}
