//! `cargo xtask test`: the steps, cheap ones first, and a table at the end.

use std::{
    fmt,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::bail;
use clap::ValueEnum;

use crate::{contracts, layers, repo, sqlx, tools};

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A step to leave out; may be given several times
    #[arg(long, value_enum, value_name = "STEP")]
    skip: Vec<Step>,
    /// A step to run, and no other; may be given several times
    #[arg(long, value_enum, value_name = "STEP")]
    only: Vec<Step>,
    /// Go on after a failed step
    #[arg(long)]
    keep_going: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// rustfmt
    Format,
    /// House rules: `cargo xtask layers`
    Layers,
    /// Style of the contracts: buf lint, buf format
    Lint,
    /// Compatibility of the contracts with the last landed ones: buf breaking
    Breaking,
    /// Licences, sources and duplicates of dependencies: cargo-deny
    Deny,
    /// Generated code is that of proto/: `cargo xtask gen --check`
    Gen,
    /// /.sqlx is that of the queries: `cargo xtask sqlx-prepare --check`
    Sqlx,
    /// Clippy, warnings denied
    Clippy,
    /// All tests: nextest
    Tests,
    /// Documentation, warnings denied
    Docs,
}

/// How a step ended that did not fail.
pub(crate) enum Outcome {
    /// It ran.
    Passed,
    /// It had nothing to do, or not what it needs.
    Skipped(String),
}

enum Line {
    Passed(Duration),
    Failed(Duration, String),
    Skipped(String),
    NotReached,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(took) => write!(f, "ok       {:>6.1} s", took.as_secs_f32()),
            Self::Failed(took, why) => write!(f, "FAILED   {:>6.1} s  {why}", took.as_secs_f32()),
            Self::Skipped(why) => write!(f, "skipped            {why}"),
            Self::NotReached => write!(f, "not reached"),
        }
    }
}

/// Runs the steps and prints the table; fails if one failed.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut table = Vec::new();
    let mut failed = false;
    for step in Step::value_variants() {
        let line = match step {
            step if !options.wants(*step) => Line::Skipped("as asked".to_owned()),
            _ if failed && !options.keep_going => Line::NotReached,
            step => step.run(),
        };
        failed |= matches!(line, Line::Failed(..));
        table.push((step.name(), line));
    }
    if let Err(error) = repo::test_servers().stop() {
        println!("the tests' servers did not end: {error:#}");
    }
    println!();
    for (name, line) in table {
        println!("{name:<9} {line}");
    }
    if failed {
        bail!("not everything passed");
    }
    Ok(())
}

impl Options {
    fn wants(&self, step: Step) -> bool {
        !self.skip.contains(&step) && (self.only.is_empty() || self.only.contains(&step))
    }
}

impl Step {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn run(self) -> Line {
        println!("\n== {}", self.name());
        let begin = Instant::now();
        let outcome = self.work();
        let took = begin.elapsed();
        match outcome {
            Ok(Outcome::Passed) => Line::Passed(took),
            Ok(Outcome::Skipped(why)) => {
                println!("skipped: {why}");
                Line::Skipped(why)
            }
            Err(error) => {
                println!("error: {error:#}");
                Line::Failed(took, error.to_string())
            }
        }
    }

    fn work(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Format => repo::run(&mut repo::cargo(&["fmt", "--all", "--check"]))?,
            Self::Layers => layers::check()?,
            Self::Lint => return contracts::lint(),
            Self::Breaking => return contracts::breaking(),
            Self::Deny => deny()?,
            Self::Gen => contracts::generate(true)?,
            Self::Sqlx => sqlx::prepare(true)?,
            Self::Clippy => repo::run(&mut clippy())?,
            Self::Tests => nextest()?,
            Self::Docs => docs()?,
        }
        Ok(Outcome::Passed)
    }
}

/// Without the advisories: their database is a git repository, which a closed network does not reach.
fn deny() -> anyhow::Result<()> {
    let mut deny = repo::program(tools::bin()?.join("cargo-deny"));
    repo::run(deny.args(["--workspace", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))
}

/// Checks everything, warnings denied.
pub(crate) fn clippy() -> Command {
    repo::cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
}

fn nextest() -> anyhow::Result<()> {
    let profile = if std::env::var_os("CI").is_some() { "ci" } else { "default" };
    let mut nextest = repo::program(tools::bin()?.join("cargo-nextest"));
    nextest.args(["nextest", "run", "--workspace", "--profile", profile]);
    repo::run(&mut nextest)
}

fn docs() -> anyhow::Result<()> {
    let mut doc = repo::cargo(&["doc", "--quiet", "--workspace", "--no-deps"]);
    repo::run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}
