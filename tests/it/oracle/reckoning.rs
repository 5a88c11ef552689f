//! The oracle's side: every event is looked at, one after the other, and counted.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::ToSpan as _;
use jiff::civil::DateTime;
use linktrail::domain::event::{Event, EventKind};
use linktrail::domain::id::LinkId;
use linktrail::table::{Cell, Table};
use linktrail::warehouse::event::EventRow;

use super::almanac::{Almanac, DAY_MS, HOUR_MS, QUARTER_MS, day_of};
use super::answer::{Answer, Seen, SeenLink};
use super::asking::WALK_PAGES;
use super::comparing::compare;
use super::question::{Form, MOST_BUCKETS, Question};
use super::reading::Sieve;
use super::scene::Workspace;

/// 2022-09-22T00:00Z, where `all_unfiltered` begins at the latest.
const FOUNDING_MS: i64 = 1_663_804_800_000;

/// The right answer.
pub fn reckon(workspace: &Workspace, question: &Question) -> Answer {
    let almanac = Almanac::of(question.timezone);
    let Some((start_ms, end_ms, bucket)) = span(workspace, question, &almanac) else { return Answer::Refused };
    if let Some(kinds) = question.compared {
        return compare(workspace, question, kinds, &almanac, (start_ms, end_ms, bucket));
    }
    let counted = counted(workspace, question, question.kind, start_ms, end_ms);
    match &question.form {
        Form::Total => {
            Answer::Table(Table { columns: vec!["events".into()], rows: vec![vec![Cell::from(counted.len() as u64)]] })
        }
        Form::Series => series(&almanac, &counted, start_ms, end_ms, question.granularity.unwrap_or(bucket))
            .map_or(Answer::Refused, Answer::Table),
        Form::Groups { by, unknown, limit } => Answer::Table(groups(&counted, by, *unknown, *limit)),
        Form::Attributes(name) => Answer::Table(attributes(workspace, &counted, name)),
        Form::Page { ascending, limit, offset } => {
            let from = usize::try_from(*offset).unwrap();
            let page = ordered(counted, *ascending).into_iter().skip(from).take(usize::try_from(*limit).unwrap());
            seen(workspace, page)
        }
        Form::After { ascending, limit, at_ms, id } => {
            let passed = |event: &&Event| {
                let place = (event.at_ms, event.id.0);
                if *ascending { place > (*at_ms, *id) } else { place < (*at_ms, *id) }
            };
            let rest = ordered(counted, *ascending).into_iter().filter(passed);
            seen(workspace, rest.take(usize::try_from(*limit).unwrap()))
        }
        Form::Walk { ascending, limit } => {
            let most = WALK_PAGES * usize::try_from(*limit).unwrap();
            seen(workspace, ordered(counted, *ascending).into_iter().take(most))
        }
    }
}

/// From when until when, and by which bucket; `None` for a start after the end.
fn span(workspace: &Workspace, question: &Question, almanac: &Almanac) -> Option<(i64, i64, &'static str)> {
    let now_ms = question.now_ms;
    let today = almanac.day(now_ms);
    let tomorrow_ms = almanac.start_of(today + 1);
    if let Some(start) = &question.start {
        let start_ms = bound(start, almanac, false);
        let end_ms = question.end.as_ref().map_or(tomorrow_ms, |end| bound(end, almanac, true));
        // A day that is the end does not hold the instant after it.
        let last_day_ms = match &question.end {
            None => Some(almanac.start_of(today)),
            Some(end) if end.len() == 10 => Some(bound(end, almanac, false)),
            Some(_) => None,
        };
        if last_day_ms.is_some_and(|day_ms| start_ms >= end_ms && start_ms > day_ms) {
            return None;
        }
        return (start_ms <= end_ms).then(|| (start_ms, end_ms, by_length(almanac, start_ms, end_ms)));
    }
    let now = almanac.wall(now_ms);
    let back = |span: jiff::Span| almanac.instant(now.checked_sub(span).unwrap());
    let from_day = |date: jiff::civil::Date| almanac.start_of(day_of(date));
    let first_event_ms = workspace.events.iter().map(|event| event.at_ms).min().unwrap_or(now_ms);
    let first_day_ms = almanac.start_of(almanac.day(first_event_ms.div_euclid(QUARTER_MS) * QUARTER_MS));
    let first_day_ms = first_day_ms.min(almanac.start_of(today));
    let date = now.date();
    Some(match question.interval {
        "1h" => (now_ms - HOUR_MS, now_ms + 1, "minute"),
        "24h" => (now_ms - DAY_MS, now_ms + 1, "hour"),
        "7d" => (back(7.days()), tomorrow_ms, "day"),
        "30d" => (back(30.days()), tomorrow_ms, "day"),
        "90d" => (back(90.days()), tomorrow_ms, "day"),
        "1y" => (back(12.months()), tomorrow_ms, "month"),
        "mtd" => (from_day(date.first_of_month()), tomorrow_ms, "day"),
        "qtd" => {
            let month = (date.month() - 1) / 3 * 3 + 1;
            (from_day(jiff::civil::date(date.year(), month, 1)), tomorrow_ms, "day")
        }
        "ytd" => (from_day(date.first_of_year()), tomorrow_ms, "month"),
        "all" => (first_day_ms, tomorrow_ms, by_length(almanac, first_day_ms, tomorrow_ms)),
        "all_unfiltered" => {
            let start_ms = first_day_ms.min(FOUNDING_MS);
            (start_ms, tomorrow_ms, by_length(almanac, start_ms, tomorrow_ms))
        }
        "today" => (almanac.start_of(today), tomorrow_ms, "hour"),
        "yesterday" => (almanac.start_of(today - 1), almanac.start_of(today), "hour"),
        other => panic!("no interval {other}"),
    })
}

/// Hours up to two days on the wall clock, days up to 180, else months.
fn by_length(almanac: &Almanac, start_ms: i64, end_ms: i64) -> &'static str {
    let last_ms = (end_ms - 1).max(start_ms);
    match (almanac.wall_ms(last_ms) - almanac.wall_ms(start_ms)) / DAY_MS {
        ..=2 => "hour",
        3..=180 => "day",
        _ => "month",
    }
}

/// `2026-03-08`, or with a clock, or with a clock and a zone.
fn bound(text: &str, almanac: &Almanac, end: bool) -> i64 {
    let date: jiff::civil::Date = text[..10].parse().unwrap();
    if text.len() == 10 {
        return almanac.start_of(day_of(date) + i64::from(end));
    }
    let rest = &text[11..];
    let clock_length =
        rest.find(|letter: char| !letter.is_ascii_digit() && !":.".contains(letter)).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(clock_length);
    let mut parts = clock.split(':');
    let (hour, minute) = (parts.next().unwrap(), parts.next().unwrap());
    let seconds: f64 = parts.next().map_or(0.0, |seconds| seconds.parse().unwrap());
    let up_ms = (seconds * 1_000.0 - 0.000_001).ceil().max(0.0) as i64;
    let minutes: i64 = hour.parse::<i64>().unwrap() * 60 + minute.parse::<i64>().unwrap();
    let wall_ms = day_of(date) * DAY_MS + minutes * 60_000 + up_ms;
    let ahead_minutes = match zone {
        "" => {
            let wall: DateTime =
                jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::from_millisecond(wall_ms).unwrap());
            return almanac.instant(wall);
        }
        "Z" | "z" => 0,
        offset => {
            let digits: String = offset.chars().filter(char::is_ascii_digit).collect();
            let minutes = digits[..2].parse::<i64>().unwrap() * 60 + digits[2..].parse::<i64>().unwrap();
            if offset.starts_with('-') { -minutes } else { minutes }
        }
    };
    wall_ms - ahead_minutes * 60_000
}

/// The events of a kind that a question counts.
pub fn counted<'a>(
    workspace: &'a Workspace,
    question: &Question,
    kind: EventKind,
    start_ms: i64,
    end_ms: i64,
) -> Vec<&'a Event> {
    let sieve = Sieve::of(question, workspace);
    let counts = |event: &&Event| {
        event.kind == kind
            && start_ms <= event.at_ms
            && event.at_ms < end_ms
            && match question.bots {
                "include" => true,
                "only" => !event.agent.bot.is_empty(),
                _ => event.agent.bot.is_empty(),
            }
            && (question.repeats || !event.repeat)
            && sieve.lets(event)
    };
    let events: Vec<&Event> = workspace.events.iter().filter(counts).collect();
    if !question.unique {
        return events;
    }
    let mut known = HashSet::new();
    let mut events = ordered(events, true);
    events.retain(|event| known.insert((event.link, event.visitor)));
    events
}

fn ordered(mut events: Vec<&Event>, ascending: bool) -> Vec<&Event> {
    events.sort_by_key(|event| (event.at_ms, event.id));
    if !ascending {
        events.reverse();
    }
    events
}

fn series(almanac: &Almanac, events: &[&Event], start_ms: i64, end_ms: i64, bucket: &str) -> Option<Table> {
    let mut table = Table::new(&["start_ms", "events"]);
    if start_ms == end_ms {
        return Some(table);
    }
    let buckets = almanac.buckets(bucket, start_ms, end_ms, MOST_BUCKETS)?;
    let mut counts: HashMap<_, u64> = HashMap::new();
    for event in events {
        *counts.entry(almanac.key(bucket, event.at_ms)).or_default() += 1;
    }
    for (key, start_ms) in buckets {
        table.push(vec![Cell::from(start_ms), Cell::from(counts.remove(&key).unwrap_or(0))]);
    }
    assert!(counts.is_empty(), "events in no bucket: {counts:?}");
    Some(table)
}

fn groups(events: &[&Event], by: &str, unknown: bool, limit: Option<u64>) -> Table {
    let mut counts: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    for event in events {
        *counts.entry(keys(event, by)).or_default() += 1;
    }
    let mut rows: Vec<(Vec<String>, u64)> =
        counts.into_iter().filter(|(keys, _)| unknown || !is_hidden(by, keys)).collect();
    // Stable, so equals stay in the order of their keys.
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    rows.truncate(limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap()));
    let columns: Vec<&'static str> = columns(by).iter().copied().chain(["events"]).collect();
    let mut table = Table::new(&columns);
    for (keys, count) in rows {
        table.push(keys.into_iter().map(Cell::from).chain([Cell::from(count)]).collect());
    }
    table
}

/// Whether a value is left out unless the unknown are asked for.
pub fn is_hidden(by: &str, keys: &[String]) -> bool {
    match by {
        "referers" | "referer_urls" => false,
        // A region that is not known still has a country.
        "regions" => keys[0].is_empty(),
        "top_links" => keys[0] == "0",
        _ => keys[keys.len() - 1].is_empty(),
    }
}

/// What stands before the counts of a grouping.
pub fn columns(by: &str) -> &'static [&'static str] {
    match by {
        "continents" => &["continent"],
        "countries" => &["country"],
        "regions" => &["country", "region"],
        "cities" => &["country", "region", "city"],
        "devices" => &["device"],
        "browsers" => &["browser"],
        "os" => &["os"],
        "triggers" => &["trigger"],
        "referers" => &["referrer_host"],
        "referer_urls" => &["referrer_url"],
        "top_links" => &["link_id"],
        "top_urls" => &["url"],
        "top_base_urls" => &["base_url"],
        "utm_sources" => &["utm_source"],
        "utm_mediums" => &["utm_medium"],
        "utm_campaigns" => &["utm_campaign"],
        "utm_terms" => &["utm_term"],
        "utm_contents" => &["utm_content"],
        "event_names" => &["event_name"],
        "currencies" => &["currency"],
        "channels" => &["channel"],
        "languages" => &["language"],
        "isps" => &["isp"],
        "bot_names" => &["bot"],
        other => panic!("no grouping {other}"),
    }
}

/// What an event has of a grouping.
pub fn keys(event: &Event, by: &str) -> Vec<String> {
    let (place, agent, utm) = (&event.place, &event.agent, &event.utm);
    let one = |text: &str| vec![text.to_owned()];
    match by {
        "continents" => one(&place.continent),
        "countries" => one(&place.country),
        "regions" => vec![place.country.clone(), place.region.clone()],
        "cities" => vec![place.country.clone(), place.region.clone(), place.city.clone()],
        "devices" => one(&agent.device),
        "browsers" => one(&agent.browser),
        "os" => one(&agent.os),
        "triggers" => one(event.trigger.name()),
        "referers" => one(&event.referrer.host),
        "referer_urls" => one(&event.referrer.url),
        "top_links" => vec![event.link.0.to_string()],
        "top_urls" => one(&event.url),
        "top_base_urls" => one(event.url.split('?').next().unwrap_or_default()),
        "utm_sources" => one(&utm.source),
        "utm_mediums" => one(&utm.medium),
        "utm_campaigns" => one(&utm.campaign),
        "utm_terms" => one(&utm.term),
        "utm_contents" => one(&utm.content),
        "event_names" => one(event.name()),
        "currencies" => one(event.conversion.as_ref().map_or("", |conversion| &conversion.currency)),
        "channels" => one(event.channel.name()),
        "languages" => one(&event.language),
        "isps" => one(&event.network.isp),
        "bot_names" => one(&agent.bot),
        other => panic!("no grouping {other}"),
    }
}

fn attributes(workspace: &Workspace, events: &[&Event], name: &str) -> Table {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for event in events {
        for value in attribute_values(workspace, event, name) {
            *counts.entry(value).or_default() += 1;
        }
    }
    let mut rows: Vec<(String, u64)> = counts.into_iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut table = Table::new(&["value", "events"]);
    for (value, count) in rows {
        table.push(vec![Cell::from(value), Cell::from(count)]);
    }
    table
}

/// What the event's link has of an attribute now, each value once.
pub fn attribute_values(workspace: &Workspace, event: &Event, name: &str) -> HashSet<String> {
    let Some(link) = workspace.links.iter().find(|link| link.id == event.link) else { return HashSet::new() };
    match name {
        "domain" => HashSet::from([link.domain.clone()]),
        "tagId" => link.tags.iter().map(ToString::to_string).collect(),
        "folderId" => link.folder.iter().map(ToString::to_string).collect(),
        "tenantId" => link.tenant.iter().cloned().collect(),
        "programId" => link.program.iter().cloned().collect(),
        "partnerId" => link.partner.iter().cloned().collect(),
        "groupId" => link.group.iter().cloned().collect(),
        "partnerTagId" => link.partner_tags.iter().cloned().collect(),
        other => panic!("no attribute {other}"),
    }
}

fn seen<'a>(workspace: &Workspace, events: impl Iterator<Item = &'a Event>) -> Answer {
    let mut links: HashMap<LinkId, Option<SeenLink>> = HashMap::new();
    let events = events.map(|event| Seen {
        event: row(event),
        link: links.entry(event.link).or_insert_with(|| seen_link(workspace, event.link)).clone(),
    });
    Answer::Events(events.collect())
}

/// A link of the workspace with its counters: clicks by humans, repeats left out, of all time.
fn seen_link(workspace: &Workspace, id: LinkId) -> Option<SeenLink> {
    workspace.links.iter().find(|link| link.id == id)?;
    let clicks: Vec<&Event> = workspace
        .events
        .iter()
        .filter(|event| event.link == id && event.kind == EventKind::Click)
        .filter(|event| !event.repeat && event.agent.bot.is_empty())
        .collect();
    let last_ms = clicks.iter().map(|event| event.at_ms).max();
    Some(SeenLink { id, workspace: workspace.id, clicks: clicks.len() as u64, last_ms })
}

fn row(event: &Event) -> EventRow {
    EventRow {
        visitor: event.visitor,
        latitude: event.coordinates.latitude,
        longitude: event.coordinates.longitude,
        event_id: event.id.0,
        at_ms: event.at_ms,
        link_id: event.link.0,
        url: event.url.clone(),
        continent: event.place.continent.clone(),
        country: event.place.country.clone(),
        region: event.place.region.clone(),
        city: event.place.city.clone(),
        device: event.agent.device.clone(),
        browser: event.agent.browser.clone(),
        os: event.agent.os.clone(),
        trigger: event.trigger.name().to_owned(),
        referrer_host: event.referrer.host.clone(),
        referrer_url: event.referrer.url.clone(),
        user_agent: event.agent.user_agent.clone(),
        bot: event.agent.bot.clone(),
        utm_source: event.utm.source.clone(),
        utm_medium: event.utm.medium.clone(),
        utm_campaign: event.utm.campaign.clone(),
        utm_term: event.utm.term.clone(),
        utm_content: event.utm.content.clone(),
        click_event_id: event.follows().0,
        customer_id: event.conversion.as_ref().map_or(0, |conversion| conversion.customer.0),
        event_name: event.name().to_owned(),
        amount: event.conversion.as_ref().map_or(0, |conversion| conversion.amount),
        currency: event.conversion.as_ref().map_or_else(String::new, |conversion| conversion.currency.clone()),
        payment_processor: event
            .conversion
            .as_ref()
            .map_or_else(String::new, |conversion| conversion.payment_processor.clone()),
        invoice_id: event.conversion.as_ref().map_or_else(String::new, |conversion| conversion.invoice_id.clone()),
        metadata: event.metadata().to_owned(),
    }
}
