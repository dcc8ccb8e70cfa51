//! The main job: a shop's orders go through the public interface, and what a manager wants to see comes out.
//!
//! `run` is the sequence. What comes before the first call (reading a file, generating a year) and after the last (the
//! report and its page) is free of the network and tested on its own.

mod amount;
mod args;
mod calls;
mod child;
mod cost;
mod day;
mod deed;
mod figures;
mod from_file;
mod from_year;
mod gather;
mod input;
mod local;
mod orders_file;
mod page;
mod preset;
mod progress;
mod proposals;
mod quiet;
mod replay;
mod stream;
mod tenant;
mod when;
mod words;
mod year;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use ids::TenantId;
use serde::Serialize;

use self::args::Args;
use self::calls::{Calls, Tokens};
use self::child::Suite;
use self::figures::{Input, Measured, Refused, Replay, Report, Tenant, YearFigures};
use self::gather::Scope;
use self::input::Material;
use self::local::Local;
use self::orders_file::BadLine;
use self::proposals::Proposals;
pub use self::quiet::{SERVICES, lag};
use self::words::Lang;
use crate::folder::Folder;

/// Runs the demo as the command line says.
#[allow(clippy::print_stderr, reason = "the error is for whoever typed the command")]
pub async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("banyan-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Replays, and prints the page.
#[allow(clippy::print_stdout, clippy::print_stderr, reason = "the page is the program's output")]
async fn run(args: Args) -> anyhow::Result<()> {
    let lang = args.lang.unwrap_or_else(Lang::of_terminal);
    let folder = Folder::new(args.data.clone());
    let suite = Suite::find_or_start(args.port, &folder).await?;
    let done = tokio::select! {
        done = replay_and_gather(&args, lang, &folder, &suite) => done,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted: run it again to go on")),
    };
    if args.keep && suite.is_ours() {
        eprintln!("{} 127.0.0.1:{}", lang.pick("套件仍在运行", "the suite keeps running on"), args.port);
    } else {
        suite.stop().await;
    }
    let (report, measured) = done?;
    print!("{}{}", page::write(&report, lang), page::foot(&measured, lang));
    write(args.report.as_deref(), &report)?;
    write(args.measurements.as_deref(), &measured)?;
    if !report.ledger.mismatches.is_empty() {
        bail!("the ledger disagrees with itself");
    }
    Ok(())
}

fn write(path: Option<&Path>, figures: &impl Serialize) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let json = serde_json::to_string_pretty(figures)?;
    std::fs::write(path, json + "\n").with_context(|| path.display().to_string())
}

/// A run of the demo, before anything is called.
struct Run<'a> {
    args: &'a Args,
    lang: Lang,
    folder: &'a Folder,
    calls: Calls,
    tenant_id: TenantId,
    local: Local,
    decimals: u32,
}

/// What was replayed, for the report.
struct Done {
    input: Input,
    measured: Measured,
    bad_lines: Vec<BadLine>,
    refused: Vec<Refused>,
    year: Option<YearFigures>,
    proposals: Option<Proposals>,
}

async fn replay_and_gather(
    args: &Args,
    lang: Lang,
    folder: &Folder,
    suite: &Suite,
) -> anyhow::Result<(Report, Measured)> {
    let decimals = units::money::decimals(&args.currency)
        .with_context(|| format!("`{}` is no ISO 4217 currency code", args.currency))?;
    let local = Local::new(&args.zone).with_context(|| format!("`{}` is no IANA time zone", args.zone))?;
    let of_file = Material::of_file(args, &local, decimals)?;
    let tenant_id = TenantId::new(args.tenant_id()).context("--tenant")?;
    let tokens = Tokens {
        tenant: folder.tenant_token(&tenant_id)?,
        approver: folder.approver_token(&tenant_id)?,
        operator: folder.operator_token()?,
    };
    let calls = Calls::new(suite.clone(), &tokens)?;
    let run = Run { args, lang, folder, calls, tenant_id, local, decimals };
    match of_file {
        Some(material) => from_file::replay(&run, material).await,
        None => from_year::replay(&run).await,
    }
}

impl Run<'_> {
    /// Asks for the figures that every input has, and makes the report.
    async fn report(&self, scope: &Scope<'_>, done: Done) -> anyhow::Result<(Report, Measured)> {
        let set_aside = quiet::dead_letters(&self.calls).await?;
        if set_aside > 0 {
            bail!("{set_aside} events were set aside by a consumer: ConsumerService.ListDeadLetters tells why");
        }
        let gathered = gather::gather(scope).await?;
        let report = Report {
            report_version: 2,
            input: done.input,
            tenant: Tenant {
                tenant_id: self.tenant_id.to_string(),
                zone: self.args.zone.clone(),
                currency: self.args.currency.clone(),
            },
            sales: gathered.sales,
            months: gathered.months,
            cohorts: gathered.cohorts,
            stages: gathered.stages,
            rfm: gathered.rfm,
            points: gathered.points,
            levels: gathered.levels,
            ledger: gathered.ledger,
            year: done.year,
            bad_lines: done.bad_lines,
            refused: done.refused,
            proposals: done.proposals,
        };
        Ok((report, done.measured))
    }

    async fn measured(&self, mut replay: Replay, begun: std::time::Instant, meter: cost::Meter) -> Measured {
        replay.total_seconds = begun.elapsed().as_secs_f64();
        replay.cost = meter.stop(self.folder, replay.events).await;
        replay.events_per_second = replay.events as f64 / replay.total_seconds.max(0.001);
        Measured { replay, bundle: None }
    }
}
