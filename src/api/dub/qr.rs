//! `GET /qr`: a QR code of any address, without a key, since pages show it as a picture.
//!
//! Dub's parameters with its defaults; PNG, as Dub's clients ask for, or SVG by `format=svg` or `Accept: image/svg+xml`.
//! `logo` and `hideLogo` are taken and change nothing: to draw a logo, an address that anyone may name would have to be
//! fetched from inside the network.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::domain::destination::{self, DestinationError};
use crate::encode::qr::{Level, Look, Qr, QrError, Rgba};
use crate::web::error::{ApiError, quoted};
use crate::web::params::{IntegerRule, Params};

/// In pixels.
const DEFAULT_SIZE: u32 = 600;
/// In modules.
const DEFAULT_MARGIN: u32 = 2;
const LEVELS: [(&str, Level); 4] = [("L", Level::L), ("M", Level::M), ("Q", Level::Q), ("H", Level::H)];
const PICTURES: [(&str, Picture); 2] = [("png", Picture::Png), ("svg", Picture::Svg)];
const SIZE: IntegerRule<'_> = IntegerRule {
    label: "Size",
    min: 1,
    too_small: "Size must be greater than 0.",
    max: 4_096,
    too_big: "Max size is 4096 pixels.",
};
const MARGIN: IntegerRule<'_> = IntegerRule {
    label: "Margin",
    min: 0,
    too_small: "Margin cannot be negative.",
    max: 100,
    too_big: "Max margin is 100 modules.",
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Picture {
    Png,
    Svg,
}

impl Picture {
    /// PNG, unless the header prefers SVG to it: browsers take both.
    fn from_accept(header: &str) -> Self {
        let (mut png, mut svg) = ((0, 0.0), 0.0);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts
                .find_map(|parameter| parameter.strip_prefix("q="))
                .map_or(1.0, |quality| quality.parse::<f32>().unwrap_or(0.0));
            // The most exact range that names it counts.
            let exact = match name.as_str() {
                "image/svg+xml" => {
                    svg = quality;
                    continue;
                }
                "image/png" => 3,
                "image/*" => 2,
                "*/*" => 1,
                _ => continue,
            };
            if exact > png.0 {
                png = (exact, quality);
            }
        }
        if svg > png.1 { Self::Svg } else { Self::Png }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Svg => "image/svg+xml",
        }
    }
}

/// What is asked for.
#[derive(Debug, PartialEq)]
struct Asked {
    text: String,
    level: Level,
    look: Look,
    picture: Picture,
}

/// `GET /qr`
pub(super) async fn get(params: Params, headers: HeaderMap) -> Result<Response, ApiError> {
    let asked = asked(&params, &headers)?;
    let picture = asked.picture;
    // Some milliseconds for the largest ones.
    let drawn = tokio::task::spawn_blocking(move || draw(&asked)).await.map_err(|error| internal(&error))??;
    let mut response = Response::new(Body::from(drawn));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, picture.content_type()),
        // The same parameters always give the same picture.
        (CACHE_CONTROL, "public, max-age=86400"),
        (VARY, "accept"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// `OPTIONS /qr`
pub(super) async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Any page may read the picture, or why there is none; nobody's data is in it.
pub(super) async fn open_to_pages(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, OPTIONS"));
    response
}

fn asked(params: &Params, headers: &HeaderMap) -> Result<Asked, ApiError> {
    let text = address(params)?;
    let size = number(params, "size", SIZE, DEFAULT_SIZE)?;
    let level = params.one_of("level", &LEVELS)?.unwrap_or(Level::L);
    let foreground = colour(params, "fgColor", Rgba::BLACK)?;
    let background = colour(params, "bgColor", Rgba::WHITE)?;
    params.boolean("hideLogo")?;
    let margin = number(params, "margin", MARGIN, DEFAULT_MARGIN)?;
    let margin = if params.boolean("includeMargin")?.unwrap_or(true) { margin } else { 0 };
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let picture = params.one_of("format", &PICTURES)?.unwrap_or_else(|| Picture::from_accept(accept));
    Ok(Asked { text, level, look: Look { size, margin, foreground, background }, picture })
}

fn address(params: &Params) -> Result<String, ApiError> {
    let refuse = |code, message: String| Err(ApiError::invalid(code, "url", message));
    let Some(given) = params.text("url") else {
        return refuse("invalid_type", "Invalid input: expected string, received undefined".to_owned());
    };
    match destination::parse(given) {
        Ok(destination) => Ok(destination.url),
        Err(reason @ DestinationError::TooLong) => refuse("too_big", format!("Too big: {reason}")),
        Err(reason) => refuse("custom", format!("Invalid URL: {reason}. Given: {}", quoted(given))),
    }
}

fn number(params: &Params, name: &str, rule: IntegerRule<'_>, default: u32) -> Result<u32, ApiError> {
    Ok(params.integer(name, rule)?.and_then(|number| u32::try_from(number).ok()).unwrap_or(default))
}

fn colour(params: &Params, name: &str, default: Rgba) -> Result<Rgba, ApiError> {
    let Some(given) = params.text(name) else { return Ok(default) };
    Rgba::parse(given).ok_or_else(|| {
        let message = format!("Invalid color: expected hex digits such as #1a2b3c. Given: {}", quoted(given));
        ApiError::invalid("invalid_format", name, message)
    })
}

fn draw(asked: &Asked) -> Result<Vec<u8>, ApiError> {
    let drawn = Qr::new(&asked.text, asked.level).and_then(|qr| match asked.picture {
        Picture::Png => qr.png(&asked.look),
        Picture::Svg => Ok(qr.svg(&asked.look).into_bytes()),
    });
    drawn.map_err(|error| match error {
        QrError::TooLong => ApiError::invalid("too_big", "url", format!("Too big: {error}")),
        QrError::TooSmall { .. } => ApiError::invalid("too_small", "size", format!("Size is too small: {error}")),
        QrError::Png(error) => internal(&error),
    })
}

fn internal(error: &dyn std::error::Error) -> ApiError {
    tracing::error!(%error, "qr code cannot be drawn");
    ApiError::Internal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &str) -> Result<Asked, ApiError> {
        asked(&Params::parse(query).unwrap(), &HeaderMap::new())
    }

    #[test]
    fn defaults_are_dubs() {
        let asked = ask("url=https://go.example/x?qr=1").unwrap();
        let look = Look { size: 600, margin: 2, foreground: Rgba::BLACK, background: Rgba::WHITE };
        let text = "https://go.example/x?qr=1".to_owned();
        assert_eq!(asked, Asked { text, level: Level::L, look, picture: Picture::Png });
        assert_eq!(ask("url=go.example").unwrap().text, "https://go.example");
    }

    #[test]
    fn all_of_it() {
        let asked =
            ask("url=https%3A%2F%2Fa.example&size=100&level=H&fgColor=%23ff0000&bgColor=fff&hideLogo=true&margin=4\
             &logo=http%3A%2F%2F169.254.169.254%2F&format=svg")
            .unwrap();
        assert_eq!((asked.level, asked.look.size, asked.look.margin), (Level::H, 100, 4));
        assert_eq!((asked.look.foreground, asked.picture), (Rgba([255, 0, 0, 255]), Picture::Svg));
        assert_eq!(ask("url=a.example&margin=4&includeMargin=false").unwrap().look.margin, 0);
    }

    #[test]
    fn refusals_name_the_parameter() {
        let long = format!("url=https://a.example/{}", "x".repeat(5_000));
        for (query, expected) in [
            ("", "invalid_type: url: Invalid input: expected string, received undefined"),
            ("url=", "invalid_type: url: Invalid input: expected string, received undefined"),
            ("url=javascript:alert(1)", "custom: url: Invalid URL: only http, https, mailto, tel and sms"),
            ("url=hello", "custom: url: Invalid URL: it is not an address"),
            (&*long, "too_big: url: Too big: it is longer than 4096 bytes"),
            ("url=a.example&size=0", "too_small: size: Size must be greater than 0. Given: \"0\""),
            ("url=a.example&size=4097", "too_big: size: Max size is 4096 pixels. Given: \"4097\""),
            ("url=a.example&size=1e99", "too_big: size:"),
            ("url=a.example&size=big", "invalid_type: size: Size must be a number."),
            ("url=a.example&margin=-1", "too_small: margin: Margin cannot be negative."),
            ("url=a.example&margin=101", "too_big: margin: Max margin is 100 modules."),
            ("url=a.example&level=X", "invalid_value: level: Invalid option: expected one of \"L\"|\"M\"|\"Q\"|\"H\""),
            ("url=a.example&fgColor=red", "invalid_format: fgColor: Invalid color:"),
            ("url=a.example&format=gif", "invalid_value: format: Invalid option: expected one of \"png\"|\"svg\""),
        ] {
            let refusal = ask(query).unwrap_err().to_string();
            assert!(refusal.starts_with(expected), "{query}: {refusal}");
        }
        let draws = |query: &str| draw(&ask(query).unwrap()).unwrap_err().to_string();
        assert_eq!(
            draws(&format!("url=https://a.example/{}&level=H", "x".repeat(1_300))),
            "too_big: url: Too big: the text is too long for a QR code of this level"
        );
        assert_eq!(
            draws("url=https://a.example&size=20"),
            "too_small: size: Size is too small: the picture needs at least 25 pixels"
        );
    }

    #[test]
    fn what_accept_asks_for() {
        for (header, expected) in [
            ("", Picture::Png),
            ("*/*", Picture::Png),
            ("image/png", Picture::Png),
            ("image/svg+xml", Picture::Svg),
            ("IMAGE/SVG+XML, */*;q=0.5", Picture::Svg),
            ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", Picture::Png),
            ("image/svg+xml, image/png;q=0.9, */*", Picture::Svg),
            ("text/html", Picture::Png),
        ] {
            assert_eq!(Picture::from_accept(header), expected, "{header}");
        }
    }
}
