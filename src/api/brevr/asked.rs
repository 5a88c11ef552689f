//! The parameters of `/api/v1/analytics`. Brevr's are not published; these are ours, for every endpoint alike:
//! - `period` (or `interval`; default 30d): 1h, 24h, 7d, 30d, 90d, 1y, mtd, qtd, ytd, all, today, yesterday; or `start`
//!   (`startDate`), and `end` (`endDate`; default today): days of `timezone`, the last one included, or instants;
//! - `timezone`: an IANA name; UTC by default;
//! - `linkId`, `tagId`, `domain`, and the dimensions by name: several values with commas, a leading `-` leaves them out;
//! - `bots`: exclude (default), include, only; `repeats`: include (default), exclude: second clicks of a visitor on a link
//!   within the workspace's window; `unique`: true counts each visitor of a link once.

use std::collections::HashSet;

use super::error::invalid;
use crate::calendar::{Bound, Interval, Range, Span, Zone};
use crate::domain::dimension::{Dimension, LinkAttribute};
use crate::domain::event::EventKind;
use crate::domain::id::{LinkId, TagId, WorkspaceId};
use crate::domain::workspace::parse_domain_name;
use crate::filter::{Field, Filter, List, Separator};
use crate::plan::{Bots, Counting, Query, Request, Shape, build};
use crate::web::error::{ApiError, quoted};
use crate::web::params::Params;
use crate::web::state::App;

/// Dimensions by their names as parameters.
const DIMENSIONS: [(&[&str], Dimension); 19] = [
    (&["continent"], Dimension::Continent),
    (&["country"], Dimension::Country),
    (&["region"], Dimension::Region),
    (&["city"], Dimension::City),
    (&["device"], Dimension::Device),
    (&["browser"], Dimension::Browser),
    (&["os"], Dimension::Os),
    (&["referrer", "referer"], Dimension::Referrer),
    (&["referrerUrl", "refererUrl"], Dimension::ReferrerUrl),
    (&["channel"], Dimension::Channel),
    (&["language"], Dimension::Language),
    (&["isp"], Dimension::Isp),
    (&["trigger"], Dimension::Trigger),
    (&["url"], Dimension::Url),
    (&["utmSource", "utm_source"], Dimension::UtmSource),
    (&["utmMedium", "utm_medium"], Dimension::UtmMedium),
    (&["utmCampaign", "utm_campaign"], Dimension::UtmCampaign),
    (&["utmTerm", "utm_term"], Dimension::UtmTerm),
    (&["utmContent", "utm_content"], Dimension::UtmContent),
];

/// What is asked of clicks, apart from how they are grouped: every parameter is read, every id looked up.
pub(super) struct Asked {
    request: Request,
    /// What `start` to `end` means, and of what length buckets are where nothing else is said.
    pub span: Span,
    /// `timezone`
    pub zone: Zone,
}

impl Asked {
    /// Reads the parameters.
    ///
    /// # Errors
    /// The first that is wrong; 404 for a link or tag that the workspace does not have.
    pub(super) async fn read(app: &App, workspace: WorkspaceId, params: &Params) -> Result<Self, ApiError> {
        let zone = match params.text("timezone") {
            Some(name) => Zone::parse(name).map_err(|error| invalid("timezone", error.to_string()))?,
            None => Zone::utc(),
        };
        let counting = counting(params)?;
        let mut filters = filters(params)?;
        filters.extend(links(app, workspace, params).await?);
        filters.extend(tags(app, workspace, params).await?);
        let span = span(app, workspace, params, &zone).await?;
        let request = Request {
            workspace,
            kind: EventKind::Click,
            range: span.range,
            counting,
            filters,
            link: None,
            root: None,
            shape: Shape::Total,
        };
        Ok(Self { request, span, zone })
    }

    /// Which clicks count.
    pub(super) fn counting(&self) -> Counting {
        self.request.counting
    }

    /// The query of this shape.
    pub(super) fn query(&self, shape: Shape) -> Query {
        build(Request { shape, ..self.request.clone() })
    }

    /// How many there are, counted so, in this range.
    pub(super) fn total(&self, counting: Counting, range: Range) -> Query {
        build(Request { counting, range, shape: Shape::Total, ..self.request.clone() })
    }
}

fn counting(params: &Params) -> Result<Counting, ApiError> {
    let bots =
        params.one_of("bots", &[("exclude", Bots::Exclude), ("include", Bots::Include), ("only", Bots::Only)])?;
    Ok(Counting {
        bots: bots.unwrap_or(Bots::Exclude),
        repeats: params.one_of("repeats", &[("include", true), ("exclude", false)])?.unwrap_or(true),
        unique: params.boolean("unique")?.unwrap_or(false),
    })
}

fn list(name: &str, text: &str) -> Result<Option<List>, ApiError> {
    List::parse(text, Separator::Comma).map_err(|error| invalid(name, error.to_string()))
}

fn filters(params: &Params) -> Result<Vec<Filter>, ApiError> {
    let mut filters = Vec::new();
    for (names, dimension) in DIMENSIONS {
        let Some((name, text)) = names.iter().find_map(|name| Some((*name, params.text(name)?))) else { continue };
        let list = list(name, text)?;
        filters.extend(list.map(|list| Filter::Among { field: Field::Dimension(dimension), list }));
    }
    if let Some(text) = params.text("domain")
        && let Some(mut list) = list("domain", text)?
    {
        for name in &mut list.values {
            if let Some(known) = parse_domain_name(name) {
                *name = known;
            }
        }
        filters.push(Filter::Among { field: Field::Attribute(LinkAttribute::Domain), list });
    }
    Ok(filters)
}

/// `linkId`: links of the workspace, deleted ones too, whose clicks stay.
async fn links(app: &App, workspace: WorkspaceId, params: &Params) -> Result<Option<Filter>, ApiError> {
    let Some(mut list) = params.text("linkId").map(|text| list("linkId", text)).transpose()?.flatten() else {
        return Ok(None);
    };
    let missing = |text: &str| ApiError::NotFound(format!("Link not found. linkId: {}", quoted(text)));
    let ids = list.values.iter().map(|text| LinkId::parse_cuid(text).ok_or_else(|| missing(text)));
    let ids = ids.collect::<Result<Vec<LinkId>, _>>()?;
    let known: HashSet<LinkId> = app.analytics.links(workspace, &ids).await?.iter().map(|link| link.id).collect();
    if let Some(unknown) = ids.iter().find(|id| !known.contains(id)) {
        return Err(missing(&unknown.cuid()));
    }
    list.values = ids.iter().map(ToString::to_string).collect();
    Ok(Some(Filter::Among { field: Field::Dimension(Dimension::Link), list }))
}

/// `tagId`: tags of the workspace.
async fn tags(app: &App, workspace: WorkspaceId, params: &Params) -> Result<Option<Filter>, ApiError> {
    let Some(mut list) = params.text("tagId").map(|text| list("tagId", text)).transpose()?.flatten() else {
        return Ok(None);
    };
    let missing = |text: &str| ApiError::NotFound(format!("Tag not found. tagId: {}", quoted(text)));
    let ids = list.values.iter().map(|text| TagId::parse_cuid(text).ok_or_else(|| missing(text)));
    let ids = ids.collect::<Result<Vec<TagId>, _>>()?;
    let known: HashSet<TagId> = app.catalog.tags_by_ids(workspace, &ids).await?.iter().map(|tag| tag.id).collect();
    if let Some(unknown) = ids.iter().find(|id| !known.contains(id)) {
        return Err(missing(&unknown.cuid()));
    }
    list.values = ids.iter().map(ToString::to_string).collect();
    Ok(Some(Filter::Among { field: Field::Attribute(LinkAttribute::Tag), list }))
}

async fn span(app: &App, workspace: WorkspaceId, params: &Params, zone: &Zone) -> Result<Span, ApiError> {
    let now_ms = app.clock.now_ms();
    match when(params)? {
        When::Bounds(start, end) => Span::between(&start, end.as_ref(), now_ms, zone)
            .map_err(|reversed| invalid("start", format!("it must not be after the end: {reversed}"))),
        When::Interval(interval @ (Interval::All | Interval::AllUnfiltered)) => {
            let (first, made) = tokio::join!(app.analytics.beginning_ms(workspace), app.catalog.workspace(workspace));
            let made_ms = made?.map_or(now_ms, |workspace| workspace.created_at_ms);
            let beginning_ms = first?.map_or(made_ms, |first_ms| first_ms.min(made_ms));
            Ok(interval.resolve(now_ms, zone, beginning_ms))
        }
        When::Interval(interval) => Ok(interval.resolve(now_ms, zone, now_ms)),
    }
}

/// A span of time as the caller names it.
#[derive(Clone, Debug, PartialEq)]
enum When {
    Interval(Interval),
    Bounds(Bound, Option<Bound>),
}

fn when(params: &Params) -> Result<When, ApiError> {
    let bound = |names: [&'static str; 2]| {
        let Some((name, text)) = names.into_iter().find_map(|name| Some((name, params.text(name)?))) else {
            return Ok(None);
        };
        Bound::parse(text).map(Some).map_err(|error| invalid(name, error.to_string()))
    };
    let (start, end) = (bound(["start", "startDate"])?, bound(["end", "endDate"])?);
    let named = ["period", "interval"].into_iter().find_map(|name| Some((name, params.text(name)?)));
    let interval = match named {
        Some((name, text)) => Some(Interval::parse(text).map_err(|error| invalid(name, error.to_string()))?),
        None => None,
    };
    match (start, end) {
        (Some(start), end) => Ok(When::Bounds(start, end)),
        (None, Some(_)) => Err(invalid("end", "it goes with a start, which is missing")),
        (None, None) => Ok(When::Interval(interval.unwrap_or(Interval::Last30Days))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Sense;

    fn params(text: &str) -> Params {
        Params::parse(text).unwrap()
    }

    #[test]
    fn humans_count_by_default_and_each_time() {
        let counting = |text: &str| counting(&params(text)).unwrap();
        let by_default = Counting { bots: Bots::Exclude, repeats: true, unique: false };
        assert_eq!(counting(""), by_default);
        assert_eq!(counting("bots=only&unique=true"), Counting { bots: Bots::Only, unique: true, ..by_default });
        assert!(!counting("repeats=exclude").repeats);
        for bad in ["bots=maybe", "repeats=true", "unique=yes"] {
            assert!(super::counting(&params(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_are_named_or_bounded() {
        let when = |text: &str| when(&params(text)).map_err(|error| error.to_string());
        assert_eq!(when("").unwrap(), When::Interval(Interval::Last30Days));
        assert_eq!(when("period=7d").unwrap(), when("interval=7d").unwrap());
        assert_eq!(when("start=2026-03-01&period=7d").unwrap(), when("startDate=2026-03-01").unwrap());
        for (bad, message) in [
            ("period=week", "custom: period: unknown interval"),
            ("end=2026-03-01", "custom: end: it goes with a start"),
            ("start=tomorrow", "custom: start: "),
        ] {
            let refused = when(bad).unwrap_err();
            assert!(refused.starts_with(message), "{refused}");
        }
    }

    #[test]
    fn filters_are_lists_with_a_sense() {
        let found = filters(&params("country=-DE,FR&referer=t.co&domain=WWW.Go.Example,&os=")).unwrap();
        let domain = Filter::Among { field: Field::Attribute(LinkAttribute::Domain), list: List::of(["go.example"]) };
        assert!(found.len() == 3 && found.contains(&domain), "{found:?}");
        let country = found.iter().find_map(|filter| filter.list_of(Field::Dimension(Dimension::Country))).unwrap();
        assert_eq!((country.sense, country.values.len()), (Sense::IsNot, 2));
    }
}
