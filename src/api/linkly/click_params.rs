//! Wire names of Linkly's click analytics -> parts of a query. An empty parameter is an absent one.

use std::collections::HashSet;

use axum::response::Response;
use chrono::Days;

use crate::calendar::{Bound, Range, Zone};
use crate::domain::dimension::Dimension;
use crate::domain::event::EventKind;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::platform;
use crate::encode::Format;
use crate::filter::{Field, Filter, List, Separator};
use crate::plan::{Bots, Counting, Request, Shape};
use crate::web::answer::Writing;
use crate::web::error::{ApiError, quoted};
use crate::web::params::Params;
use crate::web::state::App;
use crate::web::uniques;

/// Days before the last one where no start is given.
const DAYS_BEFORE: Days = Days::new(30);

/// The last day where no `end` is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastDay {
    /// So far.
    Today,
    /// A file of days that are over does not change.
    Yesterday,
}

/// What a caller wants to know of clicks, apart from how it is grouped.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The question; its shape is still to be set.
    pub request: Request,
    /// `timezone`
    pub zone: Zone,
    /// The links that are named, each once, in the order given.
    pub links: Option<Vec<LinkId>>,
    /// How the answer is written.
    pub writing: Writing,
}

impl Asked {
    /// Reads what all endpoints of clicks share (Linkly contract, 1.4 and D1, D2, D8): `what` is in the answer, and which day
    /// is the last where no `end` is given.
    ///
    /// # Errors
    /// The first parameter that is wrong.
    pub(super) fn read(
        app: &App,
        workspace: WorkspaceId,
        params: &Params,
        accept: &str,
        (what, last): (&str, LastDay),
    ) -> Result<Self, ApiError> {
        let zone = zone(params)?;
        let links = links(params)?;
        let range = range(params, &zone, app.clock.now_ms(), last)?;
        let request = Request {
            workspace,
            kind: EventKind::Click,
            range,
            counting: Counting {
                bots: bots(params)?,
                // Every click counts, second ones too.
                repeats: true,
                unique: boolean(params, "unique")?.unwrap_or(false),
            },
            filters: filters(params, links.as_deref())?,
            link: None,
            root: None,
            shape: Shape::Total,
        };
        let writing = Writing {
            format: params.one_of("format", &Format::NAMES)?.unwrap_or_else(|| Format::from_accept(accept)),
            spreadsheet_safe: boolean(params, "spreadsheet_safe")?.unwrap_or(false),
            file_name: format!("{what}_{}", zone.day_at(app.clock.now_ms())),
        };
        Ok(Self { request, zone, links, writing })
    }

    /// Says on an answer about uniques what they are.
    pub(super) async fn say_uniques(&self, app: &App, answer: Response) -> Result<Response, ApiError> {
        uniques::say(app, self.request.workspace, self.request.counting.unique, answer).await
    }
}

fn zone(params: &Params) -> Result<Zone, ApiError> {
    match params.text("timezone") {
        None => Ok(Zone::utc()),
        Some(name) => Zone::parse(name).map_err(|_| {
            let name: String = name.chars().take(100).flat_map(char::escape_debug).collect();
            ApiError::BadRequest(format!("Unknown time zone: {name}"))
        }),
    }
}

/// From the first instant of `start` to the last of `end`: days whole, instants to the second. Where no start is given, it is 30
/// days before the end that is given, else before today.
fn range(params: &Params, zone: &Zone, now_ms: i64, last_day: LastDay) -> Result<Range, ApiError> {
    let bound = |name| {
        let read =
            |text| Bound::parse(text).map_err(|error| ApiError::invalid("invalid_value", name, error.to_string()));
        params.text(name).map(read).transpose()
    };
    let today = zone.day_at(now_ms);
    let default_end = match last_day {
        LastDay::Today => today,
        LastDay::Yesterday => today.pred_opt().unwrap_or(today),
    };
    let (start, given_end) = (bound("start")?, bound("end")?);
    let end = given_end.unwrap_or(Bound::Day(default_end));
    let end_ms = match end {
        Bound::Day(_) => end.as_end(zone),
        Bound::Instant(_) | Bound::Local(_) => (end.as_start(zone).div_euclid(1_000) + 1) * 1_000,
    };
    let start_ms = match start {
        Some(start) => start.as_start(zone),
        None => {
            let last = if given_end.is_some() { zone.day_at(end_ms - 1) } else { today };
            zone.day_start_ms(last.checked_sub_days(DAYS_BEFORE).unwrap_or(last))
        }
    };
    // A day that never was holds nothing, and is no mistake.
    let is_reversed = match (start, end) {
        (Some(Bound::Day(first)), Bound::Day(last)) => first > last,
        _ => start_ms >= end_ms,
    };
    let refused = || {
        let given = |name| params.text(name).map_or_else(|| "none".to_owned(), quoted);
        let without =
            if given_end.is_none() { format!(", which is {default_end} where none is given") } else { String::new() };
        let message = format!(
            "the start must not be after the end{without}. Given: start {}, end {}",
            given("start"),
            given("end")
        );
        ApiError::invalid("custom", "start", message)
    };
    if is_reversed { Err(refused()) } else { Range::new(start_ms, end_ms).map_err(|_| refused()) }
}

/// `link_id`, `link_ids` and every `link_ids[]` together.
fn links(params: &Params) -> Result<Option<Vec<LinkId>>, ApiError> {
    let named = [("link_id", params.text("link_id")), ("link_ids", params.text("link_ids"))];
    let given = named.into_iter().filter_map(|(name, text)| Some((name, text?)));
    let repeated = params.all("link_ids[]").filter(|text| !text.is_empty()).map(|text| ("link_ids[]", text));
    let (mut ids, mut known) = (None::<Vec<LinkId>>, HashSet::new());
    for (name, text) in given.chain(repeated) {
        let list = List::parse(text, Separator::HyphenOrComma)
            .map_err(|error| ApiError::invalid("too_big", name, error.to_string()))?;
        for value in list.map(|list| list.values).unwrap_or_default() {
            let id = value.trim().parse().map(LinkId).map_err(|_| {
                let message = format!("expected whole numbers with '-' or ',' between them. Given: {}", quoted(text));
                ApiError::invalid("invalid_type", name, message)
            })?;
            let ids = ids.get_or_insert_default();
            if known.insert(id) {
                ids.push(id);
            }
        }
    }
    Ok(ids)
}

fn filters(params: &Params, links: Option<&[LinkId]>) -> Result<Vec<Filter>, ApiError> {
    let mut filters = Vec::new();
    let mut add = |field, values: Vec<String>| filters.push(Filter::Among { field, list: List::of(values) });
    if let Some(links) = links {
        add(Field::Dimension(Dimension::Link), links.iter().map(ToString::to_string).collect());
    }
    if let Some(country) = params.text("country") {
        if country.len() != 2 || !country.bytes().all(|letter| letter.is_ascii_alphabetic()) {
            let message = format!("expected two letters of ISO 3166-1, such as US. Given: {}", quoted(country));
            return Err(ApiError::invalid("invalid_value", "country", message));
        }
        add(Field::Dimension(Dimension::Country), vec![country.to_owned()]);
    }
    let whole = |name| params.text_within(name, 255).map(|text| text.map(str::to_owned));
    if let Some(browser) = whole("browser")? {
        add(Field::Dimension(Dimension::Browser), vec![browser]);
    }
    if let Some(platform) = whole("platform")? {
        if platform::CLASSES.iter().any(|class| platform.eq_ignore_ascii_case(class)) {
            add(Field::Dimension(Dimension::Device), vec![platform]);
        } else {
            let meant = platform::meant(&platform).into_iter().map(str::to_owned).collect();
            add(Field::Dimension(Dimension::Os), meant);
        }
    }
    if let Some(isp) = whole("isp")? {
        add(Field::Dimension(Dimension::Isp), vec![isp]);
    }
    if let Some(referer) = whole("referer")? {
        add(Field::ReferrerDomain, vec![referer]);
    }
    Ok(filters)
}

/// Robots count unless they are left out (Linkly contract, 1.9).
fn bots(params: &Params) -> Result<Bots, ApiError> {
    let allowed = [
        ("true", Bots::Include),
        ("false", Bots::Exclude),
        ("1", Bots::Include),
        ("0", Bots::Exclude),
        ("include", Bots::Include),
        ("exclude", Bots::Exclude),
        ("only", Bots::Only),
    ];
    Ok(params.one_of("bots", &allowed)?.unwrap_or(Bots::Include))
}

/// `true`, `false`, `1`, `0`.
pub(super) fn boolean(params: &Params, name: &str) -> Result<Option<bool>, ApiError> {
    params.one_of(name, &[("true", true), ("false", false), ("1", true), ("0", false)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        Params::parse(query).unwrap()
    }

    #[test]
    fn ids_come_in_many_ways() {
        for (query, expected) in [
            ("", Ok(None)),
            ("link_id=&link_ids=", Ok(None)),
            ("link_ids=-", Ok(None)),
            ("link_id=24", Ok(Some(vec![24]))),
            ("link_ids=24-25-26", Ok(Some(vec![24, 25, 26]))),
            ("link_ids=25,24&link_id=24", Ok(Some(vec![24, 25]))),
            ("link_ids[]=7&link_ids[]=8&link_ids%5B%5D=7", Ok(Some(vec![7, 8]))),
            ("link_id=x", Err("link_id")),
            ("link_ids=1-x", Err("link_ids")),
            ("link_ids[]=1.5", Err("link_ids[]")),
            ("link_id=99999999999999999999", Err("link_id")),
        ] {
            let read = links(&params(query)).map(|ids| ids.map(|ids| ids.iter().map(|id| id.0).collect::<Vec<_>>()));
            match (read, expected) {
                (Ok(ids), expected) => assert_eq!(Ok(ids), expected, "{query}"),
                (Err(error), Err(name)) => assert!(error.to_string().contains(name), "{error}"),
                (Err(error), Ok(_)) => panic!("{query}: {error}"),
            }
        }
    }

    #[test]
    fn ends_are_inclusive() {
        let zone = Zone::parse("America/New_York").unwrap();
        // 2026-06-15T12:00:00Z
        let now_ms = 1_781_524_800_000;
        let text = |query: &str| {
            let range = range(&params(query), &zone, now_ms, LastDay::Today).unwrap();
            let written = |ms: i64| chrono::DateTime::from_timestamp_millis(ms).unwrap().to_rfc3339();
            format!("{} {}", written(range.start_ms()), written(range.end_ms()))
        };
        for (query, expected) in [
            ("", "2026-05-16T04:00:00+00:00 2026-06-16T04:00:00+00:00"),
            ("start=&end=", "2026-05-16T04:00:00+00:00 2026-06-16T04:00:00+00:00"),
            ("start=2026-03-08&end=2026-03-08", "2026-03-08T05:00:00+00:00 2026-03-09T04:00:00+00:00"),
            ("end=2026-01-31", "2026-01-01T05:00:00+00:00 2026-02-01T05:00:00+00:00"),
            ("start=2026-06-16&end=2026-06-16", "2026-06-16T04:00:00+00:00 2026-06-17T04:00:00+00:00"),
            (
                "start=2026-03-08T10:00:00Z&end=2026-03-08T10:00:00Z",
                "2026-03-08T10:00:00+00:00 2026-03-08T10:00:01+00:00",
            ),
        ] {
            assert_eq!(text(query), expected, "{query}");
        }
        let finished = |query: &str| range(&params(query), &zone, now_ms, LastDay::Yesterday);
        let days =
            |query: &str| finished(query).map(|range| (zone.day_at(range.start_ms()), zone.day_at(range.end_ms() - 1)));
        let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
        assert_eq!(days("").unwrap(), (day("2026-05-16"), day("2026-06-14")));
        assert_eq!(days("end=2026-06-15").unwrap(), (day("2026-05-16"), day("2026-06-15")));
        let refused = finished("start=2026-06-15").unwrap_err().to_string();
        assert!(refused.contains("which is 2026-06-14 where none is given"), "{refused}");
        for (query, name) in [("start=2026-06-16", "start"), ("end=tomorrow", "end"), ("start=2026-02-30", "start")] {
            let error = range(&params(query), &zone, now_ms, LastDay::Today).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn values_are_checked_and_taken_whole() {
        let all = "country=us&browser=Chrome&platform=mac&referer=www.T.co&isp=Foo%2C%20Inc.&bots=&unique=";
        let filters = filters(&params(all), None).unwrap();
        assert_eq!(filters.len(), 5);
        let isp = Filter::Among { field: Field::Dimension(Dimension::Isp), list: List::of(["Foo, Inc."]) };
        assert!(filters.contains(&isp), "{filters:?}");
        for query in ["country=USA", "country=U1", "country=%C3%A9"] {
            assert!(super::filters(&params(query), None).is_err(), "{query}");
        }
        assert!(matches!(bots(&params("bots=only")), Ok(Bots::Only)));
        assert!(bots(&params("bots=maybe")).is_err());
        assert!(boolean(&params("unique=yes"), "unique").is_err());
        assert_eq!(zone(&params("timezone=%2B02:00")).unwrap_err().to_string(), "Unknown time zone: +02:00");
    }
}
