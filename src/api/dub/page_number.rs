//! `page` and `pageSize`, as every list takes them.

use crate::catalog::Window;
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
