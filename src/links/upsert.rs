//! One link to a destination: changed if there is one, made if there is none.

use super::{Error, LinkChange, LinkName, LinkService, Result, SlugChoice, check};
use crate::catalog::{self, Added, Leading};
use crate::domain::hook_target::Policy;
use crate::domain::id::{UserId, WorkspaceId};
use crate::domain::link::{Link, LinkFields};
use crate::domain::workspace::parse_domain_name;

/// How often it is looked again when links to the destination come and go meanwhile.
const TRIES: usize = 3;

impl LinkService {
    /// Changes the link that leads to the destination of `known` as `known` says, or makes one as `new` says. Both name the
    /// same destination. A link leads there when its own is, to the letter, the one that is asked for, without or with the
    /// campaign parameters that are asked for beside it; so the same call again finds what the first one made.
    ///
    /// Of several calls at once for a destination to which no link leads, one makes it.
    pub async fn upsert(
        &self,
        workspace: WorkspaceId,
        by: Option<UserId>,
        new: LinkChange,
        mut known: LinkChange,
    ) -> Result<Link> {
        let leading = leading(&known, &self.hook_policy)?;
        // A link that is there has a slug.
        if matches!(known.slug, SlugChoice::Random { .. }) {
            known.slug = SlugChoice::Keep;
        }
        for _ in 0..TRIES {
            if let Some(id) = self.catalog.link_leading(workspace, &leading).await? {
                match self.update(workspace, &LinkName::Id(id), known.clone()).await {
                    Err(Error::NoLink) => continue,
                    outcome => return outcome,
                }
            }
            match self.create_unless(workspace, by, new.clone(), Some(&leading)).await? {
                Added::New(link) => return Ok(*link),
                Added::There(_) => {}
            }
        }
        Err(Error::Catalog(catalog::Error::Unavailable("links to one destination come and go".to_owned())))
    }
}

/// The destination as it is asked for, and as it would be written.
fn leading(change: &LinkChange, policy: &Policy) -> Result<Leading> {
    let mut change = change.clone();
    check::check(&mut change, policy)?;
    let asked = change.patch.url.clone().filter(|url| !url.is_empty()).ok_or(Error::NoDestination)?;
    let external_id = change.patch.external_id.clone().flatten();
    let domain = change.domain.as_deref().and_then(parse_domain_name);
    let slug = match &change.slug {
        SlugChoice::Fixed(slug) => Some(slug.trim_matches('/').to_owned()),
        SlugChoice::Keep | SlugChoice::Random { .. } => None,
    };
    let mut fields = LinkFields::default();
    change.write_over(&mut fields, false)?;
    let mut urls = vec![asked];
    if fields.url != urls[0] {
        urls.push(fields.url);
    }
    let storable = |text: &String| !text.contains('\0');
    Ok(Leading {
        urls,
        external_id: external_id.filter(storable),
        slug: slug.filter(storable),
        domain: domain.filter(storable),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::link::LinkPatch;
    use crate::links::UtmChange;

    fn leads(change: &LinkChange) -> Result<Leading> {
        leading(change, &Policy::default())
    }

    fn asked(url: &str, source: Option<&str>) -> LinkChange {
        LinkChange {
            patch: LinkPatch { url: Some(url.to_owned()), ..LinkPatch::default() },
            utm: UtmChange { source: source.map(|source| Some(source.to_owned())), ..UtmChange::default() },
            ..LinkChange::default()
        }
    }

    #[test]
    fn a_destination_has_the_form_asked_for_and_the_form_written() {
        assert_eq!(leads(&asked("a.b/x", None)).unwrap().urls, ["https://a.b/x"]);
        let with_campaign = leads(&asked("https://a.b/x", Some(" s "))).unwrap().urls;
        assert_eq!(with_campaign, ["https://a.b/x", "https://a.b/x?utm_source=s"]);
        assert_eq!(leads(&asked("https://a.b/?utm_source=s", Some("s"))).unwrap().urls.len(), 1);
        for missing in ["", "  "] {
            assert!(matches!(leads(&asked(missing, None)), Err(Error::NoDestination)));
        }
        assert!(matches!(leads(&LinkChange::default()), Err(Error::NoDestination)));
    }
}
