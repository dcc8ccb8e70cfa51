//! What sqlx's macros compile from: a live database while SQL is being written, `/.sqlx` everywhere else.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context, bail};

use crate::{repo, test::clippy};

const MACROS: [&str; 3] = ["query!(", "query_as!(", "query_scalar!("];

/// Prints the variables that make the macros use a live database, as shell commands.
pub(crate) fn print_variables() -> anyhow::Result<()> {
    println!("export DATABASE_URL='{}'", database()?);
    println!("export SQLX_OFFLINE=false");
    Ok(())
}

/// Expands every macro against a live database and takes over, or compares, what the macros learn from it.
pub(crate) fn prepare(check: bool) -> anyhow::Result<()> {
    let sources = sources_with_macros()?;
    let fresh = repo::target().join("sqlx");
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh)?;
    if !sources.is_empty() {
        let everything =
            if check { clippy() } else { repo::cargo(&["check", "--quiet", "--workspace", "--all-targets"]) };
        expand(everything, &sources, &fresh)?;
    }
    let committed = repo::root().join(".sqlx");
    let (want, have) = (read(&fresh)?, read(&committed)?);
    let stale: Vec<_> = have.iter().filter(|(name, text)| want.get(*name) != Some(text)).collect();
    let missing: Vec<_> = want.iter().filter(|(name, text)| have.get(*name) != Some(text)).collect();
    if check {
        if stale.is_empty() && missing.is_empty() {
            println!("/.sqlx matches the queries ({})", want.len());
            return Ok(());
        }
        for (name, _) in stale.iter().chain(&missing) {
            println!(".sqlx/{name}");
        }
        bail!("/.sqlx does not match the queries: run `cargo xtask sqlx-prepare` and commit the result");
    }
    fs::create_dir_all(&committed)?;
    for (name, _) in &stale {
        fs::remove_file(committed.join(name))?;
    }
    for (name, text) in &missing {
        fs::write(committed.join(name), text)?;
    }
    println!("/.sqlx holds {} queries: {} written, {} removed", want.len(), missing.len(), stale.len());
    Ok(())
}

/// The address of a database with all migrations applied. Built as a part of the workspace: alone it would have other
/// features of its dependencies than the tests have, and every one of them would be compiled once more.
fn database() -> anyhow::Result<String> {
    const NAME: &str = "prepared-database";
    repo::run(&mut repo::cargo(&["build", "--quiet", "--workspace", "--bin", NAME]))?;
    let mut program = repo::program(repo::target().join("debug").join(NAME));
    repo::output(&mut program).context("preparing a database for sqlx's macros")
}

/// Source files that hold macros: one in a comment costs a rebuild of its crate and no more.
fn sources_with_macros() -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in repo::crates()?.iter().filter(|folder| !folder.ends_with("xtask")) {
        for source in repo::files(folder, ".rs")? {
            let text = fs::read_to_string(&source).with_context(|| repo::short(&source))?;
            if MACROS.iter().any(|name| text.contains(name)) {
                found.push(source);
            }
        }
    }
    Ok(found)
}

/// Runs a check of everything with the macros writing into `folder`. Cargo does not know that a macro's outcome depends on
/// a database, so the sources are made to look new for the time of the check; with their old times back, every other build
/// stays as fresh as it was. A test of everything checks with clippy, which has then nothing left to do in its own step.
fn expand(mut check: Command, sources: &[PathBuf], folder: &Path) -> anyhow::Result<()> {
    check.env("DATABASE_URL", database()?).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", folder);
    let _times = Touched::all(sources)?;
    repo::run(&mut check)
}

/// Files that look new, until it is dropped.
struct Touched(Vec<(PathBuf, SystemTime)>);

impl Touched {
    fn all(files: &[PathBuf]) -> anyhow::Result<Self> {
        let mut touched = Self(Vec::new());
        for path in files {
            let before = fs::metadata(path)?.modified()?;
            touched.0.push((path.clone(), before));
            File::options().write(true).open(path)?.set_modified(SystemTime::now())?;
        }
        Ok(touched)
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        for (path, before) in &self.0 {
            // a file that keeps its new time costs one needless rebuild
            let _ = File::options().write(true).open(path).and_then(|file| file.set_modified(*before));
        }
    }
}

/// The descriptions of queries in a folder, by file name.
fn read(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for path in repo::files(folder, ".json")? {
        let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
        found.insert(name, fs::read_to_string(&path)?);
    }
    Ok(found)
}
