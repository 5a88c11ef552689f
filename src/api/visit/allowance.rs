//! Links with a limit of clicks: who may still follow them.

use super::{Recorder, Visits};
use crate::redirect::{Decision, Target, Unavailable};

impl<R: Recorder> Visits<R> {
    /// The decision, unless the link's clicks are used up. A visit takes its click here, before it is recorded: what cannot
    /// be recorded has been followed all the same. Robots and those who only look take none, and are told the same; one who is sent to the same
    /// address once more takes it there.
    ///
    /// # Errors
    /// [`Unavailable`] when nobody can say what is left. Links without a limit never wait for anything.
    pub(super) async fn within_limit(
        &self,
        target: &Target,
        decision: Decision,
        comes_again: bool,
    ) -> Result<Decision, Unavailable> {
        let Some(limit) = target.limit() else { return Ok(decision) };
        let redirect = decision.redirect();
        if redirect.is_none() && !matches!(decision, Decision::Inspect(_)) {
            return Ok(decision);
        }
        let allowances = &self.services.allowances;
        let is_left = if redirect.is_some_and(|redirect| redirect.takes) && !comes_again {
            allowances.take(target.workspace, target.link).await?
        } else {
            allowances.look(target.workspace, target.link).await?
        };
        if is_left {
            return Ok(decision);
        }
        limit.use_up();
        Ok(Decision::expired(target))
    }
}
