//! The suite: every service in one process, over Postgres and Redis of the environment or private ones.

mod welcome;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use authn::dev::{Grant, Issuer};
use backing::Backing;
use clap::Parser;
use eventlog::Log;
use host::{Assembly, Kit, Peers, Services, Settings, Token};
use pg::{Db, Migrations, PgSettings, Roles};
use rt::Shutdown;
use serde::Deserialize;
use telemetry::LogFormat;

use crate::folder::{DEFAULT_PORT, Folder};

/// A token of the process itself is renewed when it is this old.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(3600);

/// Serves all services on one port, for development, tests and the demo.
///
/// Postgres and Redis are taken from DATABASE_URL (a role that may create schemas and roles) and REDIS_URL; where they
/// are unset, private ones are started in the data folder. All other settings are those of the services.
#[derive(Debug, Clone, Parser)]
#[command(name = "banyan-suite", version)]
pub struct Args {
    /// Port on 127.0.0.1.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    pub port: u16,

    /// Data folder; without it the user's state folder.
    #[arg(long, value_name = "DIR", env = "BANYAN_DATA")]
    pub data: Option<PathBuf>,

    /// Leave the private Postgres and Redis running at the end.
    #[arg(long)]
    pub keep_backing: bool,
}

/// The services' own settings.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Own {
    profiles: profiles::config::Settings,
    levels: levels::config::Settings,
    incentives: incentives::config::Settings,
    feedback: feedback::config::Settings,
}

/// Runs the suite until it is asked to end.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let mut settings: Settings<Own> = settings::load(&format!("{}\n[service]\n", host::DEFAULTS), "BANYAN")?;
    // beside each other they read each other's logs
    settings.service.levels.incentives = true;
    settings.service.incentives.feedback = true;
    settings.telemetry.format = LogFormat::Plain;
    settings.telemetry.filter += ",sqlx::postgres::notice=warn"; // what migrations find in place already
    let _telemetry = telemetry::init(&settings.telemetry, "banyan-suite")?;
    let shutdown = Shutdown::on_signal()?;
    let folder = Folder::new(args.data.clone());
    let data = folder.path().to_owned();
    let backing = tokio::task::spawn_blocking(move || Backing::from_env_or_start(&data)).await??;
    let served = serve(settings, &args, &folder, &backing, shutdown).await;
    if !args.keep_backing {
        tokio::task::spawn_blocking(move || backing.stop()).await??;
    }
    served
}

async fn serve(
    settings: Settings<Own>,
    args: &Args,
    folder: &Folder,
    backing: &Backing,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let issuer = folder.issuer()?;
    let pages = folder.secret("page")?;
    let redis = redis::Client::open(backing.redis_url.as_str()).context("REDIS_URL")?;
    let peers = Peers::default();
    let start = Start { settings: &settings, backing, redis, pages, peers: peers.clone() };
    let parts = vec![
        profiles::start(start.kit(&profiles::migrations(), settings.service.profiles.clone()).await?).await?,
        levels::start(start.kit(&levels::migrations(), settings.service.levels.clone()).await?),
        incentives::start(start.kit(&incentives::migrations(), settings.service.incentives.clone()).await?),
        feedback::start(start.kit(&feedback::migrations(), settings.service.feedback.clone()).await?),
    ];
    let mut server = settings.server.clone();
    server.address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    server.reflection = true;
    server.drain_grace_ms = 0;
    let authn = if settings.authn.jwks.is_empty() { issuer.settings() } else { settings.authn.clone() };
    let services = Services {
        server,
        authn,
        client: settings.client.clone(),
        consumer: settings.consumer.clone(),
        sources: settings.sources.clone(),
        token: own_token(issuer),
        peers,
        pages: page::Tokens::new(&start.pages),
    };
    let assembly = Assembly::bind(services, parts).await?;
    std::fs::write(folder.pid_file(), std::process::id().to_string()).context("suite.pid")?;
    welcome::print(assembly.address(), folder)?;
    if !assembly.serve(shutdown).await {
        tracing::warn!("the drain was cut short");
    }
    Ok(())
}

/// What services are started with.
struct Start<'a> {
    settings: &'a Settings<Own>,
    backing: &'a Backing,
    redis: redis::Client,
    pages: String,
    peers: Peers,
}

impl Start<'_> {
    /// Brings a service's schema up to date and opens its pool and log.
    async fn kit<S>(&self, migrations: &Migrations, settings: S) -> anyhow::Result<Kit<S>> {
        let schema = migrations.schema;
        pg::migrate(&self.backing.database_url, migrations).await.with_context(|| format!("migrating {schema}"))?;
        let url = pg::url_as(&self.backing.database_url, &Roles::of(schema).app);
        let pg = PgSettings { url, ..self.settings.pg.clone() };
        let db = Db::connect(&pg, schema).await.with_context(|| format!("the database of {schema}"))?;
        let log = Log::new(db.clone(), Some(self.redis.clone()), self.settings.log.clone());
        Ok(Kit { db, log, pages: page::Tokens::new(&self.pages), peers: self.peers.clone(), settings })
    }
}

/// The token by which the suite's services read logs and call each other, renewed in time.
fn own_token(issuer: Issuer) -> Token {
    let mint = move || issuer.mint(&Grant::service("banyan-suite").every_scope().scope(authn::ACT_FOR_TENANTS));
    let kept = Mutex::new((mint(), Instant::now()));
    Arc::new(move || {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.1.elapsed() > TOKEN_AGE_MAX {
            *kept = (mint(), Instant::now());
        }
        kept.0.clone()
    })
}
