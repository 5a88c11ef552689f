//! Leads: a customer is made known, by a click or by being known already.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record::{Draft, event_key};
use super::{Conversions, Error, NAMED_FOR_MS, Result, ShownCustomer};
use crate::catalog::{CallName, Claim, ConversionWork, CustomerName, NewCustomer, Purpose};
use crate::domain::click_id::EventId;
use crate::domain::customer::{Attribution, Customer, Profile};
use crate::domain::event::Conversion;
use crate::domain::hit::ConversionKind;
use crate::domain::id::WorkspaceId;
use crate::domain::link::Link;
use crate::domain::webhook::HookEvent;
use crate::warehouse::conversion::ClickFacts;

/// A lead to record.
#[derive(Clone, Debug, Default)]
pub struct NewLead {
    /// The click, by its public id; `None` for the customer's first one.
    pub click: Option<String>,
    /// Such as `Sign up`.
    pub name: String,
    /// Who it is.
    pub customer: Profile,
    /// The customer is made known now, the lead follows with a later call.
    pub deferred: bool,
    /// Events of the same kind, at least 1.
    pub quantity: u32,
    /// A JSON object.
    pub metadata: Option<Value>,
}

/// What is remembered of a lead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeadRecord {
    /// The click it follows.
    pub click: EventId,
    /// Who it was.
    pub customer: ShownCustomer,
}

/// What became of a lead.
#[derive(Clone, Debug)]
pub struct LeadOutcome {
    /// What is known of it.
    pub record: LeadRecord,
    /// Its link; `None` when the same lead was recorded before.
    pub link: Option<Link>,
}

/// What leads of one customer and one name have in common, whatever their case and blanks.
pub(super) fn lead_name(external_id: &str, name: &str) -> CallName {
    let name = name.to_lowercase().replace(' ', "-");
    CallName { purpose: Purpose::Lead, key: format!("{}:{external_id}:{name}", external_id.len()) }
}

impl Conversions {
    /// Records a lead once in seven days for its customer and name.
    pub async fn lead(&self, workspace: WorkspaceId, new: NewLead) -> Result<LeadOutcome> {
        let now_ms = self.parts.clock.now_ms();
        let name = lead_name(&new.customer.external_id, &new.name);
        if !new.deferred
            && let Some(answer) = self.parts.catalog.answered(workspace, &name, now_ms).await?
        {
            return Ok(LeadOutcome { record: serde_json::from_value(answer)?, link: None });
        }
        let (click, facts) = self.click_of_lead(workspace, &new).await?;
        let link = self.link_of(workspace, &self.public_click(click), &facts).await?;
        let customer = self.meet(workspace, new.customer, click, &facts, now_ms).await?;
        let record = LeadRecord { click, customer: customer.clone().into() };
        if new.deferred {
            return Ok(LeadOutcome { record, link: Some(link) });
        }
        let mut session = self.parts.catalog.conversions().await?;
        let work = session.begin(workspace).await?;
        if let Claim::Answered(answer) = work.claim(&name, now_ms, now_ms + NAMED_FOR_MS).await? {
            return Ok(LeadOutcome { record: serde_json::from_value(answer)?, link: None });
        }
        work.answer(&name, serde_json::to_value(&record)?).await?;
        let lead = Lead { workspace, at_ms: now_ms, name: &new.name, customer: &customer, click, of: &facts };
        lead.note(&work).await?;
        let metadata = new.metadata.as_ref();
        let told = self.told(&new.name, &customer, click, &facts, metadata, now_ms);
        work.tell(HookEvent::LeadCreated, facts.link, &told, now_ms).await?;
        let metadata = metadata.map(Value::to_string).unwrap_or_default();
        let drafts = (0..new.quantity.max(1))
            .map(|index| Draft { key: event_key(workspace, &name, index), ..lead.draft(metadata.clone()) });
        // Last before the commit, so that hardly anything can undo what is on disk by then.
        self.record(drafts).await?;
        work.commit().await?;
        Ok(LeadOutcome { record, link: Some(link) })
    }

    /// The click that the caller names, or else the known customer's first one.
    async fn click_of_lead(&self, workspace: WorkspaceId, new: &NewLead) -> Result<(EventId, Arc<ClickFacts>)> {
        if let Some(text) = &new.click {
            let click = self.click_id(text)?;
            let facts = self.click(workspace, click).await?.ok_or_else(|| Error::NoClick(text.clone()))?;
            return Ok((click, facts));
        }
        let external_id = &new.customer.external_id;
        let known = self.parts.catalog.customer(workspace, &CustomerName::External(external_id.clone())).await?;
        let Some(first) = known.and_then(|customer| customer.first) else {
            return Err(Error::NoCustomer(external_id.clone()));
        };
        Ok((first.click, self.facts_of(workspace, first).await?))
    }

    /// The dimensions of a known attribution: of a click whose time in the store is over, its link is still known.
    pub(super) async fn facts_of(&self, workspace: WorkspaceId, of: Attribution) -> Result<Arc<ClickFacts>> {
        let found = self.click(workspace, of.click).await?;
        Ok(found.unwrap_or_else(|| Arc::new(ClickFacts { link: of.link, ..ClickFacts::default() })))
    }

    /// The customer of this profile, made known by this click if it is new. Not undone with what follows: its number stands
    /// in events that may already be on disk.
    pub(super) async fn meet(
        &self,
        workspace: WorkspaceId,
        profile: Profile,
        click: EventId,
        of: &ClickFacts,
        now_ms: i64,
    ) -> Result<Customer> {
        let country = Some(of.carried.place.country.clone()).filter(|country| !country.is_empty());
        let first = Some(Attribution { click, link: of.link });
        let new = NewCustomer { profile, country, first, stripe_id: None };
        Ok(self.parts.catalog.meet_customer(workspace, &new, now_ms).await?)
    }
}

/// A lead about to be recorded.
pub(super) struct Lead<'a> {
    pub(super) workspace: WorkspaceId,
    pub(super) at_ms: i64,
    pub(super) name: &'a str,
    pub(super) customer: &'a Customer,
    pub(super) click: EventId,
    pub(super) of: &'a ClickFacts,
}

impl<'a> Lead<'a> {
    /// Lets later sales find it.
    pub(super) async fn note(&self, work: &ConversionWork<'_>) -> Result<()> {
        let of = Attribution { click: self.click, link: self.of.link };
        Ok(work.note_lead(self.customer.id, self.name, of, self.at_ms).await?)
    }

    /// The event, without a key.
    pub(super) fn draft(&self, metadata: String) -> Draft<'a> {
        let event = Conversion {
            click: self.click,
            customer: self.customer.id,
            name: self.name.to_owned(),
            metadata,
            ..Conversion::default()
        };
        Draft { workspace: self.workspace, kind: ConversionKind::Lead, at_ms: self.at_ms, of: self.of, event, key: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_are_named_by_customer_and_event() {
        let key = |external_id: &str, name: &str| lead_name(external_id, name).key;
        assert_eq!(key("42", "Sign Up"), key("42", "sign-up"));
        assert_ne!(key("42", "a"), key("43", "a"));
        assert_ne!(key("4:2", "a"), key("4", "2:a"));
        assert_ne!(key("a:b", "c"), key("a", "b:c"));
    }
}
