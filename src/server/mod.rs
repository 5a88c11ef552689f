//! Joining it all: every service is built here from its settings, and everything ends here in order.

mod allowance;
pub mod listen;
mod pipeline;
mod recorder;
mod router;
pub mod slow_body;
mod source;
mod stores;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::analytics::Analytics;
use crate::api::dub::HookShape;
use crate::api::visit::{Front, KeptTotals, Services, Visits};
use crate::auth::gate::Gate;
use crate::auth::{Auth, FirstRun, FirstRunRequest};
use crate::calendar::Clock;
use crate::config::{Config, HttpConfig};
use crate::conversions::{Conversions, Parts};
use crate::domain::click_id::ClickKey;
use crate::domain::workspace::parse_domain_name;
use crate::holdings::Holdings;
use crate::hooks::guard::{Policy, SystemResolver};
use crate::hooks::send::Sender;
use crate::hooks::{HookOptions, Hooks, Telling, TellingParts};
use crate::ingest::{Ingest, LiveEvents};
use crate::links::LinkService;
use crate::privacy::retention;
use crate::redirect::{Allowances, Resolver, ResolverOptions};
use crate::sites::Sites;
use crate::telemetry;
use crate::web::client::ClientRules;
use crate::web::client_clicks::ClientClicks;
use crate::web::kept_answers::KeptAnswers;
use crate::web::limits::Limits;
use crate::web::places::Places;
use crate::web::recent_visits::RecentVisits;
use crate::web::state::{App, EXPORTS_PER_WORKSPACE};
use crate::web::streams::Streams;

pub use allowance::CountedAllowances;
use listen::{ListenOptions, Listener};
pub use pipeline::{Draining, find_geo, open_geo, spool_folder, start_ingest};
use recorder::SpoolRecorder;
use router::router;
pub use source::CatalogSource;
use source::follow_changes;
pub use stores::{Sharing, Stores};

/// What a first start keeps for its user, in the data folder. Mode 0600.
const FIRST_RUN_FILE: &str = "first-run.json";
/// How often histograms are folded.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When something that is needed is not there; the message says what to do.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let server = tokio::select! {
        server = Server::start(config, Clock::system(), None) => server?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    server.announce();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

/// A running Linktrail.
pub struct Server {
    /// What the handlers reach.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    /// Accepts hits.
    pub ingest: Ingest,
    first_run: Option<FirstRun>,
    took: Duration,
    drain: Draining,
    telling: Telling,
    stop: CancellationToken,
    listening: JoinHandle<u32>,
    stores: Stores,
}

impl Server {
    /// Starts everything and listens. `launcher` is the program that runs the embedded ClickHouse; by default this one.
    ///
    /// # Errors
    /// When something that is needed is not there; the message says what to do.
    pub async fn start(config: Config, clock: Clock, launcher: Option<PathBuf>) -> anyhow::Result<Self> {
        let began = Instant::now();
        let metrics = telemetry::start_metrics();
        // The port first: that it is taken is told before engines are started for nothing.
        let listener = Listener::bind(config.http.listen, ListenOptions::new(&config.http)).with_context(|| {
            format!("cannot listen on {}; choose another address with --listen", config.http.listen)
        })?;
        let address = listener.address()?;
        let public_url = public_url(&config.http, address)?;

        let geo = tokio::task::spawn_blocking({
            let places = config.places.clone();
            move || open_geo(&places)
        });
        let stores = Stores::open(&config.places, Sharing::Alone, launcher).await?;
        stores.migrate().await?;
        let geo = geo.await??;

        let auth = Auth::new(stores.catalog.clone(), clock.clone())
            .with_guess_limit(config.limits.wrong_keys_per_minute)
            .with_sign_in(config.sign_in.clone());
        let first_run = first_run(&auth, &stores, &public_url).await?;
        let folder = spool_folder(&config.places, config.ingest.spool_dir.as_deref());
        let (ingest, enricher, drain) = start_ingest(&stores, &config.ingest, folder, geo, clock.clone()).await?;
        // At once: what the spool still holds from before is told, too.
        let (events, wants) = ingest.live().listen_at_will();

        let sites = Sites::new(stores.catalog.clone());
        sites.load().await?;
        let stop = CancellationToken::new();
        let analytics = Analytics::new(stores.warehouse.clone(), stores.catalog.clone());
        let clicks = ClickKey::new(stores.catalog.secret("click_id").await?);
        let conversions = Conversions::new(Parts {
            catalog: stores.catalog.clone(),
            warehouse: stores.warehouse.clone(),
            ingest: ingest.clone(),
            enricher: Arc::clone(&enricher),
            clicks: clicks.clone(),
            clock: clock.clone(),
        });
        let resolver = Arc::new(Resolver::new(
            Arc::new(CatalogSource::new(stores.catalog.clone())),
            ResolverOptions {
                default_domain: config.http.default_domain.clone(),
                api_host: public_url.host_str().map(str::to_owned),
                miss_limit: config.http.miss_limit,
                ..ResolverOptions::default()
            },
        ));
        let memory = Arc::clone(&resolver);
        let hooks = Hooks::new(Policy { allowed: config.hooks.allow_private.clone() });
        let app = App {
            resolver,
            client_clicks: ClientClicks::default(),
            recent_visits: RecentVisits::default(),
            kept_answers: KeptAnswers::default(),
            conversions,
            holdings: Holdings::new(stores.catalog.clone(), clock.clone()).for_tenants(&public_url, &config.domains),
            links: LinkService::new(stores.catalog.clone(), clock.clone(), Arc::clone(&public_url))
                .with_memory(Arc::new(move |domain, slug: &str| memory.forget_link(domain, slug)))
                .with_default_domain(config.http.default_domain.as_deref())
                .with_hook_policy(hooks.policy()),
            catalog: stores.catalog.clone(),
            clicks,
            max_body_bytes: config.http.max_body_bytes,
            analytics,
            sites,
            ingest: ingest.clone(),
            enricher,
            hooks,
            streams: Streams::new(stop.clone()),
            exports: Places::new(EXPORTS_PER_WORKSPACE),
            clients: ClientRules::new(&config.http),
            auth,
            limits: Limits::new(&config.limits, &clock),
            public_url,
            clock,
        };
        let telling = start_hooks(&app, events, Box::new(wants)).await?;
        if let Some(metrics) = metrics.clone() {
            tokio::spawn(tend_metrics(metrics, stop.clone()));
        }
        tokio::spawn(app.auth.clone().keep_sweeping(stop.clone()));
        tokio::spawn(retention::keep_pruning(
            stores.catalog.clone(),
            stores.warehouse.clone(),
            app.clock.clone(),
            stop.clone(),
        ));
        let visits = visits(&app, &ingest, &stop).await?;
        let router = router(&app, &config.http, metrics, Arc::clone(&visits));
        let listening = tokio::spawn(
            listener.serve(move |peer| Front::new(Arc::clone(&visits), router.clone(), peer), stop.clone()),
        );
        Ok(Self { app, address, ingest, first_run, took: began.elapsed(), drain, telling, stop, listening, stores })
    }

    /// Prints what a user needs to go on. Nobody may be reading, which is no reason to end.
    fn announce(&self) {
        let mut out = std::io::stdout();
        let url = self.app.origin();
        if let Some(first) = &self.first_run {
            let _ = writeln!(
                out,
                "\nA first workspace was made. Its secrets are shown once and kept in {FIRST_RUN_FILE} in the data folder:\n\n  \
                 workspace  {}\n  domain     {}\n  email      {}\n  password   {}\n  api key    {}\n\n\
                 Make a link, visit it, ask what came of it:\n\n  \
                 KEY={}\n  \
                 curl -s {url}/links -H \"Authorization: Bearer $KEY\" --json '{{\"url\":\"https://example.com\",\"key\":\"hello\"}}'\n  \
                 curl -si {url}/hello -A 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15'\n  \
                 curl -s \"{url}/analytics?groupBy=top_links\" -H \"Authorization: Bearer $KEY\"\n",
                first.rows.workspace,
                first.domain,
                first.email,
                first.password.expose_secret(),
                first.api_key.expose_secret(),
                first.api_key.expose_secret(),
            );
        }
        let _ = writeln!(out, "linktrail is ready at {url} ({:.1} s)", self.took.as_secs_f64());
    }

    /// Ends in order: no new connections, requests under way (4 s), the spool synced, batches (2 s), what webhooks are still
    /// told (1 s), the engines (3 s). So it takes less than ten seconds, after which service managers and container runtimes often lose patience.
    pub async fn stop(self) {
        self.stop.cancel();
        self.telling.wind_down();
        match self.listening.await {
            Ok(0) => {}
            Ok(cut_off) => tracing::warn!(cut_off, "connections were cut off"),
            Err(error) => tracing::error!(%error, "the listener failed"),
        }
        self.drain.stop().await;
        self.telling.stop().await;
        self.stores.close().await;
    }
}

async fn start_hooks(
    app: &App,
    events: Receiver<LiveEvents>,
    wants: Box<dyn Fn(bool) + Send + Sync>,
) -> anyhow::Result<Telling> {
    let sender = Sender::new(app.hooks.policy(), Arc::new(SystemResolver)).context("TLS of webhooks")?;
    Ok(Telling::start(TellingParts {
        hooks: app.hooks.clone(),
        catalog: app.catalog.clone(),
        clock: app.clock.clone(),
        sender,
        shape: Arc::new(HookShape(app.clone())),
        events,
        wants,
        options: HookOptions::default(),
    })
    .await)
}

/// Folds what histograms gathered, which would otherwise grow until somebody asks for the metrics.
async fn tend_metrics(metrics: PrometheusHandle, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(METRICS_UPKEEP) => metrics.run_upkeep(),
        }
    }
}

async fn visits(app: &App, ingest: &Ingest, stop: &CancellationToken) -> anyhow::Result<Arc<Visits<SpoolRecorder>>> {
    let resolver = Arc::clone(&app.resolver);
    resolver.reload_domains().await?;
    tokio::spawn(app.sites.clone().keep_fresh(stop.clone()));
    tokio::spawn(follow_changes(
        app.catalog.clone(),
        Arc::clone(&resolver),
        app.sites.clone(),
        app.auth.clone(),
        app.streams.clone(),
        stop.clone(),
    ));
    let allowances = CountedAllowances::new(app.catalog.clone(), app.analytics.clone(), ingest.clone());
    Ok(Arc::new(Visits::new(Services {
        resolver,
        allowances: Allowances::new(Arc::new(allowances)),
        clients: app.clients.clone(),
        recorder: SpoolRecorder(ingest.clone()),
        clicks: app.clicks.clone(),
        clock: app.clock.clone(),
        enricher: Arc::clone(&app.enricher),
        recent: app.recent_visits.clone(),
        totals: Arc::new(KeptTotals::new(app.analytics.clone())),
        gate: Gate::new(app.catalog.secret("link_password").await?),
        is_https: app.public_url.scheme() == "https",
    })))
}

fn public_url(http: &HttpConfig, address: SocketAddr) -> anyhow::Result<Arc<Url>> {
    let url = match &http.public_url {
        Some(url) => url.clone(),
        // Nobody can go to "every address".
        None if address.ip().is_unspecified() => Url::parse(&format!("http://localhost:{}", address.port()))?,
        None => Url::parse(&format!("http://{address}"))?,
    };
    anyhow::ensure!(url.has_host(), "--public-url must name a host, such as https://go.example.com");
    Ok(Arc::new(url))
}

async fn first_run(auth: &Auth, stores: &Stores, public_url: &Url) -> anyhow::Result<Option<FirstRun>> {
    let host = public_url.host_str().and_then(parse_domain_name).unwrap_or_else(|| "localhost".to_owned());
    let request = FirstRunRequest {
        workspace_name: "First workspace".to_owned(),
        email: "owner@localhost.localdomain".to_owned(),
        domain: host,
    };
    let keep = |first: &FirstRun| {
        let Some(data_dir) = &stores.data_dir else { return Ok(()) };
        let kept = json!({
            "url": public_url.origin().ascii_serialization(),
            "domain": first.domain,
            "workspace_id": first.rows.workspace.to_string(),
            "api_key": first.api_key.expose_secret(),
            "email": first.email,
            "password": first.password.expose_secret(),
        });
        let written = data_dir.write(FIRST_RUN_FILE, format!("{kept:#}\n").as_bytes());
        written.map(drop).map_err(|error| error.to_string())
    };
    Ok(auth.first_run(&request, keep).await?)
}
