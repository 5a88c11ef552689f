//! The older addresses of `GET /analytics`: `/analytics/{event}`, `/analytics/{event}/{grouping}`, `/analytics/{grouping}`,
//! with the older names of groupings. A count is a bare number there (Dub contract, section 4).

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::analytics::{self, Counts};
use super::{params, reading};
use crate::web::caller::Caller;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::state::App;

/// What the path says wins over parameters.
fn spoken_for(params: Params, first: &str, second: Option<&str>) -> Params {
    let is_event = params::kinds(&Params::default().with("event", first)).is_ok();
    let (params, grouping) = match (is_event, second) {
        (true, second) => (params.with("event", first), second.unwrap_or("count")),
        (false, None) => (params, first),
        // The event is refused by its name.
        (false, Some(second)) => (params.with("event", first), second),
    };
    params.with("groupBy", current_name(grouping))
}

/// Today's name of a grouping.
fn current_name(name: &str) -> &str {
    match name {
        "clicks" => "count",
        "continent" => "continents",
        "country" => "countries",
        "region" => "regions",
        "city" => "cities",
        "device" => "devices",
        "browser" => "browsers",
        "referer" => "referers",
        "trigger" => "triggers",
        current => current,
    }
}

/// `GET /analytics/{event or grouping}`
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(first): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(&app, &caller, spoken_for(params, &first, None), &headers).await
}

/// `GET /analytics/{event}/{grouping}`
pub(super) async fn two(
    State(app): State<App>,
    caller: Caller,
    Path((first, second)): Path<(String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(&app, &caller, spoken_for(params, &first, Some(&second)), &headers).await
}

async fn answer(app: &App, caller: &Caller, params: Params, headers: &HeaderMap) -> Result<Response, ApiError> {
    caller.require("analytics.read")?;
    let answer = analytics::answer(app, caller.workspace, &params, reading::accept(headers), Counts::Bare).await?;
    reading::say_uniques(app, caller.workspace, &params, answer).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_events_and_groupings() {
        for (first, second, event, grouping) in [
            ("clicks", None, Some("clicks"), "count"),
            ("sales", None, Some("sales"), "count"),
            ("country", None, None, "countries"),
            ("timeseries", None, None, "timeseries"),
            ("leads", Some("referer"), Some("leads"), "referers"),
            ("clicks", Some("clicks"), Some("clicks"), "count"),
            ("composite", Some("top_links"), Some("composite"), "top_links"),
            ("nonsense", Some("city"), Some("nonsense"), "cities"),
        ] {
            let given = Params::parse("groupBy=os&x=1").unwrap();
            let params = spoken_for(given, first, second);
            assert_eq!((params.text("event"), params.text("groupBy")), (event, Some(grouping)), "{first} {second:?}");
        }
    }
}
