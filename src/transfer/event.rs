//! A row -> an event: what is given is checked, what is not given is read from what is, as for an event that was seen.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;

use chrono::DateTime;
use serde::de::IgnoredAny;

use super::column::Column;
use super::row::{Row, shown};
use crate::calendar::{EARLIEST_MS, LATEST_MS};
use crate::domain::click_id::EventId;
use crate::domain::customer::MAX_CUSTOMER_TEXT;
use crate::domain::event::{Agent, Channel, Conversion, Event, EventKind, PageEvent};
use crate::domain::hit::{Hit, PageHit, PlaceHint, Trigger, What};
use crate::domain::id::{CustomerId, LinkId, SiteId, WorkspaceId};
use crate::domain::workspace::WorkspaceSettings;
use crate::enrich::Enricher;

/// Bytes of a text at most; exported rows may have more.
const MAX_TEXT: usize = 4_096;
/// Bytes of properties and metadata at most; exported rows may have more.
const MAX_JSON: usize = 65_536;
/// The address of those who gave none: it has no place.
const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// What a robot without a name is called, as in the tables of agents.
const UNNAMED_BOT: &str = "Other bot";

const TRIGGERS: [Trigger; 4] = [Trigger::Link, Trigger::Qr, Trigger::Pageview, Trigger::Deeplink];
const CONTINENTS: [&str; 7] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"];

/// Columns that are written over what was read from the others.
const OVER: [Column; 22] = [
    Column::Language,
    Column::Continent,
    Column::Country,
    Column::Region,
    Column::City,
    Column::Device,
    Column::Browser,
    Column::BrowserVersion,
    Column::Os,
    Column::OsVersion,
    Column::Bot,
    Column::BotCategory,
    Column::Isp,
    Column::ReferrerHost,
    Column::ReferrerUrl,
    Column::ReferrerName,
    Column::UtmSource,
    Column::UtmMedium,
    Column::UtmCampaign,
    Column::UtmTerm,
    Column::UtmContent,
    Column::UserAgent,
];

/// Columns that make a custom event one of a customer's.
const OF_CONVERSIONS: [Column; 5] =
    [Column::Customer, Column::Amount, Column::Currency, Column::PaymentProcessor, Column::InvoiceId];

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
    /// In the file's words.
    visitor: Option<String>,
    session: Option<String>,
    repeat: Option<bool>,
    channel: Option<Channel>,
    asn: Option<u32>,
    hosting: Option<bool>,
    conversion: Option<Box<Conversion>>,
    is_enriched: bool,
    has_address: bool,
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

/// A value that is wrong.
fn wrong(column: Column, given: &str, allowed: &str) -> String {
    format!("{}: {} is not {allowed}", column.name(), shown(given))
}

/// Reads a row of the line `line`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn draft(setting: &Setting, line: u64, row: &Row<'_>) -> Result<Draft, String> {
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
    let mut hit = Hit {
        at_ms,
        workspace: setting.workspace,
        address: address.unwrap_or(NO_ADDRESS),
        user_agent: owned(row, Column::UserAgent),
        referrer: referrer(row),
        url: owned(row, Column::Url),
        params: owned(row, Column::Params),
        accept_language: owned(row, Column::Language),
        trigger: trigger(kind, row)?,
        place: place(row)?,
        repeat_window_secs: settings.repeat_window_secs,
        visitor_epoch: settings.visitor_rotation.epoch(at_ms),
        address_storage: settings.address_storage,
        ..Hit::default()
    };
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
        over: over(row, is_enriched)?,
        visitor: some(row, Column::VisitorId).or_else(|| some(row, Column::UserId).filter(|_| address.is_none())),
        session: some(row, Column::SessionId),
        repeat: boolean(row, Column::Repeat)?,
        channel: channel(row)?,
        asn: asn(row)?,
        hosting: boolean(row, Column::Hosting)?,
        conversion,
        is_enriched,
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
        let mut hit = std::mem::take(&mut self.hit);
        let epoch = hit.visitor_epoch;
        if self.is_enriched {
            // Nothing to read from: what is stored of the address is all that is asked of it.
            hit.user_agent.clear();
            hit.referrer.clear();
            hit.accept_language.clear();
            hit.place = None;
        }
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
    /// Writes over the event what the row says itself. Answers the window, in seconds, within which an earlier click makes
    /// this one a repeat; 0 when that is not to be told.
    pub fn finish(self, enricher: &Enricher, event: &mut Event) -> u32 {
        let Self { draft, epoch, window_secs } = self;
        event.kind = draft.kind;
        if draft.is_enriched {
            forget_derived(event);
        }
        if let Some(conversion) = draft.conversion {
            event.conversion = Some(conversion);
        }
        let has_visitor = draft.visitor.is_some();
        match draft.visitor {
            Some(name) => {
                event.visitor = verbatim("v_", &name).unwrap_or_else(|| enricher.named(event.workspace, epoch, &name));
            }
            None if !draft.has_address || draft.is_enriched => event.visitor = 0,
            None => {}
        }
        if let Some(name) = draft.session {
            let hashed = || enricher.named(event.workspace, 0, &format!("session {name}"));
            event.session = verbatim("s_", &name).unwrap_or_else(hashed);
        }
        if !draft.has_address {
            event.address.clear();
        }
        if !draft.over.is_empty() {
            write_over(event, draft.over, draft.is_enriched);
        }
        event.channel = draft.channel.unwrap_or(event.channel);
        event.network.asn = draft.asn.unwrap_or(event.network.asn);
        event.network.hosting = draft.hosting.unwrap_or(event.network.hosting);
        event.repeat = draft.repeat.unwrap_or(false);
        let is_told = draft.repeat.is_some() || draft.is_enriched;
        // Nobody is not the same person twice.
        if is_told || (!has_visitor && event.visitor == 0) { 0 } else { window_secs }
    }
}

/// Takes back what the enrichment found in a row that says everything itself.
fn forget_derived(event: &mut Event) {
    event.place = Default::default();
    event.network = Default::default();
    event.agent = Arc::default();
    event.referrer = Default::default();
    event.channel = Channel::default();
    event.utm = Default::default();
    event.language.clear();
}

fn write_over(event: &mut Event, over: Vec<(Column, String)>, is_enriched: bool) {
    let mut agent: Option<Agent> = None;
    for (column, value) in over {
        let mut of_agent = |set: fn(&mut Agent, String), value| {
            set(agent.get_or_insert_with(|| Agent::clone(&event.agent)), value);
        };
        match column {
            Column::UserAgent => of_agent(|agent, value| agent.user_agent = value, value),
            Column::Device => of_agent(|agent, value| agent.device = value, value),
            Column::Browser => of_agent(|agent, value| agent.browser = value, value),
            Column::BrowserVersion => of_agent(|agent, value| agent.browser_version = value, value),
            Column::Os => of_agent(|agent, value| agent.os = value, value),
            Column::OsVersion => of_agent(|agent, value| agent.os_version = value, value),
            Column::Bot if !is_enriched => of_agent(set_bot, value),
            Column::Bot => of_agent(|agent, value| agent.bot = value, value),
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

fn owned(row: &Row<'_>, column: Column) -> String {
    row.text(column).unwrap_or_default().to_owned()
}

fn some(row: &Row<'_>, column: Column) -> Option<String> {
    row.text(column).map(str::to_owned)
}

fn customer(row: &Row<'_>) -> Result<Option<String>, String> {
    let Some(name) = row.text(Column::Customer) else { return Ok(None) };
    if name.contains('\0') || name.chars().count() > MAX_CUSTOMER_TEXT {
        return Err(wrong(
            Column::Customer,
            name,
            &format!("of at most {MAX_CUSTOMER_TEXT} characters, none of them NUL"),
        ));
    }
    Ok(Some(name.to_owned()))
}

fn kind(row: &Row<'_>) -> Result<EventKind, String> {
    let Some(text) = row.text(Column::Kind) else { return Ok(EventKind::Click) };
    EventKind::parse(text).ok_or_else(|| wrong(Column::Kind, text, "click, pageview, custom, lead or sale"))
}

fn timestamp(row: &Row<'_>) -> Result<i64, String> {
    let text = row.text(Column::Timestamp).ok_or("timestamp: an event needs one")?;
    let at = DateTime::parse_from_rfc3339(text)
        .map_err(|_| wrong(Column::Timestamp, text, "RFC 3339, such as 2026-03-08T14:30:00Z"))?;
    let at_ms = at.timestamp_millis();
    if !(EARLIEST_MS..LATEST_MS).contains(&at_ms) {
        return Err(wrong(Column::Timestamp, text, "in the years 1970 to 2099"));
    }
    Ok(at_ms)
}

fn check_lengths(row: &Row<'_>) -> Result<(), String> {
    for column in Column::ALL {
        let limit = if matches!(column, Column::Props | Column::Metadata) { MAX_JSON } else { MAX_TEXT };
        if let Some(length) = row.text(*column).map(str::len).filter(|length| *length > limit) {
            return Err(format!("{}: it has {length} bytes, at most {limit} are allowed", column.name()));
        }
    }
    Ok(())
}

/// What would be lost is refused; a plain zero is nothing to lose.
fn check_columns(kind: EventKind, row: &Row<'_>) -> Result<(), String> {
    for column in Column::ALL {
        if !column.of().includes(kind) && row.text(*column).is_some_and(|text| text != "0") {
            return Err(format!("{}: it is for {}, and this is a {}", column.name(), column.of().name(), kind.name()));
        }
    }
    Ok(())
}

fn trigger(kind: EventKind, row: &Row<'_>) -> Result<Trigger, String> {
    match row.text(Column::Trigger) {
        Some(text) => TRIGGERS
            .into_iter()
            .find(|trigger| trigger.name() == text)
            .ok_or_else(|| wrong(Column::Trigger, text, "link, qr, pageview or deeplink")),
        None if matches!(kind, EventKind::Pageview | EventKind::Custom) => Ok(Trigger::Pageview),
        None => Ok(Trigger::Link),
    }
}

/// Host, name and channel can be read from what is stored of a referrer, too.
fn referrer(row: &Row<'_>) -> String {
    if let Some(text) = row.text(Column::Referrer).or_else(|| row.text(Column::ReferrerUrl)) {
        return text.to_owned();
    }
    row.text(Column::ReferrerHost).map(|host| format!("https://{host}/")).unwrap_or_default()
}

fn place(row: &Row<'_>) -> Result<Option<PlaceHint>, String> {
    let continent = row.text(Column::Continent).map(str::to_ascii_uppercase);
    if let Some(code) = &continent
        && !CONTINENTS.contains(&code.as_str())
    {
        return Err(wrong(Column::Continent, code, "AF, AN, AS, EU, NA, OC or SA"));
    }
    let Some(text) = row.text(Column::Country) else { return Ok(None) };
    let country = text.to_ascii_uppercase();
    if country.len() != 2 || !country.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(wrong(Column::Country, text, "a country code of two letters"));
    }
    let region = row.text(Column::Region).unwrap_or_default();
    let region = region.strip_prefix(&format!("{country}-")).unwrap_or(region).to_owned();
    let city = owned(row, Column::City);
    Ok(Some(PlaceHint { country, region, city, continent: continent.unwrap_or_default() }))
}

/// What is written over: in a row that says everything itself the blanks, too, are what it says, and they are there
/// already.
fn over(row: &Row<'_>, is_enriched: bool) -> Result<Vec<(Column, String)>, String> {
    let mut over = Vec::new();
    for column in OVER {
        // A user agent is what the others are read from, and cut on the way.
        let Some(text) = row.given(column).filter(|_| is_enriched || column != Column::UserAgent) else { continue };
        let value = match column {
            Column::Country | Column::Continent => text.to_ascii_uppercase(),
            Column::Bot if !is_enriched && text == "1" => "true".to_owned(),
            Column::Bot if !is_enriched && text == "0" => "false".to_owned(),
            _ => text.to_owned(),
        };
        over.push((column, value));
    }
    Ok(over)
}

fn channel(row: &Row<'_>) -> Result<Option<Channel>, String> {
    let Some(text) = row.text(Column::Channel) else { return Ok(None) };
    let channel = Channel::parse(text).ok_or_else(|| {
        let names: Vec<&str> = Channel::ALL.iter().map(|channel| channel.name()).collect();
        wrong(Column::Channel, text, &format!("one of {}", names.join(", ")))
    })?;
    Ok(Some(channel))
}

fn asn(row: &Row<'_>) -> Result<Option<u32>, String> {
    let Some(text) = row.text(Column::Asn) else { return Ok(None) };
    let digits = text.strip_prefix("AS").unwrap_or(text);
    digits.parse().map(Some).map_err(|_| wrong(Column::Asn, text, "a number, such as 64496"))
}

fn boolean(row: &Row<'_>, column: Column) -> Result<Option<bool>, String> {
    match row.text(column) {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(other) => Err(wrong(column, other, "true or false")),
    }
}

fn number<N: FromStr + Default>(row: &Row<'_>, column: Column) -> Result<N, String> {
    let Some(text) = row.text(column) else { return Ok(N::default()) };
    text.parse().map_err(|_| wrong(column, text, "a whole number that is small enough"))
}

fn json(row: &Row<'_>, column: Column, is_enriched: bool) -> Result<String, String> {
    let Some(text) = row.text(column) else { return Ok(String::new()) };
    let is_object = || text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok();
    if is_enriched || is_object() { Ok(text.to_owned()) } else { Err(wrong(column, text, "a JSON object")) }
}

fn page_event(kind: EventKind, row: &Row<'_>, is_enriched: bool) -> Result<PageEvent, String> {
    let plain = if kind == EventKind::Pageview { "pageview" } else { "custom_event" };
    let event_type = match row.text(Column::EventType) {
        Some(given) => given,
        None if is_enriched => "",
        None => plain,
    };
    Ok(PageEvent {
        event_type: event_type.to_owned(),
        name: owned(row, Column::EventName),
        page: owned(row, Column::Page),
        title: owned(row, Column::PageTitle),
        user_id: owned(row, Column::UserId),
        props: json(row, Column::Props, is_enriched)?,
        screen_width: number(row, Column::ScreenWidth)?,
        screen_height: number(row, Column::ScreenHeight)?,
        duration_ms: number(row, Column::DurationMs)?,
        ..PageEvent::default()
    })
}

fn conversion(kind: EventKind, row: &Row<'_>, is_enriched: bool) -> Result<Conversion, String> {
    if kind == EventKind::Sale && !is_enriched {
        for needed in [Column::Amount, Column::Currency] {
            if row.text(needed).is_none() {
                return Err(format!("{}: a sale needs one", needed.name()));
            }
        }
    }
    let currency = owned(row, Column::Currency);
    let is_code =
        currency.is_empty() || (currency.len() == 3 && currency.bytes().all(|letter| letter.is_ascii_alphabetic()));
    if !is_enriched && !is_code {
        return Err(wrong(Column::Currency, &currency, "a currency code of three letters"));
    }
    Ok(Conversion {
        name: owned(row, Column::EventName),
        amount: match row.text(Column::Amount) {
            Some(text) => text.parse().map_err(|_| wrong(Column::Amount, text, "a whole number of smallest units"))?,
            None => 0,
        },
        currency: currency.to_ascii_lowercase(),
        payment_processor: owned(row, Column::PaymentProcessor),
        invoice_id: owned(row, Column::InvoiceId),
        metadata: json(row, if kind == EventKind::Custom { Column::Props } else { Column::Metadata }, is_enriched)?,
        ..Conversion::default()
    })
}
