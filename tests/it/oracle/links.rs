//! Random links, written through the catalog and then changed, moved, deleted and stripped, because an answer must be about
//! what links are now.

use linktrail::catalog::{Catalog, NewLink, Place};
use linktrail::domain::id::{FolderId, TagId, WorkspaceId};
use linktrail::domain::link::{LinkFields, ROOT_SLUG};
use linktrail::domain::tag::TagColor;
use linktrail::domain::workspace::Domain;
use rand::RngExt;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

use super::scene::{LinkFacts, Workspace};

const NOW_MS: i64 = 1_759_276_800_000;
const LINKS: usize = 26;
const TENANTS: &[&str] = &["", "t1", "T1", "o'tenant\\", "tab\tnew\nline", "100%_", "ünï"];

/// A workspace without anything.
pub async fn empty(catalog: &Catalog) -> Workspace {
    let id = catalog.add_workspace("empty", NOW_MS).await.unwrap().id;
    Workspace { id, links: Vec::new(), tags: Vec::new(), folders: Vec::new(), events: Vec::new() }
}

/// A workspace with domains, tags, folders and links. Its domains' names begin with `name`.
pub async fn fill(catalog: &Catalog, name: &str, rng: &mut SmallRng) -> Workspace {
    let id = catalog.add_workspace(name, NOW_MS).await.unwrap().id;
    let mut domains = Vec::new();
    for (place, end) in ["example", "test", "gone.example"].into_iter().enumerate() {
        domains.push(catalog.add_domain(id, &format!("{name}.{end}"), place == 1, NOW_MS).await.unwrap());
    }
    let mut tags = Vec::new();
    for tag in ["red", "it's", "tab\t", "percent%", "gone"] {
        tags.push(catalog.add_tag(id, tag, TagColor::Red, NOW_MS).await.unwrap().id);
    }
    let mut folders = Vec::new();
    for folder in ["a", "b\\", "c,d"] {
        folders.push(catalog.add_folder(id, folder, NOW_MS).await.unwrap().id);
    }
    let mut workspace = Workspace { id, links: Vec::new(), tags, folders, events: Vec::new() };
    for place in 0..LINKS {
        let domain = &domains[place % domains.len()];
        let slug = if place < domains.len() { ROOT_SLUG.to_owned() } else { format!("Link-{place}") };
        let link = add(catalog, &workspace, domain, &slug, rng).await;
        workspace.links.push(link);
    }
    change(catalog, &mut workspace, &domains, rng).await;
    workspace
}

async fn add(catalog: &Catalog, workspace: &Workspace, domain: &Domain, slug: &str, rng: &mut SmallRng) -> LinkFacts {
    let fields = fields(workspace.id, &workspace.tags, &workspace.folders, rng);
    let new = NewLink {
        workspace: domain.workspace,
        domain,
        slug,
        created_by: None,
        fields: &fields,
        created_at_ms: NOW_MS,
        has_history: false,
    };
    let id = catalog.add_link(&new).await.unwrap().id;
    LinkFacts {
        id,
        domain: domain.name.clone(),
        root: slug == ROOT_SLUG,
        tags: fields.tags,
        folder: fields.folder,
        tenant: fields.tenant_id,
        program: fields.program_id,
        partner: fields.partner_id,
        group: fields.group_id,
        partner_tags: fields.partner_tags,
    }
}

fn fields(workspace: WorkspaceId, tags: &[TagId], folders: &[FolderId], rng: &mut SmallRng) -> LinkFields {
    let text = |rng: &mut SmallRng| {
        let text = TENANTS.choose(rng).unwrap();
        (!text.is_empty()).then(|| (*text).to_owned())
    };
    // Nothing forbids a tag to be given twice.
    let count = rng.random_range(0..4);
    LinkFields {
        url: format!("https://shop.example/{}", workspace.0),
        tags: (0..count).filter_map(|_| tags.choose(rng).copied()).collect(),
        folder: folders.choose(rng).copied().filter(|_| rng.random_bool(0.7)),
        tenant_id: text(rng),
        program_id: text(rng),
        partner_id: text(rng),
        group_id: text(rng),
        partner_tags: (0..rng.random_range(0..3)).filter_map(|_| text(rng)).collect(),
        ..LinkFields::default()
    }
}

/// Moves and rewrites some links, deletes others, removes a tag and a domain.
async fn change(catalog: &Catalog, workspace: &mut Workspace, domains: &[Domain], rng: &mut SmallRng) {
    for place in [4, 7, 11] {
        let fields = fields(workspace.id, &workspace.tags, &workspace.folders, rng);
        let domain = domains.choose(rng).unwrap();
        let facts = &mut workspace.links[place];
        let to = Place { domain: Some(domain), ..Place::default() };
        let changed = catalog.change_link(workspace.id, facts.id, to, NOW_MS + 1, |link| {
            link.fields = fields.clone();
            Ok::<(), ()>(())
        });
        changed.await.unwrap().unwrap().unwrap();
        facts.domain.clone_from(&domain.name);
        facts.tags = fields.tags;
        facts.folder = fields.folder;
        facts.tenant = fields.tenant_id;
        facts.program = fields.program_id;
        facts.partner = fields.partner_id;
        facts.group = fields.group_id;
        facts.partner_tags = fields.partner_tags;
    }
    for place in [0, 5, 8, 20] {
        assert!(catalog.delete_link(workspace.id, workspace.links[place].id, NOW_MS + 2).await.unwrap());
    }
    // The slug of a deleted link is taken again.
    let again = add(catalog, workspace, &domains[0], ROOT_SLUG, rng).await;
    workspace.links.push(again);
    let gone = workspace.tags[4];
    assert!(catalog.remove_tag(workspace.id, gone).await.unwrap());
    for link in &mut workspace.links {
        link.tags.retain(|tag| *tag != gone);
    }
    assert!(catalog.remove_domain(workspace.id, domains[2].id, NOW_MS + 3).await.unwrap());
}
