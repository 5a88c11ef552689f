//! The parameters of `GET /links`. Brevr's are not published; these are the usual ones:
//! - `search`: slug, destination or title holds it;
//! - `domain`, `tagId` (several with commas: any of them), `isActive`;
//! - `sortBy`: createdAt (default), updatedAt, title, shortCode, url, clickCount; `sortOrder`: desc (default), asc.

use super::error::invalid;
use crate::catalog::{LinkColumn, LinkQuery, TagMatch};
use crate::domain::id::{TagId, WorkspaceId};
use crate::domain::workspace::parse_domain_name;
use crate::web::error::{ApiError, quoted};
use crate::web::params::Params;
use crate::web::state::App;

/// Longest text to search for, in characters.
const SEARCH_LENGTH: usize = 1_000;

/// By what a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Age,
    Clicks,
    Column(LinkColumn),
}

const SORTS: [(&str, Sort); 7] = [
    ("createdAt", Sort::Age),
    ("updatedAt", Sort::Column(LinkColumn::Updated)),
    ("title", Sort::Column(LinkColumn::Title)),
    ("shortCode", Sort::Column(LinkColumn::Slug)),
    ("url", Sort::Column(LinkColumn::Url)),
    ("clickCount", Sort::Clicks),
    ("clicks", Sort::Clicks),
];

/// Which links are wanted, and in which order.
pub(super) async fn query(app: &App, workspace: WorkspaceId, params: &Params) -> Result<LinkQuery, ApiError> {
    let (mut query, sort) = read(params)?;
    match sort {
        Sort::Age => {}
        Sort::Column(column) => query.column = Some(column),
        Sort::Clicks => {
            let counted = app.analytics.link_clicks(workspace, None, app.clock.now_ms()).await?;
            let number = |clicks: u64| i64::try_from(clicks).unwrap_or(i64::MAX);
            query.by = Some(counted.into_iter().map(|(link, clicks)| (link, number(clicks.humans.total))).collect());
        }
    }
    Ok(query)
}

fn read(params: &Params) -> Result<(LinkQuery, Sort), ApiError> {
    let tags = match params.text("tagId").or_else(|| params.text("tagIds")) {
        None => None,
        Some(list) => {
            let read = |id: &str| {
                TagId::parse_cuid(id)
                    .ok_or_else(|| invalid("tagId", format!("it is no id of a tag. Given: {}", quoted(id))))
            };
            let ids = list.split(',').map(str::trim).filter(|id| !id.is_empty()).map(read);
            Some(TagMatch::Ids(ids.collect::<Result<_, _>>()?))
        }
    };
    let order = [("asc", true), ("desc", false)];
    let ascending = match params.one_of("sortOrder", &order)? {
        Some(ascending) => ascending,
        None => params.one_of("order", &order)?.unwrap_or(false),
    };
    let sort = match params.one_of("sortBy", &SORTS)? {
        Some(sort) => sort,
        None => params.one_of("sort", &SORTS)?.unwrap_or(Sort::Age),
    };
    let query = LinkQuery {
        domain: params.text("domain").map(|name| parse_domain_name(name).unwrap_or_else(|| name.to_owned())),
        tags,
        search: params.text_within("search", SEARCH_LENGTH)?.map(str::to_owned),
        active: params.boolean("isActive")?,
        // Domains have a page of their own that leads nowhere until somebody says so.
        leading_somewhere: true,
        archived: true,
        ascending,
        ..LinkQuery::default()
    };
    Ok((query, sort))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_narrowed_and_sorted() {
        let read = |text: &str| read(&Params::parse(text).unwrap());
        let (query, sort) = read("").unwrap();
        assert_eq!((query.active, query.ascending, sort), (None, false, Sort::Age));
        let tag = TagId(4).cuid();
        let (query, sort) =
            read(&format!("domain=WWW.Go.example&tagId={tag}&isActive=false&sortBy=title&sortOrder=asc&search=x"))
                .unwrap();
        assert_eq!((query.domain.as_deref(), query.search.as_deref()), (Some("go.example"), Some("x")));
        assert_eq!((query.active, query.ascending, sort), (Some(false), true, Sort::Column(LinkColumn::Title)));
        assert_eq!(query.tags, Some(TagMatch::Ids(vec![TagId(4)])));
        for bad in ["tagId=x", "isActive=maybe", "sortBy=moon", "sortOrder=up"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
