//! `GET /p.gif`: a picture of one transparent dot, for mails and pages without scripts.
//!
//! `site` or `link` says what it is about; `page` (a path or a whole address), `title`, `event`, `user`, `visitor` and
//! `referrer` may say more, and `utm_*` name the campaign. Whatever happens, the answer is the picture, and no cache keeps
//! it. A HEAD is not counted, nor are robots; the fetchers of mail programs stand for the person who reads.

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES, PRAGMA, REFERER, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use url::Url;

use super::admit::{Ground, Verdict, admit};
use super::event::{MAX_ID, MAX_NAME, MAX_PATH as MAX_PAGE, MAX_TITLE, PIXEL, Report};
use super::script::RESOURCE_POLICY;
use super::sender::Sender;
use super::track::count_drop;
use crate::domain::id::{LinkId, SiteId};
use crate::domain::site::parse_host;
use crate::web::client;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::state::App;

/// One transparent dot.
const DOT: [u8; 43] =
    *b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0\x21\xf9\x04\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b";
/// Fetchers of pictures in mails, which come when a person opens one.
const MAIL_FETCHERS: [&str; 2] = ["GoogleImageProxy", "YahooMailProxy"];

/// The picture, after its visit is on disk.
pub async fn serve(State(app): State<App>, request: Request) -> Response {
    let (parts, _body) = request.into_parts();
    // Axum asks for the same with HEAD, whose body it leaves out.
    let outcome = if parts.method == Method::HEAD { Ok(()) } else { count(&app, &parts).await };
    let (status, retry) = match &outcome {
        Ok(()) => (StatusCode::OK, None),
        Err(error) => (error.status(), error.retry_after_secs()),
    };
    let mut response = (status, DOT).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache, private, max-age=0"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(EXPIRES, HeaderValue::from_static("0"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    if let Some(seconds) = retry {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

async fn count(app: &App, parts: &Parts) -> Result<(), ApiError> {
    if client::is_prefetch(&parts.headers) {
        return Ok(());
    }
    let params = Params::parse(parts.uri.query().unwrap_or(""))?;
    let mut sender = Sender::of(app, parts).await?;
    sender.robots_welcome = is_mail_fetcher(&sender.user_agent);
    let now_ms = app.clock.now_ms();
    let verdict = match (params.text("site"), params.text("link")) {
        (Some(site), _) => {
            let no_site = || ApiError::NotFound("Site not found".to_owned());
            let id = site.trim().parse().map(SiteId).map_err(|_| no_site())?;
            let known = app.sites.find(id).await?.ok_or_else(no_site)?;
            let report = report(&params, parts, |host| known.site.allows(host))?;
            admit(app, &Ground::of_site(&known), &sender, report, now_ms)
        }
        (None, Some(link)) => {
            let no_link = || ApiError::NotFound("Link not found".to_owned());
            let link = LinkId::parse(link).or_else(|| link.trim().parse().ok().map(LinkId)).ok_or_else(no_link)?;
            let owner = app.sites.owner_of_link(link).await?.ok_or_else(no_link)?;
            let ground = Ground { workspace: owner.workspace, settings: &owner.settings, site: None, link };
            admit(app, &ground, &sender, report(&params, parts, |_| true)?, now_ms)
        }
        (None, None) => {
            return Err(ApiError::BadRequest("Say what was seen with site=NUMBER or link=link_...".to_owned()));
        }
    };
    match verdict {
        Verdict::Taken(hit) => Ok(app.ingest.record(&hit)?.synced().await?),
        Verdict::Dropped(reason) => {
            count_drop(reason);
            Ok(())
        }
        Verdict::Refused(_) => Err(ApiError::Forbidden("The API key has no rights here.".to_owned())),
    }
}

fn report(params: &Params, parts: &Parts, allows: impl Fn(&str) -> bool) -> Result<Report, ApiError> {
    let text = |name, limit| Ok::<_, ApiError>(params.text_within(name, limit)?.unwrap_or_default().to_owned());
    let page = text("page", MAX_PAGE)?;
    // A page without scripts is known by the picture's referrer; that of somebody's mail program is none of ours.
    let from = || {
        let url = Url::parse(parts.headers.get(REFERER)?.to_str().ok()?).ok()?;
        allows(&parse_host(url.host_str()?)?).then_some(url)
    };
    let url = if page.is_empty() { from() } else { Url::parse(&page).ok().filter(Url::has_host) };
    let (host, path, query) = match &url {
        Some(url) => (url.host_str().and_then(parse_host), url.path(), url.query().unwrap_or_default()),
        None => {
            let (path, query) = page.split_once('?').unwrap_or((&page, ""));
            (None, path, query)
        }
    };
    let mut report = Report {
        kind: PIXEL,
        host,
        path: path.to_owned(),
        query: query.to_owned(),
        title: text("title", MAX_TITLE)?,
        name: text("event", MAX_NAME)?,
        user_id: text("user", MAX_ID)?,
        visitor_id: text("visitor", MAX_ID)?,
        referrer: text("referrer", MAX_PAGE)?,
        ..Report::default()
    };
    let mut campaign = url::form_urlencoded::Serializer::new(String::new());
    campaign.extend_pairs(params.iter().filter(|(name, _)| name.starts_with("utm_")));
    let campaign = campaign.finish();
    if !campaign.is_empty() {
        let join = if report.query.is_empty() { "" } else { "&" };
        report.query = format!("{}{join}{campaign}", report.query);
    }
    Ok(report)
}

fn is_mail_fetcher(user_agent: &str) -> bool {
    MAIL_FETCHERS.iter().any(|fetcher| user_agent.contains(fetcher))
}
