//! Finds or starts the Postgres and Redis that a process runs on.
//!
//! `DATABASE_URL` and `REDIS_URL` win where they are set. Otherwise private servers are started from installed binaries
//! in a data folder: the demo, `cargo xtask dev` and the tests need no set-up on a developer's machine.
//!
//! Private servers listen on 127.0.0.1 alone, without a password: they are for development. They run in sessions of
//! their own, so that neither Ctrl-C nor `kill -9` of the program takes them along; the next start finds them again by
//! what lies in the folder. [`Private::stop`] ends them.
//!
//! Postgres refuses to run as root. Where root starts it, both servers run as the system user `postgres` (or `nobody`),
//! in the data folder if that user can reach it and else in `/var/tmp/banyan-0-<hash of the folder's path>`.

mod account;
mod executables;
mod home;
mod install;
mod postgres;
mod process;
mod redis;
mod watch;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;

use crate::{executables::Executables, home::Home};

pub use install::packages as install;

/// Addresses of a Postgres and a Redis, and the private servers behind them, if any.
#[derive(Debug, Clone)]
pub struct Backing {
    /// Address of Postgres for a role that may create databases and roles.
    pub database_url: String,
    /// Address of Redis.
    pub redis_url: String,
    private: Option<Private>,
}

impl Backing {
    /// Takes the addresses from `DATABASE_URL` and `REDIS_URL`; starts, in `data_dir`, a durable private server for each
    /// of the two that is unset, or finds it still running there.
    pub fn from_env_or_start(data_dir: &Path) -> anyhow::Result<Self> {
        Self::from_env_or(&Private::new(data_dir))
    }

    /// As [`Backing::from_env_or_start`], with the private servers' settings chosen.
    pub fn from_env_or(private: &Private) -> anyhow::Result<Self> {
        let (database_url, redis_url) = (address("DATABASE_URL"), address("REDIS_URL"));
        private.serve(database_url, redis_url)
    }

    /// Whether one of the two servers is a private one.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// Ends the private servers; leaves alone those that the environment named.
    pub fn stop(&self) -> anyhow::Result<()> {
        match &self.private {
            Some(private) => private.stop(),
            None => Ok(()),
        }
    }
}

/// The private servers of one data folder.
#[derive(Debug, Clone)]
pub struct Private {
    data_dir: PathBuf,
    durable: bool,
    idle_stop: Option<Duration>,
}

impl Private {
    /// Durable servers in `data_dir`, which run until they are stopped.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), durable: true, idle_stop: None }
    }

    /// Whether a commit survives a crash of the machine. `false` is for tests: several times faster.
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// Ends the servers when nobody has asked for them for this long (whole minutes, at least one). Needs `flock` and
    /// `find`, which every Linux has; elsewhere the servers stay until they are stopped.
    pub fn idle_stop(mut self, after: Duration) -> Self {
        self.idle_stop = Some(after);
        self
    }

    /// Starts both servers, whatever the environment says, or finds them running.
    pub fn start(&self) -> anyhow::Result<Backing> {
        self.serve(None, None)
    }

    /// Starts Redis alone, or finds it running, and returns its address: for those who flush it or stop it.
    pub fn start_redis(&self) -> anyhow::Result<String> {
        Ok(self.serve(Some(String::new()), None)?.redis_url)
    }

    /// Ends both servers if they run. The data stays.
    pub fn stop(&self) -> anyhow::Result<()> {
        let Some(home) = Home::existing(&self.data_dir)? else { return Ok(()) };
        let _lock = home.lock()?;
        redis::stop(&home)?;
        postgres::stop(&home)
    }

    /// The folder that holds the servers' data and logs: inside the data folder, or under /var/tmp (see the crate's page).
    pub fn home(&self) -> anyhow::Result<Option<PathBuf>> {
        Ok(Home::existing(&self.data_dir)?.map(|home| home.path().to_owned()))
    }

    fn serve(&self, database_url: Option<String>, redis_url: Option<String>) -> anyhow::Result<Backing> {
        if let (Some(database_url), Some(redis_url)) = (&database_url, &redis_url) {
            return Ok(Backing { database_url: database_url.clone(), redis_url: redis_url.clone(), private: None });
        }
        let needs = executables::Needs { postgres: database_url.is_none(), redis: redis_url.is_none() };
        let executables = Executables::find_or_install(needs)?;
        let home = Home::create(&self.data_dir)?;
        let _lock = home.lock()?;
        home.mark_used()?;
        let database_url = match database_url {
            Some(given) => given,
            None => postgres::serve(&home, &executables, self.durable, self.idle_stop).context("private Postgres")?,
        };
        let redis_url = match redis_url {
            Some(given) => given,
            None => redis::serve(&home, &executables, self.idle_stop).context("private Redis")?,
        };
        Ok(Backing { database_url, redis_url, private: Some(self.clone()) })
    }
}

/// A program that comes with the newest installed Postgres, such as `pgbench`; `None` where it is not there.
pub fn postgres_program(name: &str) -> Option<PathBuf> {
    Executables::beside_postgres(name)
}

fn address(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}
