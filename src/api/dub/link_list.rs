//! The parameters of `GET /links` and `GET /links/count`.

use super::page_number;
use crate::analytics::names::Rank;
use crate::catalog::{LinkGroup, LinkQuery, Page, TagMatch};
use crate::domain::id::{FolderId, LinkId, TagId, UserId};
use crate::domain::workspace::parse_domain_name;
use crate::web::error::ApiError;
use crate::web::params::Params;

/// Which links are wanted.
pub fn query(params: &Params) -> Result<LinkQuery, ApiError> {
    let mut query = LinkQuery {
        domain: params.text("domain").map(|name| parse_domain_name(name).unwrap_or_else(|| name.to_owned())),
        tags: tags(params),
        folder: None,
        site: None,
        search: params.text_within("search", 1_000)?.map(str::to_owned),
        // What is no id of ours made no link.
        user: params.text("userId").map(|id| UserId::parse(id).unwrap_or(UserId(0))),
        tenant_id: params.text("tenantId").map(str::to_owned),
        archived: params.boolean("showArchived")?.unwrap_or(false),
        tagged: params.boolean("withTags")?.unwrap_or(false),
        ascending: params.one_of("sortOrder", &[("asc", true), ("desc", false)])?.unwrap_or(false),
        ..LinkQuery::default()
    };
    query.folder = match params.text("folderId") {
        Some(id) => match FolderId::parse(id) {
            Some(folder) => Some(Some(folder)),
            None => return Err(ApiError::NotFound("Folder not found.".to_owned())),
        },
        // Links in folders are shown when their folder, or something else in particular, is asked for.
        None if query.domain.is_none()
            && query.tags.is_none()
            && query.search.is_none()
            && query.tenant_id.is_none() =>
        {
            Some(None)
        }
        None => None,
    };
    Ok(query)
}

fn tags(params: &Params) -> Option<TagMatch> {
    let list = |text: &str| text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    if let Some(ids) = params.text("tagIds").or_else(|| params.text("tagId")) {
        // What is no id of ours is on no link.
        return Some(TagMatch::Ids(list(ids).iter().filter_map(|id| TagId::parse(id)).collect()));
    }
    params.text("tagNames").map(|names| TagMatch::Names(list(names)))
}

/// By what the list is sorted: `None` for its age.
pub fn rank(params: &Params) -> Result<Option<Rank>, ApiError> {
    let orders = [
        ("createdAt", None),
        ("clicks", Some(Rank::Clicks)),
        ("saleAmount", Some(Rank::SaleAmount)),
        ("lastClicked", Some(Rank::LastClicked)),
    ];
    Ok(params.one_of("sortBy", &orders)?.flatten())
}

/// By what links are counted, if not all together.
pub fn group(params: &Params) -> Result<Option<LinkGroup>, ApiError> {
    let groups = [
        ("domain", LinkGroup::Domain),
        ("tagId", LinkGroup::Tag),
        ("userId", LinkGroup::User),
        ("folderId", LinkGroup::Folder),
    ];
    params.one_of("groupBy", &groups)
}

/// Which part of the list is wanted.
pub fn page(params: &Params, rank: Option<Rank>) -> Result<Page, ApiError> {
    page_number::page(params, rank.is_none(), LinkId::parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Cursor;

    fn params(text: &str) -> Params {
        Params::parse(text).unwrap()
    }

    #[test]
    fn pages() {
        assert_eq!(page(&params(""), None).unwrap(), Page { cursor: Cursor::Offset(0), size: 100 });
        assert_eq!(page(&params("page=3&pageSize=20"), None).unwrap(), Page { cursor: Cursor::Offset(40), size: 20 });
        let id = LinkId(9).to_string();
        assert_eq!(page(&params(&format!("endingBefore={id}")), None).unwrap().cursor, Cursor::Before(LinkId(9)));
        for bad in ["page=0", "page=1001", "pageSize=101", "startingAfter=x", "startingAfter=a&endingBefore=b"] {
            assert_eq!(page(&params(bad), None).unwrap_err().status(), 422, "{bad}");
        }
        let by_clicks = page(&params(&format!("startingAfter={id}")), Some(Rank::Clicks));
        assert_eq!(by_clicks.unwrap_err().status(), 422);
    }

    #[test]
    fn folders_hide_their_links_unless_something_in_particular_is_asked_for() {
        assert_eq!(query(&params("showArchived=true&withTags=false")).unwrap().folder, Some(None));
        for particular in ["search=x", "domain=a.b", "tagNames=x", "tagId=tag_x", "tenantId=t"] {
            assert_eq!(query(&params(particular)).unwrap().folder, None, "{particular}");
        }
        assert_eq!(query(&params("folderId=fold_x")).unwrap_err().status(), 404);
        assert_eq!(rank(&params("sortBy=clicks")).unwrap(), Some(Rank::Clicks));
        assert_eq!(rank(&params("sortBy=title")).unwrap_err().status(), 422);
    }
}
