//! Forgetting a link's events or a person: who that is in the stores, the deletion, and the proof.
//!
//! A person goes by several names. The site's own name of a person, and a customer, lead to visitors: those on whom no other
//! person was seen are the same one, and go too; those that several people shared stay, but for the person's own events, and
//! are told.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::catalog::{self, Catalog, CustomerName, Task};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::rotation::VisitorRotation;
use crate::enrich::VisitorHasher;
use crate::warehouse::erasure::{Found, Subject};
use crate::warehouse::{self, Warehouse};

use super::set_aside::{self, SetAside};

const DAY_MS: i64 = 86_400_000;
/// How often the rollup is brought in line when events come in meanwhile.
const ALIGNMENTS: u32 = 10;
/// A batch that is being stored is in the rollup a moment after it is in the events.
const SETTLING: Duration = Duration::from_secs(2);
/// How often the subject is looked for again when events of it come in meanwhile.
const ROUNDS: u32 = 3;

/// Who or what is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A link's events; the link itself stays.
    Link(LinkId),
    /// A visitor as exports show them.
    Visitor(u64),
    /// A visitor by their first-party id.
    VisitorId(String),
    /// A person by the site's own name.
    UserId(String),
    /// A customer by the id in the user's own database.
    Customer(String),
}

/// Why nothing, or not everything, was done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Another process is at it.
    #[error("another process is erasing right now; try again when it is done")]
    Busy,
    /// There is no such customer.
    #[error("the workspace has no customer {0:?}")]
    NoCustomer(String),
    /// Postgres.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// ClickHouse.
    #[error(transparent)]
    Warehouse(#[from] warehouse::Error),
    /// The files of refused events.
    #[error("the events that were set aside cannot be looked through: {0}")]
    SetAside(#[from] std::io::Error),
}

/// Who it is in the stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Whose rows go.
    pub subject: Subject,
    /// Visitors on whom other people were seen too: only the person's own events go.
    pub shared: Vec<u64>,
}

/// What there is of the subject in all places.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Remains {
    /// In ClickHouse.
    #[serde(flatten)]
    pub found: Found,
    /// Customers in Postgres.
    pub customers: u64,
    /// In files of refused events.
    pub set_aside: SetAside,
}

impl Remains {
    /// Whether nothing is left.
    pub fn is_gone(&self) -> bool {
        self.found == Found::default() && self.customers == 0 && self.set_aside.records == 0
    }
}

/// What an erasure came to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Proof {
    /// What is left.
    pub after: Remains,
    /// Groups of the rollup that count something else than the events.
    pub rollup_drift: u64,
    /// Deletions that ClickHouse still works on; `None` when its user may not see `system.mutations`.
    pub unfinished_mutations: Option<u64>,
}

impl Proof {
    /// Whether everything is gone and every count agrees.
    pub fn holds(&self) -> bool {
        self.after.is_gone() && self.rollup_drift == 0 && self.unfinished_mutations.unwrap_or(0) == 0
    }
}

/// The stores of one workspace, and the names of its visitors.
pub struct Eraser<'a> {
    /// Postgres.
    pub catalog: &'a Catalog,
    /// ClickHouse.
    pub warehouse: &'a Warehouse,
    /// The keys of visitors.
    pub hasher: &'a VisitorHasher,
    /// The folder of the spool.
    pub spool: &'a Path,
    /// The workspace; nothing of another is touched.
    pub workspace: WorkspaceId,
}

impl Eraser<'_> {
    /// Finds out who it is in the stores.
    ///
    /// # Errors
    /// When there is no such customer, or a store does not answer.
    pub async fn resolve(&self, who: &Who) -> Result<Resolved, Failure> {
        let mut subject = Subject::default();
        match who {
            Who::Link(link) => subject.link = Some(*link),
            Who::Visitor(visitor) => subject.visitors = vec![*visitor],
            Who::VisitorId(name) => subject.visitors = self.named(name).await?,
            Who::UserId(name) => {
                subject.visitors = self.named(name).await?;
                subject.user_id = Some(name.clone());
            }
            Who::Customer(external) => {
                let name = CustomerName::External(external.clone());
                let customer = self.catalog.customer(self.workspace, &name).await?;
                let customer = customer.ok_or_else(|| Failure::NoCustomer(external.clone()))?.id;
                subject.customer = Some(customer);
                subject.events = self.warehouse.clicks_of(self.workspace, customer).await?;
            }
        }
        let mut shared = Vec::new();
        for namesake in self.warehouse.namesakes(self.workspace, &subject).await? {
            let list = if namesake.names <= 1 { &mut subject.visitors } else { &mut shared };
            list.push(namesake.visitor);
        }
        subject.visitors.sort_unstable();
        subject.visitors.dedup();
        Ok(Resolved { subject, shared })
    }

    /// The visitors that a name makes, under every key that the workspace may have had while it has events.
    async fn named(&self, name: &str) -> Result<Vec<u64>, Failure> {
        let mut epochs = BTreeSet::from([0]);
        if let Some((first_ms, last_ms)) = self.warehouse.events_span(self.workspace).await? {
            for day in first_ms.div_euclid(DAY_MS)..=last_ms.div_euclid(DAY_MS) {
                epochs.extend(VisitorRotation::ALL.map(|rotation| rotation.epoch(day * DAY_MS)));
            }
        }
        Ok(epochs.into_iter().map(|epoch| self.hasher.named(self.workspace, epoch, name)).collect())
    }

    /// What there is of the subject.
    ///
    /// # Errors
    /// When a store does not answer.
    pub async fn look(&self, subject: &Subject) -> Result<Remains, Failure> {
        let found = self.warehouse.find_subject(self.workspace, subject).await?;
        let customers = match subject.customer {
            Some(customer) => self.catalog.customers_by_ids(self.workspace, &[customer]).await?.len() as u64,
            None => 0,
        };
        let set_aside = self.set_aside(subject, false)?;
        Ok(Remains { found, customers, set_aside })
    }

    fn set_aside(&self, subject: &Subject, remove: bool) -> Result<SetAside, Failure> {
        let look = || set_aside::look_through(self.spool, self.workspace, subject, self.hasher, remove);
        Ok(tokio::task::block_in_place(look)?)
    }

    /// Deletes everything of the subject and looks for it once more. Events that come in meanwhile go too, as far as three
    /// rounds find them. May be cut short and run again.
    ///
    /// # Errors
    /// When another process erases, or a store does not do its part.
    pub async fn erase(&self, subject: &Subject) -> Result<Proof, Failure> {
        let Some(turn) = self.catalog.take_turn(Task::Erasure).await? else { return Err(Failure::Busy) };
        let proof = self.erase_all(subject).await;
        turn.end().await;
        proof
    }

    async fn erase_all(&self, subject: &Subject) -> Result<Proof, Failure> {
        let mut rounds = 0;
        loop {
            self.set_aside(subject, true)?;
            self.warehouse.erase_visitors(self.workspace, subject).await?;
            self.warehouse.erase_events(self.workspace, subject).await?;
            if let Some(customer) = subject.customer {
                self.catalog.remove_customer(self.workspace, &CustomerName::Id(customer)).await?;
            }
            let rollup_drift = self.align().await?;
            let after = self.look(subject).await?;
            let unfinished_mutations = self.warehouse.mutations().await?.map(|mutations| mutations.unfinished);
            let proof = Proof { after, rollup_drift, unfinished_mutations };
            rounds += 1;
            if proof.holds() || rounds == ROUNDS {
                return Ok(proof);
            }
        }
    }

    /// Brings the rollup in line; how many groups are not.
    async fn align(&self) -> Result<u64, Failure> {
        for _ in 0..ALIGNMENTS {
            self.warehouse.align_rollup(self.workspace).await?;
            if self.drift().await? == 0 {
                return Ok(0);
            }
        }
        self.drift().await
    }

    /// What differs, and still does when what was being stored is.
    async fn drift(&self) -> Result<u64, Failure> {
        tokio::time::sleep(SETTLING).await;
        Ok(self.warehouse.rollup_drift(self.workspace).await?)
    }
}
