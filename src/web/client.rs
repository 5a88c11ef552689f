//! Who asks: the client's address behind trusted proxies, its place as a trusted edge tells it, its agent and referrer.
//!
//! A header that anyone can write is believed only when the connection comes from a trusted proxy. Then, of the headers
//! below, the first that names a usable address wins, and in a chain it is the rightmost address that is not itself a
//! trusted proxy, because everything left of it was written by the client:
//!
//! 1. `X-Forwarded-For`, which nearly every proxy appends to
//! 2. `X-Real-IP`
//! 3. `Forwarded` (RFC 7239), last, because many proxies let a client's own pass
//!
//! A proxy must set, or remove, each of them that it does not want believed. A chain is read from the right up to the first
//! entry that is no address; malformed headers are as good as absent.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use http::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue, REFERER, USER_AGENT};
use ipnet::IpNet;
use percent_encoding::percent_decode;

use crate::config::http::{GeoHeaders, HttpConfig};
use crate::domain::hit::PlaceHint;

/// Longest `User-Agent` that is kept, in bytes.
const USER_AGENT_BYTES: usize = 1_024;
/// Longest `Referer` that is kept, in bytes.
const REFERRER_BYTES: usize = 2_048;
/// Longest `Accept-Language` that is kept, in bytes.
const ACCEPT_LANGUAGE_BYTES: usize = 256;
/// Longest query of a visit that is kept, in bytes.
const PARAMS_BYTES: usize = 2_048;
const CITY_BYTES: usize = 100;
/// Proxies in a row that are looked through at most.
const MAX_HOPS: usize = 32;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const FORWARDED: HeaderName = http::header::FORWARDED;
const DNT: HeaderName = http::header::DNT;
const SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");
const SEC_FETCH: [HeaderName; 4] = [
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-dest"),
    HeaderName::from_static("sec-fetch-user"),
];
const PREFETCH: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

/// The other end of the connection. Every request carries it as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Whose headers are believed.
#[derive(Clone, Debug)]
pub struct ClientRules {
    trusted: Vec<IpNet>,
    geo: Option<GeoNames>,
}

/// The headers of one edge network.
#[derive(Clone, Copy, Debug)]
struct GeoNames {
    country: &'static str,
    region: &'static str,
    city: &'static str,
    continent: &'static str,
}

impl ClientRules {
    /// The rules of the settings.
    pub fn new(config: &HttpConfig) -> Self {
        let geo = match config.geo_headers {
            GeoHeaders::None => None,
            GeoHeaders::Cloudflare => Some(GeoNames {
                country: "cf-ipcountry",
                region: "cf-region-code",
                city: "cf-ipcity",
                continent: "cf-ipcontinent",
            }),
            GeoHeaders::Vercel => Some(GeoNames {
                country: "x-vercel-ip-country",
                region: "x-vercel-ip-country-region",
                city: "x-vercel-ip-city",
                continent: "x-vercel-ip-continent",
            }),
        };
        Self { trusted: config.trusted_proxies.clone(), geo }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address))
    }

    /// The client's address; IPv4 inside IPv6 is given as IPv4.
    pub fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        self.forwarded_for(headers)
            .or_else(|| headers.get_all(X_REAL_IP).iter().next_back().and_then(|value| node(value.to_str().ok()?)))
            .or_else(|| self.forwarded(headers))
            .unwrap_or(peer)
    }

    /// Whether a trusted proxy says that the client came by https.
    pub fn is_https(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let last = headers.get_all(X_FORWARDED_PROTO).iter().next_back();
        self.trusts(peer.to_canonical())
            && last.is_some_and(|proto| proto.as_bytes().trim_ascii().eq_ignore_ascii_case(b"https"))
    }

    /// The place that a trusted edge names; `None` when it names nothing usable.
    pub fn place(&self, peer: IpAddr, headers: &HeaderMap) -> Option<PlaceHint> {
        let names = self.geo.filter(|_| self.trusts(peer.to_canonical()))?;
        let text = |name| headers.get(name).map(|value| value.as_bytes().trim_ascii()).unwrap_or_default();
        let country = code(text(names.country), 2..=2, u8::is_ascii_alphabetic);
        // Cloudflare says XX for unknown and T1 (no letters) for Tor.
        let country = if country == "XX" { String::new() } else { country };
        let region =
            if country.is_empty() { String::new() } else { code(text(names.region), 1..=3, u8::is_ascii_alphanumeric) };
        let continent = code(text(names.continent), 2..=2, u8::is_ascii_alphabetic);
        let known = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"].contains(&&*continent);
        let hint = PlaceHint {
            country,
            region,
            city: city(text(names.city)),
            continent: if known { continent } else { String::new() },
        };
        (hint != PlaceHint::default()).then_some(hint)
    }

    fn forwarded_for(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let entries = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
        self.rightmost_untrusted(
            entries
                .map(<[u8]>::trim_ascii)
                .filter(|entry| !entry.is_empty())
                .map(|entry| node(str::from_utf8(entry).ok()?)),
        )
    }

    fn forwarded(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let lines: Option<Vec<_>> = headers.get_all(FORWARDED).iter().map(forwarded_hops).collect();
        self.rightmost_untrusted(lines?.into_iter().flatten().rev())
    }

    /// Walks a chain from its right end, over trusted proxies.
    fn rightmost_untrusted(&self, hops: impl Iterator<Item = Option<IpAddr>>) -> Option<IpAddr> {
        let mut last = None;
        for hop in hops.take(MAX_HOPS) {
            match hop {
                None => return last,
                Some(address) if self.trusts(address) => last = Some(address),
                Some(address) => return Some(address),
            }
        }
        last
    }
}

/// An address as proxies write it: bare, with a port, an IPv6 address in brackets or with a zone, any of them in quotes.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let bare = match text.strip_prefix('[') {
        Some(inside) => {
            let (address, port) = inside.split_once(']')?;
            (port.is_empty() || is_port(port.strip_prefix(':')?)).then_some(address)?
        }
        None => match text.split_once(':') {
            Some((address, port)) if !port.contains(':') => is_port(port).then_some(address)?,
            _ => text,
        },
    };
    let address = bare.split_once('%').map_or(bare, |(address, _zone)| address);
    address.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// A number, or an obfuscated one such as `_a1`.
fn is_port(port: &str) -> bool {
    let port = port.strip_prefix('_').unwrap_or(port);
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// The `for` of each element of a `Forwarded` line, from left to right; `None` for an element without a usable one.
/// The line as a whole is `None` when it is malformed: a quote that a client left open could swallow what its proxy wrote.
fn forwarded_hops(line: &HeaderValue) -> Option<Vec<Option<IpAddr>>> {
    let line = line.to_str().ok()?;
    let mut hops = Vec::new();
    let mut hop = None;
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_at(rest.find([';', ',', '=', '"'])?);
        let after = after.strip_prefix('=')?;
        let (value, after) = forwarded_value(after)?;
        if name.trim().eq_ignore_ascii_case("for") {
            hop = node(&value);
        }
        let after = after.trim_start();
        rest = match after.bytes().next() {
            None => "",
            Some(b';') => after[1..].trim_start(),
            Some(b',') => {
                hops.push(hop.take());
                // A comma promises another element.
                let next = after[1..].trim_start();
                if next.is_empty() { return None } else { next }
            }
            Some(_) => return None,
        };
    }
    hops.push(hop);
    Some(hops)
}

/// A token or a quoted text, and what comes after it.
fn forwarded_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, after) = text.split_at(text.find([';', ',', ' ', '\t', '"']).unwrap_or(text.len()));
        return Some((token.to_owned(), after));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[place + 1..])),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

/// A code in capitals; empty when it is none.
fn code(text: &[u8], length: std::ops::RangeInclusive<usize>, allowed: impl Fn(&u8) -> bool) -> String {
    if length.contains(&text.len()) && text.iter().all(allowed) {
        text.iter().map(|byte| char::from(byte.to_ascii_uppercase())).collect()
    } else {
        String::new()
    }
}

/// Vercel encodes city names, Cloudflare sends UTF-8; broken names are unknown.
fn city(text: &[u8]) -> String {
    match percent_decode(text).decode_utf8() {
        Ok(name) if !name.chars().any(char::is_control) => cut(name.trim(), CITY_BYTES).to_owned(),
        Ok(_) | Err(_) => String::new(),
    }
}

/// The first bytes of a text, cut between characters.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn lossy(headers: &HeaderMap, name: HeaderName, bytes: usize) -> String {
    let Some(value) = headers.get(name) else { return String::new() };
    // A few more than are kept, so that a character at the edge is not taken for a broken one.
    let value = &value.as_bytes()[..value.len().min(bytes + 4)];
    let mut text = String::from_utf8_lossy(value).into_owned();
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// `User-Agent`, at most 1,024 bytes; broken UTF-8 is replaced.
pub fn user_agent(headers: &HeaderMap) -> String {
    lossy(headers, USER_AGENT, USER_AGENT_BYTES)
}

/// `Referer`, at most 2,048 bytes; broken UTF-8 is replaced.
pub fn referrer(headers: &HeaderMap) -> String {
    lossy(headers, REFERER, REFERRER_BYTES)
}

/// `Accept-Language`, at most 256 bytes; broken UTF-8 is replaced.
pub fn accept_language(headers: &HeaderMap) -> String {
    lossy(headers, ACCEPT_LANGUAGE, ACCEPT_LANGUAGE_BYTES)
}

/// The query of a visit as it was sent, at most 2,048 bytes; a torn escape at its end is cut off too.
pub fn visit_query(uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default();
    let mut end = query.floor_char_boundary(PARAMS_BYTES);
    if end < query.len() {
        let torn = query.as_bytes()[end.saturating_sub(2)..end].iter().position(|&byte| byte == b'%');
        end = torn.map_or(end, |place| end - 2 + place);
    }
    query[..end].to_owned()
}

/// The `Sec-Fetch-Site`, `-Mode`, `-Dest` and `-User` headers as a hit keeps them; empty when none was sent.
pub fn sec_fetch(headers: &HeaderMap) -> String {
    if !SEC_FETCH.iter().any(|name| headers.contains_key(name)) {
        return String::new();
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| is_fetch_word(text));
    SEC_FETCH.map(|name| text(name).unwrap_or("-")).join(" ")
}

fn is_fetch_word(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether what is asked for will be shown as a page of its own. A browser says so of pictures, frames and what scripts
/// fetch; who says nothing may be shown a page.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let [_, _, dest, _] = &SEC_FETCH;
    headers.get(dest).is_none_or(|dest| dest == "document")
}

/// Whether the visitor asks not to be tracked: `DNT: 1` or `Sec-GPC: 1`.
pub fn asks_not_to_be_tracked(headers: &HeaderMap) -> bool {
    [DNT, SEC_GPC].iter().any(|name| headers.get(name).is_some_and(|value| value.as_bytes().trim_ascii() == b"1"))
}

/// Whether a browser fetches ahead of a visit that may never come.
pub fn is_prefetch(headers: &HeaderMap) -> bool {
    let holds = |value: &[u8], word: &[u8]| value.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    PREFETCH.iter().flat_map(|name| headers.get_all(name)).any(|value| {
        holds(value.as_bytes(), b"prefetch")
            || holds(value.as_bytes(), b"preview")
            || holds(value.as_bytes(), b"prerender")
    })
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
