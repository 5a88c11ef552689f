//! A question of Linkly's API as a caller writes it, and random ones.

use linktrail::domain::id::LinkId;
use rand::RngExt;
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};
use url::form_urlencoded::Serializer;

use super::almanac::{DAY_MS, ZONES};
use super::scene::{FIRST_DAY, LAST_DAY, Scene};
use super::words::{AGENTS, HOSTILE, PLACES, PROVIDERS, REFERRERS, other_case};

/// Every counter whose values the events of the scene have.
pub const COUNTERS: &[&str] = &[
    "country",
    "platform",
    "browser",
    "browser_name",
    "referer",
    "isp",
    "link_id",
    "top_params",
    "city",
    "region",
    "destination",
    "bot_name",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
];

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Series,
    Pivot,
    Counter(&'static str),
    Export { ascending: bool },
}

/// How links are named.
#[derive(Clone, Copy, Debug)]
enum Naming {
    One,
    Hyphens,
    Commas,
    Repeated,
    /// One by `link_id`, the others by `link_ids`.
    Both,
}

/// Everything that one request says.
#[derive(Clone, Debug)]
pub struct Question {
    /// Place of the asking workspace in the scene.
    pub workspace: usize,
    pub form: Form,
    pub hourly: bool,
    pub timezone: &'static str,
    /// `2026-03-08` or `2026-03-08T10:00:00Z`
    pub start: Option<String>,
    pub end: Option<String>,
    pub links: Option<Vec<LinkId>>,
    naming: Naming,
    /// Each parameter once; an empty one filters nothing.
    pub filters: Vec<(&'static str, String)>,
    pub bots: &'static str,
    pub unique: &'static str,
    pub format: &'static str,
}

impl Question {
    /// A random one.
    pub fn random(rng: &mut SmallRng, scene: &Scene) -> Self {
        let workspace = if rng.random_bool(0.03) { 2 } else { rng.random_range(0..2) };
        let form = match rng.random_range(0..20) {
            0..=4 => Form::Series,
            5..=8 => Form::Pivot,
            9..=11 => Form::Export { ascending: rng.random_bool(0.7) },
            _ => Form::Counter(COUNTERS.choose(rng).unwrap()),
        };
        let hourly = rng.random_bool(0.4);
        let (start, end) = bounds(rng, hourly);
        let links = links(rng, scene, workspace);
        let namings = [Naming::Hyphens, Naming::Commas, Naming::Repeated, Naming::Both];
        let naming = match &links {
            Some(links) if links.len() == 1 => Naming::One,
            _ => *namings.choose(rng).unwrap(),
        };
        let names = ["country", "browser", "platform", "isp", "referer"];
        let count = *[0, 0, 0, 1, 1, 1, 2, 3].choose(rng).unwrap();
        let filters = names.sample(rng, count).map(|name| (*name, value(rng, name))).collect();
        Self {
            workspace,
            form,
            hourly,
            timezone: ZONES.choose(rng).unwrap(),
            start,
            end,
            links,
            naming,
            filters,
            bots: ["", "include", "true", "1", "exclude", "false", "0", "only"].choose(rng).unwrap(),
            unique: ["", "", "false", "0", "true", "1"].choose(rng).unwrap(),
            format: ["", "json", "csv", "tsv"].choose(rng).unwrap(),
        }
    }

    /// What follows `/api/v1/workspace/{workspace}/`.
    pub fn target(&self) -> String {
        let mut query = Serializer::new(String::new());
        let mut pairs = vec![("timezone", self.timezone), ("bots", self.bots), ("unique", self.unique)];
        pairs.extend([("format", self.format), ("frequency", if self.hourly { "hour" } else { "day" })]);
        pairs.extend(self.start.as_deref().map(|start| ("start", start)));
        pairs.extend(self.end.as_deref().map(|end| ("end", end)));
        pairs.extend(self.filters.iter().map(|(name, value)| (*name, value.as_str())));
        query.extend_pairs(pairs);
        for (name, value) in self.named() {
            query.append_pair(name, &value);
        }
        let path = match self.form {
            Form::Series => "clicks".to_owned(),
            Form::Pivot => {
                query.append_pair("pivot", "link_id");
                "clicks".to_owned()
            }
            Form::Counter(counter) => format!("clicks/counters/{counter}"),
            Form::Export { ascending } => {
                query.append_pair("sort_dir", if ascending { "" } else { "desc" });
                "clicks/export".to_owned()
            }
        };
        format!("{path}?{}", query.finish())
    }

    fn named(&self) -> Vec<(&'static str, String)> {
        let Some(links) = &self.links else { return Vec::new() };
        let joined = |links: &[LinkId], separator: &str| {
            links.iter().map(|link| link.0.to_string()).collect::<Vec<_>>().join(separator)
        };
        match self.naming {
            Naming::One => vec![("link_id", joined(links, "-"))],
            Naming::Hyphens => vec![("link_ids", joined(links, "-"))],
            Naming::Commas => vec![("link_ids", joined(links, ","))],
            Naming::Repeated => links.iter().map(|link| ("link_ids[]", link.0.to_string())).collect(),
            Naming::Both => vec![("link_ids", joined(&links[1..], "-")), ("link_id", joined(&links[..1], "-"))],
        }
    }
}

/// Links of the workspace, of the other one, and one that nobody has; some twice.
fn links(rng: &mut SmallRng, scene: &Scene, workspace: usize) -> Option<Vec<LinkId>> {
    if rng.random_bool(0.5) {
        return None;
    }
    let count = *[1, 1, 2, 3, 8].choose(rng).unwrap();
    let mut one = || match rng.random_range(0..10) {
        0 => LinkId(9_999_999),
        1 => scene.workspaces[1 - workspace.min(1)].links.choose(rng).unwrap().id,
        _ => scene.workspaces[workspace.min(1)].links.choose(rng).unwrap().id,
    };
    let mut links: Vec<LinkId> = (0..count).map(|_| one()).collect();
    links.shuffle(rng);
    Some(links)
}

/// `start` and `end`, where there are any; mostly in order, and never too long.
fn bounds(rng: &mut SmallRng, hourly: bool) -> (Option<String>, Option<String>) {
    let longest_days = *if hourly { [1, 2, 3, 10, 60] } else { [1, 10, 60, 200, 700] }.choose(rng).unwrap();
    let start_ms = rng.random_range(FIRST_DAY * DAY_MS..LAST_DAY * DAY_MS);
    let end_ms = start_ms + rng.random_range(-DAY_MS / 4..longest_days * DAY_MS);
    match rng.random_range(0..20) {
        // Thirty days until then, or until now.
        0 | 1 => (None, rng.random_bool(0.7).then(|| bound(rng, end_ms))),
        // From lately on.
        2 => (Some(bound(rng, (LAST_DAY - 40) * DAY_MS)), None),
        _ => (Some(bound(rng, start_ms)), Some(bound(rng, end_ms))),
    }
}

fn bound(rng: &mut SmallRng, near_ms: i64) -> String {
    let near_ms = if rng.random_bool(0.3) { near_ms.div_euclid(900_000) * 900_000 } else { near_ms };
    let near = jiff::Timestamp::from_millisecond(near_ms).unwrap();
    match rng.random_range(0..2) {
        0 => near.to_string()[..10].to_owned(),
        _ => format!("{}Z", &near.to_string()[..19]),
    }
}

fn value(rng: &mut SmallRng, name: &str) -> String {
    let known = match name {
        "country" => PLACES.choose(rng).unwrap()[1],
        "browser" => AGENTS.choose(rng).unwrap()[1],
        "platform" => ["Mac", "macOS", "Mac OS", "iOS", "Windows", "Linux", "Android", "Unknown"].choose(rng).unwrap(),
        "isp" => PROVIDERS.choose(rng).unwrap(),
        _ => REFERRERS.choose(rng).unwrap()[0],
    };
    let known = if rng.random_bool(0.4) { other_case(rng, known) } else { known.to_owned() };
    match (name, rng.random_range(0..12)) {
        ("country", 0) => "zz".to_owned(),
        ("country", _) => known,
        ("referer", 0) => format!("www.{known}"),
        // The domain of hosts, or what only ends like one.
        ("referer", 1..=3) => ["example", "com", "oogle.com", "xample"].choose(rng).unwrap().to_string(),
        // What is refused for itself is asked for elsewhere.
        (_, 0) => (*HOSTILE.choose(rng).unwrap()).replace('\0', "0"),
        (_, 1) => "Unknown".to_owned(),
        _ => known,
    }
}
