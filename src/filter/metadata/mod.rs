//! Dub's `query`: conditions on the metadata of leads, sales and custom events (Dub contract, sections 0.20 and 2).
//!
//! ```text
//! metadata['plan'] = 'pro' AND (metadata['cart']['total'] >= 100 OR metadata['coupon'] != none)
//! ```
//!
//! `AND` binds tighter than `OR`, parentheses group. What a path leads to has a value when it is a text, a number or a
//! boolean; an object, a list and `null` have none, and neither has what is not there.
//!
//! - `:` and `=` hold when the value's text is the one given: of a string its content, else its JSON. A number is equal to
//!   every way of writing it: `1.50` to `1.5`, `1e3` to `1000`.
//! - `!=` holds where `=` does not, so also without a value.
//! - `>`, `<`, `>=` and `<=` compare 64-bit floats; a string that is a number counts as one. They hold for nothing else.
//!
//! The warehouse says the same in SQL; `tests/it/metadata.rs` and `tests/it/oracle` ask both.

pub mod grammar;
#[cfg(test)]
mod grammar_test;
pub mod json;

pub use grammar::QueryError;

/// Characters in a query at most.
pub const MAX_CHARACTERS: usize = 10_000;
/// Comparisons in a query at most. Each is up to three parameters of a statement, and its keys are more of them.
pub const MAX_COMPARISONS: usize = 100;
/// Parentheses within parentheses at most.
pub const MAX_NESTING: usize = 16;
/// Keys in a path at most.
pub const MAX_KEYS: usize = 5;

/// What must hold of an event's metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// All of these; at least two.
    All(Vec<Expression>),
    /// At least one of these; at least two.
    Any(Vec<Expression>),
    /// One comparison.
    Comparison(Comparison),
}

/// One value beside another.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// From the outermost key inwards; at least one.
    pub path: Vec<String>,
    /// How they are compared.
    pub operator: Operator,
    /// What the value is compared with.
    pub literal: Literal,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `:` and `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// What the caller compares with, and what else it may be than a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// As given, without its quotes.
    pub text: String,
    /// The number that it is in JSON.
    pub number: Option<Number>,
    /// The finite number that it is to an order; here `+5`, `.5` and `007` are numbers, too.
    pub float: Option<f64>,
}

/// A number such that equal ones look equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Whole, from -2^63 up to 2^64.
    Whole(i128),
    /// Any other; finite.
    Float(f64),
}

impl Expression {
    /// How many comparisons it is made of.
    pub fn comparisons(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::comparisons).sum(),
            Self::Comparison(_) => 1,
        }
    }
}

impl Literal {
    /// Reads what was given.
    pub fn new(text: String) -> Self {
        // A number in JSON has no space around it, which the parser would pass over.
        let is_bare = !text.starts_with(char::is_whitespace) && !text.ends_with(char::is_whitespace);
        let number = is_bare.then(|| serde_json::from_str::<serde_json::Number>(&text).ok()).flatten();
        Self { number: number.as_ref().and_then(Number::of), float: float(&text), text }
    }
}

impl Number {
    /// The number that JSON holds.
    pub fn of(number: &serde_json::Number) -> Option<Self> {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map(Self::Whole).or_else(|| number.as_f64().map(Self::of_float))
    }

    /// The same of a finite float.
    pub fn of_float(float: f64) -> Self {
        const LOWEST: f64 = -9_223_372_036_854_775_808.0;
        const BEYOND: f64 = 18_446_744_073_709_551_616.0;
        if float.fract() == 0.0 && (LOWEST..BEYOND).contains(&float) {
            Self::Whole(float as i128)
        } else {
            Self::Float(float)
        }
    }

    /// The float that is this number exactly.
    pub fn as_float(self) -> Option<f64> {
        match self {
            Self::Float(float) => Some(float),
            Self::Whole(whole) => Some(whole as f64).filter(|float| *float as i128 == whole),
        }
    }
}

/// The finite decimal number that a text is: a sign, digits, a point and an exponent, without spaces.
fn float(text: &str) -> Option<f64> {
    // Rust reads "inf" and "nan" as well; they, and what is too large, are not finite.
    text.parse().ok().filter(|float: &f64| float.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_they_are_worth() {
        let number = |text: &str| Literal::new(text.to_owned()).number;
        assert_eq!(number("1000"), Some(Number::Whole(1_000)));
        assert_eq!(number("1e3"), number("1000.0"));
        assert_eq!(number("1e3"), number("1000"));
        assert_eq!(number("-0.0"), Some(Number::Whole(0)));
        assert_eq!(number("1.50"), Some(Number::Float(1.5)));
        assert_eq!(number("18446744073709551615"), Some(Number::Whole(i128::from(u64::MAX))));
        assert_eq!(number("18446744073709551616"), Some(Number::Float(18_446_744_073_709_551_616.0)));
        assert_ne!(number("9007199254740993"), number("9007199254740992"));
        for text in ["", " 5", "5 ", "007", "+5", ".5", "5.", "1e999", "NaN", "0x10", "true", "5\n"] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn floats_are_finite_decimals() {
        let float = |text: &str| Literal::new(text.to_owned()).float;
        for (text, expected) in [("5", 5.0), ("+5", 5.0), (".5", 0.5), ("5.", 5.0), ("007", 7.0), ("-1.5E2", -150.0)] {
            assert_eq!(float(text), Some(expected), "{text}");
        }
        for text in ["", "-", ".", "e5", "1e", " 5", "5 ", "inf", "-Infinity", "nan", "1e999", "0x10", "1_0", "٣"] {
            assert_eq!(float(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_exact_floats_stand_for_whole_numbers() {
        assert_eq!(Number::Whole(9_007_199_254_740_992).as_float(), Some(9_007_199_254_740_992.0));
        assert_eq!(Number::Whole(9_007_199_254_740_993).as_float(), None);
        assert_eq!(Number::Whole(i128::from(u64::MAX)).as_float(), None);
        assert_eq!(Number::Whole(i128::from(i64::MIN)).as_float(), Some(-9_223_372_036_854_775_808.0));
        assert_eq!(Number::Float(0.1).as_float(), Some(0.1));
    }
}
