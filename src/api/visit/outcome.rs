//! What became of visits and of their clicks, as metrics.

use metrics::Counter;

use crate::domain::exclusion::DropReason;
use crate::telemetry::name::{EVENTS_DROPPED_TOTAL, VISITS_TOTAL};

/// What became of a visit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Redirected,
    Uncounted,
    Inspected,
    Previewed,
    NotFound,
    Nowhere,
    Locked,
    WrongPassword,
    Disabled,
    NotStarted,
    Expired,
    Blocked,
    Limited,
    Unavailable,
    OtherMethod,
    File,
    Statistics,
}

impl Outcome {
    const ALL: [Self; 17] = [
        Self::Redirected,
        Self::Uncounted,
        Self::Inspected,
        Self::Previewed,
        Self::NotFound,
        Self::Nowhere,
        Self::Locked,
        Self::WrongPassword,
        Self::Disabled,
        Self::NotStarted,
        Self::Expired,
        Self::Blocked,
        Self::Limited,
        Self::Unavailable,
        Self::OtherMethod,
        Self::File,
        Self::Statistics,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Redirected => "redirected",
            Self::Uncounted => "uncounted",
            Self::Inspected => "inspected",
            Self::Previewed => "previewed",
            Self::NotFound => "not_found",
            Self::Nowhere => "nowhere",
            Self::Locked => "locked",
            Self::WrongPassword => "wrong_password",
            Self::Disabled => "disabled",
            Self::NotStarted => "not_started",
            Self::Expired => "expired",
            Self::Blocked => "blocked",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
            Self::OtherMethod => "other_method",
            Self::File => "file",
            Self::Statistics => "statistics",
        }
    }
}

/// The counters, looked up once: a look-up by name costs as much as the rest of the decision.
pub(super) struct Outcomes([Counter; Outcome::ALL.len()]);

impl Outcomes {
    pub(super) fn new() -> Self {
        Self(Outcome::ALL.map(|outcome| metrics::counter!(VISITS_TOTAL, "outcome" => outcome.label())))
    }

    pub(super) fn count(&self, outcome: Outcome) {
        self.0[outcome as usize].increment(1);
    }
}

/// The counters of clicks that are not wanted, by reason.
pub(super) struct Drops([Counter; DropReason::ALL.len()]);

impl Drops {
    pub(super) fn new() -> Self {
        Self(DropReason::ALL.map(|reason| metrics::counter!(EVENTS_DROPPED_TOTAL, "reason" => reason.name())))
    }

    pub(super) fn count(&self, reason: DropReason) {
        self.0[reason as usize].increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_stand_at_their_own_place() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place, "{}", outcome.label());
        }
    }

    #[test]
    fn reasons_stand_at_their_own_place() {
        for (place, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place, "{}", reason.name());
        }
    }
}
