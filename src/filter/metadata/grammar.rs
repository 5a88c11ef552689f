//! The text of a query -> an [`Expression`].
//!
//! ```text
//! query      = all ("OR" all)*
//! all        = term ("AND" term)*
//! term       = "(" query ")" | comparison
//! comparison = "metadata" ("[" quoted "]")+ operator value
//! operator   = ":" | "=" | "!=" | ">" | "<" | ">=" | "<="
//! value      = quoted | bare
//! ```
//!
//! `AND` and `OR` are written in any case, with space around them unless a parenthesis stands there. Quotes are `'`, `"` and
//! `` ` ``. A quoted value ends at the first quote that no more of it can follow, so `'it's'` is a value; a bare one ends
//! where `AND`, `OR`, the end, or the parenthesis that closes the group stands, and may hold spaces and pairs of parentheses.

use super::{Comparison, Expression, Literal, MAX_COMPARISONS, MAX_KEYS, MAX_NESTING, Operator};

/// Characters of the query that a message repeats.
const SHOWN: usize = 20;

const CONDITION: &str = "metadata['key']";
pub(super) const OPERATORS: [(&str, Operator); 7] = [
    // A longer one before its beginning.
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
    (":", Operator::Equal),
];
const QUOTES: [char; 3] = ['\'', '"', '`'];

/// Why a query was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It does not follow the grammar.
    #[error("Expected {expected} at character {at}, found {found}")]
    Unexpected {
        /// What may stand there.
        expected: String,
        /// Counted from 1.
        at: usize,
        /// What stands there.
        found: String,
    },
    /// More than [`MAX_COMPARISONS`].
    #[error("Too many conditions: at most {MAX_COMPARISONS} are allowed")]
    TooManyComparisons,
    /// Deeper than [`MAX_NESTING`].
    #[error("Too many parentheses within each other at character {at}: at most {MAX_NESTING} are allowed")]
    TooDeep {
        /// Counted from 1.
        at: usize,
    },
    /// More than [`MAX_KEYS`].
    #[error("Too many keys in a row at character {at}: at most {MAX_KEYS} are allowed")]
    TooManyKeys {
        /// Counted from 1.
        at: usize,
    },
}

impl Expression {
    /// Reads a query.
    ///
    /// # Errors
    /// Where it does not follow the grammar, or is larger than allowed.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut reader = Reader { text, at: 0, nesting: 0, comparisons: 0 };
        let expression = reader.any()?;
        reader.space();
        if reader.rest().is_empty() { Ok(expression) } else { Err(reader.unexpected("AND, OR or the end")) }
    }
}

#[derive(Clone, Copy)]
enum Word {
    And,
    Or,
}

impl Word {
    fn name(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    /// In bytes.
    at: usize,
    /// Groups that are open.
    nesting: usize,
    comparisons: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Whether this came next; then it is passed.
    fn takes(&mut self, what: &str) -> bool {
        let comes = self.rest().starts_with(what);
        self.at += if comes { what.len() } else { 0 };
        comes
    }

    fn unexpected(&self, expected: impl Into<String>) -> QueryError {
        let mut found = String::new();
        for letter in self.rest().chars().take(SHOWN) {
            match letter {
                '\'' => found.push(letter),
                _ => found.extend(letter.escape_debug()),
            }
        }
        if self.rest().chars().nth(SHOWN).is_some() {
            found.push_str("...");
        }
        let found = if found.is_empty() { "the end".to_owned() } else { format!("\"{found}\"") };
        QueryError::Unexpected { expected: expected.into(), at: self.place(), found }
    }

    /// The number of the next character, counted from 1.
    fn place(&self) -> usize {
        self.text[..self.at].chars().count() + 1
    }

    fn any(&mut self) -> Result<Expression, QueryError> {
        let mut parts = vec![self.all()?];
        while self.takes_word(Word::Or) {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, QueryError> {
        let mut parts = vec![self.term()?];
        while self.takes_word(Word::And) {
            parts.push(self.term()?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn takes_word(&mut self, word: Word) -> bool {
        let text = self.rest().trim_start();
        let comes = begins_with_word(text, word);
        if comes {
            self.at = self.text.len() - text.len() + word.name().len();
        }
        comes
    }

    fn term(&mut self) -> Result<Expression, QueryError> {
        self.space();
        if !self.rest().starts_with('(') {
            return self.comparison().map(Expression::Comparison);
        }
        if self.nesting == MAX_NESTING {
            return Err(QueryError::TooDeep { at: self.place() });
        }
        self.takes("(");
        self.nesting += 1;
        let inner = self.any()?;
        self.nesting -= 1;
        self.space();
        if self.takes(")") { Ok(inner) } else { Err(self.unexpected("AND, OR or )")) }
    }

    fn comparison(&mut self) -> Result<Comparison, QueryError> {
        let start = self.at;
        if !self.takes("metadata") {
            return Err(self.unexpected(CONDITION));
        }
        if self.comparisons == MAX_COMPARISONS {
            return Err(QueryError::TooManyComparisons);
        }
        self.comparisons += 1;
        self.space();
        if !self.rest().starts_with('[') {
            self.at = start;
            return Err(self.unexpected(CONDITION));
        }
        let path = self.path()?;
        let found = OPERATORS.into_iter().find(|(text, _)| self.takes(text));
        let Some((_, operator)) = found else {
            return Err(self.unexpected("[ or an operator (: = != > < >= <=)"));
        };
        if self.rest().starts_with(char::is_whitespace) && begins_with_any_word(self.rest()) {
            self.space();
            return Err(self.unexpected("a value (in quotes, if it begins with AND or OR)"));
        }
        self.space();
        let text = self.value()?;
        Ok(Comparison { path, operator, literal: Literal::new(text) })
    }

    /// Keys in brackets, and the space behind them.
    fn path(&mut self) -> Result<Vec<String>, QueryError> {
        let mut path = Vec::new();
        while self.rest().starts_with('[') {
            if path.len() == MAX_KEYS {
                return Err(QueryError::TooManyKeys { at: self.place() });
            }
            self.takes("[");
            self.space();
            let Some(quote) = self.rest().chars().next().filter(|letter| QUOTES.contains(letter)) else {
                return Err(self.unexpected("a key in quotes"));
            };
            let inner = &self.rest()[1..];
            // A key may hold its quote as long as no bracket follows it.
            let ends = inner.match_indices(quote).map(|(place, _)| place);
            let Some(end) = ends.into_iter().find(|place| inner[place + 1..].trim_start().starts_with(']')) else {
                self.at = self.text.len();
                return Err(self.unexpected(format!("{quote} and ] behind the key")));
            };
            path.push(inner[..end].to_owned());
            self.at += 1 + end + 1;
            self.space();
            self.takes("]");
            self.space();
        }
        Ok(path)
    }

    fn value(&mut self) -> Result<String, QueryError> {
        match self.rest().chars().next() {
            Some(quote) if QUOTES.contains(&quote) => self.quoted(quote),
            _ => self.bare(),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, QueryError> {
        let inner = &self.rest()[1..];
        let ends: Vec<usize> = inner.match_indices(quote).map(|(place, _)| place).collect();
        if let Some(end) = ends.iter().copied().find(|end| self.ends_value(&inner[end + 1..])) {
            self.at += 1 + end + 1;
            return Ok(inner[..end].to_owned());
        }
        match ends.first() {
            Some(end) => {
                self.at += 1 + end + 1;
                self.space();
                Err(self.unexpected("AND, OR or the end behind a quoted value"))
            }
            None => {
                self.at = self.text.len();
                Err(self.unexpected(format!("{quote} behind the value")))
            }
        }
    }

    fn bare(&mut self) -> Result<String, QueryError> {
        let text = self.rest();
        if text.starts_with(['=', '<', '>']) {
            return Err(self.unexpected("a value (in quotes, if it begins with =, < or >)"));
        }
        let mut open = 0_usize;
        let mut end = text.len();
        let mut was_space = false;
        for (place, letter) in text.char_indices() {
            match letter {
                '(' => open += 1,
                ')' if open > 0 => open -= 1,
                ')' if self.nesting > 0 => {
                    end = place;
                    break;
                }
                // Asked once for all the space before a word.
                _ if letter.is_whitespace() && !was_space && begins_with_any_word(&text[place..]) => {
                    end = place;
                    break;
                }
                _ => {}
            }
            was_space = letter.is_whitespace();
        }
        let value = text[..end].trim_end();
        if value.is_empty() {
            return Err(self.unexpected("a value"));
        }
        self.at += end;
        Ok(value.to_owned())
    }

    /// Whether a value can end before this.
    fn ends_value(&self, text: &str) -> bool {
        let next = text.trim_start();
        let is_apart = next.len() < text.len();
        next.is_empty() || (next.starts_with(')') && self.nesting > 0) || (is_apart && begins_with_any_word(next))
    }
}

fn begins_with_any_word(text: &str) -> bool {
    let text = text.trim_start();
    [Word::And, Word::Or].into_iter().any(|word| begins_with_word(text, word))
}

/// Whether a word stands at the beginning and ends there.
fn begins_with_word(text: &str, word: Word) -> bool {
    let name = word.name();
    text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        && text[name.len()..].chars().next().is_none_or(|next| next.is_whitespace() || next == '(')
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}
