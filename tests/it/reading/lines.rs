//! The events of the scene, written by hand around the clock's present, which is in New York's week of the switch to summer
//! time: that was at 2026-03-08T07:00:00Z.

use std::sync::Arc;

use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Conversion, Event, EventKind, Place, Referrer, Utm};
use linktrail::domain::hit::Trigger;
use linktrail::domain::id::{CustomerId, LinkId, WorkspaceId};
use url::Url;

pub const NOW: &str = "2026-03-10T15:04:05Z";

/// The customer of the lead.
pub const CUSTOMER: CustomerId = CustomerId(5);

/// An event as it is written below. Its letter makes its identity: a is 1.
pub struct Line {
    pub letter: char,
    pub at: &'static str,
    pub link: &'static str,
    visitor: u64,
    /// Continent, country, region, city.
    place: [&'static str; 4],
    /// Device, browser, system, robot.
    agent: [&'static str; 4],
    trigger: Trigger,
    referrer: &'static str,
    url: &'static str,
    repeat: bool,
    pub kind: EventKind,
}

pub const LANDING: &str = "https://example.com/landing?utm_source=news&utm_medium=mail";

const PLAIN: Line = Line {
    letter: ' ',
    at: "",
    link: "a",
    visitor: 0,
    place: ["", "", "", ""],
    agent: ["Desktop", "Chrome", "Mac OS", ""],
    trigger: Trigger::Link,
    referrer: "",
    url: LANDING,
    repeat: false,
    kind: EventKind::Click,
};

const NEW_YORK: [&str; 4] = ["NA", "US", "US-NY", "New York"];
const PARIS: [&str; 4] = ["EU", "FR", "FR-IDF", "Paris"];
const TOKYO: [&str; 4] = ["AS", "JP", "JP-13", "Tokyo"];

/// The events of our workspace. a to j are what is shown unless something else is asked for.
pub const LINES: &[Line] = &[
    // The present, and exactly 24 hours before it; e is a millisecond earlier.
    Line { letter: 'a', at: NOW, visitor: 1, place: NEW_YORK, ..PLAIN },
    Line {
        letter: 'b',
        at: "2026-03-10T14:30:00Z",
        visitor: 2,
        place: ["NA", "US", "US-CA", "Los Angeles"],
        agent: ["Mobile", "Mobile Safari", "iOS", ""],
        trigger: Trigger::Qr,
        referrer: "https://www.google.com/search",
        url: "https://example.com/landing?utm_source=news&utm_medium=mail&utm_campaign=spring",
        ..PLAIN
    },
    Line {
        letter: 'c',
        at: "2026-03-10T14:59:59.999Z",
        link: "b",
        visitor: 1,
        place: ["EU", "DE", "DE-BY", "München"],
        agent: ["Desktop", "Firefox", "Linux", ""],
        referrer: "https://news.ycombinator.com/item",
        url: "https://example.com/b",
        ..PLAIN
    },
    Line {
        letter: 'd',
        at: "2026-03-09T15:04:05Z",
        visitor: 3,
        place: ["EU", "FR", "", ""],
        agent: ["Tablet", "Chrome", "Android", ""],
        ..PLAIN
    },
    Line { letter: 'e', at: "2026-03-09T15:04:04.999Z", visitor: 3, place: PARIS, ..PLAIN },
    // The last millisecond of winter time in New York and the first of summer time; f is wholly unknown.
    Line {
        letter: 'f',
        at: "2026-03-08T06:59:59.999Z",
        link: "c",
        visitor: 4,
        agent: ["", "", "", ""],
        url: "https://example.org/?q=1",
        ..PLAIN
    },
    Line {
        letter: 'g',
        at: "2026-03-08T07:00:00Z",
        link: "c",
        visitor: 5,
        place: ["SA", "BR", "BR-SP", "São \"Paulo\", SP"],
        agent: ["Desktop", "Edge", "Windows", ""],
        referrer: "https://t.co/a,b",
        url: "https://example.org/?q=2&utm_source=new&utm_term=%3D1%2B1&utm_content=%09x",
        ..PLAIN
    },
    // Seven days ago on the clock of New York, and a second before that.
    Line {
        letter: 'h',
        at: "2026-03-03T16:04:05Z",
        link: "root",
        visitor: 6,
        place: TOKYO,
        url: "https://example.com/",
        ..PLAIN
    },
    Line {
        letter: 'i',
        at: "2026-03-03T16:04:04Z",
        link: "root",
        visitor: 6,
        place: TOKYO,
        url: "https://example.com/",
        ..PLAIN
    },
    Line {
        letter: 'j',
        at: "2025-12-31T23:30:00Z",
        link: "gone",
        visitor: 7,
        place: ["NA", "US", "", ""],
        url: "https://example.com/gone",
        ..PLAIN
    },
    // Not shown unless asked for: a robot, a second click within the hour, a robot's second click.
    Line {
        letter: 'k',
        at: "2026-03-10T13:00:00Z",
        visitor: 8,
        place: NEW_YORK,
        agent: ["Desktop", "", "", "Googlebot"],
        ..PLAIN
    },
    Line {
        letter: 'l',
        at: "2026-03-10T14:31:00Z",
        visitor: 2,
        place: ["NA", "US", "US-CA", "Los Angeles"],
        trigger: Trigger::Qr,
        repeat: true,
        ..PLAIN
    },
    Line {
        letter: 'm',
        at: "2026-03-10T13:30:00Z",
        link: "b",
        visitor: 8,
        agent: ["Desktop", "", "", "curl"],
        url: "https://example.com/b",
        repeat: true,
        ..PLAIN
    },
    // Never shown as clicks.
    Line { letter: 'n', at: "2026-03-10T14:00:00Z", visitor: 1, place: NEW_YORK, kind: EventKind::Pageview, ..PLAIN },
    Line { letter: 'o', at: "2026-03-10T15:00:00Z", visitor: 2, place: NEW_YORK, kind: EventKind::Lead, ..PLAIN },
];

pub fn ms(rfc3339: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_millis()
}

/// The identity of an event by its letter.
pub fn id(letter: char) -> EventId {
    EventId::new(1, u64::from(letter as u32 - 'a' as u32) + 1)
}

impl Line {
    /// The event on a link of a workspace.
    pub fn event(&self, workspace: WorkspaceId, link: LinkId) -> Event {
        let text = |place: &[&'static str; 4]| place.map(str::to_owned);
        let [continent, country, region, city] = text(&self.place);
        let [device, browser, os, bot] = text(&self.agent);
        let url = Url::parse(self.url).unwrap();
        let utm = |name: &str| {
            url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let host = Url::parse(self.referrer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let lead =
            Conversion { click: id('b'), customer: CUSTOMER, name: "Sign up".to_owned(), ..Conversion::default() };
        Event {
            workspace,
            kind: self.kind,
            at_ms: ms(self.at),
            id: id(self.letter),
            link,
            visitor: self.visitor,
            repeat: self.repeat,
            place: Place { continent, country, region, city },
            agent: Arc::new(Agent {
                user_agent: format!("{browser}/1 ({os})"),
                device,
                browser_version: "1".to_owned(),
                os_version: "1".to_owned(),
                browser,
                os,
                bot,
                ..Agent::default()
            }),
            trigger: self.trigger,
            referrer: Referrer {
                host: host.trim_start_matches("www.").to_owned(),
                url: self.referrer.to_owned(),
                ..Referrer::default()
            },
            url: self.url.to_owned(),
            utm: Utm {
                source: utm("utm_source"),
                medium: utm("utm_medium"),
                campaign: utm("utm_campaign"),
                term: utm("utm_term"),
                content: utm("utm_content"),
            },
            conversion: (self.kind == EventKind::Lead).then(|| Box::new(lead)),
            ..Event::default()
        }
    }
}
