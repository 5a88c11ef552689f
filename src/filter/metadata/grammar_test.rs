//! What queries are read as, and what is said of those that are none.

use proptest::prelude::*;

use super::grammar::OPERATORS;
use super::*;

/// A query in a form in which nothing is left to guess.
fn shown(expression: &Expression) -> String {
    let joined = |parts: &[Expression], word: &str| {
        let parts: Vec<String> = parts.iter().map(shown).collect();
        format!("({})", parts.join(word))
    };
    match expression {
        Expression::All(parts) => joined(parts, " & "),
        Expression::Any(parts) => joined(parts, " | "),
        Expression::Comparison(Comparison { path, operator, literal }) => {
            format!("{} {operator:?} <{}>", path.join("/"), literal.text)
        }
    }
}

fn parsed(text: &str) -> String {
    Expression::parse(text).map(|expression| shown(&expression)).unwrap_or_else(|error| error.to_string())
}

#[test]
fn queries_mean_what_they_say() {
    for (text, expected) in [
        ("metadata['a']:x", "a Equal <x>"),
        ("metadata[\"a\"] = x y ", "a Equal <x y>"),
        ("  metadata['a']!=`x`", "a NotEqual <x>"),
        ("metadata['a']>=5", "a GreaterOrEqual <5>"),
        ("metadata['a'] > 5", "a Greater <5>"),
        ("metadata['a'] <= -1.5e3", "a LessOrEqual <-1.5e3>"),
        ("metadata['a'] < '5'", "a Less <5>"),
        ("metadata['a']['b'][\"c d\"]=x", "a/b/c d Equal <x>"),
        ("metadata [ 'a' ] [ 'b' ] = x", "a/b Equal <x>"),
        ("metadata['it's']=x", "it's Equal <x>"),
        ("metadata['']=''", " Equal <>"),
        ("metadata['é']=ünï", "é Equal <ünï>"),
        // Words.
        ("metadata['a']=1 OR metadata['b']=2 AND metadata['c']=3", "(a Equal <1> | (b Equal <2> & c Equal <3>))"),
        ("(metadata['a']=1 or metadata['b']=2)and metadata['c']=3", "((a Equal <1> | b Equal <2>) & c Equal <3>)"),
        ("metadata['a']=x\tAnD\nmetadata['b']=y", "(a Equal <x> & b Equal <y>)"),
        ("metadata['a']=x   AND   (metadata['b']=y)", "(a Equal <x> & b Equal <y>)"),
        ("metadata['a']=x AND(metadata['b']=y)", "(a Equal <x> & b Equal <y>)"),
        ("((metadata['a']=x))", "a Equal <x>"),
        ("metadata['a']='x AND y' AND metadata['b']=z", "(a Equal <x AND y> & b Equal <z>)"),
        ("metadata['a']=\"x OR metadata['b']=y\"", "a Equal <x OR metadata['b']=y>"),
        ("metadata['a']=ANDorra ORegon", "a Equal <ANDorra ORegon>"),
        ("metadata['a']=x-AND-y", "a Equal <x-AND-y>"),
        ("metadata['state']=OR", "state Equal <OR>"),
        // Quotes.
        ("metadata['a']='it's' AND metadata['b']='it''", "(a Equal <it's> & b Equal <it'>)"),
        ("metadata['a']=it's", "a Equal <it's>"),
        ("metadata['a']='\"`'", "a Equal <\"`>"),
        ("metadata['a']=' x '", "a Equal < x >"),
        ("(metadata['a']='x)')", "a Equal <x)>"),
        ("metadata['a']='x\\'", "a Equal <x\\>"),
        // Parentheses in values.
        ("metadata['a']=f(x) (y)", "a Equal <f(x) (y)>"),
        ("(metadata['a']=f(x) OR metadata['b']=y)", "(a Equal <f(x)> | b Equal <y>)"),
        ("metadata['a']=x)", "a Equal <x)>"),
        ("metadata['a']=;--/*", "a Equal <;--/*>"),
    ] {
        assert_eq!(parsed(text), expected, "{text}");
    }
}

#[test]
fn mistakes_are_told_by_their_place() {
    for (text, expected) in [
        ("", "Expected metadata['key'] at character 1, found the end"),
        ("plan=pro", "Expected metadata['key'] at character 1, found \"plan=pro\""),
        ("metadata.plan=pro", "Expected metadata['key'] at character 1, found \"metadata.plan=pro\""),
        ("metadata=pro", "Expected metadata['key'] at character 1, found \"metadata=pro\""),
        ("metadata[plan]=pro", "Expected a key in quotes at character 10, found \"plan]=pro\""),
        ("metadata['plan=pro", "Expected ' and ] behind the key at character 19, found the end"),
        ("metadata['é'] ~ 5", "Expected [ or an operator (: = != > < >= <=) at character 15, found \"~ 5\""),
        ("metadata['a']", "Expected [ or an operator (: = != > < >= <=) at character 14, found the end"),
        ("metadata['a']=", "Expected a value at character 15, found the end"),
        (
            "metadata['a']= AND metadata['b']=1",
            "Expected a value (in quotes, if it begins with AND or OR) at character 16, found \"AND metadata['b']=1\"",
        ),
        ("metadata['a']==x", "Expected a value (in quotes, if it begins with =, < or >) at character 15, found \"=x\""),
        ("metadata['a']='x", "Expected ' behind the value at character 17, found the end"),
        ("metadata['a']='x' y", "Expected AND, OR or the end behind a quoted value at character 19, found \"y\""),
        ("metadata['a']=Rock AND Roll", "Expected metadata['key'] at character 24, found \"Roll\""),
        ("metadata['a']=x AND", "Expected metadata['key'] at character 20, found the end"),
        ("metadata['a']='x')", "Expected AND, OR or the end behind a quoted value at character 18, found \")\""),
        ("(metadata['a']=x", "Expected AND, OR or ) at character 17, found the end"),
        ("(metadata['a']=x))", "Expected AND, OR or the end at character 18, found \")\""),
        ("()", "Expected metadata['key'] at character 2, found \")\""),
        (
            "metadata['a']=x AND plan = 'a longer text'",
            "Expected metadata['key'] at character 21, found \"plan = 'a longer tex...\"",
        ),
    ] {
        assert_eq!(parsed(text), expected, "{text}");
    }
}

#[test]
fn sizes_have_limits() {
    let many = |count: usize| vec!["metadata['a']=1"; count].join(" OR ");
    assert_eq!(Expression::parse(&many(MAX_COMPARISONS)).unwrap().comparisons(), MAX_COMPARISONS);
    assert_eq!(parsed(&many(MAX_COMPARISONS + 1)), "Too many conditions: at most 100 are allowed");
    let deep = |depth: usize| format!("{}metadata['a']=1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&deep(MAX_NESTING)).is_ok());
    assert_eq!(
        parsed(&deep(MAX_NESTING + 1)),
        "Too many parentheses within each other at character 17: at most 16 are allowed"
    );
    let keys = |count: usize| format!("metadata{}=1", "['a']".repeat(count));
    assert!(Expression::parse(&keys(MAX_KEYS)).is_ok());
    assert_eq!(parsed(&keys(MAX_KEYS + 1)), "Too many keys in a row at character 34: at most 5 are allowed");
}

fn written(expression: &Expression) -> String {
    let joined = |parts: &[Expression], word: &str| {
        let parts: Vec<String> = parts.iter().map(written).collect();
        format!("({})", parts.join(word))
    };
    match expression {
        Expression::All(parts) => joined(parts, " and "),
        Expression::Any(parts) => joined(parts, "  OR\t"),
        Expression::Comparison(Comparison { path, operator, literal }) => {
            let keys: String = path.iter().map(|key| format!("[\"{key}\"]")).collect();
            let (sign, _) = OPERATORS.into_iter().find(|(_, known)| known == operator).unwrap();
            format!("metadata{keys} {sign} '{}'", literal.text)
        }
    }
}

fn expression() -> impl Strategy<Value = Expression> {
    let operator = prop::sample::select(OPERATORS.to_vec());
    // Of what a quote may stand before, only what cannot follow the end of a value.
    let text = "[a-zé `\"()=<>]{0,6}( AND | or |'x)?[a-z0-9.]{0,4}";
    let comparison = (prop::collection::vec("[a-z. ']{0,3}", 1..3), operator, text);
    let comparison = comparison.prop_map(|(path, (_, operator), text)| {
        Expression::Comparison(Comparison { path, operator, literal: Literal::new(text) })
    });
    comparison.prop_recursive(4, 20, 4, |inner| {
        let many = prop::collection::vec(inner, 2..4);
        (many, any::<bool>()).prop_map(|(parts, all)| if all { Expression::All(parts) } else { Expression::Any(parts) })
    })
}

proptest! {
    #[test]
    fn written_queries_are_read_back(expression in expression()) {
        prop_assert_eq!(Expression::parse(&written(&expression)), Ok(expression));
    }

    #[test]
    fn any_text_is_answered(text in "(metadata|\\[|\\]|'a'|\"|`|=|!=|>|\\(|\\)| |AND|or|x|é|\u{202e}){0,30}|.{0,64}") {
        if let Ok(expression) = Expression::parse(&text) {
            prop_assert!(expression.comparisons() <= MAX_COMPARISONS);
            expression.holds(&text);
        }
    }
}
