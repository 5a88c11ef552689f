//! A question as a caller writes it, and random ones.

use linktrail::domain::event::EventKind;
use linktrail::domain::id::LinkId;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use super::almanac::{DAY_MS, HOUR_MS, ZONES};
use super::said::Said;
use super::scene::{FIRST_DAY, LAST_DAY, NOWS, Scene};
use super::words::{self, PARAMETERS};

pub const INTERVALS: &[&str] =
    &["1h", "24h", "7d", "30d", "90d", "1y", "mtd", "qtd", "ytd", "all", "all_unfiltered", "today", "yesterday"];
pub const BUCKETS: &[&str] = &["minute", "hour", "day", "week", "month"];
pub const ATTRIBUTES: &[&str] =
    &["domain", "tagId", "folderId", "tenantId", "programId", "partnerId", "groupId", "partnerTagId"];
/// Every grouping by a dimension.
pub const GROUPS: &[&str] = &[
    "continents",
    "countries",
    "regions",
    "cities",
    "devices",
    "browsers",
    "os",
    "triggers",
    "referers",
    "referer_urls",
    "top_links",
    "top_urls",
    "top_base_urls",
    "utm_sources",
    "utm_mediums",
    "utm_campaigns",
    "utm_terms",
    "utm_contents",
    "event_names",
    "currencies",
    "channels",
    "languages",
    "isps",
    "bot_names",
];
/// Kinds that stand beside each other in an answer, with their name.
pub const KINDS: &[(&str, &[EventKind])] = &[
    ("clicks", &[EventKind::Click]),
    ("leads", &[EventKind::Lead]),
    ("sales", &[EventKind::Sale]),
    ("composite", &[EventKind::Click, EventKind::Lead, EventKind::Sale]),
];
/// Rows of a series at most: a year of hours.
pub const MOST_BUCKETS: usize = 8_784;

/// Everything that one request says.
#[derive(Clone, Debug)]
pub struct Question {
    /// Place of the asking workspace in the scene.
    pub workspace: usize,
    pub kind: EventKind,
    /// Instead of one kind: several, by their name, with all metrics. Lists of events are of one.
    pub compared: Option<&'static str>,
    pub now_ms: i64,
    pub timezone: &'static str,
    pub interval: &'static str,
    /// Beats the interval.
    pub start: Option<String>,
    /// Read only beside a start.
    pub end: Option<String>,
    /// By the span where it is not given.
    pub granularity: Option<&'static str>,
    /// Parameter and text, each parameter once.
    pub filters: Vec<(&'static str, String)>,
    pub sale_type: Option<&'static str>,
    /// What it says of metadata, and how that is written.
    pub metadata: Option<(Said, String)>,
    pub root: Option<bool>,
    /// Named by its place instead of by `linkId`.
    pub link: Option<LinkId>,
    pub bots: &'static str,
    pub repeats: bool,
    pub unique: bool,
    pub form: Form,
}

/// What the answer looks like.
#[derive(Clone, Debug)]
pub enum Form {
    Total,
    Series,
    Groups {
        by: &'static str,
        unknown: bool,
        limit: Option<u64>,
    },
    Attributes(&'static str),
    Page {
        ascending: bool,
        limit: u64,
        offset: u64,
    },
    After {
        ascending: bool,
        limit: u64,
        at_ms: i64,
        id: u64,
    },
    /// All of it, a page after the other by cursor.
    Walk {
        ascending: bool,
        limit: u64,
    },
}

impl Form {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Series => "series",
            Self::Groups { .. } => "groups",
            Self::Attributes(_) => "attributes",
            Self::Page { .. } => "page",
            Self::After { .. } => "after",
            Self::Walk { .. } => "walk",
        }
    }
}

impl Question {
    /// A random one.
    pub fn random(rng: &mut SmallRng, scene: &Scene) -> Self {
        let workspace = if rng.random_bool(0.03) { 2 } else { rng.random_range(0..2) };
        let kind = match rng.random_range(0..30) {
            0..=5 => EventKind::Lead,
            6..=11 => EventKind::Sale,
            12 => EventKind::Custom,
            13 => EventKind::Pageview,
            _ => EventKind::Click,
        };
        let form = form(rng, scene, workspace);
        let (start, end) = bounds(rng, &form);
        let is_table = matches!(form, Form::Total | Form::Series | Form::Groups { .. } | Form::Attributes(_));
        let compared = (is_table && rng.random_bool(0.5)).then(|| KINDS.choose(rng).unwrap().0);
        let tells_sales = kind == EventKind::Sale || compared.is_some();
        let metadata = rng.random_bool(if kind == EventKind::Click { 0.05 } else { 0.25 }).then(|| {
            let said = Said::random(rng, 2);
            let written = said.written(rng);
            (said, written)
        });
        // Few events are left by much of it.
        let counts: &[usize] = if metadata.is_some() { &[0, 0, 0, 1] } else { &[0, 0, 1, 1, 1, 1, 1, 2, 2, 4] };
        let count = *counts.choose(rng).unwrap();
        let filters = PARAMETERS.sample(rng, count).map(|name| (*name, words::list(rng, scene, workspace, name)));
        let filters = filters.collect();
        Self {
            workspace,
            kind,
            compared,
            sale_type: rng
                .random_bool(if tells_sales { 0.25 } else { 0.02 })
                .then(|| *["new", "recurring"].choose(rng).unwrap()),
            metadata,
            now_ms: *NOWS.choose(rng).unwrap() + rng.random_range(-2 * HOUR_MS..2 * HOUR_MS),
            timezone: ZONES.choose(rng).unwrap(),
            interval: INTERVALS.choose(rng).unwrap(),
            start,
            end,
            granularity: rng.random_bool(0.5).then(|| *BUCKETS.choose(rng).unwrap()),
            filters,
            root: rng.random_bool(0.06).then(|| rng.random()),
            link: rng.random_bool(0.05).then(|| scene.workspaces[0].links.choose(rng).unwrap().id),
            bots: ["exclude", "exclude", "include", "include", "include", "only"].choose(rng).unwrap(),
            repeats: rng.random(),
            unique: rng.random_bool(0.3),
            form,
        }
    }

    /// As it is, but for the filters.
    pub fn unfiltered(&self) -> Self {
        Self { filters: Vec::new(), sale_type: None, metadata: None, root: None, link: None, ..self.clone() }
    }

    pub fn is_filtered(&self) -> bool {
        !self.filters.is_empty()
            || self.sale_type.is_some()
            || self.metadata.is_some()
            || self.root.is_some()
            || self.link.is_some()
    }
}

fn form(rng: &mut SmallRng, scene: &Scene, workspace: usize) -> Form {
    let ascending = rng.random();
    match rng.random_range(0..20) {
        0..=2 => Form::Total,
        3..=7 => Form::Series,
        8..=12 => Form::Groups {
            by: GROUPS.choose(rng).unwrap(),
            unknown: rng.random(),
            limit: *[None, Some(1), Some(3), Some(10), Some(5_000)].choose(rng).unwrap(),
        },
        13..=14 => Form::Attributes(ATTRIBUTES.choose(rng).unwrap()),
        15..=16 => Form::Page {
            ascending,
            limit: *[1, 7, 100, 1_000, 5_000].choose(rng).unwrap(),
            offset: *[0, 0, 1, 100, 2_345].choose(rng).unwrap(),
        },
        17..=18 => {
            let limit = *[1, 7, 100, 1_000].choose(rng).unwrap();
            // A cursor need not be in the answer it continues.
            match scene.workspaces[workspace].events.choose(rng) {
                Some(event) => Form::After { ascending, limit, at_ms: event.at_ms, id: event.id.0 },
                None => {
                    Form::After { ascending, limit, at_ms: rng.random_range(0..LAST_DAY * DAY_MS), id: rng.random() }
                }
            }
        }
        _ => Form::Walk { ascending, limit: *[1, 2, 13, 50].choose(rng).unwrap() },
    }
}

/// `start` and `end`, where there are any; mostly in order.
fn bounds(rng: &mut SmallRng, form: &Form) -> (Option<String>, Option<String>) {
    if rng.random_bool(0.45) {
        // An end without a start says nothing.
        return (None, rng.random_bool(0.1).then(|| bound(rng, LAST_DAY * DAY_MS)));
    }
    if rng.random_bool(0.05) && !matches!(form, Form::Series) {
        return (Some("1970-01-01".to_owned()), Some("2099-12-31".to_owned()));
    }
    let start_ms = rng.random_range(FIRST_DAY * DAY_MS..LAST_DAY * DAY_MS);
    let longest_days = *[1, 2, 3, 10, 60, 181, 400].choose(rng).unwrap();
    let end_ms = (start_ms + rng.random_range(-DAY_MS / 2..longest_days * DAY_MS)).min(LAST_DAY * DAY_MS);
    (Some(bound(rng, start_ms)), rng.random_bool(0.9).then(|| bound(rng, end_ms)))
}

/// A bound near an instant in one of the forms that are allowed.
fn bound(rng: &mut SmallRng, near_ms: i64) -> String {
    let near = jiff::Timestamp::from_millisecond(near_ms).unwrap().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    if rng.random_bool(0.5) {
        return near.date().to_string();
    }
    let between = ["T", "t", " "].choose(rng).unwrap();
    let clock = match rng.random_range(0..6) {
        0 => format!("{:02}:{:02}", near.hour(), near.minute()),
        1 => format!("{:02}:00:00", near.hour()),
        2 => format!("{:02}:{:02}:{:02}.999999", near.hour(), near.minute(), near.second()),
        3 => format!("{:02}:{:02}:00.5", near.hour(), [0, 15, 30, 45].choose(rng).unwrap()),
        // Where clocks are set, mostly.
        4 => format!("0{}:30", rng.random_range(0..4)),
        _ => format!("{:02}:{:02}:{:02}.{:03}", near.hour(), near.minute(), near.second(), near.millisecond()),
    };
    let zone = *["", "", "Z", "z", "+02:00", "-0500", " 05:45", "-09:30"].choose(rng).unwrap();
    format!("{}{between}{clock}{zone}", near.date())
}

/// A random number from the system, for a seed that nobody gave.
pub fn seed() -> u64 {
    rand::rng().next_u64()
}
