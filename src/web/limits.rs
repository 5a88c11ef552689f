//! How much each caller may ask: one budget a kind of request, from the settings.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;

use crate::calendar::Clock;
use crate::config::LimitsConfig;
use crate::domain::id::{KeyId, UserId, WorkspaceId};
use crate::domain::principal::{Principal, Shown};
use crate::telemetry::name::RATE_LIMITED_TOTAL;
use crate::throttle::{Budget, Standing, client_group};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// The budgets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Limits(Arc<Budgets>);

#[derive(Debug)]
struct Budgets {
    api: Option<Budget<KeyId>>,
    analytics: Option<Budget<KeyId>>,
    people: Option<Budget<UserId>>,
    workspaces: Option<Budget<WorkspaceId>>,
    bulk: Option<Budget<WorkspaceId>>,
    publishable: Option<Budget<WorkspaceId>>,
    public: Option<Budget<IpAddr>>,
}

/// Who pays for a request, and from which budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// A key, per minute.
    Api(KeyId),
    /// A key, per second: analytics and events.
    Analytics(KeyId),
    /// A person who signed in, per minute: as much as a key.
    Person(UserId),
    /// A workspace, per minute, as much as a key elsewhere: Brevr's budget is one for all of its keys (contract, 3.1).
    Workspace(WorkspaceId),
    /// A workspace, per minute: Brevr's calls for many links at once.
    Bulk(WorkspaceId),
    /// What pages may report with a workspace's publishable key, per minute.
    Publishable(WorkspaceId),
    /// A client without a key, per minute: public statistics.
    Public(IpAddr),
}

impl Charge {
    /// What a request with a key to this path costs: paths with `/analytics` or `/events`, and Linkly's `/clicks`, have a budget
    /// of their own (Dub contract, section 1).
    pub fn of_key(key: KeyId, path: &str) -> Self {
        let asks_for_numbers = ["/analytics", "/events", "/clicks"].iter().any(|part| path.contains(part));
        if asks_for_numbers { Self::Analytics(key) } else { Self::Api(key) }
    }

    /// What a request of this caller to this path costs.
    pub fn of(principal: &Principal, path: &str) -> Self {
        match principal.shown {
            Shown::Key(key) => Self::of_key(key, path),
            Shown::Cookie => Self::Person(principal.user),
        }
    }

    /// What refusals are counted by in the metrics.
    fn name(self) -> &'static str {
        match self {
            Self::Api(_) => "api",
            Self::Analytics(_) => "analytics",
            Self::Person(_) => "people",
            Self::Workspace(_) => "workspace",
            Self::Bulk(_) => "bulk",
            Self::Publishable(_) => "publishable",
            Self::Public(_) => "public",
        }
    }
}

impl Limits {
    /// Whole budgets for everybody.
    pub fn new(config: &LimitsConfig, clock: &Clock) -> Self {
        Self(Arc::new(Budgets {
            api: Budget::new(config.per_minute, MINUTE, clock),
            analytics: Budget::new(config.analytics_per_second, SECOND, clock),
            people: Budget::new(config.per_minute, MINUTE, clock),
            workspaces: Budget::new(config.per_minute, MINUTE, clock),
            bulk: Budget::new(config.bulk_per_minute, MINUTE, clock),
            publishable: Budget::new(config.publishable_per_minute, MINUTE, clock),
            public: Budget::new(config.public_per_minute, MINUTE, clock),
        }))
    }

    /// Pays for one request; `None` where there is no limit.
    ///
    /// # Errors
    /// The standing of a payer whose budget is used up.
    pub fn pay(&self, charge: Charge) -> Result<Option<Standing>, Standing> {
        let Budgets { api, analytics, people, workspaces, bulk, publishable, public } = &*self.0;
        let paid = match charge {
            Charge::Api(key) => api.as_ref().map(|budget| budget.spend(&key)),
            Charge::Analytics(key) => analytics.as_ref().map(|budget| budget.spend(&key)),
            Charge::Person(user) => people.as_ref().map(|budget| budget.spend(&user)),
            Charge::Workspace(workspace) => workspaces.as_ref().map(|budget| budget.spend(&workspace)),
            Charge::Bulk(workspace) => bulk.as_ref().map(|budget| budget.spend(&workspace)),
            Charge::Publishable(workspace) => publishable.as_ref().map(|budget| budget.spend(&workspace)),
            Charge::Public(client) => public.as_ref().map(|budget| budget.spend(&client_group(client))),
        };
        paid.transpose().inspect_err(|_| counter!(RATE_LIMITED_TOTAL, "budget" => charge.name()).increment(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn analytics_and_events_have_their_own_budget() {
        let key = KeyId(1);
        for (path, is_analytics) in [
            ("/analytics", true),
            ("/api/analytics/export", true),
            ("/events", true),
            ("/api/events/stream", true),
            ("/links", false),
            ("/track/lead", false),
        ] {
            let expected = if is_analytics { Charge::Analytics(key) } else { Charge::Api(key) };
            assert_eq!(Charge::of_key(key, path), expected, "{path}");
        }
    }

    #[test]
    fn each_payer_has_each_budget() {
        let config = LimitsConfig {
            per_minute: 2,
            analytics_per_second: 1,
            publishable_per_minute: 0,
            public_per_minute: 1,
            bulk_per_minute: 1,
            ..LimitsConfig::default()
        };
        let limits = Limits::new(&config, &Clock::fixed(1_790_000_000_000));
        let remaining = |charge| limits.pay(charge).map(|standing| standing.map(|standing| standing.remaining)).ok();
        let client = |text: &str| Charge::Public(text.parse().unwrap());
        for (charge, expected) in [
            (Charge::Api(KeyId(1)), Some(Some(1))),
            (Charge::Api(KeyId(1)), Some(Some(0))),
            (Charge::Api(KeyId(1)), None),
            (Charge::Api(KeyId(2)), Some(Some(1))),
            (Charge::Analytics(KeyId(1)), Some(Some(0))),
            (Charge::Analytics(KeyId(1)), None),
            (Charge::Person(UserId(1)), Some(Some(1))),
            (Charge::Workspace(WorkspaceId(1)), Some(Some(1))),
            (Charge::Bulk(WorkspaceId(1)), Some(Some(0))),
            (Charge::Bulk(WorkspaceId(1)), None),
            (Charge::Publishable(WorkspaceId(1)), Some(None)),
            (client("2001:db8::1"), Some(Some(0))),
            (client("2001:db8::2"), None),
            (client("192.0.2.1"), Some(Some(0))),
            (client("::ffff:192.0.2.1"), None),
        ] {
            assert_eq!(remaining(charge), expected, "{charge:?}");
        }
    }
}
