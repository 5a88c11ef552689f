//! Conversions as Linkly has them: of any kind, with or without a click or a customer, at a time of the sender's choice.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::record::{Draft, event_key};
use super::{Conversions, Error, Result};
use crate::catalog::{CallName, Claim, NewCustomer, PostedConversion, Purpose};
use crate::domain::click_id::EventId;
use crate::domain::currency::Currency;
use crate::domain::customer::{Attribution, Customer, Profile};
use crate::domain::event::{Conversion, Place};
use crate::domain::hit::{Carried, ConversionKind};
use crate::domain::id::WorkspaceId;
use crate::warehouse::conversion::ClickFacts;

/// How long a sender's id of a conversion is remembered: as good as for ever.
const NAMED_FOR_MS: i64 = 3_650 * 86_400_000;

/// A conversion to record.
#[derive(Clone, Debug)]
pub struct NewPosted {
    /// Such as `Sign up`.
    pub name: String,
    /// Lead, sale or anything else.
    pub kind: ConversionKind,
    /// The sender's id of it, under which it is recorded once.
    pub event_id: Option<String>,
    /// The customer's id in the sender's database.
    pub external_id: Option<String>,
    /// The click, by its public id.
    pub click: Option<String>,
    /// In the smallest unit of the currency; negative for money given back.
    pub amount: Option<i64>,
    /// Which.
    pub currency: Currency,
    /// ISO 3166-1 alpha-2; counts where no click tells.
    pub country: Option<String>,
    /// When it happened, in milliseconds; `None` for now.
    pub occurred_at_ms: Option<i64>,
    /// JSON text; empty for none.
    pub metadata: String,
    /// The visitor's address: tells the place where no click does, and is not kept.
    pub visitor_address: Option<IpAddr>,
}

/// What a posted conversion was put down to, for whoever writes its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// When it happened, in milliseconds.
    pub occurred_at_ms: i64,
    /// The click and its link.
    pub of: Option<Attribution>,
}

/// To whom and what a conversion is put down.
struct Basis {
    customer: Option<Customer>,
    click: Option<EventId>,
    of: Arc<ClickFacts>,
}

impl Conversions {
    /// Records a conversion; once where the sender gave it an id, and then answers what was recorded first. `fields` writes
    /// what the list of conversions shows.
    pub async fn post(
        &self,
        workspace: WorkspaceId,
        new: NewPosted,
        fields: impl FnOnce(Posted) -> Value + Send,
    ) -> Result<PostedConversion> {
        let now_ms = self.parts.clock.now_ms();
        let name = new.event_id.clone().map(|key| CallName { purpose: Purpose::Conversion, key });
        if let Some(name) = &name
            && let Some(answer) = self.parts.catalog.answered(workspace, name, now_ms).await?
        {
            return again(&answer);
        }
        let at_ms = new.occurred_at_ms.unwrap_or(now_ms);
        let Basis { customer, click, of } = self.basis_of_posted(workspace, &new, at_ms).await?;
        let fields =
            fields(Posted { occurred_at_ms: at_ms, of: click.map(|click| Attribution { click, link: of.link }) });
        let mut session = self.parts.catalog.conversions().await?;
        let work = session.begin(workspace).await?;
        if let Some(name) = &name
            && let Claim::Answered(answer) = work.claim(name, now_ms, now_ms + NAMED_FOR_MS).await?
        {
            return again(&answer);
        }
        let posted = work.add_posted(fields, now_ms).await?;
        if let Some(name) = &name {
            work.answer(name, remembered(&posted)).await?;
        }
        if let (ConversionKind::Lead, Some(customer), Some(click)) = (new.kind, &customer, click) {
            work.note_lead(customer.id, &new.name, Attribution { click, link: of.link }, at_ms).await?;
        }
        let event = Conversion {
            click: click.unwrap_or_default(),
            customer: customer.map(|customer| customer.id).unwrap_or_default(),
            name: new.name,
            amount: new.amount.unwrap_or(0),
            currency: new.amount.map_or_else(String::new, |_| new.currency.code().to_owned()),
            payment_processor: String::new(),
            invoice_id: new.event_id.unwrap_or_default(),
            metadata: new.metadata,
        };
        let key = name.as_ref().map_or(0, |name| event_key(workspace, name, 0));
        self.record([Draft { workspace, kind: new.kind, at_ms, of: &of, event, key }]).await?;
        work.commit().await?;
        Ok(posted)
    }

    async fn basis_of_posted(&self, workspace: WorkspaceId, new: &NewPosted, at_ms: i64) -> Result<Basis> {
        let named = match &new.click {
            Some(text) => {
                let click = self.click_id(text)?;
                let facts = self.click(workspace, click).await?.ok_or_else(|| Error::NoClick(text.clone()))?;
                Some((click, facts))
            }
            None => None,
        };
        let customer = match &new.external_id {
            Some(external_id) => {
                let profile = Profile { external_id: external_id.clone(), ..Profile::default() };
                let first = named.as_ref().map(|(click, of)| Attribution { click: *click, link: of.link });
                let country = new.country.clone();
                let met = NewCustomer { profile, country, first, stripe_id: None };
                Some(self.parts.catalog.meet_customer(workspace, &met, at_ms).await?)
            }
            None => None,
        };
        if let Some((click, of)) = named {
            return Ok(Basis { customer, click: Some(click), of });
        }
        // A customer who is known by a click brings it along.
        if let Some(known) = &customer {
            let lead = self.parts.catalog.lead_of(workspace, known.id, None).await?;
            if let Some(earlier) = lead.or(known.first) {
                let of = self.facts_of(workspace, earlier).await?;
                return Ok(Basis { customer, click: Some(earlier.click), of });
            }
        }
        let mut place = match new.visitor_address {
            Some(address) => self.parts.enricher.place(address, None),
            None => Place::default(),
        };
        if let Some(country) = new.country.as_ref().filter(|country| place.country != **country) {
            place = Place { country: country.clone(), ..Place::default() };
        }
        let carried = Carried { place, ..Carried::default() };
        Ok(Basis { customer, click: None, of: Arc::new(ClickFacts { carried, ..ClickFacts::default() }) })
    }
}

fn remembered(posted: &PostedConversion) -> Value {
    serde_json::json!({ "id": posted.id, "fields": posted.fields, "inserted_at_ms": posted.inserted_at_ms })
}

fn again(answer: &Value) -> Result<PostedConversion> {
    use serde::Deserialize;
    Ok(PostedConversion {
        id: u64::deserialize(&answer["id"])?,
        fields: answer["fields"].clone(),
        inserted_at_ms: i64::deserialize(&answer["inserted_at_ms"])?,
    })
}
