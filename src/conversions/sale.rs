//! Sales: money taken from a customer, put down to the customer's lead; or to a click that was never followed by one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lead::{Lead, lead_name};
use super::record::{Draft, event_key};
use super::{Conversions, Error, NAMED_FOR_MS, Result, ShownCustomer};
use crate::catalog::{CallName, Claim, CustomerName, Purpose};
use crate::domain::click_id::EventId;
use crate::domain::currency::Currency;
use crate::domain::customer::{Customer, Profile};
use crate::domain::event::Conversion;
use crate::domain::hit::ConversionKind;
use crate::domain::id::WorkspaceId;
use crate::domain::webhook::HookEvent;
use crate::warehouse::conversion::ClickFacts;

/// The lead of a sale that no lead came before (Dub contract, 6.4).
const DIRECT_LEAD: &str = "Direct sale tracking lead event";

/// A sale to record.
#[derive(Clone, Debug)]
pub struct NewSale {
    /// Who pays.
    pub customer: Profile,
    /// In the smallest unit of the currency.
    pub amount: i64,
    /// Which.
    pub currency: Currency,
    /// Such as `Purchase`.
    pub name: String,
    /// Who took the payment.
    pub processor: String,
    /// The invoice, under which the sale is recorded once.
    pub invoice: Option<String>,
    /// A JSON object.
    pub metadata: Option<Value>,
    /// The lead that it follows; `None` for the latest.
    pub lead_name: Option<String>,
    /// For a customer without a lead: the click, by its public id.
    pub click: Option<String>,
}

/// A recorded sale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SaleRecord {
    /// Such as `Purchase`.
    pub name: String,
    /// Who paid.
    pub customer: ShownCustomer,
    /// In the smallest unit of the currency.
    pub amount: i64,
    /// Which.
    pub currency: Currency,
    /// Who took the payment.
    pub processor: String,
    /// The invoice.
    pub invoice: Option<String>,
    /// A JSON object.
    pub metadata: Option<Value>,
}

/// To whom and what a sale is put down.
struct Basis {
    customer: Customer,
    click: EventId,
    of: Arc<ClickFacts>,
    /// No lead came before: one is recorded with the sale.
    direct: bool,
}

impl Conversions {
    /// Records a sale; once in seven days where it names an invoice, and then answers what it answered first. `None` when
    /// nobody is known to put it down to: neither a customer nor a click.
    pub async fn sale(&self, workspace: WorkspaceId, new: NewSale) -> Result<Option<SaleRecord>> {
        let now_ms = self.parts.clock.now_ms();
        let name = new.invoice.as_ref().map(|key| CallName { purpose: Purpose::Sale, key: key.clone() });
        if let Some(name) = &name
            && let Some(answer) = self.parts.catalog.answered(workspace, name, now_ms).await?
        {
            return Ok(Some(serde_json::from_value(answer)?));
        }
        let Some(Basis { customer, click, of, direct }) = self.basis(workspace, &new, now_ms).await? else {
            return Ok(None);
        };
        let NewSale { amount, currency, name: sale_name, processor, invoice, metadata, lead_name: wanted, .. } = new;
        let record = SaleRecord {
            name: sale_name,
            customer: customer.clone().into(),
            amount,
            currency,
            processor,
            invoice,
            metadata,
        };
        let mut session = self.parts.catalog.conversions().await?;
        let work = session.begin(workspace).await?;
        let mut drafts = Vec::new();
        if let Some(name) = &name {
            if let Claim::Answered(answer) = work.claim(name, now_ms, now_ms + NAMED_FOR_MS).await? {
                return Ok(Some(serde_json::from_value(answer)?));
            }
            work.answer(name, serde_json::to_value(&record)?).await?;
        }
        let first_lead = wanted.as_deref().unwrap_or(DIRECT_LEAD);
        if direct {
            let lead_call = lead_name(&customer.profile.external_id, first_lead);
            if work.claim(&lead_call, now_ms, now_ms + NAMED_FOR_MS).await? == Claim::Ours {
                let answer = super::LeadRecord { click, customer: customer.clone().into() };
                work.answer(&lead_call, serde_json::to_value(&answer)?).await?;
                let lead = Lead { workspace, at_ms: now_ms, name: first_lead, customer: &customer, click, of: &of };
                lead.note(&work).await?;
                let told = self.told(first_lead, &customer, click, &of, None, now_ms);
                work.tell(HookEvent::LeadCreated, of.link, &told, now_ms).await?;
                drafts.push(Draft { key: event_key(workspace, &lead_call, 0), ..lead.draft(String::new()) });
            }
        }
        let mut told = self.told(&record.name, &customer, click, &of, record.metadata.as_ref(), now_ms);
        told["sale"] = json!({
            "amount": record.amount,
            "currency": record.currency,
            "paymentProcessor": record.processor,
            "invoiceId": record.invoice,
        });
        work.tell(HookEvent::SaleCreated, of.link, &told, now_ms).await?;
        drafts.push(Draft {
            workspace,
            kind: ConversionKind::Sale,
            at_ms: now_ms,
            of: &of,
            event: event(&record, click)?,
            key: name.as_ref().map_or(0, |name| event_key(workspace, name, 0)),
        });
        self.record(drafts).await?;
        work.commit().await?;
        Ok(Some(record))
    }

    async fn basis(&self, workspace: WorkspaceId, new: &NewSale, now_ms: i64) -> Result<Option<Basis>> {
        let external_id = &new.customer.external_id;
        let known = self.parts.catalog.customer(workspace, &CustomerName::External(external_id.clone())).await?;
        if let Some(customer) = &known {
            let lead = self.parts.catalog.lead_of(workspace, customer.id, new.lead_name.as_deref()).await?;
            if let Some(lead) = lead {
                let of = self.facts_of(workspace, lead).await?;
                return Ok(Some(Basis { customer: customer.clone(), click: lead.click, of, direct: false }));
            }
        }
        match (&new.click, known) {
            // A customer whose lead never came (a direct sale that failed half-way, above all) has one now.
            (Some(text), _) => {
                let click = self.click_id(text)?;
                let of = self.click(workspace, click).await?.ok_or_else(|| Error::NoClick(text.clone()))?;
                self.link_of(workspace, text, &of).await?;
                let customer = self.meet(workspace, new.customer.clone(), click, &of, now_ms).await?;
                Ok(Some(Basis { customer, click, of, direct: true }))
            }
            (None, Some(_)) => Err(Error::NoLead { external_id: external_id.clone(), name: new.lead_name.clone() }),
            (None, None) => Ok(None),
        }
    }
}

fn event(record: &SaleRecord, click: EventId) -> Result<Conversion> {
    Ok(Conversion {
        click,
        customer: record.customer.id,
        name: record.name.clone(),
        amount: record.amount,
        currency: record.currency.code().to_owned(),
        payment_processor: record.processor.clone(),
        invoice_id: record.invoice.clone().unwrap_or_default(),
        metadata: record.metadata.as_ref().map(serde_json::to_string).transpose()?.unwrap_or_default(),
    })
}
