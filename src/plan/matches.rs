//! Whether a query means one event: what the warehouse's conditions say in SQL, said of an event in memory.
//!
//! The two must agree; `tests/it/oracle` asks both the same questions.

use super::{Bots, Condition, Query};
use crate::domain::ad_network::ad_network;
use crate::domain::dimension::{Dimension, Matching};
use crate::domain::event::{Event, EventKind};
use crate::domain::id::CustomerId;
use crate::filter::{List, Sense};

/// Whether the event is among those that the query counts, apart from "first of each visitor", which no single event can
/// tell. What must be true of links has to be resolved first: a query that still holds such conditions means nothing.
///
/// A customer's clicks are known by their leads, and a click that was just stored has none yet: it is nobody's. Nor does a
/// sale know of those before it: a query for new or recurring ones means none.
pub fn matches(query: &Query, event: &Event) -> bool {
    let bots = match query.counting.bots {
        Bots::Exclude => event.agent.bot.is_empty(),
        Bots::Only => !event.agent.bot.is_empty(),
        Bots::Include => true,
    };
    event.workspace == query.workspace
        && event.kind == query.kind
        && (query.range.start_ms()..query.range.end_ms()).contains(&event.at_ms)
        && bots
        && (query.counting.repeats || !event.repeat)
        && query.links.is_empty()
        && query.conditions.iter().all(|condition| holds(condition, event))
}

fn holds(condition: &Condition, event: &Event) -> bool {
    let (sense, found) = match condition {
        Condition::Dimension { dimension, list } => (list.sense, is_among(*dimension, list, event)),
        Condition::ReferrerDomain { list } => (list.sense, list.values.iter().any(|host| lies_below(event, host))),
        Condition::Links { sense, ids } => (*sense, ids.contains(&event.link)),
        Condition::Customers { sense, ids } => {
            let customer = match (event.kind, &event.conversion) {
                (EventKind::Click, _) => None,
                (_, Some(conversion)) => Some(conversion.customer),
                (_, None) => Some(CustomerId::default()),
            };
            (*sense, customer.is_some_and(|customer| ids.contains(&customer)))
        }
        Condition::SaleType(_) => return false,
        Condition::Metadata(expression) => return expression.holds(event.metadata()),
    };
    found == (sense == Sense::Is)
}

fn is_among(dimension: Dimension, list: &List, event: &Event) -> bool {
    let value = value_of(dimension, event);
    let any = |matches: &dyn Fn(&str) -> bool| list.values.iter().any(|wanted| matches(wanted));
    match dimension.info().matching {
        Matching::Exact | Matching::Upper | Matching::AddressBase | Matching::LinkId => any(&|wanted| wanted == value),
        // The wanted values are in lower case already.
        Matching::AnyCase => any(&|wanted| value.to_ascii_lowercase() == wanted),
        Matching::Address => any(&|wanted| if wanted.contains('?') { wanted == value } else { wanted == base(value) }),
        Matching::Region => any(&|wanted| is_in_region(&event.place.country, value, wanted)),
    }
}

/// As the warehouse's condition: `us-ca`, `ca` of any country, `us-unknown`, and the empty text.
fn is_in_region(country: &str, region: &str, wanted: &str) -> bool {
    let region = region.to_ascii_lowercase();
    let of_country = |wanted: &str| region.is_empty() && country.to_ascii_lowercase() == wanted;
    match wanted.split_once('-') {
        Some((country, "unknown")) => of_country(country),
        Some(_) => region == wanted,
        None if wanted.is_empty() => of_country(""),
        None => region.get(3..).is_some_and(|part| part == wanted),
    }
}

fn lies_below(event: &Event, domain: &str) -> bool {
    let host = event.referrer.host.to_ascii_lowercase();
    host == domain || host.strip_suffix(domain).is_some_and(|below| below.ends_with('.'))
}

fn base(url: &str) -> &str {
    url.split_once('?').map_or(url, |(base, _)| base)
}

/// What an event has of a dimension, as it is stored. A link is told by its number and not here.
fn value_of(dimension: Dimension, event: &Event) -> &str {
    let (place, agent, utm) = (&event.place, &event.agent, &event.utm);
    match dimension {
        Dimension::Continent => &place.continent,
        Dimension::Country => &place.country,
        Dimension::Region => &place.region,
        Dimension::City => &place.city,
        Dimension::Device => &agent.device,
        Dimension::Browser => &agent.browser,
        Dimension::Os => &agent.os,
        Dimension::Trigger => event.trigger.name(),
        Dimension::Referrer => &event.referrer.host,
        Dimension::ReferrerUrl => &event.referrer.url,
        Dimension::Link => "",
        Dimension::Url => &event.url,
        Dimension::BaseUrl => base(&event.url),
        Dimension::UtmSource => &utm.source,
        Dimension::UtmMedium => &utm.medium,
        Dimension::UtmCampaign => &utm.campaign,
        Dimension::UtmTerm => &utm.term,
        Dimension::UtmContent => &utm.content,
        Dimension::Channel => event.channel.name(),
        Dimension::Language => &event.language,
        Dimension::Isp => &event.network.isp,
        Dimension::Bot => &agent.bot,
        Dimension::AdNetwork => ad_network(&event.params),
        Dimension::Address => &event.address,
        Dimension::EventName => event.name(),
        Dimension::Currency => event.conversion.as_ref().map_or("", |conversion| conversion.currency.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::calendar::Range;
    use crate::domain::event::{Agent, Place};
    use crate::domain::id::{LinkId, WorkspaceId};
    use crate::filter::{Field, Filter, Separator};
    use crate::plan::{Counting, Request, Shape, build};

    fn event() -> Event {
        Event {
            workspace: WorkspaceId(1),
            at_ms: 500,
            link: LinkId(7),
            place: Place { country: "US".into(), region: "US-CA".into(), ..Place::default() },
            agent: Arc::new(Agent { browser: "Mobile Safari".into(), ..Agent::default() }),
            url: "https://a.example/?q=1".into(),
            ..Event::default()
        }
    }

    fn query(dimension: Dimension, text: &str) -> Query {
        build(Request {
            workspace: WorkspaceId(1),
            kind: EventKind::Click,
            range: Range::new(0, 1_000).unwrap(),
            counting: Counting { bots: Bots::Exclude, repeats: false, unique: false },
            filters: Filter::parse(Field::Dimension(dimension), text, Separator::Comma).unwrap().into_iter().collect(),
            link: None,
            root: None,
            shape: Shape::Total,
        })
    }

    #[test]
    fn filters_mean_what_they_mean_in_the_warehouse() {
        let link = LinkId(7).to_string();
        for (dimension, text, expected) in [
            (Dimension::Country, "", true),
            (Dimension::Country, "us,de", true),
            (Dimension::Country, "-us,de", false),
            (Dimension::Country, "-de", true),
            (Dimension::Region, "ca", true),
            (Dimension::Region, "US-ca", true),
            (Dimension::Region, "US-Unknown", false),
            (Dimension::Region, "a", false),
            (Dimension::City, "Unknown", true),
            (Dimension::City, "-Unknown", false),
            (Dimension::Browser, "mobile safari", true),
            (Dimension::Referrer, "(direct)", true),
            (Dimension::Url, "https://a.example/", true),
            (Dimension::Url, "https://a.example/?q=1", true),
            (Dimension::Url, "https://a.example/?q=2", false),
            (Dimension::Link, link.as_str(), true),
            (Dimension::Link, "link_nonsense", false),
            (Dimension::Link, "-link_nonsense", true),
        ] {
            assert_eq!(matches(&query(dimension, text), &event()), expected, "{dimension:?} {text}");
        }
    }

    #[test]
    fn workspace_kind_time_and_counting_come_first() {
        let all = query(Dimension::Country, "");
        assert!(matches(&all, &event()));
        let robot = || Arc::new(Agent { bot: "Googlebot".into(), ..Agent::default() });
        for other in [
            Event { workspace: WorkspaceId(2), ..event() },
            Event { kind: EventKind::Lead, ..event() },
            Event { at_ms: 1_000, ..event() },
            Event { repeat: true, ..event() },
            Event { agent: robot(), ..event() },
        ] {
            assert!(!matches(&all, &other), "{other:?}");
        }
        let counting = Counting { bots: Bots::Only, repeats: true, unique: false };
        assert!(matches(&Query { counting, ..all }, &Event { agent: robot(), repeat: true, ..event() }));
    }
}
