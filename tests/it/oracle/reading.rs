//! What the text of a filter means, read anew: this side shares no parser, no table and no matching with the program.

use std::collections::HashSet;

use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Event, EventKind};
use linktrail::domain::id::LinkId;

use super::question::Question;
use super::said::Said;
use super::scene::{LinkFacts, Workspace};

/// All that a question's filters let through.
pub struct Sieve<'a> {
    lists: Vec<(&'static str, List<'a>)>,
    /// Links that have what is asked of links; `None` where nothing is.
    links: Option<HashSet<LinkId>>,
    link: Option<LinkId>,
    /// Clicks that led to a customer who is listed, or not to be.
    led: HashSet<EventId>,
    /// Sales that are no others' successors, and whether they are wanted.
    first: Option<(HashSet<EventId>, bool)>,
    metadata: Option<&'a Said>,
}

/// `a,b` or `-a,b`.
struct List<'a> {
    unwanted: bool,
    values: Vec<&'a str>,
}

impl<'a> List<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let unwanted = text.starts_with('-');
        let values: Vec<&str> = text[usize::from(unwanted)..].split(',').filter(|part| !part.is_empty()).collect();
        (!values.is_empty()).then_some(Self { unwanted, values })
    }

    fn lets(&self, matches: impl Fn(&str) -> bool) -> bool {
        self.values.iter().any(|value| matches(value)) != self.unwanted
    }
}

impl<'a> Sieve<'a> {
    pub fn of(question: &'a Question, workspace: &Workspace) -> Self {
        let mut lists = Vec::new();
        let mut link_lists = Vec::new();
        let mut led = HashSet::new();
        for (name, text) in &question.filters {
            let Some(list) = List::read(text) else { continue };
            match *name {
                "domain" | "tagId" | "folderId" | "tenantId" | "programId" | "partnerId" | "groupId"
                | "partnerTagId" => link_lists.push((*name, list)),
                name => {
                    if name == "customerId" {
                        led = clicks_of(workspace, &list);
                    }
                    lists.push((name, list));
                }
            }
        }
        let links = (!link_lists.is_empty() || question.root.is_some()).then(|| {
            let passes = |link: &&LinkFacts| {
                question.root.is_none_or(|root| root == link.root)
                    && link_lists.iter().all(|(name, list)| list.lets(|value| link_has(link, name, value)))
            };
            workspace.links.iter().filter(passes).map(|link| link.id).collect()
        });
        let first = question.sale_type.map(|name| (first_sales(workspace), name == "new"));
        Self {
            lists,
            links,
            link: question.link,
            led,
            first,
            metadata: question.metadata.as_ref().map(|(said, _)| said),
        }
    }

    pub fn lets(&self, event: &Event) -> bool {
        self.link.is_none_or(|link| link == event.link)
            && self.links.as_ref().is_none_or(|links| links.contains(&event.link))
            && self.lists.iter().all(|(name, list)| match (*name, event.kind) {
                ("customerId", EventKind::Click) => self.led.contains(&event.id) != list.unwanted,
                // What an event cannot have says nothing of it.
                ("eventName", EventKind::Click | EventKind::Pageview) => true,
                ("currency", kind) if kind != EventKind::Sale => true,
                _ => list.lets(|value| event_has(event, name, value)),
            })
            && match &self.first {
                Some((first, wanted)) if event.kind == EventKind::Sale => first.contains(&event.id) == *wanted,
                _ => true,
            }
            && (event.kind == EventKind::Click || self.metadata.is_none_or(|said| said.lets(event.metadata())))
    }
}

fn clicks_of(workspace: &Workspace, list: &List<'_>) -> HashSet<EventId> {
    let leads = workspace.events.iter().filter(|event| event.kind == EventKind::Lead);
    leads
        .filter_map(|lead| lead.conversion.as_ref())
        .filter(|conversion| list.values.contains(&conversion.customer.to_string().as_str()))
        .map(|conversion| conversion.click)
        .collect()
}

/// Sales before which there is none of the same customer and link, but for retries. Of nobody's sales each is one.
fn first_sales(workspace: &Workspace) -> HashSet<EventId> {
    let sales = || workspace.events.iter().filter(|event| event.kind == EventKind::Sale);
    let customer = |event: &Event| event.conversion.as_ref().unwrap().customer.0;
    let is_first = |sale: &&Event| {
        let earlier = |other: &Event| {
            other.link == sale.link
                && customer(other) == customer(sale)
                && (other.at_ms, other.id) < (sale.at_ms, sale.id)
                && !other.repeat
        };
        customer(sale) == 0 || (!sale.repeat && !sales().any(earlier))
    };
    sales().filter(is_first).map(|sale| sale.id).collect()
}

fn link_has(link: &LinkFacts, name: &str, value: &str) -> bool {
    match name {
        "domain" => link.domain.eq_ignore_ascii_case(value),
        "tagId" => link.tags.iter().any(|tag| tag.to_string() == value),
        "folderId" => link.folder.is_some_and(|folder| folder.to_string() == value),
        "tenantId" => link.tenant.as_deref() == Some(value),
        "programId" => link.program.as_deref() == Some(value),
        "partnerId" => link.partner.as_deref() == Some(value),
        "partnerTagId" => link.partner_tags.iter().any(|tag| tag == value),
        "groupId" => link.group.as_deref() == Some(value),
        other => panic!("no attribute {other}"),
    }
}

fn event_has(event: &Event, name: &str, value: &str) -> bool {
    let (place, agent, utm) = (&event.place, &event.agent, &event.utm);
    match name {
        "continent" => any_case(&place.continent, value, "Unknown"),
        "country" => any_case(&place.country, value, "Unknown"),
        "region" => in_region(&place.country, &place.region, value),
        "city" => exact(&place.city, value, "Unknown"),
        "device" => any_case(&agent.device, value, "Unknown"),
        "browser" => any_case(&agent.browser, value, "Unknown"),
        "os" => any_case(&agent.os, value, "Unknown"),
        "trigger" => any_case(event.trigger.name(), value, "Unknown"),
        "referer" => any_case(&event.referrer.host, value, "(direct)"),
        "refererUrl" => {
            let address = value.split(['?', '#']).next().unwrap_or_default();
            // What has nothing before its query is nobody's address.
            !address.is_empty() && exact(&event.referrer.url, address, "(direct)")
        }
        "url" if value.contains('?') => event.url == value,
        "url" => event.url.split('?').next() == Some(value),
        "linkId" => event.link != LinkId(0) && event.link.to_string() == value,
        "utm_source" => exact(&utm.source, value, "(not set)"),
        "utm_medium" => exact(&utm.medium, value, "(not set)"),
        "utm_campaign" => exact(&utm.campaign, value, "(not set)"),
        "utm_term" => exact(&utm.term, value, "(not set)"),
        "utm_content" => exact(&utm.content, value, "(not set)"),
        "eventName" => exact(event.name(), value, "(not set)"),
        "currency" => any_case(&event.conversion.as_ref().unwrap().currency, value, "(not set)"),
        "channel" => any_case(event.channel.name(), value, "Unknown"),
        "language" => any_case(&event.language, value, "Unknown"),
        "isp" => any_case(&event.network.isp, value, "Unknown"),
        "botName" => any_case(&agent.bot, value, "(human)"),
        "customerId" => event.conversion.as_ref().is_some_and(|of| of.customer.to_string() == value),
        other => panic!("no filter {other}"),
    }
}

fn exact(stored: &str, value: &str, blank: &str) -> bool {
    stored == value || stored.is_empty() && value.eq_ignore_ascii_case(blank)
}

fn any_case(stored: &str, value: &str, blank: &str) -> bool {
    stored.eq_ignore_ascii_case(value) || exact(stored, value, blank)
}

/// `US-CA`, `CA` wherever it is, `US-Unknown`, or `Unknown` for those of whom not even the country is known.
fn in_region(country: &str, region: &str, value: &str) -> bool {
    if value.eq_ignore_ascii_case("unknown") {
        return country.is_empty() && region.is_empty();
    }
    match value.split_once('-') {
        Some((of, part)) if part.eq_ignore_ascii_case("unknown") => {
            region.is_empty() && country.eq_ignore_ascii_case(of)
        }
        Some(_) => region.eq_ignore_ascii_case(value),
        None => region.split_once('-').is_some_and(|(_, part)| part.eq_ignore_ascii_case(value)),
    }
}
