//! What Linkly's API must answer: every click is looked at, one after the other, and counted (Linkly contract, D1 to D9).

use std::collections::{BTreeMap, HashSet};

use linktrail::domain::event::{Event, EventKind};
use linktrail::domain::id::LinkId;

use super::almanac::{Almanac, DAY_MS, HOUR_MS, QUARTER_MS, date, day_of};
use super::linkly_question::{Form, Question};
use super::scene::Workspace;
use super::words::PARAMS;

/// An answer, in whatever form it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// 400
    Refused,
    /// Label and count.
    Series(Vec<(String, i64)>),
    /// Links, and a row for each label.
    Pivot(Vec<u64>, Vec<(String, Vec<i64>)>),
    /// Total, where it is told, and values with their counts.
    Counter(Option<i64>, Vec<(Option<String>, i64)>),
    /// When, on which link, and by which robot.
    Export(Vec<(i64, u64, Option<String>)>),
}

/// The right answer at a time.
pub fn reckon(workspace: &Workspace, question: &Question, now_ms: i64) -> Answer {
    let almanac = Almanac::of(question.timezone);
    let Some((start_ms, end_ms)) = span(question, &almanac, now_ms) else { return Answer::Refused };
    let clicks = counted(workspace, question, start_ms, end_ms);
    match question.form {
        Form::Series => {
            let mut points = points(&almanac, question.hourly, start_ms, end_ms, 0_i64);
            for click in clicks {
                *points.get_mut(&point_of(&almanac, question.hourly, click.at_ms)).expect("a point for each click") +=
                    1;
            }
            Answer::Series(points.into_iter().map(|(point, count)| (label(question.hourly, point), count)).collect())
        }
        Form::Pivot => {
            let columns = columns(workspace, question, &clicks);
            let none = vec![0_i64; columns.len()];
            let mut points = points(&almanac, question.hourly, start_ms, end_ms, none);
            for click in clicks {
                let row = points.get_mut(&point_of(&almanac, question.hourly, click.at_ms)).unwrap();
                if let Some(place) = columns.iter().position(|link| *link == click.link.0) {
                    row[place] += 1;
                }
            }
            let rows = points.into_iter().map(|(point, counts)| (label(question.hourly, point), counts));
            Answer::Pivot(columns, rows.collect())
        }
        Form::Counter(counter) => {
            let mut counts: BTreeMap<(bool, Option<String>), i64> = BTreeMap::new();
            for click in &clicks {
                for value in values(counter, click) {
                    // The unknown stands behind its equals.
                    *counts.entry((value.is_none(), value)).or_default() += 1;
                }
            }
            let mut values: Vec<_> = counts.into_iter().map(|((_, value), count)| (value, count)).collect();
            values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            Answer::Counter(Some(clicks.len() as i64), values)
        }
        Form::Export { ascending } => {
            let mut clicks = clicks;
            clicks.sort_by_key(|click| (click.at_ms, click.id));
            if !ascending {
                clicks.reverse();
            }
            let known = |text: &String| (!text.is_empty()).then(|| text.clone());
            Answer::Export(clicks.iter().map(|click| (click.at_ms, click.link.0, known(&click.agent.bot))).collect())
        }
    }
}

/// From when until when; `None` for a start after the end.
fn span(question: &Question, almanac: &Almanac, now_ms: i64) -> Option<(i64, i64)> {
    let is_day = |text: &String| text.len() == 10;
    let day = |text: &String| day_of(text.parse().unwrap());
    let instant = |text: &String| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let today = almanac.day(now_ms);
    let end_ms = match &question.end {
        // Of a file the last day is the one that is over.
        None if matches!(question.form, Form::Export { .. }) => almanac.start_of(today),
        None => almanac.start_of(today + 1),
        Some(end) if is_day(end) => almanac.start_of(day(end) + 1),
        // Its whole second.
        Some(end) => instant(end) + 1_000,
    };
    let start_ms = match &question.start {
        // Thirty days before the end that is given, else before today, also where a file ends yesterday.
        None => almanac.start_of(question.end.as_ref().map_or(today, |_| almanac.day(end_ms - 1)) - 30),
        Some(start) if is_day(start) => almanac.start_of(day(start)),
        Some(start) => instant(start),
    };
    (start_ms < end_ms).then_some((start_ms, end_ms))
}

fn counted<'a>(workspace: &'a Workspace, question: &Question, start_ms: i64, end_ms: i64) -> Vec<&'a Event> {
    let counts = |event: &&Event| {
        event.kind == EventKind::Click
            && start_ms <= event.at_ms
            && event.at_ms < end_ms
            && match question.bots {
                "exclude" | "false" | "0" => event.agent.bot.is_empty(),
                "only" => !event.agent.bot.is_empty(),
                _ => true,
            }
            && question.links.as_ref().is_none_or(|links| links.contains(&event.link))
            && question.filters.iter().all(|(name, value)| value.is_empty() || has(event, name, value))
    };
    let mut clicks: Vec<&Event> = workspace.events.iter().filter(counts).collect();
    if matches!(question.unique, "true" | "1") {
        clicks.sort_by_key(|click| (click.at_ms, click.id));
        let mut known = HashSet::new();
        clicks.retain(|click| known.insert((click.link, click.visitor)));
    }
    clicks
}

fn has(event: &Event, name: &str, value: &str) -> bool {
    let is = |stored: &str| stored.eq_ignore_ascii_case(value);
    let is_or_unknown = |stored: &str| is(stored) || stored.is_empty() && value.eq_ignore_ascii_case("Unknown");
    match name {
        "country" => is(&event.place.country),
        "browser" => is_or_unknown(&event.agent.browser),
        "isp" => is_or_unknown(&event.network.isp),
        "platform" if is_mac(value) => is_mac(&event.agent.os),
        "platform" => is_or_unknown(&event.agent.os),
        "referer" => {
            let wanted = value.to_ascii_lowercase();
            let wanted = wanted.strip_prefix("www.").unwrap_or(&wanted);
            let host = event.referrer.host.to_ascii_lowercase();
            host == wanted || host.ends_with(&format!(".{wanted}"))
        }
        other => panic!("no filter {other}"),
    }
}

fn is_mac(system: &str) -> bool {
    ["mac", "macos", "mac os"].contains(&system.to_ascii_lowercase().as_str())
}

/// The number of a local day or hour, counted from 1970.
fn point_of(almanac: &Almanac, hourly: bool, ms: i64) -> i64 {
    almanac.wall_ms(ms).div_euclid(if hourly { HOUR_MS } else { DAY_MS })
}

/// Each local day or hour that holds an instant of the range, once.
fn points<T: Clone>(almanac: &Almanac, hourly: bool, start_ms: i64, end_ms: i64, none: T) -> BTreeMap<i64, T> {
    let first_ms = start_ms.div_euclid(QUARTER_MS) * QUARTER_MS;
    let quarters = (first_ms..end_ms).step_by(usize::try_from(QUARTER_MS).unwrap());
    quarters.map(|ms| (point_of(almanac, hourly, ms), none.clone())).collect()
}

fn label(hourly: bool, point: i64) -> String {
    if hourly {
        format!("{}T{:02}:00:00", date(point.div_euclid(24)), point.rem_euclid(24))
    } else {
        date(point).to_string()
    }
}

/// The links that are named, in that order, else those with clicks by number; only the workspace's own.
fn columns(workspace: &Workspace, question: &Question, clicks: &[&Event]) -> Vec<u64> {
    let own: HashSet<LinkId> = workspace.links.iter().map(|link| link.id).collect();
    let mut links = question.links.clone().unwrap_or_else(|| {
        let mut links: Vec<LinkId> = clicks.iter().map(|click| click.link).collect();
        links.sort_unstable();
        links
    });
    let mut known = HashSet::new();
    links.retain(|link| own.contains(link) && known.insert(*link));
    links.into_iter().map(|link| link.0).collect()
}

fn values(counter: &str, click: &Event) -> Vec<Option<String>> {
    let text = match counter {
        "country" => &click.place.country,
        "region" => &click.place.region,
        "city" => &click.place.city,
        "platform" if is_mac(&click.agent.os) => "Mac",
        "platform" => &click.agent.os,
        "browser" | "browser_name" => &click.agent.browser,
        "bot_name" => &click.agent.bot,
        "referer" => &click.referrer.host,
        "isp" => &click.network.isp,
        "destination" => &click.url,
        "utm_source" => &click.utm.source,
        "utm_medium" => &click.utm.medium,
        "utm_campaign" => &click.utm.campaign,
        "utm_content" => &click.utm.content,
        "utm_term" => &click.utm.term,
        "link_id" => return vec![Some(click.link.0.to_string())],
        "top_params" => {
            let (_, pairs) = PARAMS.iter().find(|(query, _)| *query == click.params).unwrap();
            return pairs.iter().map(|pair| Some((*pair).to_owned())).collect();
        }
        other => panic!("no counter {other}"),
    };
    vec![(!text.is_empty()).then(|| text.to_owned())]
}
