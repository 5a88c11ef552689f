//! The one list grammar: `a,b` and `-a,b`, with the separator as an argument.
//!
//! A leading `-` negates the whole list and is taken off once, so `--x` leaves out the value `-x`. Empty parts vanish; a
//! list with no values left is no filter. Nothing is trimmed: a space or a `-` inside belongs to its value.
//! (Dub contract, section 2.)

use super::{FilterError, MAX_VALUE_BYTES, MAX_VALUES};

/// Whether the listed values are wanted or unwanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sense {
    /// One of the values.
    Is,
    /// None of the values.
    IsNot,
}

/// What stands between values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// Dub: `a,b`, and a leading `-` excludes.
    Comma,
    /// Linkly: `1-2` or `1,2`; nothing excludes.
    HyphenOrComma,
}

/// Values and their sense; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Wanted or unwanted.
    pub sense: Sense,
    /// At least one value, in the order given.
    pub values: Vec<String>,
}

impl List {
    /// A list of wanted values.
    pub fn of(values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { sense: Sense::Is, values: values.into_iter().map(Into::into).collect() }
    }

    /// Reads a list; `None` when no value is left.
    ///
    /// # Errors
    /// When there are too many values or one is too long.
    pub fn parse(text: &str, separator: Separator) -> Result<Option<Self>, FilterError> {
        let (sense, rest) = match (separator, text.strip_prefix('-')) {
            (Separator::Comma, Some(rest)) => (Sense::IsNot, rest),
            (Separator::Comma, None) | (Separator::HyphenOrComma, _) => (Sense::Is, text),
        };
        let between = |letter: char| letter == ',' || (letter == '-' && separator == Separator::HyphenOrComma);
        let parts = || rest.split(between).filter(|part| !part.is_empty());
        // Counted before anything is kept: a hostile list must not cost memory.
        let given = parts().count();
        if given > MAX_VALUES {
            return Err(FilterError::TooManyValues { given });
        }
        if let Some((place, part)) = parts().enumerate().find(|(_, part)| part.len() > MAX_VALUE_BYTES) {
            return Err(FilterError::ValueTooLong { place: place + 1, bytes: part.len() });
        }
        Ok((given > 0).then(|| Self { sense, values: parts().map(str::to_owned).collect() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn comma(text: &str) -> Option<(Sense, Vec<String>)> {
        List::parse(text, Separator::Comma).unwrap().map(|list| (list.sense, list.values))
    }

    #[test]
    fn dub_grammar() {
        let is = |values: &[&str]| Some((Sense::Is, values.iter().map(|&v| v.to_owned()).collect::<Vec<_>>()));
        let is_not = |values: &[&str]| Some((Sense::IsNot, values.iter().map(|&v| v.to_owned()).collect::<Vec<_>>()));
        for nothing in ["", "-", ",,,", "-,,,", ","] {
            assert_eq!(comma(nothing), None, "{nothing:?}");
        }
        assert_eq!(comma("US"), is(&["US"]));
        assert_eq!(comma("US,BR"), is(&["US", "BR"]));
        assert_eq!(comma("-US,BR"), is_not(&["US", "BR"]));
        assert_eq!(comma("US,-CA"), is(&["US", "-CA"]));
        assert_eq!(comma("--x"), is_not(&["-x"]));
        assert_eq!(comma("-,US,,"), is_not(&["US"]));
        assert_eq!(comma(" US , BR"), is(&[" US ", " BR"]));
        assert_eq!(comma("US,US"), is(&["US", "US"]));
    }

    #[test]
    fn linkly_grammar() {
        let ids = |text| List::parse(text, Separator::HyphenOrComma).unwrap().map(|list| list.values);
        assert_eq!(ids("24-25,26"), Some(vec!["24".into(), "25".into(), "26".into()]));
        assert_eq!(ids("-24"), Some(vec!["24".into()]));
        assert_eq!(ids("--"), None);
    }

    #[test]
    fn refuses_absurd_sizes() {
        let many = "a,".repeat(MAX_VALUES + 1);
        assert_eq!(List::parse(&many, Separator::Comma), Err(FilterError::TooManyValues { given: MAX_VALUES + 1 }));
        let most = "a,".repeat(MAX_VALUES);
        assert_eq!(List::parse(&most, Separator::Comma).unwrap().unwrap().values.len(), MAX_VALUES);
        let long = format!("a,{}", "b".repeat(MAX_VALUE_BYTES + 1));
        assert_eq!(
            List::parse(&long, Separator::Comma),
            Err(FilterError::ValueTooLong { place: 2, bytes: MAX_VALUE_BYTES + 1 })
        );
    }

    proptest! {
        #[test]
        fn written_lists_are_read_back(
            values in prop::collection::vec("[^,\u{0}]{1,8}", 1..6),
            excluded: bool,
        ) {
            // A wanted list whose first value starts with "-" cannot be written in this grammar.
            prop_assume!(excluded || !values[0].starts_with('-'));
            let text = format!("{}{}", if excluded { "-" } else { "" }, values.join(","));
            let sense = if excluded { Sense::IsNot } else { Sense::Is };
            prop_assert_eq!(List::parse(&text, Separator::Comma), Ok(Some(List { sense, values })));
        }

        #[test]
        fn any_text_is_answered(text in ".{0,64}") {
            for separator in [Separator::Comma, Separator::HyphenOrComma] {
                if let Ok(Some(list)) = List::parse(&text, separator) {
                    prop_assert!(!list.values.is_empty());
                    prop_assert!(list.values.iter().all(|value| !value.is_empty()));
                }
            }
        }
    }
}
