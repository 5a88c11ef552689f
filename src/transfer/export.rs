//! The export of events: in the columns of the import, oldest first.
//!
//! Rows say everything themselves (`enriched`): a blank is a blank, and nothing is read from the rest when they are
//! imported. Links go by `domain/slug`, deleted ones by their id; sites by their slug.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::ControlFlow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::column::Column;
use super::input::Format;
use crate::catalog::{self, Catalog};
use crate::domain::event::{Coordinates, EventKind};
use crate::domain::id::{CustomerId, LinkId, SiteId};
use crate::warehouse::export::{StoredRow, Wanted};
use crate::warehouse::{self, Warehouse};

/// Names that are remembered; beyond, all are forgotten and asked for again.
const REMEMBERED: usize = 1_000_000;

/// An export that broke off. What was written by then is not all.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// ClickHouse.
    #[error("the warehouse: {0}")]
    Warehouse(#[from] warehouse::Error),
    /// Postgres.
    #[error("the catalog: {0}")]
    Catalog(#[from] catalog::Error),
    /// The disk, or who reads.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// Writes rows of named values.
pub struct Out<W> {
    format: Format,
    writer: W,
    line: Vec<u8>,
}

/// One value of a row; blank ones are left out where that is possible.
pub(super) enum Cell<'a> {
    Text(Cow<'a, str>),
    Number(i64),
    Yes,
    /// JSON text; in NDJSON it is a part of the row.
    Json(String),
    Blank,
}

impl<'a> Cell<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        if text.is_empty() { Self::Blank } else { Self::Text(Cow::Borrowed(text)) }
    }

    fn number(number: i64) -> Self {
        if number == 0 { Self::Blank } else { Self::Number(number) }
    }

    pub(super) fn yes(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::Blank }
    }
}

impl<W: Write> Out<W> {
    /// Writes to `writer`, beginning with a header where the format has one.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(writer: W, format: Format, names: &[&str]) -> io::Result<Self> {
        let mut out = Self { format, writer, line: Vec::with_capacity(1_024) };
        if format == Format::Csv {
            let cells: Vec<Cell<'_>> = names.iter().map(|name| Cell::text(name)).collect();
            out.row(names, &cells)?;
        }
        Ok(out)
    }

    /// Writes a row.
    pub(super) fn row(&mut self, names: &[&str], cells: &[Cell<'_>]) -> io::Result<()> {
        self.line.clear();
        match self.format {
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new().buffer_capacity(1_024).from_writer(&mut self.line);
                for cell in cells {
                    match cell {
                        Cell::Text(text) => writer.write_field(text.as_bytes()),
                        Cell::Json(text) => writer.write_field(text),
                        Cell::Number(number) => writer.write_field(number.to_string()),
                        Cell::Yes => writer.write_field("true"),
                        Cell::Blank => writer.write_field(""),
                    }?;
                }
                writer.write_record(None::<&[u8]>)?;
                writer.flush()?;
            }
            Format::Ndjson => {
                let mut separator = b'{';
                for (name, cell) in names.iter().zip(cells) {
                    let text = match cell {
                        Cell::Text(text) => json!(text).to_string(),
                        Cell::Json(text) => text.clone(),
                        Cell::Number(number) => number.to_string(),
                        Cell::Yes => "true".to_owned(),
                        Cell::Blank => continue,
                    };
                    self.line.push(separator);
                    separator = b',';
                    write!(self.line, "\"{name}\":{text}")?;
                }
                self.line.extend_from_slice(if separator == b'{' { b"{}\n" } else { b"}\n" });
            }
        }
        self.writer.write_all(&self.line)
    }

    /// Hands back what was written to.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.writer.flush()?;
        Ok(self.writer)
    }
}

/// Exports events.
pub struct ExportEvents<'a> {
    /// Where links, sites and customers get their names.
    pub catalog: &'a Catalog,
    /// Where the events are.
    pub warehouse: &'a Warehouse,
    /// Which of them.
    pub wanted: Wanted,
}

impl ExportEvents<'_> {
    /// The names of the columns, in their order.
    pub fn columns() -> Vec<&'static str> {
        Column::ALL.iter().filter(|column| column.is_exported()).map(|column| column.name()).collect()
    }

    /// Writes all of them; `progress` is told how many were written since it was last told. Answers how many there are.
    ///
    /// # Errors
    /// When it breaks off.
    pub async fn write<W: Write>(&self, out: &mut Out<W>, progress: impl Fn(u64)) -> Result<u64, ExportError> {
        let names = Self::columns();
        let sites = self.catalog.sites(self.wanted.workspace).await?;
        let sites: HashMap<u64, String> = sites.into_iter().map(|site| (site.id.0, site.slug)).collect();
        let (mut links, mut customers): (HashMap<u64, String>, HashMap<u64, String>) = Default::default();
        let mut count = 0;
        let mut take = async |rows: Vec<StoredRow>| -> Result<(), ExportError> {
            self.learn_links(&mut links, &rows).await?;
            self.learn_customers(&mut customers, &rows).await?;
            for row in &rows {
                let row = Shown { row, links: &links, customers: &customers, sites: &sites };
                let exported = Column::ALL.iter().filter(|column| column.is_exported());
                let cells: Vec<Cell<'_>> = exported.map(|column| row.cell(*column)).collect();
                out.row(&names, &cells)?;
            }
            count += rows.len() as u64;
            progress(rows.len() as u64);
            Ok(())
        };
        let broken = self
            .warehouse
            .export(&self.wanted, async |rows| match take(rows).await {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            })
            .await?;
        match broken {
            Some(error) => Err(error),
            None => Ok(count),
        }
    }

    async fn learn_links(&self, links: &mut HashMap<u64, String>, rows: &[StoredRow]) -> Result<(), ExportError> {
        let unknown: Vec<LinkId> = unknown(links, rows.iter().map(|row| row.link_id)).into_iter().map(LinkId).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        for link in self.catalog.links_by_ids(self.wanted.workspace, &unknown).await? {
            // Another link may have the place of a deleted one.
            if link.deleted_at_ms.is_none() {
                links.insert(link.id.0, format!("{}/{}", link.domain, link.slug));
            }
        }
        for id in unknown {
            links.entry(id.0).or_insert_with(|| id.to_string());
        }
        Ok(())
    }

    async fn learn_customers(&self, names: &mut HashMap<u64, String>, rows: &[StoredRow]) -> Result<(), ExportError> {
        let unknown: Vec<CustomerId> =
            unknown(names, rows.iter().map(|row| row.customer_id)).into_iter().map(CustomerId).collect();
        for customer in self.catalog.customers_by_ids(self.wanted.workspace, &unknown).await? {
            names.insert(customer.id.0, customer.profile.external_id);
        }
        // Those that were deleted have no name any more.
        for id in unknown {
            names.entry(id.0).or_default();
        }
        Ok(())
    }
}

/// The ids that are not known yet, each once.
fn unknown(known: &mut HashMap<u64, String>, ids: impl Iterator<Item = u64>) -> Vec<u64> {
    if known.len() > REMEMBERED {
        known.clear();
    }
    let mut unknown: Vec<u64> = ids.filter(|id| *id != 0 && !known.contains_key(id)).collect();
    unknown.sort_unstable();
    unknown.dedup();
    unknown
}

/// A row with the names that it needs.
struct Shown<'a> {
    row: &'a StoredRow,
    links: &'a HashMap<u64, String>,
    customers: &'a HashMap<u64, String>,
    sites: &'a HashMap<u64, String>,
}

impl<'a> Shown<'a> {
    fn cell(&self, column: Column) -> Cell<'a> {
        let row = self.row;
        let of_page = row.kind_name == EventKind::Pageview.name() || row.kind_name == EventKind::Custom.name();
        let named = |prefix: &str, number: u64| Cell::Text(Cow::Owned(format!("{prefix}{number:016x}")));
        match column {
            Column::Kind => Cell::text(&row.kind_name),
            Column::Timestamp => Cell::Text(Cow::Owned(instant(row.at_ms))),
            Column::Link => self.links.get(&row.link_id).map_or(Cell::Blank, |name| Cell::text(name)),
            Column::Site if row.site_id == 0 => Cell::Blank,
            Column::Site => match self.sites.get(&row.site_id) {
                Some(slug) => Cell::text(slug),
                None => Cell::Text(Cow::Owned(SiteId(row.site_id).to_string())),
            },
            Column::Trigger => Cell::text(&row.trigger),
            Column::VisitorId => named("v_", row.visitor),
            Column::SessionId if row.session == 0 => Cell::Blank,
            Column::SessionId => named("s_", row.session),
            Column::UserId => Cell::text(&row.user_id),
            Column::Repeat => Cell::yes(row.repeat),
            Column::Url => Cell::text(&row.url),
            Column::Params => Cell::text(&row.params),
            Column::UserAgent => Cell::text(&row.user_agent),
            Column::Ip => Cell::text(&row.address),
            Column::Language => Cell::text(&row.language),
            Column::Continent => Cell::text(&row.continent),
            Column::Country => Cell::text(&row.country),
            Column::Region => Cell::text(&row.region),
            Column::City => Cell::text(&row.city),
            Column::Latitude => degrees(row, |(latitude, _)| latitude),
            Column::Longitude => degrees(row, |(_, longitude)| longitude),
            Column::Device => Cell::text(&row.device),
            Column::Browser => Cell::text(&row.browser),
            Column::BrowserVersion => Cell::text(&row.browser_version),
            Column::Os => Cell::text(&row.os),
            Column::OsVersion => Cell::text(&row.os_version),
            Column::Bot => Cell::text(&row.bot),
            Column::BotCategory => Cell::text(&row.bot_category),
            Column::Isp => Cell::text(&row.isp),
            Column::Asn => Cell::number(row.asn.into()),
            Column::Hosting => Cell::yes(row.hosting),
            Column::ReferrerHost => Cell::text(&row.referrer_host),
            Column::ReferrerUrl => Cell::text(&row.referrer_url),
            Column::ReferrerName => Cell::text(&row.referrer_name),
            Column::Channel => Cell::text(&row.channel),
            Column::UtmSource => Cell::text(&row.utm_source),
            Column::UtmMedium => Cell::text(&row.utm_medium),
            Column::UtmCampaign => Cell::text(&row.utm_campaign),
            Column::UtmTerm => Cell::text(&row.utm_term),
            Column::UtmContent => Cell::text(&row.utm_content),
            Column::EventType => Cell::text(&row.event_type),
            Column::EventName => Cell::text(&row.event_name),
            Column::Page => Cell::text(&row.page),
            Column::PageTitle => Cell::text(&row.page_title),
            Column::Props if of_page => Cell::text(&row.metadata),
            Column::Props => Cell::Blank,
            Column::ScreenWidth => Cell::number(row.screen_width.into()),
            Column::ScreenHeight => Cell::number(row.screen_height.into()),
            Column::DurationMs => Cell::number(row.duration_ms.into()),
            Column::Customer => self.customers.get(&row.customer_id).map_or(Cell::Blank, |name| Cell::text(name)),
            Column::Amount if row.kind_name == EventKind::Sale.name() => Cell::Number(row.amount),
            Column::Amount => Cell::number(row.amount),
            Column::Currency => Cell::text(&row.currency),
            Column::PaymentProcessor => Cell::text(&row.payment_processor),
            Column::InvoiceId => Cell::text(&row.invoice_id),
            Column::Metadata if of_page => Cell::Blank,
            Column::Metadata => Cell::text(&row.metadata),
            Column::Enriched => Cell::Yes,
            Column::Referrer | Column::RejectedLine | Column::RejectedReason => Cell::Blank,
        }
    }
}

/// One of the two, as a number of degrees; blank where they are not known.
fn degrees<'a>(row: &StoredRow, one: fn((f64, f64)) -> f64) -> Cell<'a> {
    let coordinates = Coordinates { latitude: row.latitude, longitude: row.longitude };
    coordinates.degrees().map_or(Cell::Blank, |both| Cell::Text(Cow::Owned(one(both).to_string())))
}

pub(super) fn instant(at_ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
