//! The bodies that make and change customers, and the parameters of their list.

use super::page_number;
use super::track_body::{email, trimmed};
use crate::catalog::{CustomerChange, CustomerQuery, NewCustomer, Page};
use crate::domain::customer::{MAX_AVATAR, MAX_CUSTOMER_TEXT, Profile};
use crate::domain::id::{CustomerId, LinkId};
use crate::web::body::Body;
use crate::web::error::ApiError;
use crate::web::params::Params;

/// By what a list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SortBy {
    /// When they were made.
    #[default]
    Created,
    /// What they spent.
    SaleAmount,
    /// When they first paid.
    FirstSale,
    /// When they ended a subscription, which is not recorded here: all come in the order in which they were made.
    Canceled,
}

impl SortBy {
    /// Whether the order is that in which they were made.
    pub(super) fn is_by_age(self) -> bool {
        matches!(self, Self::Created | Self::Canceled)
    }
}

/// Whether the answer is to tell of the link that brought a customer, and of its partner.
pub(super) fn expanded(params: &Params) -> Result<bool, ApiError> {
    Ok(params.boolean("includeExpandedFields")?.unwrap_or(false))
}

/// Reads a customer to make. Its country comes from its clicks, not from a body.
pub(super) fn new(body: &Body) -> Result<NewCustomer, ApiError> {
    let email = email(body, "email")?;
    let name = trimmed(body, "name", MAX_CUSTOMER_TEXT)?;
    let avatar = trimmed(body, "avatar", MAX_AVATAR)?;
    let external_id = trimmed(body, "externalId", MAX_CUSTOMER_TEXT)?
        .ok_or_else(|| ApiError::invalid("invalid_type", "externalId", "externalId is required"))?;
    let stripe_id = trimmed(body, "stripeCustomerId", MAX_CUSTOMER_TEXT)?;
    let profile = Profile { external_id, name, email, avatar };
    Ok(NewCustomer { profile, stripe_id, ..NewCustomer::default() })
}

/// Reads a change; a field that is null, or empty, is taken away.
pub(super) fn change(body: &Body) -> Result<CustomerChange, ApiError> {
    let given = |field: &'static str| Ok::<_, ApiError>(body.text(field)?.is_some());
    Ok(CustomerChange {
        email: given("email")?.then(|| email(body, "email")).transpose()?,
        name: given("name")?.then(|| trimmed(body, "name", MAX_CUSTOMER_TEXT)).transpose()?,
        avatar: given("avatar")?.then(|| trimmed(body, "avatar", MAX_AVATAR)).transpose()?,
        external_id: trimmed(body, "externalId", MAX_CUSTOMER_TEXT)?,
        stripe_id: given("stripeCustomerId")?
            .then(|| trimmed(body, "stripeCustomerId", MAX_CUSTOMER_TEXT))
            .transpose()?,
    })
}

/// Which customers are wanted, and in which order.
pub(super) fn query(params: &Params) -> Result<(CustomerQuery, SortBy), ApiError> {
    let mut query = CustomerQuery {
        country: params.text("country").map(str::to_ascii_uppercase),
        // What is no id of ours brought no customer.
        link: params.text("linkId").map(|id| LinkId::parse(id).unwrap_or(LinkId(0))),
        program: params.text("programId").map(str::to_owned),
        partner: params.text("partnerId").map(str::to_owned),
        ascending: params.one_of("sortOrder", &[("asc", true), ("desc", false)])?.unwrap_or(false),
        ..CustomerQuery::default()
    };
    match (params.text("email"), params.text("externalId"), params.text_within("search", 1_000)?) {
        (Some(email), _, _) => query.email = Some(email.to_owned()),
        (None, Some(external_id), _) => query.external_id = Some(external_id.to_owned()),
        (None, None, search) => query.search = search.map(str::to_owned),
    }
    let orders = [
        ("createdAt", SortBy::Created),
        ("saleAmount", SortBy::SaleAmount),
        ("firstSaleAt", SortBy::FirstSale),
        ("subscriptionCanceledAt", SortBy::Canceled),
    ];
    Ok((query, params.one_of("sortBy", &orders)?.unwrap_or_default()))
}

/// Which part of the list is wanted.
pub(super) fn page(params: &Params) -> Result<Page<CustomerId>, ApiError> {
    page_number::page(params, true, CustomerId::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Body {
        Body::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_change_tells_absent_from_null() {
        assert_eq!(change(&body("{}")).unwrap(), CustomerChange::default());
        let changed =
            change(&body(r#"{"name": null, "email": "a@b.co", "externalId": null, "country": "DE"}"#)).unwrap();
        let expected =
            CustomerChange { name: Some(None), email: Some(Some("a@b.co".into())), ..CustomerChange::default() };
        assert_eq!(changed, expected);
        assert_eq!(change(&body(r#"{"email": "x"}"#)).unwrap_err().status(), 422);
        assert_eq!(new(&body("{}")).unwrap_err().to_string(), "invalid_type: externalId: externalId is required");
    }

    #[test]
    fn one_of_three_ways_to_search_counts() {
        let asked = |text: &str| query(&Params::parse(text).unwrap()).unwrap();
        let (found, sort_by) = asked("email=a@b.co&externalId=1&search=x&sortBy=saleAmount");
        assert_eq!((found.email.as_deref(), found.external_id, found.search), (Some("a@b.co"), None, None));
        assert_eq!(sort_by, SortBy::SaleAmount);
        assert_eq!(asked("externalId=1&search=x").0.external_id.as_deref(), Some("1"));
        let params = Params::parse("startingAfter=cus_x").unwrap();
        assert_eq!(page(&params).unwrap_err(), page_number::unknown_cursor());
    }
}
