//! Finds the installed servers, and has them installed where that is possible.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use crate::install;

/// The oldest major version of Postgres that the product is tested with.
const POSTGRES_MIN: u32 = 14;

/// Which servers a caller lacks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    pub(crate) postgres: bool,
    pub(crate) redis: bool,
}

/// One installed Postgres.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PostgresInstall {
    /// Major version.
    pub(crate) major: u32,
    /// The folder with `initdb`, `pg_ctl` and `postgres`.
    pub(crate) bin: PathBuf,
}

/// The servers found on this machine.
#[derive(Debug)]
pub(crate) struct Executables {
    postgres: Vec<PostgresInstall>,
    redis: Option<PathBuf>,
}

impl Executables {
    /// Finds what is needed; has the rest installed, or says how.
    pub(crate) fn find_or_install(needs: Needs) -> anyhow::Result<Self> {
        let found = Self::find();
        let missing = found.missing(needs);
        if missing.is_empty() {
            return Ok(found);
        }
        install::packages(&missing)
            .context("set DATABASE_URL and REDIS_URL, or install the servers (Valkey will do for Redis)")?;
        let found = Self::find();
        if !found.missing(needs).is_empty() {
            bail!("installed {}, yet did not find its programs", missing.join(" and "));
        }
        Ok(found)
    }

    fn find() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
        dirs.extend(["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"].map(PathBuf::from));
        let redis = ["redis-server", "valkey-server"]
            .iter()
            .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)))
            .find(|file| file.is_file());

        dirs.extend(version_dirs(Path::new("/usr/lib/postgresql"), ""));
        dirs.extend(version_dirs(Path::new("/usr"), "pgsql-"));
        dirs.extend(version_dirs(Path::new("/opt/homebrew/opt"), "postgresql@"));
        dirs.push("/usr/local/pgsql/bin".into());
        let mut postgres: Vec<_> = dirs.iter().filter_map(|dir| postgres_in(dir)).collect();
        postgres.sort();
        postgres.dedup();
        Self { postgres, redis }
    }

    fn missing(&self, needs: Needs) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if needs.postgres && !self.postgres.iter().any(|found| found.major >= POSTGRES_MIN) {
            missing.push("postgresql");
        }
        if needs.redis && self.redis.is_none() {
            missing.push("redis-server");
        }
        missing
    }

    /// The newest Postgres, or the one of the version that wrote an existing data folder.
    pub(crate) fn postgres(&self, written_by: Option<u32>) -> anyhow::Result<&PostgresInstall> {
        match written_by {
            None => self.postgres.iter().rfind(|found| found.major >= POSTGRES_MIN).context("no Postgres found"),
            Some(major) => self.postgres.iter().rfind(|found| found.major == major).with_context(|| {
                format!("the data was written by Postgres {major}, which is not installed: install it or move the data folder away")
            }),
        }
    }

    /// Another program of the newest Postgres, where its package brings it along.
    pub(crate) fn beside_postgres(name: &str) -> Option<PathBuf> {
        let found = Self::find();
        Some(found.postgres(None).ok()?.bin.join(name)).filter(|program| program.is_file())
    }

    /// The Redis or Valkey server.
    pub(crate) fn redis(&self) -> anyhow::Result<&Path> {
        self.redis.as_deref().context("no Redis found")
    }
}

/// `bin` folders of versions side by side: `<parent>/<prefix><version>/bin`.
fn version_dirs(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").is_file())
        .collect()
}

/// The Postgres whose programs lie in `dir` or are linked from there.
fn postgres_in(dir: &Path) -> Option<PostgresInstall> {
    let initdb = fs::canonicalize(dir.join("initdb")).ok()?;
    let bin = initdb.parent()?.to_owned();
    if !bin.join("pg_ctl").is_file() {
        return None;
    }
    let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    Some(PostgresInstall { major: major(&String::from_utf8_lossy(&output.stdout))?, bin })
}

/// 15 of `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)` or `postgres (PostgreSQL) 15beta1`.
fn major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL)")?.1.trim_start();
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_releases_and_betas() {
        assert_eq!(major("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("sh: not found"), None);
    }

    #[test]
    fn existing_data_is_served_by_the_version_that_wrote_it() {
        let install = |major| PostgresInstall { major, bin: format!("/pg/{major}").into() };
        let found = Executables { postgres: vec![install(13), install(15), install(17)], redis: None };
        assert_eq!(found.postgres(None).unwrap().major, 17);
        assert_eq!(found.postgres(Some(15)).unwrap().major, 15);
        assert!(found.postgres(Some(16)).unwrap_err().to_string().contains("Postgres 16"));
        assert_eq!(found.missing(Needs { postgres: true, redis: true }), ["redis-server"]);
    }

    #[test]
    fn a_postgres_that_is_too_old_counts_as_missing() {
        let found = Executables { postgres: vec![PostgresInstall { major: 13, bin: "/pg".into() }], redis: None };
        assert_eq!(found.missing(Needs { postgres: true, redis: false }), ["postgresql"]);
    }
}
