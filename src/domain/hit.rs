//! What the edge saw, before enrichment: small to write, complete enough to need no store later.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::id::{LinkId, WorkspaceId};

/// The first byte of a spooled hit: which of the encodings below follows.
const VERSION: u8 = 1;

/// A click as it is kept in the spool. It carries the workspace's settings of that moment, so that the drain needs no
/// catalog, and its raw address leaves the disk with the spool's segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Milliseconds since the epoch at which the redirect was decided.
    pub at_ms: i64,
    /// Owner of the link.
    pub workspace: WorkspaceId,
    /// The link that was visited.
    pub link: LinkId,
    /// The client, as far as trusted proxies tell it.
    pub address: IpAddr,
    /// `User-Agent`, at most 1,024 bytes.
    pub user_agent: String,
    /// `Referer`, at most 2,048 bytes.
    pub referrer: String,
    /// The final destination, query included, at most 4,096 bytes.
    pub url: String,
    /// How the link was reached.
    pub trigger: Trigger,
    /// What a trusted edge says of the client's place; it wins over the geo files.
    pub place: Option<PlaceHint>,
    /// A second click of the same visitor on the same link within this many seconds is a repeat; 0 for never.
    pub repeat_window_secs: u32,
    /// The period of the visitor key; constant unless the workspace rotates its keys.
    pub visitor_epoch: u32,
}

/// A place named by a trusted edge's headers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlaceHint {
    /// ISO 3166-1 alpha-2, upper case; empty when unknown.
    pub country: String,
    /// The subdivision part of ISO 3166-2, without the country; empty when unknown.
    pub region: String,
    /// English name; empty when unknown.
    pub city: String,
    /// `AF AN AS EU NA OC SA`; empty when unknown.
    pub continent: String,
}

/// How a link was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trigger {
    /// A plain visit.
    #[default]
    Link,
    /// A scanned QR code: the visit carried `qr=1`.
    Qr,
    /// A pageview reported by a tracker.
    Pageview,
    /// An app opened by the link.
    Deeplink,
}

impl Trigger {
    /// The stored and published name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Qr => "qr",
            Self::Pageview => "pageview",
            Self::Deeplink => "deeplink",
        }
    }
}

/// A spooled hit that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HitError {
    /// Written by a newer program.
    #[error("hit encoding {0} is not known to this version")]
    Version(u8),
    /// Damaged, although its checksum was right.
    #[error("hit cannot be decoded: {0}")]
    Damaged(#[from] postcard::Error),
    /// Nothing at all.
    #[error("hit is empty")]
    Empty,
}

impl Hit {
    /// The spool's payload: one version byte, then the fields.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(VERSION);
        // Writing plain fields into memory has no way to fail.
        postcard::to_extend(self, bytes).unwrap_or_default()
    }

    /// Reads what [`encode`](Self::encode) wrote, in this or an earlier version.
    pub fn decode(bytes: &[u8]) -> Result<Self, HitError> {
        match bytes.split_first() {
            None => Err(HitError::Empty),
            Some((&VERSION, fields)) => Ok(postcard::from_bytes(fields)?),
            Some((&other, _)) => Err(HitError::Version(other)),
        }
    }
}
