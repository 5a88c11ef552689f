//! THE table of an event's columns: what `format=csv` of `GET /events` has, and what `columns` of `GET /events/export` may
//! name.

use std::borrow::Cow;

use crate::domain::country;
use crate::domain::currency::money;
use crate::domain::dimension::Dimension;
use crate::domain::event::EventKind::{self, Click, Lead, Sale};
use crate::domain::link::ROOT_SLUG;
use crate::encode::dub::CustomerObject;
use crate::table::Cell;

use super::event_shape::Shown;

/// One line of the table.
pub(super) struct Column {
    /// The name in `columns`.
    pub name: &'static str,
    /// The header of an export where it is not the name with a capital (Dub contract, 5.4).
    title: Option<&'static str>,
    /// The header in a list's CSV; `None` for columns of exports only.
    flat: Option<&'static str>,
    kinds: &'static [EventKind],
    cell: fn(&Shown) -> Cell,
    /// The cell of an export where it is another one than a list's.
    spoken: Option<fn(&Shown) -> Cell>,
}

const EVERY: &[EventKind] = &[Click, Lead, Sale];
const CONVERSIONS: &[EventKind] = &[Lead, Sale];
const SALES: &[EventKind] = &[Sale];

const fn column(
    name: &'static str,
    flat: &'static str,
    kinds: &'static [EventKind],
    cell: fn(&Shown) -> Cell,
) -> Column {
    let flat = if flat.is_empty() { None } else { Some(flat) };
    Column { name, title: None, flat, kinds, cell, spoken: None }
}

impl Column {
    const fn titled(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    const fn spoken(mut self, cell: fn(&Shown) -> Cell) -> Self {
        self.spoken = Some(cell);
        self
    }

    /// The header of an export.
    pub(super) fn title(&self) -> Cow<'static, str> {
        match self.title {
            Some(title) => Cow::Borrowed(title),
            None => {
                let (first, rest) = self.name.split_at(1);
                Cow::Owned(first.to_ascii_uppercase() + rest)
            }
        }
    }

    /// The cell of an export.
    pub(super) fn spoken_cell(&self, event: &Shown) -> Cell {
        self.spoken.unwrap_or(self.cell)(event)
    }
}

/// The columns of an export of one kind, in order.
pub(super) fn columns(kind: EventKind) -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(move |column| column.kinds.contains(&kind))
}

/// The header of a list's CSV.
pub(super) fn flat_header(kind: EventKind) -> Vec<Cow<'static, str>> {
    columns(kind).filter_map(|column| column.flat).map(Cow::Borrowed).collect()
}

/// The row of a list's CSV.
pub(super) fn flat_row(event: &Shown) -> Vec<Cell> {
    columns(event.kind).filter(|column| column.flat.is_some()).map(|column| (column.cell)(event)).collect()
}

const COLUMNS: &[Column] = &[
    column("event", "event", EVERY, |shown| shown.kind.name().into()).spoken(|shown| match shown.kind {
        Click => Cell::from("click"),
        _ => shown.event.event_name.as_str().into(),
    }),
    column("timestamp", "timestamp", EVERY, |shown| shown.timestamp.as_str().into()).titled("Date"),
    column("eventId", "event_id", CONVERSIONS, |shown| shown.event_id.as_str().into()),
    column("eventName", "event_name", CONVERSIONS, |shown| shown.event.event_name.as_str().into()),
    column("saleAmount", "sale_amount", SALES, |shown| shown.event.amount.into())
        .titled("Sale Amount")
        .spoken(|shown| money(shown.event.amount, shown.currency()).into()),
    column("currency", "currency", SALES, |shown| shown.currency().into()),
    column("paymentProcessor", "payment_processor", SALES, |shown| shown.processor().into()),
    column("invoiceId", "invoice_id", SALES, |shown| shown.event.invoice_id.as_str().into()).titled("Invoice ID"),
    column("customer", "", CONVERSIONS, |shown| {
        of_customer(shown, |customer| match customer.email.as_str() {
            "" => customer.name.clone(),
            email => format!("{} <{email}>", customer.name),
        })
    }),
    column("customerId", "customer_id", CONVERSIONS, |shown| of_customer(shown, |customer| customer.id.clone())),
    column("customerName", "customer_name", CONVERSIONS, |shown| of_customer(shown, |customer| customer.name.clone())),
    column("customerEmail", "customer_email", CONVERSIONS, |shown| {
        of_customer(shown, |customer| customer.email.clone())
    }),
    column("customerExternalId", "customer_external_id", CONVERSIONS, |shown| {
        of_customer(shown, |customer| customer.external_id.clone())
    }),
    column("customerCountry", "customer_country", CONVERSIONS, |shown| {
        of_customer(shown, |customer| customer.country.clone())
    })
    .spoken(|shown| of_customer(shown, |customer| country_name(&customer.country).to_owned())),
    column("clickId", "click_id", EVERY, |shown| shown.click_id.as_str().into()).titled("Click ID"),
    column("linkId", "link_id", EVERY, |shown| shown.link_id().into()),
    column("link", "", EVERY, |shown| match (shown.link.domain.as_str(), shown.link.slug.as_str()) {
        (domain, "" | ROOT_SLUG) => domain.into(),
        (domain, slug) => format!("{domain}/{slug}").into(),
    }),
    column("domain", "domain", EVERY, |shown| shown.link.domain.as_str().into()),
    column("key", "key", EVERY, |shown| shown.link.slug.as_str().into()),
    column("shortLink", "short_link", EVERY, |shown| shown.link.short_link.as_str().into()),
    column("url", "url", EVERY, |shown| shown.event.url.as_str().into()).titled("Destination URL"),
    column("continent", "continent", EVERY, |shown| of(shown, Dimension::Continent)),
    column("country", "country", EVERY, |shown| of(shown, Dimension::Country))
        .spoken(|shown| country_name(&shown.seen().shown(Dimension::Country)).into()),
    column("region", "region", EVERY, |shown| of(shown, Dimension::Region)),
    column("city", "city", EVERY, |shown| of(shown, Dimension::City)),
    column("device", "device", EVERY, |shown| of(shown, Dimension::Device)),
    column("browser", "browser", EVERY, |shown| of(shown, Dimension::Browser)),
    column("os", "os", EVERY, |shown| of(shown, Dimension::Os)).titled("OS"),
    column("trigger", "trigger", EVERY, |shown| of(shown, Dimension::Trigger)).titled("Event"),
    column("referer", "referer", EVERY, |shown| of(shown, Dimension::Referrer)).titled("Referrer"),
    column("refererUrl", "referer_url", EVERY, |shown| of(shown, Dimension::ReferrerUrl)).titled("Referrer URL"),
    column("utm_source", "utm_source", EVERY, |shown| shown.event.utm_source.as_str().into()),
    column("utm_medium", "utm_medium", EVERY, |shown| shown.event.utm_medium.as_str().into()),
    column("utm_campaign", "utm_campaign", EVERY, |shown| shown.event.utm_campaign.as_str().into()),
    column("utm_term", "utm_term", EVERY, |shown| shown.event.utm_term.as_str().into()),
    column("utm_content", "utm_content", EVERY, |shown| shown.event.utm_content.as_str().into()),
    column("qr", "", EVERY, |shown| shown.seen().is_qr().into()),
    column("ip", "", EVERY, |_| Cell::from("")),
    column("bot", "bot", EVERY, |shown| shown.event.bot.as_str().into()),
    column("ua", "user_agent", EVERY, |shown| shown.event.user_agent.as_str().into()),
    column("metadata", "metadata", CONVERSIONS, |shown| shown.event.metadata.as_str().into()),
];

fn of(shown: &Shown, dimension: Dimension) -> Cell {
    Cell::Text(shown.seen().shown(dimension).into_owned())
}

fn of_customer(shown: &Shown, text: impl Fn(&CustomerObject) -> String) -> Cell {
    Cell::Text(shown.customer.as_deref().map(text).unwrap_or_default())
}

/// A country spelled out; a code that nobody has, and the label of the unknown, as they are.
fn country_name(code: &str) -> &str {
    country::name(code).unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_once_and_titled_as_dub_does() {
        for (place, column) in COLUMNS.iter().enumerate() {
            assert!(COLUMNS[place + 1..].iter().all(|other| other.name != column.name), "{}", column.name);
            assert!(!column.kinds.is_empty());
        }
        let title = |name| COLUMNS.iter().find(|column| column.name == name).map(|column| column.title().into_owned());
        for (name, expected) in [
            ("timestamp", "Date"),
            ("trigger", "Event"),
            ("event", "Event"),
            ("url", "Destination URL"),
            ("os", "OS"),
            ("referer", "Referrer"),
            ("refererUrl", "Referrer URL"),
            ("invoiceId", "Invoice ID"),
            ("saleAmount", "Sale Amount"),
            ("clickId", "Click ID"),
            ("customer", "Customer"),
            ("country", "Country"),
            ("link", "Link"),
            ("metadata", "Metadata"),
        ] {
            assert_eq!(title(name).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(title("nothing"), None);
    }

    #[test]
    fn countries_are_spelled_out() {
        for (code, name) in [("DE", "Germany"), ("Unknown", "Unknown"), ("ZZ", "ZZ"), ("", "")] {
            assert_eq!(country_name(code), name);
        }
    }
}
