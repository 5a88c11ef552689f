//! `GET /analytics/dashboard`: the clicks of one link whose `publicStats` is on, for anyone (Dub contract, 4.5).
//!
//! What always holds:
//! - The link is named by `domain` and `key`, and no parameter leads beyond it.
//! - Told are numbers of clicks by where, with what and from which page they came: no leads and sales, nothing of single
//!   events, nothing that only the link's owner wrote, no destination with its query, in which ids of clicks stand.
//! - A link that is not there looks like one that is not public. So does a link with a password, and a disabled one.
//! - Who may see it is asked each time; what is shown may be a minute old.

use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::analytics::{self, Counts};
use super::{params, reading};
use crate::domain::dimension::{ATTRIBUTES, DIMENSIONS};
use crate::domain::event::EventKind;
use crate::domain::link::Link;
use crate::domain::workspace::parse_domain_name;
use crate::encode::Format;
use crate::links::{self, LinkName};
use crate::web::error::{ApiError, quoted};
use crate::web::kept_answers::KEPT_SECS;
use crate::web::limits::Charge;
use crate::web::meter::{self, Meter};
use crate::web::params::Params;
use crate::web::state::App;

/// What may be asked besides.
const PARAMETERS: [&str; 27] = [
    "event",
    "groupBy",
    "interval",
    "start",
    "end",
    "timezone",
    "granularity",
    "country",
    "region",
    "city",
    "continent",
    "device",
    "browser",
    "os",
    "trigger",
    "qr",
    "referer",
    "refererUrl",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "unique",
    "includeUnknown",
    "format",
    "spreadsheetSafe",
];
/// What `/analytics` takes beside its dimensions and attributes, and what is not for everybody.
const PRIVATE: [&str; 8] = ["externalId", "tagIds", "customerId", "query", "saleType", "root", "bots", "repeats"];
const GROUPINGS: [&str; 19] = [
    "count",
    "timeseries",
    "continents",
    "countries",
    "regions",
    "cities",
    "devices",
    "browsers",
    "os",
    "trigger",
    "triggers",
    "referers",
    "referer_urls",
    "top_base_urls",
    "utm_sources",
    "utm_mediums",
    "utm_campaigns",
    "utm_terms",
    "utm_contents",
];

/// `GET /analytics/dashboard`
pub(super) async fn get(
    State(app): State<App>,
    meter: Meter,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    meter.charge(&app, Charge::Public(meter.client(&app, &headers)))?;
    let place = place(&params)?;
    let shared = shared(&params)?;
    let link = public_link(&app, place).await?;
    let accept = reading::accept(&headers);
    let id = link.id.to_string();
    let mut asked = format!("{id} {:?}", Format::from_accept(accept));
    for (name, value) in shared.iter() {
        // No parameter holds a NUL.
        asked.extend(["\0", name, "=", value]);
    }
    let shared = shared.with("linkId", &id);
    let answering = async {
        let answer = analytics::answer(&app, link.workspace, &shared, accept, Counts::Object).await?;
        reading::say_uniques(&app, link.workspace, &shared, answer).await
    };
    let mut response = app.kept_answers.get(asked, answering).await?;
    let max_age = format!("public, max-age={KEPT_SECS}");
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::try_from(max_age).unwrap_or(HeaderValue::from_static("no-store")));
    headers.append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Any page may read the answer, also why there is none.
pub(super) async fn open_to_pages(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(meter::HEADERS));
    response
}

/// The domain and slug that are asked about.
fn place(params: &Params) -> Result<(&str, &str), ApiError> {
    match (params.text("domain"), params.text("key"), params.text("folderId")) {
        (Some(domain), Some(key), _) => Ok((domain, key.trim_matches('/'))),
        (_, _, Some(_)) => Err(ApiError::Forbidden("The statistics of this folder are not public.".to_owned())),
        _ => Err(ApiError::BadRequest("A domain and a key are required.".to_owned())),
    }
}

/// What of the parameters everybody may ask, each once. Names that `/analytics` does not know either are left out.
fn shared(params: &Params) -> Result<Params, ApiError> {
    let dimensions = DIMENSIONS.iter().filter_map(|line| line.dub_filter);
    let attributes = ATTRIBUTES.iter().map(|line| line.dub_filter).filter(|name| *name != "domain");
    let mut known = dimensions.chain(attributes).chain(PRIVATE);
    if let Some(name) = known.find(|name| !PARAMETERS.contains(name) && params.text(name).is_some()) {
        return Err(ApiError::Forbidden(format!("This parameter is not for public statistics: {name}")));
    }
    if params::kinds(params)? != [EventKind::Click] {
        return Err(ApiError::Forbidden("Only clicks are public.".to_owned()));
    }
    let grouping = params.text("groupBy").unwrap_or("count");
    if !GROUPINGS.contains(&grouping) {
        params::group_by(params)?;
        return Err(ApiError::Forbidden(format!("This is not public. groupBy: {}", quoted(grouping))));
    }
    let given = PARAMETERS.iter().filter_map(|name| Some((*name, params.raw(name)?)));
    Ok(given.fold(Params::default(), |shared, (name, value)| shared.with(name, value)))
}

async fn public_link(app: &App, (domain, slug): (&str, &str)) -> Result<Link, ApiError> {
    let private = || ApiError::Forbidden("The statistics of this link are not public.".to_owned());
    let name = parse_domain_name(domain).ok_or_else(private)?;
    let domain = app.catalog.domain_by_name(&name).await?.ok_or_else(private)?;
    let link = match app.links.get(domain.workspace, &LinkName::Place(name, slug.to_owned())).await {
        Err(links::Error::NoLink) => return Err(private()),
        found => found?,
    };
    let fields = &link.fields;
    let is_disabled = fields.disabled_at_ms.is_some_and(|at_ms| at_ms <= app.clock.now_ms());
    if !fields.public_statistics || fields.password_hash.is_some() || is_disabled {
        return Err(private());
    }
    Ok(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, (u16, String)> {
        let shared = shared(&Params::parse(text).unwrap());
        let pairs = |params: Params| params.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        shared.map(|params| pairs(params).join("&")).map_err(|error| (error.status().as_u16(), error.to_string()))
    }

    #[test]
    fn nothing_leads_beyond_the_link() {
        assert_eq!(shown("domain=a.b&key=c&os=iOS&interval=7d&os=Linux&x=1").as_deref(), Ok("interval=7d&os=Linux"));
        for line in DIMENSIONS {
            let (Some(name), Some(group)) = (line.dub_filter, line.dub_group) else { continue };
            let (by, narrowed) = (shown(&format!("groupBy={group}")), shown(&format!("{name}=x")));
            assert_eq!(by.is_ok(), GROUPINGS.contains(&group), "{group}");
            assert_eq!(narrowed.is_ok(), PARAMETERS.contains(&name), "{name}");
        }
        for line in ATTRIBUTES.iter().filter(|line| line.dub_filter != "domain") {
            let refused = shown(&format!("{}=x", line.dub_filter)).unwrap_err();
            assert_eq!(refused, (403, format!("This parameter is not for public statistics: {}", line.dub_filter)));
        }
        for (query, status) in [
            ("linkId=link_x", 403),
            ("externalId=ext_x", 403),
            ("customerId=cus_x", 403),
            ("query=metadata['a']=1", 403),
            ("url=https://example.com", 403),
            ("groupBy=top_links", 403),
            ("groupBy=top_urls", 403),
            ("groupBy=event_names", 403),
            ("event=sales", 403),
            ("event=composite", 403),
            ("event=x", 422),
            ("groupBy=x", 422),
        ] {
            assert_eq!(shown(query).unwrap_err().0, status, "{query}");
        }
    }

    #[test]
    fn a_place_is_needed() {
        let asked =
            |text: &str| place(&Params::parse(text).unwrap()).map(drop).map_err(|error| error.status().as_u16());
        for (query, expected) in [
            ("", Err(400)),
            ("domain=a.b", Err(400)),
            ("key=a", Err(400)),
            ("domain=&key=a", Err(400)),
            ("folderId=fold_x", Err(403)),
            ("domain=a.b&key=/c/", Ok(())),
        ] {
            assert_eq!(asked(query), expected, "{query}");
        }
    }
}
