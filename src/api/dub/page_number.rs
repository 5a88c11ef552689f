//! `page` and `pageSize`, as every list takes them, and cursors, as lists by age do.

use crate::catalog::{Cursor, Page, Window};
use crate::web::error::ApiError;
use crate::web::params::{IntegerRule, Params};

/// Entries of a page at most.
pub(super) const MAX_PAGE_SIZE: u32 = 100;

const PAGE: IntegerRule<'_> =
    IntegerRule { label: "Page", min: 1, too_small: "Page must be greater than 0.", max: 1_000, too_big: TOO_FAR };
const TOO_FAR: &str = "Page is too big (cannot be more than 1000), recommend using cursor-based pagination instead.";
const PAGE_SIZE: IntegerRule<'_> = IntegerRule {
    label: "Page size",
    min: 1,
    too_small: "Page size must be greater than 0.",
    max: MAX_PAGE_SIZE as i64,
    too_big: "Max page size is 100.",
};

/// The part of a list that `page` (1 to 1,000) and `pageSize` (1 to 100) ask for.
pub(super) fn window(params: &Params, default_size: u32) -> Result<Window, ApiError> {
    let number = params.integer("page", PAGE).map_err(|error| match error {
        // Said without a field, as Dub does.
        ApiError::Invalid { code: "too_big", .. } => ApiError::Unprocessable(TOO_FAR.to_owned()),
        other => other,
    })?;
    let number = number.and_then(|page| u32::try_from(page).ok()).unwrap_or(1);
    let size = params.integer("pageSize", PAGE_SIZE)?.and_then(|size| u32::try_from(size).ok());
    let size = size.unwrap_or(default_size);
    Ok(Window { offset: (number - 1) * size, size })
}

/// The part of a list that `startingAfter`, `endingBefore` or `page`, and `pageSize` ask for. A cursor is what `parse` takes
/// for an id, and goes with the order by age only.
pub(super) fn page<Id>(
    params: &Params,
    is_by_age: bool,
    parse: impl Fn(&str) -> Option<Id>,
) -> Result<Page<Id>, ApiError> {
    let Window { offset, size } = window(params, MAX_PAGE_SIZE)?;
    let id = |text: &str| {
        if !is_by_age {
            let message = "A cursor goes with sortBy=createdAt only; use page instead.";
            return Err(ApiError::Unprocessable(message.to_owned()));
        }
        parse(text).ok_or_else(unknown_cursor)
    };
    let cursor = match (params.text("startingAfter"), params.text("endingBefore")) {
        (Some(_), Some(_)) => {
            let message = "You cannot use both startingAfter and endingBefore at the same time.";
            return Err(ApiError::Unprocessable(message.to_owned()));
        }
        (Some(text), None) => Cursor::After(id(text)?),
        (None, Some(text)) => Cursor::Before(id(text)?),
        (None, None) => Cursor::Offset(offset),
    };
    Ok(Page { cursor, size })
}

/// The cursor is nothing of the workspace's.
pub(super) fn unknown_cursor() -> ApiError {
    ApiError::Unprocessable("Invalid cursor: the provided ID does not exist.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let window = |text: &str| window(&Params::parse(text).unwrap(), 50);
        assert_eq!(window("").unwrap(), Window { offset: 0, size: 50 });
        assert_eq!(window("page=3&pageSize=20").unwrap(), Window { offset: 40, size: 20 });
        for (bad, message) in [
            ("page=0", "too_small: page: Page must be greater than 0."),
            ("page=", "too_small: page: Page must be greater than 0."),
            ("page=1001", "Page is too big (cannot be more than 1000), recommend using cursor-based"),
            ("pageSize=101", "too_big: pageSize: Max page size is 100."),
            ("page=x", "invalid_type: page: Page must be a number."),
            ("page=1.5", "invalid_type: page: Page must be an integer."),
        ] {
            let error = window(bad).unwrap_err().to_string();
            assert!(error.starts_with(message), "{bad}: {error}");
        }
    }
}
