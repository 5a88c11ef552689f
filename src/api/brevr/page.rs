//! `page` and `limit`, as every list takes them, and what a list says of itself.

use serde_json::{Map, Value, json};

use crate::catalog::Window;
use crate::web::error::ApiError;
use crate::web::params::{IntegerRule, Params};

/// Entries of a page unless asked otherwise, and at most.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;
/// The furthest entry that a page can begin at.
const MAX_PAGE: i64 = 100_000;

const PAGE: IntegerRule<'_> = IntegerRule {
    label: "page",
    min: 1,
    too_small: "it must be at least 1.",
    max: MAX_PAGE,
    too_big: "it must be at most 100000.",
};
const LIMIT: IntegerRule<'_> = IntegerRule {
    label: "limit",
    min: 1,
    too_small: "it must be at least 1.",
    max: MAX_LIMIT as i64,
    too_big: "it must be at most 100.",
};

/// The part of a list that `page` (from 1) and `limit`, or `pageSize` (1 to 100, by default 50), ask for.
pub(super) fn window(params: &Params) -> Result<Window, ApiError> {
    let size = match params.integer("limit", LIMIT)? {
        Some(limit) => Some(limit),
        None => params.integer("pageSize", LIMIT)?,
    };
    let number = |given: Option<i64>| given.and_then(|number| u32::try_from(number).ok());
    let (page, size) = (number(params.integer("page", PAGE)?).unwrap_or(1), number(size).unwrap_or(DEFAULT_LIMIT));
    Ok(Window { offset: (page - 1) * size, size })
}

/// A page under the name of its entries, with `total`, `page`, `limit` and `totalPages`.
pub(super) fn listed(name: &str, entries: Vec<Value>, total: u64, window: Window) -> Value {
    let size = u64::from(window.size);
    let mut answer = Map::new();
    answer.insert(name.to_owned(), entries.into());
    answer.insert("total".to_owned(), json!(total));
    answer.insert("page".to_owned(), json!(window.offset / window.size + 1));
    answer.insert("limit".to_owned(), json!(window.size));
    answer.insert("totalPages".to_owned(), json!(total.div_ceil(size)));
    Value::Object(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let read = |text: &str| window(&Params::parse(text).unwrap());
        assert_eq!(read("").unwrap(), Window { offset: 0, size: 50 });
        assert_eq!(read("page=3&limit=20").unwrap(), Window { offset: 40, size: 20 });
        assert_eq!(read("page=2&pageSize=10").unwrap(), Window { offset: 10, size: 10 });
        assert_eq!(read("limit=1&pageSize=10").unwrap().size, 1);
        for bad in ["page=0", "page=x", "limit=0", "limit=101", "pageSize=1.5", "page=100001"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let page = listed("links", vec![json!(1)], 101, Window { offset: 40, size: 20 });
        assert_eq!(page, json!({"links": [1], "total": 101, "page": 3, "limit": 20, "totalPages": 6}));
    }
}
