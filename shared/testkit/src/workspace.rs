//! What belongs to the checkout as a whole.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use pg::Migrations;
use sqlx::migrate::Migrator;

use crate::{database, servers::backing};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies in shared/testkit")
}

/// Where the tests' servers keep their data: `testkit` in the target folder.
pub fn data_dir() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("testkit")
}

/// The address of a database with the migrations of all services, all schemas on its search path: what sqlx's macros
/// compile against. The migrations are read from the source folders, because the services do not compile before the
/// macros do.
pub async fn prepared_database() -> anyhow::Result<String> {
    let all = services().await?;
    ensure!(!all.is_empty(), "no service has a folder `migrations`");
    let schemas: Vec<_> = all.iter().map(|migrations| migrations.schema).collect();
    let references: Vec<_> = all.iter().collect();
    let admin_url = &backing().database_url;
    let name = format!("prepared_{}", database::fingerprint(&references));
    let url = database::make_once(admin_url, &name, &references).await?;
    let separator = if url.contains('?') { '&' } else { '?' };
    Ok(format!("{url}{separator}options=-csearch_path%3D{}", schemas.join(",")))
}

/// The migrations of every service that has some, by name: the shared parts first, then its own, as in its code.
async fn services() -> anyhow::Result<Vec<Migrations>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("services"))? {
        let entry = entry?;
        if entry.path().join("migrations").is_dir() {
            names.push(entry.file_name().into_string().ok().context("a service's name is not UTF-8")?);
        }
    }
    names.sort();
    let mut shared = Vec::new();
    for part in ["requests", "eventlog", "mirror"] {
        shared.extend(read(&root().join("shared").join(part).join("migrations")).await?);
    }
    let mut all = Vec::new();
    for name in names {
        let own = read(&root().join("services").join(&name).join("migrations")).await?;
        all.push(Migrations::new(name.leak(), shared.iter().copied().chain(own)));
    }
    Ok(all)
}

/// Leaked on purpose: migrations are static everywhere else, and this program ends soon.
async fn read(folder: &Path) -> anyhow::Result<Option<&'static Migrator>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let migrator = Migrator::new(folder).await.with_context(|| folder.display().to_string())?;
    Ok(Some(Box::leak(Box::new(migrator))))
}
