//! The main job: a shop's orders go through the public interface, and what a manager wants to see comes out.
//!
//! `run` is the sequence. What comes before the first call (reading a file, generating a year) and after the last (the
//! report and its page) is free of the network and tested on its own.

mod amount;
mod args;
mod calls;
mod child;
mod cost;
mod deed;
mod figures;
mod gather;
mod input;
mod local;
mod orders_file;
mod page;
mod people;
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

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use ids::TenantId;

use self::args::Args;
use self::calls::Calls;
use self::child::Suite;
use self::cost::Meter;
use self::figures::{Input, Refused, Replay, Report, Tenant};
use self::gather::Scope;
use self::input::Material;
use self::local::Local;
use self::proposals::{Coin, Proposals, bundle, cells, promotions};
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
    let report = tokio::select! {
        report = replay_and_gather(&args, lang, &folder, &suite) => report,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted: run it again to go on")),
    };
    if args.keep && suite.is_ours() {
        eprintln!("{} 127.0.0.1:{}", lang.pick("套件仍在运行", "the suite keeps running on"), args.port);
    } else {
        suite.stop().await;
    }
    let report = report?;
    print!("{}", page::write(&report, lang));
    if let Some(path) = &args.report {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, json + "\n").with_context(|| path.display().to_string())?;
    }
    if !report.ledger.mismatches.is_empty() {
        bail!("the ledger disagrees with itself");
    }
    Ok(())
}

async fn replay_and_gather(args: &Args, lang: Lang, folder: &Folder, suite: &Suite) -> anyhow::Result<Report> {
    let decimals = units::money::decimals(&args.currency)
        .with_context(|| format!("`{}` is no ISO 4217 currency code", args.currency))?;
    let local = Local::new(&args.zone).with_context(|| format!("`{}` is no IANA time zone", args.zone))?;
    let of_file = Material::of_file(args, &local, decimals)?;
    let tenant_id = TenantId::new(args.tenant_id()).context("--tenant")?;
    let calls = Calls::new(suite.clone(), &folder.tenant_token(&tenant_id)?, &folder.operator_token()?)?;

    let tenant = tenant::find_or_create(&calls, tenant_id.as_str(), &args.zone, &args.currency).await?;
    preset::apply(&calls, &args.zone).await?;
    let material = match of_file {
        Some(material) => material,
        None => Material::of_year(args, &local, &tenant)?,
    };
    let (replay, refused) = replay_all(args, lang, folder, &calls, &material).await?;

    let (days, end) = material.span(&local)?;
    let scope = Scope { calls: &calls, currency: &args.currency, decimals, lang, days, end };
    let gathered = gather::gather(&scope).await?;
    let mut proposals = None;
    if args.orders.is_some() {
        proposals = Some(propose(args, folder, &scope, &material, &local, tenant_id.as_str()).await?);
    }
    Ok(Report {
        report_version: 1,
        input: Input {
            kind: material.kind,
            name: material.name,
            rows: material.rows,
            events: replay.events,
            data_end: end.format(&time::format_description::well_known::Rfc3339)?,
        },
        tenant: Tenant { tenant_id: tenant_id.to_string(), zone: args.zone.clone(), currency: args.currency.clone() },
        sales: gathered.sales,
        months: gathered.months,
        cohorts: gathered.cohorts,
        stages: gathered.stages,
        rfm: gathered.rfm,
        points: gathered.points,
        levels: gathered.levels,
        ledger: gathered.ledger,
        replay,
        bad_lines: material.bad_lines,
        refused,
        proposals,
    })
}

/// Makes proposals from the orders of a file, and writes the programme that they add up to.
async fn propose(
    args: &Args,
    folder: &Folder,
    scope: &Scope<'_>,
    material: &Material,
    local: &Local,
    tenant_id: &str,
) -> anyhow::Result<Proposals> {
    let base = proposals::gather(&material.deeds, local, scope.days.1);
    let payers = i64::try_from(base.growth_year.len()).unwrap_or(i64::MAX);
    let by_quintiles = cells::enough(payers, base.days);
    let counted = gather::rfm_cells(scope, by_quintiles).await?;
    let coin = Coin { currency: scope.currency, decimals: scope.decimals };
    let mut proposals = proposals::propose(base, &counted, by_quintiles, &coin);
    let steps = proposals.steps.as_ref();
    let promotions = steps.map(|steps| promotions::templates(steps, &coin, local, scope.days.1)).unwrap_or_default();
    let models = gather::models(scope).await?;
    let programme = bundle::build(preset::programme(&args.zone), models, &proposals, promotions);
    let usual = || bundle::usual_path(args.report.as_deref(), folder.path(), tenant_id);
    let path = args.bundle.clone().unwrap_or_else(usual);
    let written = bundle::write(&path, &bundle::to_json(&programme)?, args.bundle.is_none());
    let written = written.with_context(|| path.display().to_string())?;
    proposals.bundle = proposals::Bundle { path: path.display().to_string(), written };
    Ok(proposals)
}

/// Sends everything and waits until all of it is applied.
async fn replay_all(
    args: &Args,
    lang: Lang,
    folder: &Folder,
    calls: &Calls,
    material: &Material,
) -> anyhow::Result<(Replay, Vec<Refused>)> {
    people::register(calls, &material.registrations, lang.pick("注册", "registering")).await?;
    let (begun, meter) = (Instant::now(), Meter::start(folder));
    let words = lang.pick("回放", "replaying");
    let (mut replay, refused) =
        replay::send(calls, &material.deeds, &args.currency, usize::from(args.streams), words).await?;
    let applying = lang.pick("处理", "applying");
    quiet::wait(calls, applying).await?;
    replay.total_seconds = begun.elapsed().as_secs_f64();
    replay.cost = meter.stop(folder, replay.events);
    replay.events_per_second = replay.events as f64 / replay.total_seconds.max(0.001);
    let set_aside = quiet::dead_letters(calls).await?;
    if set_aside > 0 {
        bail!("{set_aside} events were set aside by a consumer: ConsumerService.ListDeadLetters tells why");
    }
    let short = people::spend(calls, &material.redemptions, lang.pick("使用积分", "using points")).await?;
    if short > 0 {
        eprintln!("{short} {}", lang.pick("次使用积分因余额不足被拒绝", "spends were refused for want of balance"));
    }
    quiet::wait(calls, applying).await?;
    Ok((replay, refused))
}
