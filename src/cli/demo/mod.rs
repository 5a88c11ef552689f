//! `demo`: a workspace that looks like one in use.

mod links;
mod people;
mod schedule;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use url::Url;

use crate::auth::{Auth, KeyGrant};
use crate::calendar::Clock;
use crate::config::{IngestConfig, PlacesConfig};
use crate::domain::hit::{Hit, Trigger};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::LinkPatch;
use crate::domain::principal::Role;
use crate::domain::workspace::{Domain, WorkspaceSettings};
use crate::enrich::Geo;
use crate::ingest::Ingest;
use crate::links::{LinkChange, LinkService, SlugChoice, UtmChange};
use crate::server::{self, Sharing, Stores};

use links::DemoLink;
use people::{People, Picker};
use schedule::Schedule;

/// Hits that are handed to the spool at once.
const CHUNK: usize = 5_000;
const LINKS: usize = 120;
/// Events in one insert: nobody waits for the first, and larger ones cost ClickHouse less for each.
const BATCH_ROWS: u32 = 100_000;

/// `linktrail demo ...`
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Clicks to make, over the last 90 days.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    events: u64,

    /// Name of the workspace that is made for them.
    #[arg(long, default_value = "Demo")]
    workspace: String,

    /// The same seed makes the same clicks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs `linktrail demo`.
pub async fn run(places: &PlacesConfig, args: &DemoArgs) -> anyhow::Result<()> {
    let began = Instant::now();
    let stores = Stores::open(places, Sharing::Beside, None).await?;
    let made = fill(places, args, &stores).await;
    stores.close().await;
    let Made { workspace, domain, key, stored_in_secs } = made?;
    println!(
        "{} events in workspace {} ({workspace}) in {:.1} s, {}/s; {:.1} s with start and end\n\n\
         short domain  {domain}\n\
         api key       {key} (shown once)\n\n\
         Start the server (`make run`) and ask:\n  \
         curl -s 'http://127.0.0.1:8080/analytics?groupBy=countries&interval=90d' -H 'Authorization: Bearer {key}'",
        HumanCount(args.events),
        args.workspace,
        stored_in_secs,
        HumanCount((args.events as f64 / stored_in_secs.max(0.001)) as u64),
        began.elapsed().as_secs_f64(),
    );
    Ok(())
}

struct Made {
    workspace: WorkspaceId,
    domain: String,
    key: String,
    stored_in_secs: f64,
}

async fn fill(places: &PlacesConfig, args: &DemoArgs, stores: &Stores) -> anyhow::Result<Made> {
    stores.migrate().await?;
    let (workspace, domain, key) = make_workspace(stores, &args.workspace).await?;
    let links = make_links(stores, workspace, &domain).await?;
    let geo = tokio::task::spawn_blocking({
        let places = places.clone();
        move || server::open_geo(&places)
    });
    let geo = geo.await??;
    let writer = Writer::new(args, workspace, links, &geo);

    let began = Instant::now();
    // A spool of its own: the server's belongs to the server, which may be running.
    let folder = places.data_dir.join("demo-spool");
    let config = IngestConfig { batch_rows: BATCH_ROWS, ..IngestConfig::default() };
    let (ingest, _, drain) = server::start_ingest(stores, &config, folder, geo, Clock::system()).await?;
    let progress = bar(args.events);
    let outcome = record(&ingest, writer, &progress).await;
    if outcome.is_ok() {
        ingest.flushed().await;
        progress.set_position(args.events);
    }
    progress.finish_and_clear();
    drain.stop().await;
    outcome?;
    Ok(Made { workspace, domain: domain.name, key, stored_in_secs: began.elapsed().as_secs_f64() })
}

fn bar(events: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} events, {per_sec}, {eta} left");
    let bar = ProgressBar::new(events);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

async fn make_workspace(stores: &Stores, name: &str) -> anyhow::Result<(WorkspaceId, Domain, String)> {
    let catalog = &stores.catalog;
    if catalog.workspaces().await?.iter().any(|workspace| workspace.name == name) {
        bail!("there is a workspace {name} already; choose another name with --workspace");
    }
    let clock = Clock::system();
    let auth = Auth::new(catalog.clone(), clock.clone());
    let workspace = catalog.add_workspace(name, clock.now_ms()).await?;
    // Names of their own, however often this is run.
    let label = workspace.id.to_string().trim_start_matches("ws_").to_owned();
    let (user, _) = auth.create_user(&format!("demo-{label}@example.com"), Some((workspace.id, Role::Owner))).await?;
    let domain = catalog.add_domain(workspace.id, &format!("demo-{label}.example.com"), false, clock.now_ms()).await?;
    let grant = KeyGrant { name: "demo".to_owned(), workspace: Some(workspace.id), ..KeyGrant::default() };
    let (_, key) = auth.create_key(user.id, &grant).await?;
    Ok((workspace.id, domain, secrecy::ExposeSecret::expose_secret(&key).to_owned()))
}

/// Makes the links; gives each with its row and its destination, campaign included.
async fn make_links(
    stores: &Stores,
    workspace: WorkspaceId,
    domain: &Domain,
) -> anyhow::Result<Vec<(DemoLink, LinkId, String)>> {
    let home = Arc::new(Url::parse("http://127.0.0.1")?);
    let service = LinkService::new(stores.catalog.clone(), Clock::system(), home);
    let mut made = Vec::new();
    for demo in links::links(LINKS) {
        let set = |value: &'static str| Some(Some(value.to_owned()));
        let utm = demo.campaign.map_or_else(UtmChange::default, |(source, medium, campaign)| UtmChange {
            source: set(source),
            medium: set(medium),
            campaign: set(campaign),
            ..UtmChange::default()
        });
        let change = LinkChange {
            domain: Some(domain.name.clone()),
            slug: SlugChoice::Fixed(demo.slug.clone()),
            patch: LinkPatch {
                url: Some(demo.url.clone()),
                title: Some(Some(demo.title.clone())),
                ..LinkPatch::default()
            },
            utm,
            ..LinkChange::default()
        };
        let link = service.create(workspace, None, change).await?;
        made.push((demo, link.id, link.fields.url));
    }
    Ok(made)
}

/// Sends what the writer makes to the spool, while it makes more.
async fn record(ingest: &Ingest, writer: Writer, progress: &ProgressBar) -> anyhow::Result<()> {
    let (sender, mut chunks) = tokio::sync::mpsc::channel::<Vec<Hit>>(4);
    let writing = tokio::task::spawn_blocking(move || writer.write(|chunk| sender.blocking_send(chunk).is_ok()));
    let first = *ingest.watch_stored().borrow();
    let mut stored = ingest.watch_stored();
    let follow = async {
        while stored.changed().await.is_ok() {
            progress.set_position(stored.borrow_and_update().saturating_sub(first));
        }
    };
    let send = async {
        while let Some(chunk) = chunks.recv().await {
            ingest.record_many(&chunk).await.context("the demo's spool")?;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        sent = send => sent?,
        () = follow => {}
    }
    writing.await?;
    Ok(())
}

/// Makes the clicks.
struct Writer {
    workspace: WorkspaceId,
    links: Picker<(DemoLink, LinkId, String)>,
    people: People,
    schedule: Schedule,
    random: SmallRng,
    settings: WorkspaceSettings,
}

impl Writer {
    fn new(args: &DemoArgs, workspace: WorkspaceId, links: Vec<(DemoLink, LinkId, String)>, geo: &Geo) -> Self {
        let mut random = SmallRng::seed_from_u64(args.seed);
        let country_of = |address: IpAddr| Some(geo.place(address, None).country).filter(|country| !country.is_empty());
        let people = People::find(&mut random, args.events, country_of);
        // Few links get most of the clicks.
        let skewed = links.into_iter().enumerate().map(|(rank, link)| (link, 100_000 / (rank as u32 + 2))).collect();
        Self {
            workspace,
            links: Picker::new(skewed),
            people,
            schedule: Schedule::new(args.events, Clock::system().now_ms()),
            random,
            settings: WorkspaceSettings::default(),
        }
    }

    /// Hands all clicks to `take`, in order of time, until it refuses.
    fn write(self, take: impl Fn(Vec<Hit>) -> bool) {
        let Self { workspace, links, people, schedule, mut random, settings } = self;
        let mut times_random = SmallRng::seed_from_u64(random.random());
        let mut chunk = Vec::with_capacity(CHUNK);
        for at_ms in schedule.times(&mut times_random) {
            let (demo, link, url) = links.pick(&mut random);
            let (address, user_agent) = people.visitor(&mut random);
            let scanned = random.random_range(0..100) < demo.qr_percent;
            let referrer = if scanned { "" } else { weighted(demo.referrers, random.random()) };
            chunk.push(Hit {
                at_ms,
                workspace,
                link: *link,
                address,
                user_agent: user_agent.to_owned(),
                referrer: referrer.to_owned(),
                url: url.clone(),
                trigger: if scanned { Trigger::Qr } else { Trigger::Link },
                repeat_window_secs: settings.repeat_window_secs,
                visitor_epoch: settings.visitor_rotation.epoch(at_ms),
                ..Hit::default()
            });
            if chunk.len() == CHUNK && !take(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK))) {
                return;
            }
        }
        if !chunk.is_empty() {
            take(chunk);
        }
    }
}

fn weighted(choices: &'static [(&'static str, u32)], number: u32) -> &'static str {
    let total: u32 = choices.iter().map(|(_, weight)| weight).sum();
    let mut rest = number % total.max(1);
    for (choice, weight) in choices {
        match rest.checked_sub(*weight) {
            Some(less) => rest = less,
            None => return choice,
        }
    }
    ""
}
