//! Events of conversions: how they are made, named and brought to disk.

use sha2::{Digest, Sha256};

use super::{Conversions, Result};
use crate::catalog::CallName;
use crate::domain::event::Conversion;
use crate::domain::hit::{ConversionHit, ConversionKind, Hit, What};
use crate::domain::id::WorkspaceId;
use crate::ingest::Recorded;
use crate::warehouse::conversion::ClickFacts;

/// The hash under which the `index`th event of a named call is stored, so that a second try is recognised. It does not
/// change with the program, and is never 0.
pub fn event_key(workspace: WorkspaceId, name: &CallName, index: u32) -> u64 {
    let mut hash = Sha256::new();
    for part in [workspace.0.to_string().as_str(), name.purpose.name(), &name.key, &index.to_string()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first).max(1)
}

/// An event to record.
pub(super) struct Draft<'a> {
    pub(super) workspace: WorkspaceId,
    pub(super) kind: ConversionKind,
    pub(super) at_ms: i64,
    pub(super) of: &'a ClickFacts,
    pub(super) event: Conversion,
    /// From [`event_key`]; 0 for an event without a name.
    pub(super) key: u64,
}

impl Draft<'_> {
    fn hit(self) -> Hit {
        let Self { workspace, kind, at_ms, of, event, key } = self;
        Hit {
            at_ms,
            workspace,
            link: of.link,
            url: of.url.clone(),
            params: of.params.clone(),
            trigger: of.trigger,
            idempotency: key,
            what: What::Conversion(Box::new(ConversionHit { kind, event, carried: of.carried.clone() })),
            ..Hit::default()
        }
    }
}

impl Conversions {
    /// Brings events to disk, all of them before it returns.
    pub(super) async fn record(&self, drafts: impl IntoIterator<Item = Draft<'_>>) -> Result<()> {
        let mut recorded: Vec<Recorded> = Vec::new();
        for draft in drafts {
            recorded.push(self.parts.ingest.record(&draft.hit())?);
        }
        for event in recorded {
            event.synced().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Purpose;

    #[test]
    fn keys_tell_calls_apart_and_stay() {
        let name = |purpose, key: &str| CallName { purpose, key: key.to_owned() };
        let base = event_key(WorkspaceId(1), &name(Purpose::Lead, "a"), 0);
        // The first eight bytes of the SHA-256 of the four parts behind their lengths, computed apart from this code.
        assert_eq!(base, 0x5645_50E8_4B20_DEEE);
        for other in [
            event_key(WorkspaceId(2), &name(Purpose::Lead, "a"), 0),
            event_key(WorkspaceId(1), &name(Purpose::Sale, "a"), 0),
            event_key(WorkspaceId(1), &name(Purpose::Lead, "b"), 0),
            event_key(WorkspaceId(1), &name(Purpose::Lead, "a"), 1),
            event_key(WorkspaceId(1), &name(Purpose::Lead, ""), 0),
        ] {
            assert_ne!(base, other);
        }
    }
}
