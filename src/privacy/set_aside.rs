//! Events that the store refused lie in files of the spool's folder: whose they are, and taking them out.

use std::io;
use std::path::Path;

use crate::domain::hit::{Hit, What};
use crate::domain::id::WorkspaceId;
use crate::enrich::VisitorHasher;
use crate::spool::{Status, read_set_aside, rewrite_set_aside, set_aside_path};
use crate::warehouse::erasure::Subject;

/// What was found in the files.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SetAside {
    /// Records of the subject.
    pub records: u64,
    /// Files with records that nobody can read, so that nobody can tell whose they are.
    pub unreadable: Vec<String>,
}

/// Looks for the subject's records in the spool's folder, and takes them out if told. Blocks.
///
/// # Errors
/// When a file cannot be read or written.
pub fn look_through(
    spool: &Path,
    workspace: WorkspaceId,
    subject: &Subject,
    hasher: &VisitorHasher,
    remove: bool,
) -> io::Result<SetAside> {
    let status = match Status::read(spool) {
        Ok(status) => status,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SetAside::default()),
        Err(error) => return Err(error),
    };
    let mut found = SetAside { records: 0, unreadable: status.unreadable };
    for file in status.set_aside {
        let records = read_set_aside(&set_aside_path(spool, &file))?;
        let mut kept = Vec::with_capacity(records.len());
        let mut strange = false;
        for (sequence, payload) in &records {
            match Hit::decode(payload) {
                Ok(hit) if hit.workspace == workspace && is_of(&hit, subject, hasher) => continue,
                Ok(_) => {}
                Err(_) => strange = true,
            }
            kept.push((*sequence, payload.as_slice()));
        }
        found.records += (records.len() - kept.len()) as u64;
        if remove && kept.len() < records.len() {
            rewrite_set_aside(spool, &file, &kept)?;
        }
        if strange {
            found.unreadable.push(file);
        }
    }
    Ok(found)
}

/// Whether a hit would become an event of the subject.
fn is_of(hit: &Hit, subject: &Subject, hasher: &VisitorHasher) -> bool {
    if subject.link.is_some_and(|link| link == hit.link) {
        return true;
    }
    let (visitor, user_id) = match &hit.what {
        What::Conversion(conversion) => {
            if subject.customer.is_some_and(|customer| customer == conversion.event.customer) {
                return true;
            }
            (conversion.carried.visitor, "")
        }
        What::Click => (hasher.visitor(hit.workspace, hit.visitor_epoch, hit.address, &hit.user_agent), ""),
        What::Page(page) => {
            let user_id = page.event.user_id.as_str();
            let name = if page.visitor_id.is_empty() { user_id } else { page.visitor_id.as_str() };
            let visitor = if name.is_empty() {
                hasher.visitor(hit.workspace, hit.visitor_epoch, hit.address, &hit.user_agent)
            } else {
                hasher.named(hit.workspace, hit.visitor_epoch, name)
            };
            (visitor, user_id)
        }
    };
    subject.visitors.contains(&visitor) || subject.user_id.as_deref().is_some_and(|wanted| wanted == user_id)
}
