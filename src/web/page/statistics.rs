//! The page behind `short.example/slug.stats`: how many clicks a link had, where its owner shows that to everyone.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::frame::{POLICY, after_title, before_title, respond};
use super::html::Text;

/// The page of the link at this short address, such as `short.example/slug`.
pub fn page(short: &str, clicks: u64) -> Response {
    respond(StatusCode::OK, html(short, clicks), HeaderValue::from_static(POLICY), false)
}

fn html(short: &str, clicks: u64) -> String {
    let noun = if clicks == 1 { "click" } else { "clicks" };
    format!(
        "{before}{short}: {count} {noun}{after}<style>h1{{font-variant-numeric:tabular-nums}}p+p{{margin-top:.75rem}}</style>\n\
         <meta name=\"robots\" content=\"noindex\">\n</head>\n<body>\n<main>\n<h1>{count} {noun}</h1>\n\
         <p>{short}</p>\n<p>All clicks so far, those of robots included.</p>\n</main>\n</body>\n</html>\n",
        before = before_title!(),
        after = after_title!(),
        short = Text(short),
        count = in_groups(clicks),
    )
}

/// `1234567` as `1,234,567`.
fn in_groups(number: u64) -> String {
    let digits = number.to_string();
    let mut written = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        for (number, written) in
            [(0, "0"), (7, "7"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")]
        {
            assert_eq!(in_groups(number), written);
        }
    }

    #[test]
    fn tells_the_total_and_nothing_else() {
        let html = html("go.example/<b>", 1);
        assert!(html.contains("<h1>1 click</h1>") && html.contains("<p>go.example/&lt;b&gt;</p>"), "{html}");
        for outside in ["http:", "https:", "<script", "<img", "<link", "<a "] {
            assert!(!html.contains(outside), "{outside}");
        }
        let response = page("go.example/x", 2);
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-robots-tag"]),
            (200, &"noindex".parse().unwrap())
        );
    }
}
