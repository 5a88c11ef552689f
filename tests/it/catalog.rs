//! The catalog against a real Postgres: schema, secrets, notifications, selections, and a Postgres that is silent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use linktrail::auth::{Auth, FirstRunRequest};
use linktrail::calendar::Clock;
use linktrail::catalog::{
    Catalog, Change, Choice, Cursor, Error, LinkFilter, LinkQuery, NewLink, Page, Place, TagMatch,
};
use linktrail::domain::id::{FolderId, LinkId, TagId, WorkspaceId};
use linktrail::domain::link::{Link, LinkFields, ROOT_SLUG};
use linktrail::domain::principal::Role;
use linktrail::domain::tag::TagColor;
use linktrail::domain::workspace::{Domain, WorkspaceSettings};
use secrecy::SecretString;
use tokio_stream::StreamExt;

const NOW: i64 = 1_790_000_000_000;

/// Long enough for anything that works; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

async fn catalog(name: &str) -> (Catalog, String) {
    let url = crate::world::database_url(name).await;
    let catalog = Catalog::connect(&SecretString::from(url.clone()), 8).unwrap();
    catalog.migrate().await.unwrap();
    (catalog, url)
}

async fn workspace_with_domain(catalog: &Catalog, domain: &str) -> (WorkspaceId, Domain) {
    let workspace = catalog.add_workspace("Acme", NOW).await.unwrap().id;
    let domain = catalog.add_domain(workspace, domain, false, NOW).await.unwrap();
    (workspace, domain)
}

async fn add(catalog: &Catalog, domain: &Domain, slug: &str, fields: &LinkFields) -> Link {
    let new = NewLink {
        workspace: domain.workspace,
        domain,
        slug,
        created_by: None,
        fields,
        created_at_ms: NOW,
        has_history: false,
    };
    catalog.add_link(&new).await.unwrap()
}

fn fields() -> LinkFields {
    LinkFields { url: "https://example.com".to_owned(), ..LinkFields::default() }
}

#[tokio::test]
async fn nodes_that_start_together_migrate_once() {
    let url = crate::world::database_url("migrate").await;
    let node = || Catalog::connect(&SecretString::from(url.clone()), 2).unwrap();
    let (first, second) = (node(), node());
    let (a, b) = tokio::join!(first.migrate(), second.migrate());
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(a.min(b) == 0 && a.max(b) >= 1, "{a} and {b}");
    assert_eq!(first.migrate().await.unwrap(), 0);
}

#[tokio::test]
async fn secrets_and_node_numbers_are_given_once() {
    let (catalog, _) = catalog("secrets").await;
    let (a, b) = tokio::join!(catalog.secret::<16>("click_key"), catalog.secret::<16>("click_key"));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a, b);
    assert_ne!(a, catalog.secret::<16>("other").await.unwrap());
    assert_ne!(a, [0; 16]);
    let tokens = ["a", "b", "c", "d"];
    let numbers = futures_util::future::join_all(tokens.map(|token| catalog.register_node(token))).await;
    let numbers: BTreeSet<u16> = numbers.into_iter().map(Result::unwrap).collect();
    assert_eq!(numbers, BTreeSet::from([1, 2, 3, 4]));
    assert_eq!(catalog.register_node("b").await.unwrap(), catalog.register_node("b").await.unwrap());
    assert_eq!(catalog.register_node("e").await.unwrap(), 5);
}

#[tokio::test]
async fn the_first_run_happens_once() {
    let (catalog, _) = catalog("first_run").await;
    let auth = Auth::new(catalog.clone(), Clock::fixed(NOW));
    let request = FirstRunRequest {
        workspace_name: "Acme".to_owned(),
        email: "owner@localhost".to_owned(),
        domain: "Go.Example.com".to_owned(),
    };
    // What cannot be kept is not made.
    let refused = auth.first_run(&request, |_| Err("no room".to_owned())).await;
    assert_eq!(refused.unwrap_err().to_string(), "no room");
    let (a, b) = tokio::join!(auth.first_run(&request, |_| Ok(())), auth.first_run(&request, |_| Ok(())));
    let mut made: Vec<_> = [a.unwrap(), b.unwrap()].into_iter().flatten().collect();
    assert_eq!(made.len(), 1);
    let made = made.remove(0);
    let principal =
        auth.authenticate(secrecy::ExposeSecret::expose_secret(&made.api_key), [127, 0, 0, 1].into()).await.unwrap();
    assert_eq!(principal.bound_to, Some(made.rows.workspace));
    assert_eq!(principal.workspaces, [(made.rows.workspace, Role::Owner)]);
    assert_eq!(catalog.domain_by_name("go.example.com").await.unwrap().unwrap().id, made.rows.domain);
    assert_eq!(auth.sign_in("OWNER@localhost", &made.password).await.unwrap().unwrap().id, made.rows.user);
    assert!(auth.sign_in("owner@localhost", &SecretString::from("wrong")).await.unwrap().is_none());
    assert!(auth.sign_in("nobody@localhost", &made.password).await.unwrap().is_none());
    assert!(!format!("{made:?}").contains(secrecy::ExposeSecret::expose_secret(&made.api_key)));
    assert!(auth.first_run(&request, |_| Err("not asked".to_owned())).await.unwrap().is_none());
}

#[tokio::test]
async fn every_change_is_heard_and_a_lost_connection_is_made_anew() {
    let (catalog, url) = catalog("listen").await;
    let mut changes = catalog.changes();
    let mut next = async || tokio::time::timeout(PATIENCE, changes.next()).await.unwrap().unwrap();
    assert_eq!(next().await, Change::Reconnected);
    let workspace = catalog.add_workspace("Acme", NOW).await.unwrap().id;
    assert_eq!(next().await, Change::Workspace(workspace));
    let domain = catalog.add_domain(workspace, "a.example", false, NOW).await.unwrap();
    assert_eq!(next().await, Change::Domain);
    let heard = |slug: &str| Change::Link { domain: domain.id, slug_key: slug.to_owned() };
    let link = add(&catalog, &domain, "Ünï code", &fields()).await;
    assert_eq!(next().await, heard("ünï code"));
    let place = Place { slug: Some("New"), ..Place::default() };
    let edit = |_: &mut Link| Ok::<(), Error>(());
    catalog.change_link(workspace, link.id, place, NOW, edit).await.unwrap().unwrap().unwrap();
    assert_eq!([next().await, next().await], [heard("ünï code"), heard("new")]);
    catalog.delete_link(workspace, link.id, NOW).await.unwrap();
    assert_eq!(next().await, heard("new"));
    let settings = WorkspaceSettings { repeat_window_secs: 5, ..WorkspaceSettings::default() };
    assert!(catalog.set_workspace_settings(workspace, &settings).await.unwrap());
    assert_eq!(next().await, Change::Workspace(workspace));
    assert_eq!(catalog.workspace(workspace).await.unwrap().unwrap().settings, settings);
    let user = catalog.add_user("a@b.co", "x", Some((workspace, Role::Member)), NOW).await.unwrap();
    assert_eq!(next().await, Change::Key);

    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    client.query(ending, &[]).await.unwrap();
    assert_eq!(next().await, Change::Reconnected);
    // The pool's connections were ended too; a call finds a new one by itself, at the latest at its second try.
    let removed = match catalog.remove_user(user.id).await {
        Err(Error::Unavailable(_)) => catalog.remove_user(user.id).await,
        outcome => outcome,
    };
    assert!(removed.unwrap());
    assert_eq!(next().await, Change::Key);
}

#[tokio::test]
async fn a_link_is_read_as_it_was_written() {
    let (catalog, _) = catalog("round_trip").await;
    let (workspace, domain) = workspace_with_domain(&catalog, "a.example").await;
    let tag = catalog.add_tag(workspace, "News", TagColor::Red, NOW).await.unwrap();
    let folder = catalog.add_folder(workspace, "Spring", NOW).await.unwrap();
    let mut all = LinkFields {
        url: "https://example.com/?q=1".to_owned(),
        title: Some("T".to_owned()),
        notes: Some("'); DROP TABLE link; --\t\n\u{1f680}".to_owned()),
        expires_at_ms: Some(NOW + 1),
        disabled_at_ms: Some(NOW),
        archived: true,
        tags: vec![tag.id],
        folder: Some(folder.id),
        forward_parameters: true,
        external_id: Some("e".to_owned()),
        tenant_id: Some("t".to_owned()),
        program_id: Some("p".to_owned()),
        partner_id: Some("q".to_owned()),
        group_id: Some("g".to_owned()),
        track_conversion: true,
        max_clicks: Some(u64::MAX),
        ..LinkFields::default()
    };
    all.utm.source = Some("x".to_owned());
    all.geo_urls.insert("DE".to_owned(), "https://example.de".to_owned());
    let link = add(&catalog, &domain, "Full/Slug", &all).await;
    assert_eq!(catalog.link(workspace, link.id).await.unwrap().as_ref(), Some(&link));
    assert_eq!(catalog.resolve(domain.id, "full/slug").await.unwrap().as_ref(), Some(&link));
    assert_eq!(catalog.resolve(domain.id, "Full/Slug").await.unwrap(), None);
    let places = ["none", "full/slug", "Full/Slug", "full/slug"].map(|slug_key| (domain.id, slug_key));
    let found = Some((link.clone(), WorkspaceSettings::default()));
    assert_eq!(catalog.resolve_all(&places).await.unwrap(), [None, found.clone(), None, found]);
    assert_eq!(catalog.resolve_all(&[]).await.unwrap(), []);
    assert_eq!(catalog.link_by_external_id(workspace, "e").await.unwrap().as_ref(), Some(&link));
    assert_eq!(catalog.link_at(workspace, "a.example", "FULL/SLUG").await.unwrap().as_ref(), Some(&link));

    // Nothing of it is another workspace's.
    let (stranger, other) = workspace_with_domain(&catalog, "b.example").await;
    assert_eq!(catalog.link(stranger, link.id).await.unwrap(), None);
    assert_eq!(catalog.link_by_external_id(stranger, "e").await.unwrap(), None);
    assert_eq!(catalog.link_at(stranger, "a.example", "full/slug").await.unwrap(), None);
    assert_eq!(catalog.links_by_ids(stranger, &[link.id]).await.unwrap(), []);
    assert!(!catalog.delete_link(stranger, link.id, NOW).await.unwrap());
    let refused = |outcome: Result<Link, Error>, name: &str| match outcome {
        Err(Error::Missing(missing)) => assert_eq!(missing, name),
        other => panic!("{other:?}"),
    };
    let foreign = LinkFields { tags: vec![tag.id], ..fields() };
    let new = |fields| NewLink {
        workspace: other.workspace,
        domain: &other,
        slug: "x",
        created_by: None,
        fields,
        created_at_ms: NOW,
        has_history: false,
    };
    refused(catalog.add_link(&new(&foreign)).await, "link_tags");
    let foreign = LinkFields { folder: Some(folder.id), ..fields() };
    refused(catalog.add_link(&new(&foreign)).await, "link_folder");
    let nul = LinkFields { title: Some("a\0b".to_owned()), ..fields() };
    assert!(matches!(catalog.add_link(&new(&nul)).await, Err(Error::Unstorable(_))));
    let nul = LinkFields { notes: Some("a\0b".to_owned()), ..fields() };
    assert!(matches!(catalog.add_link(&new(&nul)).await, Err(Error::Unstorable(_))));

    // A removed tag leaves its links; a deleted link stays for its history and frees its slug and external id.
    assert!(!catalog.remove_tag(stranger, tag.id).await.unwrap());
    assert!(catalog.remove_tag(workspace, tag.id).await.unwrap());
    assert_eq!(catalog.link(workspace, link.id).await.unwrap().unwrap().fields.tags, []);
    assert!(catalog.delete_link(workspace, link.id, NOW + 5).await.unwrap());
    assert!(!catalog.delete_link(workspace, link.id, NOW + 6).await.unwrap());
    assert_eq!(catalog.link(workspace, link.id).await.unwrap(), None);
    assert_eq!(catalog.resolve(domain.id, "full/slug").await.unwrap(), None);
    assert_eq!(catalog.resolve_all(&places[..2]).await.unwrap(), [None, None]);
    assert_eq!(catalog.links_by_ids(workspace, &[link.id]).await.unwrap()[0].deleted_at_ms, Some(NOW + 5));
    let again = LinkFields { tags: vec![], ..all };
    add(&catalog, &domain, "full/slug", &again).await;
}

#[tokio::test]
async fn an_edit_that_is_refused_changes_nothing() {
    let (catalog, _) = catalog("edit").await;
    let (workspace, domain) = workspace_with_domain(&catalog, "a.example").await;
    let link = add(&catalog, &domain, "a", &fields()).await;
    let edit = |link: &mut Link| {
        link.fields.title = Some("never".to_owned());
        Err::<(), &str>("no")
    };
    let outcome = catalog.change_link(workspace, link.id, Place::default(), NOW, edit).await.unwrap();
    assert_eq!(outcome, Some(Err("no")));
    assert_eq!(catalog.link(workspace, link.id).await.unwrap(), Some(link));
}

#[tokio::test]
async fn concurrent_edits_lose_nothing() {
    let (catalog, _) = catalog("concurrent").await;
    let (workspace, domain) = workspace_with_domain(&catalog, "a.example").await;
    let link = add(&catalog, &domain, "a", &fields()).await;
    let edits = (0..20).map(|number| {
        let catalog = catalog.clone();
        async move {
            let edit = move |link: &mut Link| {
                link.fields.geo_urls.insert(format!("K{number}"), "https://a.b".to_owned());
                Ok::<(), Error>(())
            };
            catalog.change_link(workspace, link.id, Place::default(), NOW, edit).await.unwrap().unwrap().unwrap();
        }
    });
    futures_util::future::join_all(edits).await;
    assert_eq!(catalog.link(workspace, link.id).await.unwrap().unwrap().fields.geo_urls.len(), 20);
}

#[tokio::test]
async fn selections_split_all_links_in_two() {
    let (catalog, _) = catalog("filter").await;
    let (workspace, first) = workspace_with_domain(&catalog, "a.example").await;
    let second = catalog.add_domain(workspace, "b.example", false, NOW).await.unwrap();
    assert!(first.primary && !second.primary);
    let tag_a = catalog.add_tag(workspace, "a", TagColor::Red, NOW).await.unwrap().id;
    let tag_b = catalog.add_tag(workspace, "b", TagColor::Red, NOW).await.unwrap().id;
    let folder = catalog.add_folder(workspace, "f", NOW).await.unwrap().id;
    let mut links = Vec::new();
    for number in 0u32..32 {
        let bit = |place: u32| number >> place & 1 == 1;
        let mut tags = Vec::new();
        tags.extend(bit(0).then_some(tag_a));
        tags.extend(bit(1).then_some(tag_b));
        let fields = LinkFields {
            tags,
            folder: bit(2).then_some(folder),
            tenant_id: bit(3).then(|| "t".to_owned()),
            partner_id: bit(4).then(|| "p".to_owned()),
            group_id: bit(2).then(|| "g".to_owned()),
            ..fields()
        };
        let domain = if bit(4) { &first } else { &second };
        let slug = if number == 0 || number == 31 { ROOT_SLUG.to_owned() } else { format!("s{number}") };
        links.push(add(&catalog, domain, &slug, &fields).await);
    }
    // Deleted links keep their clicks, so they stay selectable.
    catalog.delete_link(workspace, links[7].id, NOW).await.unwrap();
    // Another workspace's link is in neither half.
    let (stranger, foreign) = workspace_with_domain(&catalog, "c.example").await;
    let foreign = add(&catalog, &foreign, "x", &fields()).await;

    let text = |value: &str| vec![value.to_owned(), "unknown".to_owned()];
    type Wanted = Box<dyn Fn(&Link) -> bool>;
    type Setter = fn(&mut LinkFilter, Choice<String>);
    let table: Vec<(Setter, Vec<String>, Wanted)> = vec![
        (|filter, choice| filter.domain = Some(choice), text("a.example"), Box::new(|link| link.domain == "a.example")),
        (|filter, choice| filter.tenant = Some(choice), text("t"), Box::new(|link| link.fields.tenant_id.is_some())),
        (|filter, choice| filter.partner = Some(choice), text("p"), Box::new(|link| link.fields.partner_id.is_some())),
        (|filter, choice| filter.group = Some(choice), text("g"), Box::new(|link| link.fields.group_id.is_some())),
    ];
    let mut cases: Vec<(LinkFilter, LinkFilter, Wanted)> = Vec::new();
    for (set, values, wanted) in table {
        let (mut only, mut except) = (LinkFilter::default(), LinkFilter::default());
        set(&mut only, Choice::only(values.clone()));
        set(&mut except, Choice::except(values));
        cases.push((only, except, wanted));
    }
    let tags = |choice| LinkFilter { tag: Some(choice), ..LinkFilter::default() };
    let both = vec![tag_a, tag_b, TagId(9_999)];
    cases.push((
        tags(Choice::only(both.clone())),
        tags(Choice::except(both)),
        Box::new(|link| !link.fields.tags.is_empty()),
    ));
    let folders = |choice| LinkFilter { folder: Some(choice), ..LinkFilter::default() };
    let some = vec![folder, FolderId(9_999)];
    cases.push((
        folders(Choice::only(some.clone())),
        folders(Choice::except(some)),
        Box::new(|link| link.fields.folder.is_some()),
    ));
    let root = |root| LinkFilter { root: Some(root), ..LinkFilter::default() };
    cases.push((root(true), root(false), Box::new(|link| link.slug == ROOT_SLUG)));

    for (only, except, wanted) in cases {
        let (yes, no): (Vec<&Link>, Vec<&Link>) = links.iter().partition(|link| wanted(link));
        let ids = |links: Vec<&Link>| links.iter().map(|link| link.id).collect::<Vec<LinkId>>();
        assert_eq!(catalog.link_ids_where(workspace, &only).await.unwrap(), ids(yes), "{only:?}");
        assert_eq!(catalog.link_ids_where(workspace, &except).await.unwrap(), ids(no), "{except:?}");
        let foreign_tags = only.tag.is_some() || only.folder.is_some() || only.root.is_some();
        let theirs = catalog.link_ids_where(stranger, &only).await.unwrap();
        assert!(theirs.is_empty() || !foreign_tags, "{only:?}");
        assert_eq!(catalog.link_ids_where(stranger, &except).await.unwrap(), [foreign.id]);
    }
    assert_eq!(catalog.link_ids_where(workspace, &LinkFilter::default()).await.unwrap().len(), 32);

    // Thousands of ids at once, strangers' among them.
    let mut ids: Vec<LinkId> = (1..20_000).map(LinkId).collect();
    ids.push(foreign.id);
    assert_eq!(catalog.links_by_ids(workspace, &ids).await.unwrap().len(), 32);
    let query = LinkQuery { tags: Some(TagMatch::Names(vec!["A".to_owned()])), ..LinkQuery::default() };
    assert_eq!(catalog.count_links(workspace, &query).await.unwrap(), 15);
    assert_eq!(catalog.count_links(stranger, &query).await.unwrap(), 0);
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat() {
    let (catalog, _) = catalog("pages").await;
    let (workspace, domain) = workspace_with_domain(&catalog, "a.example").await;
    let mut expected = Vec::new();
    for number in 0..25 {
        // Several at one instant.
        let new = NewLink {
            workspace: domain.workspace,
            domain: &domain,
            slug: &format!("s{number}"),
            created_by: None,
            fields: &fields(),
            created_at_ms: NOW + number / 4,
            has_history: false,
        };
        expected.insert(0, catalog.add_link(&new).await.unwrap().id);
    }
    let query = LinkQuery::default();
    let page = async |cursor, size| {
        let page = Page { cursor, size };
        let links = catalog.links(workspace, &query, page).await.unwrap()?;
        Some(links.iter().map(|link| link.id).collect::<Vec<_>>())
    };
    let mut seen = page(Cursor::Offset(0), 7).await.unwrap();
    add(&catalog, &domain, "meanwhile", &fields()).await;
    while let Some(last) = seen.last().copied() {
        let next = page(Cursor::After(last), 7).await.unwrap();
        if next.is_empty() {
            break;
        }
        seen.extend(next);
    }
    // The one made meanwhile has the oldest instant, so it comes after the others of that instant or before them, once.
    seen.retain(|id| expected.contains(id));
    assert_eq!(seen, expected);
    let before = page(Cursor::Before(expected[10]), 4).await.unwrap();
    assert_eq!(before, expected[6..10]);
    assert_eq!(page(Cursor::Offset(5), 3).await.unwrap(), expected[5..8]);
    assert_eq!(page(Cursor::After(LinkId(999_999)), 3).await, None);
}

#[tokio::test]
async fn a_removed_workspace_is_gone_and_its_names_are_free() {
    let (catalog, _) = catalog("removal").await;
    let (workspace, domain) = workspace_with_domain(&catalog, "a.example").await;
    let link = add(&catalog, &domain, "a", &fields()).await;
    assert!(catalog.add_domain(workspace, "a.example", false, NOW).await.unwrap_err().is_taken("domain_name"));
    assert!(catalog.remove_workspace(workspace, NOW).await.unwrap());
    assert!(!catalog.remove_workspace(workspace, NOW).await.unwrap());
    assert_eq!(catalog.workspace(workspace).await.unwrap(), None);
    assert_eq!(catalog.domains().await.unwrap(), []);
    assert_eq!(catalog.resolve(domain.id, "a").await.unwrap(), None);
    assert_eq!(catalog.link(workspace, link.id).await.unwrap(), None);
    assert!(matches!(catalog.add_domain(workspace, "b.example", false, NOW).await, Err(Error::Missing(_))));
    let (_, again) = workspace_with_domain(&catalog, "a.example").await;
    assert_ne!(again.id, domain.id);
}

#[tokio::test]
async fn a_silent_or_absent_postgres_is_an_error_and_no_hang() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    for url in [format!("postgres://u@127.0.0.1:{port}/d"), "postgres://u@127.0.0.1:1/d".to_owned()] {
        let catalog = Catalog::connect(&SecretString::from(url), 2).unwrap();
        let domain = linktrail::domain::id::DomainId(1);
        let lookup = tokio::time::timeout(PATIENCE, catalog.resolve(domain, "a")).await.unwrap();
        assert!(matches!(lookup, Err(Error::Unavailable(_))), "{lookup:?}");
        let call = tokio::time::timeout(PATIENCE, catalog.link_domains(WorkspaceId(1))).await.unwrap();
        assert!(matches!(call, Err(Error::Unavailable(_))), "{call:?}");
    }
}

/// Passes bytes on until told to stall; a connection that stalled once stays silent.
async fn proxy(upstream: String, stalled: tokio::sync::watch::Receiver<bool>) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (upstream, mut stalled) = (upstream.clone(), stalled.clone());
            tokio::spawn(async move {
                let mut server = tokio::net::TcpStream::connect(upstream).await.unwrap();
                let stall = async { stalled.wait_for(|&stalled| stalled).await.map(drop) };
                let ended = tokio::select! {
                    _ = stall => false,
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server) => true,
                };
                if !ended {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_postgres_that_falls_silent_is_found_again() {
    let (direct, url) = catalog("stall").await;
    let (workspace, domain) = workspace_with_domain(&direct, "a.example").await;
    let parsed = url::Url::parse(&url).unwrap();
    let upstream = format!("{}:{}", parsed.host_str().unwrap(), parsed.port().unwrap_or(5432));
    let (stall, stalled) = tokio::sync::watch::channel(false);
    let mut proxied = parsed;
    proxied.set_host(Some("127.0.0.1")).unwrap();
    proxied.set_port(Some(proxy(upstream, stalled).await)).unwrap();
    let catalog = Catalog::connect(&SecretString::from(proxied.to_string()), 1).unwrap();
    assert!(catalog.resolve(domain.id, "a").await.unwrap().is_none());

    stall.send(true).unwrap();
    for _ in 0..2 {
        let lookup = tokio::time::timeout(PATIENCE, catalog.resolve(domain.id, "a")).await.unwrap();
        assert!(matches!(lookup, Err(Error::Unavailable(_))), "{lookup:?}");
    }
    stall.send(false).unwrap();
    // The silent connection was thrown away, so the only place in the pool is free for a good one.
    assert_eq!(catalog.link_domains(workspace).await.unwrap(), [domain]);
}

#[tokio::test]
async fn tls_that_must_be_is_not_done_without() {
    let url = crate::world::database_url("tls").await;
    for (mode, works) in [("disable", true), ("prefer", true), ("require", false), ("verify-full", false)] {
        let mut url = url::Url::parse(&url).unwrap();
        url.set_query(Some(&format!("sslmode={mode}")));
        let catalog = Catalog::connect(&SecretString::from(url.to_string()), 1).unwrap();
        // The test server speaks no TLS.
        assert_eq!(catalog.ping().await.is_ok(), works, "{mode}");
    }
}
