use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use eventlog::Log;
use pg::{Db, Migrations};
use rt::Shutdown;
use serde::de::DeserializeOwned;

use crate::{Assembly, DEFAULTS, Kit, Part, Peers, Services, Settings};

/// Exit code of a process whose settings cannot be used: trying again does not help.
const BAD_SETTINGS: u8 = 78;

/// A service as a program of its own.
pub struct Program {
    /// The service's name, and that of its schema.
    pub name: &'static str,
    /// Its `config.default.toml`: keys under `[service]`.
    pub defaults: &'static str,
    /// Its schema.
    pub migrations: fn() -> Migrations,
}

/// Runs a service: `serve` (the default) or `migrate`, by the first argument. Services check at start that their schema
/// is new enough and never change it; `migrate` is for the job that runs before a release, with the address of a role
/// that may create roles and schemas in `pg.url`.
pub fn main<S, F, Fut>(program: &Program, start: F) -> ExitCode
where
    S: DeserializeOwned,
    F: FnOnce(Kit<S>) -> Fut,
    Fut: Future<Output = anyhow::Result<Part>>,
{
    let defaults = format!("{DEFAULTS}\n{}", program.defaults);
    let settings: Settings<S> = match settings::load(&defaults, "BANYAN") {
        Ok(settings) => settings,
        Err(error) => return failed(program.name, &error.into(), BAD_SETTINGS),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(program.name, &error.into(), 1),
    };
    let work = async {
        match std::env::args().nth(1).as_deref() {
            None | Some("serve") => serve(program, settings, start).await,
            Some("migrate") => Ok(pg::migrate(&settings.pg.url, &(program.migrations)()).await?),
            Some(other) => bail!("`{other}` is neither `serve` nor `migrate`"),
        }
    };
    match runtime.block_on(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(program.name, &error, 1),
    }
}

async fn serve<S, F, Fut>(program: &Program, settings: Settings<S>, start: F) -> anyhow::Result<()>
where
    F: FnOnce(Kit<S>) -> Fut,
    Fut: Future<Output = anyhow::Result<Part>>,
{
    let _telemetry = telemetry::init(&settings.telemetry, program.name)?;
    let shutdown = Shutdown::on_signal()?;
    let db = Db::connect(&settings.pg, program.name).await.context("the database")?;
    pg::check_applied(&db, &(program.migrations)()).await?;
    let redis = redis_client(&settings.redis.url)?;
    let log = Log::new(db.clone(), redis, settings.log);
    let pages = settings.page.tokens()?;
    let peers = Peers::default();
    let part =
        start(Kit { db, log: Arc::clone(&log), pages, peers: peers.clone(), settings: settings.service }).await?;
    let services = Services {
        server: settings.server,
        authn: settings.authn,
        client: settings.client,
        consumer: settings.consumer,
        sources: settings.sources,
        token: crate::token::from_file(&settings.token_file, &shutdown)?,
        peers,
        pages: settings.page.tokens()?,
    };
    let assembly = Assembly::bind(services, vec![part]).await?;
    if !assembly.serve(shutdown).await {
        bail!("the drain was cut short");
    }
    Ok(())
}

/// A client of Redis; connects when it is used. `None` for an empty address.
fn redis_client(url: &str) -> anyhow::Result<Option<redis::Client>> {
    match url {
        "" => Ok(None),
        url => Ok(Some(redis::Client::open(url).context("redis.url")?)),
    }
}

#[allow(clippy::print_stderr, reason = "logging may not have started")]
fn failed(name: &str, error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("{name}: {error:#}");
    ExitCode::from(code)
}
