//! Whether an expression holds of a metadata text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Comparison, Expression, Literal, Number, Operator, float};

/// What a path leads to, where it has a value.
#[derive(Debug, PartialEq)]
enum Scalar {
    Text(String),
    Number(Number),
    Boolean(bool),
}

impl Expression {
    /// Whether it holds of a JSON text. A text that is not JSON has no values.
    pub fn holds(&self, json: &str) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(json)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(json)),
            Self::Comparison(comparison) => comparison.holds(json),
        }
    }
}

impl Comparison {
    fn holds(&self, json: &str) -> bool {
        let value = read(json, &self.path);
        let is_ordered = |compare: fn(&f64, &f64) -> bool| {
            let given = value.as_ref().and_then(Scalar::float);
            given.zip(self.literal.float).is_some_and(|(given, wanted)| compare(&given, &wanted))
        };
        match self.operator {
            Operator::Equal => value.is_some_and(|value| value.is(&self.literal)),
            Operator::NotEqual => !value.is_some_and(|value| value.is(&self.literal)),
            Operator::Greater => is_ordered(f64::gt),
            Operator::GreaterOrEqual => is_ordered(f64::ge),
            Operator::Less => is_ordered(f64::lt),
            Operator::LessOrEqual => is_ordered(f64::le),
        }
    }
}

impl Scalar {
    fn is(&self, literal: &Literal) -> bool {
        match self {
            Self::Text(text) => *text == literal.text,
            Self::Number(number) => literal.number == Some(*number),
            Self::Boolean(boolean) => literal.text == if *boolean { "true" } else { "false" },
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Self::Text(text) => float(text),
            Self::Number(Number::Float(number)) => Some(*number),
            Self::Number(Number::Whole(number)) => Some(*number as f64),
            Self::Boolean(_) => None,
        }
    }
}

fn read(json: &str, path: &[String]) -> Option<Scalar> {
    // As ClickHouse's parser, which passes over the mark and takes no text that holds a larger number.
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    if has_large_number(json) {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let found = Descent { path: Some(path) }.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    found
}

/// Whether a text has a whole number beyond 64 bits, outside of strings.
fn has_large_number(json: &str) -> bool {
    let mut in_string = false;
    let mut escaped = false;
    let outside = json.split(|letter: char| {
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        in_string || !(letter.is_ascii_alphanumeric() || matches!(letter, '-' | '+' | '.'))
    });
    let is_large = |token: &str| {
        token.len() > 18
            && token.strip_prefix('-').unwrap_or(token).bytes().all(|digit| digit.is_ascii_digit())
            && token.parse::<i64>().is_err()
            && token.parse::<u64>().is_err()
    };
    outside.into_iter().any(is_large)
}

/// On the way along a path; `None` where the way does not lead. Everything is read, for one mistake makes the whole text no
/// JSON.
struct Descent<'p> {
    path: Option<&'p [String]>,
}

impl Descent<'_> {
    fn end(&self, scalar: Scalar) -> Option<Scalar> {
        self.path.is_some_and(<[String]>::is_empty).then_some(scalar)
    }
}

impl<'de> DeserializeSeed<'de> for Descent<'_> {
    type Value = Option<Scalar>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Descent<'_> {
    type Value = Option<Scalar>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Self::Value, E> {
        Ok(self.end(Scalar::Boolean(boolean)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(self.end(Scalar::Number(Number::Whole(number.into()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(self.end(Scalar::Number(Number::Whole(number.into()))))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(self.end(Scalar::Number(Number::of_float(number))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        // What nobody asked for is not copied.
        Ok(if self.path.is_some_and(<[String]>::is_empty) { Some(Scalar::Text(text.to_owned())) } else { None })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element_seed(Descent { path: None })?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        // As in ClickHouse, the first of several entries of one name is the one that counts.
        let mut way = self.path.and_then(<[String]>::split_first);
        let mut found = None;
        while let Some(key) = entries.next_key::<String>()? {
            let path = match way {
                Some((first, rest)) if *first == key => {
                    way = None;
                    Some(rest)
                }
                _ => None,
            };
            let is_way = path.is_some();
            let value = entries.next_value_seed(Descent { path })?;
            if is_way {
                found = value;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str, path: &[&str]) -> Option<Scalar> {
        read(json, &path.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn paths_descend() {
        let json = r#"{"a":{"b":[1,{"c":2}],"c":"x","":true},"a.b":1,"a":{"d":4},"n":null,"é":"ü\ud83e\udd80"}"#;
        assert_eq!(text(json, &["a", "c"]), Some(Scalar::Text("x".to_owned())));
        assert_eq!(text(json, &["a", ""]), Some(Scalar::Boolean(true)));
        assert_eq!(text(json, &["a.b"]), Some(Scalar::Number(Number::Whole(1))));
        assert_eq!(text(json, &["é"]), Some(Scalar::Text("ü🦀".to_owned())));
        for path in
            [&["a"][..], &["a", "b"], &["a", "b", "c"], &["a", "d"], &["A", "c"], &["n"], &["c"], &["a", "c", "x"]]
        {
            assert_eq!(text(json, path), None, "{path:?}");
        }
    }

    #[test]
    fn a_mistake_anywhere_leaves_nothing() {
        for json in [
            "",
            " ",
            "x",
            r#"{"a":1"#,
            r#"{"a":1}x"#,
            r#"{"a":1,}"#,
            r#"{"a":1,"b":01}"#,
            r#"{"a":1,"b":"\ud83e"}"#,
            r#"{"a":1,"b":"\q"}"#,
            r#"{"a":1,"b":[1e400]}"#,
            r#"{"a":1,"b":[18446744073709551616]}"#,
            r#"{"a":1,"b":-9223372036854775809}"#,
        ] {
            assert_eq!(text(json, &["a"]), None, "{json}");
        }
        for json in [
            r#" {"a":1} "#,
            "\u{feff}{\"a\":1}",
            r#"{"b":"18446744073709551616","a":1}"#,
            r#"{"b":"\"\\","a":1,"c":18446744073709551616.0}"#,
            r#"{"a":1,"b":18446744073709551615,"c":-9223372036854775808,"d":1e20}"#,
        ] {
            assert_eq!(text(json, &["a"]), Some(Scalar::Number(Number::Whole(1))), "{json}");
        }
    }
}
