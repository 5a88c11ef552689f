//! What a caller said -> what is meant: a [`Request`] becomes a [`Query`], or the first thing that makes no sense in it.

use crate::calendar::Range;
use crate::domain::dimension::{Dimension, Matching};
use crate::domain::event::EventKind;
use crate::domain::id::{CustomerId, LinkId, WorkspaceId};
use crate::filter::{Field, Filter, List, Sense};

use super::{Condition, Counting, LinkCondition, Query, Shape, Source};

/// A question as a surface has read it: every part is valid by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Whose events.
    pub workspace: WorkspaceId,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub range: Range,
    /// Which of the events count.
    pub counting: Counting,
    /// As written by the caller.
    pub filters: Vec<Filter>,
    /// The one link that the caller named by its address or external id.
    pub link: Option<LinkId>,
    /// Only, or no, root links.
    pub root: Option<bool>,
    /// The form of the answer.
    pub shape: Shape,
}

/// Resolves a request. Every text is turned into what it means here; ids that cannot be ours match nothing, so that a
/// foreign id and an unknown one are the same.
pub fn build(request: Request) -> Query {
    let mut conditions = Vec::new();
    let mut links = Vec::new();
    if let Some(link) = request.link {
        conditions.push(Condition::Links { sense: Sense::Is, ids: vec![link] });
    }
    if let Some(root) = request.root {
        links.push(LinkCondition::Root(root));
    }
    for filter in request.filters.into_iter().filter(|filter| filter.concerns(request.kind)) {
        match filter {
            Filter::Among { field, list } => match field {
                Field::Dimension(dimension) => conditions.push(dimension_condition(dimension, list)),
                Field::Attribute(attribute) => links.push(LinkCondition::Attribute { attribute, list }),
                Field::ReferrerDomain => conditions.push(Condition::ReferrerDomain { list: domains(list) }),
                Field::Customer => conditions.push(customer_condition(&list)),
            },
            Filter::SaleType(sale_type) => conditions.push(Condition::SaleType(sale_type)),
            Filter::Metadata(expression) => conditions.push(Condition::Metadata(expression)),
        }
    }
    Query {
        workspace: request.workspace,
        kind: request.kind,
        range: request.range,
        counting: request.counting,
        conditions,
        links,
        shape: request.shape,
        money: None,
        source: Source::Events,
    }
}

/// Domains as referrer hosts are stored.
fn domains(mut list: List) -> List {
    for domain in &mut list.values {
        domain.make_ascii_lowercase();
        if let Some(bare) = domain.strip_prefix("www.") {
            *domain = bare.to_owned();
        }
    }
    list
}

fn dimension_condition(dimension: Dimension, mut list: List) -> Condition {
    let info = dimension.info();
    let label = info.blank.label();
    match info.matching {
        Matching::LinkId => {
            return Condition::Links {
                sense: list.sense,
                ids: list.values.iter().filter_map(|id| LinkId::parse(id)).collect(),
            };
        }
        // Only ASCII letters: what is stored has no others, and "ß" must not become "SS", which is a country.
        Matching::Upper => list.values.iter_mut().for_each(|value| value.make_ascii_uppercase()),
        Matching::AnyCase | Matching::Region => list.values.iter_mut().for_each(|value| value.make_ascii_lowercase()),
        Matching::AddressBase => {
            list.values.iter_mut().for_each(|value| value.truncate(base_length(value)));
            // An empty text is stored for what is not known; who asks for that says so by its label.
            list.values.retain(|value| !value.is_empty());
        }
        Matching::Exact | Matching::Address => {}
    }
    // The label of the unknown asks for the unknown, beside events that really hold that text.
    if list.values.iter().any(|value| value.eq_ignore_ascii_case(label)) {
        list.values.push(String::new());
    }
    Condition::Dimension { dimension, list }
}

/// How much of an address stands before its query or fragment.
fn base_length(address: &str) -> usize {
    address.find(['?', '#']).unwrap_or(address.len())
}

fn customer_condition(list: &List) -> Condition {
    Condition::Customers { sense: list.sense, ids: list.values.iter().filter_map(|id| CustomerId::parse(id)).collect() }
}
