//! Words that give a robot away without naming it, and programs' HTTP clients, which robots of a name of their own embed.
//! They are looked at after all names.

use super::Category::{self, Archive, Automation, Feed, Library, Monitor, Other, Preview, Scanner};

/// Token, name, category; the particular before the general.
pub const LIBRARIES: &[(&str, &str, Category)] = &[
    ("postman", "Postman", Library),
    ("insomnia/", "Insomnia", Library),
    ("python-requests", "python-requests", Library),
    ("python-urllib", "Python urllib", Library),
    ("python-httpx", "HTTPX", Library),
    ("httpx", "HTTPX", Library),
    ("aiohttp", "aiohttp", Library),
    ("scrapy", "Scrapy", Library),
    ("python/", "Python", Library),
    ("python-", "Python", Library),
    ("curl", "curl", Library),
    ("wget", "Wget", Library),
    ("go-http-client", "Go HTTP client", Library),
    ("go-resty", "Go HTTP client", Library),
    ("colly", "Colly", Library),
    ("okhttp", "OkHttp", Library),
    ("apache-httpclient", "Apache HttpClient", Library),
    ("jakarta commons-httpclient", "Apache HttpClient", Library),
    ("httpurlconnection", "Java", Library),
    ("java/1", "Java", Library),
    ("axios", "axios", Library),
    ("node-fetch", "node-fetch", Library),
    ("undici", "undici", Library),
    ("node.js", "Node.js", Library),
    ("got (", "got", Library),
    ("sindresorhus/got", "got", Library),
    ("libwww", "libwww-perl", Library),
    ("mechanize", "Mechanize", Library),
    ("guzzle", "Guzzle", Library),
    ("wordpress", "WordPress", Library),
    ("drupal", "Drupal", Library),
    ("faraday", "Faraday", Library),
    ("ruby/", "Ruby", Library),
    ("reqwest", "reqwest", Library),
    ("hyper/", "hyper", Library),
    ("httpie", "HTTPie", Library),
    ("restsharp", "RestSharp", Library),
    ("indy library", "Indy", Library),
    ("winhttp", "WinHTTP", Library),
    ("powershell", "PowerShell", Library),
    ("dart:io", "Dart", Library),
    ("alamofire", "Alamofire", Library),
    ("embarcadero", "Embarcadero", Library),
    ("jetty/", "Jetty", Library),
    ("http_get", "HTTP client", Library),
    ("cfnetwork/", "CFNetwork", Library),
    ("dalvik/", "Dalvik", Library),
];

/// Token, name, category; the particular before the general.
pub const WORDS: &[(&str, &str, Category)] = &[
    ("uptime", "Uptime monitor", Monitor),
    ("validator", "Validator", Monitor),
    ("podcast", "Podcast app", Feed),
    ("rss", "Feed reader", Feed),
    ("feed", "Feed reader", Feed),
    ("unfurl", "Link preview", Preview),
    ("opengraph", "Link preview", Preview),
    ("linkpreview", "Link preview", Preview),
    ("link preview", "Link preview", Preview),
    ("php", "PHP", Library),
    ("lwp", "libwww-perl", Library),
    ("google-", "Google", Other),
    ("-google", "Google", Other),
    ("crawl", "Other crawler", Other),
    ("spider", "Other crawler", Other),
    ("scrap", "Other crawler", Other),
    ("bot", "Other bot", Other),
    ("http://", "Other bot", Other),
    ("https://", "Other bot", Other),
    ("www.", "Other bot", Other),
    (".com", "Other bot", Other),
    ("mailto:", "Other bot", Other),
    ("(at)", "Other bot", Other),
    ("-agent", "Other bot", Other),
    ("optimizer", "Other bot", Other),
    ("fetch", "Other bot", Other),
    ("preview", "Link preview", Preview),
    ("monitor", "Other monitor", Monitor),
    ("checker", "Other monitor", Monitor),
    ("scan", "Other scanner", Scanner),
    ("archiv", "Other archiver", Archive),
    ("harvest", "Other archiver", Archive),
    ("capture", "Other archiver", Archive),
    ("synthetic", "Other monitor", Monitor),
    ("headless", "Headless browser", Automation),
    ("httpclient", "HTTP client", Library),
    ("http-client", "HTTP client", Library),
    ("http client", "HTTP client", Library),
    ("library", "HTTP client", Library),
    ("agent/", "Other bot", Other),
    ("parser", "Other bot", Other),
    ("indexer", "Other crawler", Other),
];

/// Whether the word at `start..end` is part of something that people's agents hold.
pub fn is_human(text: &[u8], start: usize, end: usize) -> bool {
    let (before, token, after) = (&text[..start], &text[start..end], &text[end..]);
    let is = |known: &str| token.eq_ignore_ascii_case(known.as_bytes());
    if is("bot") && after.first().is_some_and(u8::is_ascii_lowercase) {
        // `Bots` and `botify` are some; `bottle` is none.
        return !after.starts_with(b"s") && !after.starts_with(b"ify");
    }
    if is(".com") {
        // Of an address, not of `2.compact`; packages of Android begin with `com.`.
        return after.first().is_some_and(u8::is_ascii_alphanumeric) || old_browser_component(before);
    }
    if (is("feed") || is("rss") || is("php") || is("lwp")) && before.last().is_some_and(u8::is_ascii_alphabetic) {
        // Only at the beginning of a word.
        return true;
    }
    (is("http://") || is("www.")) && (old_browser_component(after) || old_browser_component(before))
}

/// Old Internet Explorers announce a component of theirs with an address: `Embedded Web Browser from: http://bsalsa.com/`.
fn old_browser_component(text: &[u8]) -> bool {
    let near = |name: &[u8]| text.starts_with(name) || text.ends_with(name);
    near(b"bsalsa") || near(b"bsalsa.com") || near(b"www.bsalsa.com") || near(b"Browser from: http://")
}
