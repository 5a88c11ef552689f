//! A row -> an event: what is given is checked, what is not given is read from what is, as for an event that was seen.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::column::Column;
use super::field::{
    Agents, OF_CONVERSIONS, asn, boolean, channel, check_columns, check_lengths, check_place, conversion, coordinates,
    customer, kind, over, owned, page_event, place, referrer, some, timestamp, trigger, wrong,
};
use super::row::Row;
use crate::domain::click_id::EventId;
use crate::domain::event::{Agent, Channel, Conversion, Coordinates, Event, EventKind};
use crate::domain::hit::{Hit, PageHit, What};
use crate::domain::id::{CustomerId, LinkId, SiteId, WorkspaceId};
use crate::domain::workspace::WorkspaceSettings;
use crate::enrich::Enricher;

/// The address of those who gave none: it has no place.
const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// What a robot without a name is called, as in the tables of agents.
const UNNAMED_BOT: &str = "Other bot";

/// Whose events they become.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its settings.
    pub settings: WorkspaceSettings,
}

/// A row that was found right, as far as can be told without the catalog.
#[derive(Debug)]
pub struct Draft {
    /// Where it stands in the file; becomes the event's sequence.
    pub line: u64,
    /// The link as it was named.
    pub link: Option<String>,
    /// The site as it was named.
    pub site: Option<String>,
    /// The customer as it was named.
    pub customer: Option<String>,
    kind: EventKind,
    hit: Hit,
    over: Vec<(Column, String)>,
    visitor: Option<Who>,
    session: Option<Who>,
    repeat: Option<bool>,
    channel: Option<Channel>,
    coordinates: Option<Coordinates>,
    asn: Option<u32>,
    hosting: Option<bool>,
    conversion: Option<Box<Conversion>>,
    /// Of a row that says everything itself.
    agent: Option<Arc<Agent>>,
    has_address: bool,
}

/// A visitor or a session.
#[derive(Debug)]
enum Who {
    /// As exports show it.
    Number(u64),
    /// In the file's words.
    Name(String),
}

impl Who {
    fn read(row: &Row<'_>, column: Column, prefix: &str) -> Option<Self> {
        let text = row.text(column)?;
        Some(verbatim(prefix, text).map_or_else(|| Self::Name(text.to_owned()), Self::Number))
    }

    fn number(self, hash: impl FnOnce(&str) -> u64) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Name(name) => hash(&name),
        }
    }
}

/// What the catalog made of a draft's names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// 0 where none was named.
    pub link: LinkId,
    /// 0 where none was named.
    pub site: SiteId,
    /// 0 where none was named.
    pub customer: CustomerId,
}

/// Reads a row of the line `line`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn draft(setting: &Setting, agents: &mut Agents, line: u64, row: &Row<'_>) -> Result<Draft, String> {
    let is_enriched = boolean(row, Column::Enriched)?.unwrap_or(false);
    if !is_enriched {
        check_lengths(row)?;
    }
    let kind = kind(row)?;
    check_columns(kind, row)?;
    let at_ms = timestamp(row)?;
    let address = match row.text(Column::Ip) {
        Some(text) => Some(text.trim().parse().map_err(|_| wrong(Column::Ip, text, "an IP address"))?),
        None => None,
    };
    let settings = &setting.settings;
    let trigger = trigger(kind, row)?;
    check_place(row)?;
    let mut hit = Hit {
        at_ms,
        workspace: setting.workspace,
        address: address.unwrap_or(NO_ADDRESS),
        url: owned(row, Column::Url),
        params: owned(row, Column::Params),
        trigger,
        repeat_window_secs: settings.repeat_window_secs,
        visitor_epoch: settings.visitor_rotation.epoch(at_ms),
        address_storage: settings.address_storage,
        ..Hit::default()
    };
    if !is_enriched {
        hit.user_agent = owned(row, Column::UserAgent);
        hit.referrer = referrer(row);
        hit.accept_language = owned(row, Column::Language);
        hit.place = place(row);
    }
    if matches!(kind, EventKind::Pageview | EventKind::Custom) {
        let event = page_event(kind, row, is_enriched)?;
        let page = PageHit { is_pageview: kind == EventKind::Pageview, event, visitor_id: String::new() };
        hit.what = What::Page(Box::new(page));
    }
    let is_conversion = match kind {
        EventKind::Lead | EventKind::Sale => true,
        // What a customer did, or what has a value, is more than something on a page.
        EventKind::Custom => OF_CONVERSIONS.iter().any(|column| row.text(*column).is_some()),
        EventKind::Click | EventKind::Pageview => false,
    };
    let conversion = if is_conversion { Some(Box::new(conversion(kind, row, is_enriched)?)) } else { None };
    let draft = Draft {
        line,
        link: some(row, Column::Link),
        site: some(row, Column::Site),
        customer: customer(row)?,
        kind,
        over: over(row, is_enriched),
        visitor: Who::read(row, Column::VisitorId, "v_")
            .or_else(|| Who::read(row, Column::UserId, "v_").filter(|_| address.is_none())),
        session: Who::read(row, Column::SessionId, "s_"),
        repeat: boolean(row, Column::Repeat)?,
        channel: channel(row)?,
        coordinates: coordinates(row)?,
        asn: asn(row)?,
        hosting: boolean(row, Column::Hosting)?,
        conversion,
        agent: is_enriched.then(|| agents.get(row)),
        has_address: address.is_some(),
        hit,
    };
    match kind {
        EventKind::Click if draft.link.is_none() => Err("link: a click needs one".to_owned()),
        EventKind::Pageview | EventKind::Custom if !is_enriched && !is_conversion && !draft.has_place() => {
            Err(format!("site: a {} event needs one", kind.name()))
        }
        _ => Ok(draft),
    }
}

impl Draft {
    /// When it happened, in milliseconds since the epoch.
    pub fn at_ms(&self) -> i64 {
        self.hit.at_ms
    }

    fn has_place(&self) -> bool {
        self.site.is_some() || self.link.is_some()
    }

    /// What the enrichment reads, and what is done afterwards.
    pub fn split(mut self, node: u16, found: Found) -> ((EventId, Hit), Finish) {
        let id = EventId::new(node, self.line);
        self.hit.link = found.link;
        self.hit.site = found.site;
        if let Some(conversion) = &mut self.conversion {
            conversion.customer = found.customer;
        }
        let hit = std::mem::take(&mut self.hit);
        let epoch = hit.visitor_epoch;
        let window_secs = if self.kind == EventKind::Click { hit.repeat_window_secs } else { 0 };
        ((id, hit), Finish { draft: self, epoch, window_secs })
    }
}

/// What is left to do with an event once it is enriched.
pub struct Finish {
    draft: Draft,
    epoch: u32,
    window_secs: u32,
}

impl Finish {
    /// Whether the row says everything itself, and nothing is to be read.
    pub fn is_enriched(&self) -> bool {
        self.draft.agent.is_some()
    }

    /// Writes over the event what the row says itself. Answers the window, in seconds, within which an earlier click makes
    /// this one a repeat; 0 when that is not to be told.
    pub fn finish(self, enricher: &Enricher, event: &mut Event) -> u32 {
        let Self { draft, epoch, window_secs } = self;
        event.kind = draft.kind;
        let is_enriched = draft.agent.is_some();
        if let Some(agent) = draft.agent {
            event.agent = agent;
        }
        if let Some(conversion) = draft.conversion {
            event.conversion = Some(conversion);
        }
        let has_visitor = draft.visitor.is_some();
        match draft.visitor {
            Some(who) => event.visitor = who.number(|name| enricher.named(event.workspace, epoch, name)),
            None if !draft.has_address || is_enriched => event.visitor = 0,
            None => {}
        }
        if let Some(who) = draft.session {
            event.session = who.number(|name| enricher.named(event.workspace, 0, &format!("session {name}")));
        }
        if !draft.has_address {
            event.address.clear();
        }
        if !draft.over.is_empty() {
            let found = event.place.clone();
            write_over(event, draft.over, is_enriched);
            if event.place != found {
                // What was found is where another city is.
                event.coordinates = Coordinates::default();
            }
        }
        event.coordinates = draft.coordinates.unwrap_or(event.coordinates);
        event.channel = draft.channel.unwrap_or(event.channel);
        event.network.asn = draft.asn.unwrap_or(event.network.asn);
        event.network.hosting = draft.hosting.unwrap_or(event.network.hosting);
        event.repeat = draft.repeat.unwrap_or(false);
        let is_told = draft.repeat.is_some() || is_enriched;
        // Nobody is not the same person twice.
        if is_told || (!has_visitor && event.visitor == 0) { 0 } else { window_secs }
    }
}

fn write_over(event: &mut Event, over: Vec<(Column, String)>, is_enriched: bool) {
    let mut agent: Option<Agent> = None;
    for (column, value) in over {
        let mut of_agent = |set: fn(&mut Agent, String), value| {
            set(agent.get_or_insert_with(|| Agent::clone(&event.agent)), value);
        };
        match column {
            Column::Device => of_agent(|agent, value| agent.device = value, value),
            Column::Browser => of_agent(|agent, value| agent.browser = value, value),
            Column::BrowserVersion => of_agent(|agent, value| agent.browser_version = value, value),
            Column::Os => of_agent(|agent, value| agent.os = value, value),
            Column::OsVersion => of_agent(|agent, value| agent.os_version = value, value),
            Column::Bot => of_agent(set_bot, value),
            Column::BotCategory => of_agent(|agent, value| agent.bot_category = value, value),
            Column::Continent => event.place.continent = value,
            Column::Country => event.place.country = value,
            Column::Region if !is_enriched => event.place.region = with_country(value, &event.place.country),
            Column::Region => event.place.region = value,
            Column::City => event.place.city = value,
            Column::Isp => event.network.isp = value,
            Column::Language => event.language = value,
            Column::ReferrerHost => event.referrer.host = value,
            Column::ReferrerUrl => event.referrer.url = value,
            Column::ReferrerName => event.referrer.name = value,
            Column::UtmSource => event.utm.source = value,
            Column::UtmMedium => event.utm.medium = value,
            Column::UtmCampaign => event.utm.campaign = value,
            Column::UtmTerm => event.utm.term = value,
            Column::UtmContent => event.utm.content = value,
            _ => {}
        }
    }
    if let Some(agent) = agent {
        event.agent = Arc::new(agent);
    }
}

/// `true` and `false` say only whether it is one; a name says which.
fn set_bot(agent: &mut Agent, given: String) {
    let name = match given.as_str() {
        "false" => String::new(),
        "true" if !agent.bot.is_empty() => return,
        "true" => UNNAMED_BOT.to_owned(),
        _ => given,
    };
    if name != agent.bot {
        agent.bot_category.clear();
        agent.bot = name;
    }
}

fn with_country(region: String, country: &str) -> String {
    if region.is_empty() || country.is_empty() || region.contains('-') { region } else { format!("{country}-{region}") }
}

/// The number behind the form in which exports show visitors and sessions.
fn verbatim(prefix: &str, text: &str) -> Option<u64> {
    let digits = text.strip_prefix(prefix)?;
    let is_hex = digits.len() == 16 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex { u64::from_str_radix(digits, 16).ok() } else { None }
}
