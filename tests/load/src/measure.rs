//! The sequence of runs. In each round of a section every load meets both suites in turn, then what stands beside the
//! section, so that what the machine does besides meets all of them.

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::try_join_all;
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::Args;
use crate::drive::{self, Load, Run, number};
use crate::fill::Fill;
use crate::gate;
use crate::partner::Partner;
use crate::results::{Beside, Results, Row};
use crate::rig::Rig;
use crate::section::{Scene, Section};
use crate::{check, programme, quiet, whole};

/// All stages and sections.
pub(crate) async fn all(args: &Args, rigs: &[Rig; 2]) -> anyhow::Result<Results> {
    let mut results = Results::default();
    for rig in rigs {
        programme::apply(rig).await?;
    }
    let (mut before, sections) = (0, args.sections());
    for (nth, stage) in args.stages().into_iter().enumerate() {
        fill(rigs, Fill::users(args.users, stage - before, nth)).await?;
        before = stage;
        if nth == 0 && sections.contains(&Section::SpendMany) {
            fill(rigs, Fill::many()).await?;
        }
        let holders = sections.iter().any(|section| section.needs_holders());
        for rig in rigs {
            check::ledger(rig).await?;
            if holders {
                programme::hold(rig, args.users).await?;
            }
            quiet::wait(rig).await?;
        }
        let bar = bar("{msg:30} {wide_bar} {pos}/{len} {eta}", steps(args, &sections));
        for section in &sections {
            let measured = self::section(args, rigs, *section, stage, &bar, &mut results).await;
            measured.with_context(|| section.to_string())?;
        }
        bar.finish_and_clear();
    }
    Ok(results)
}

/// Runs of a stage.
fn steps(args: &Args, sections: &[Section]) -> u64 {
    let loads = args.loads();
    let of = |section: &Section| 2 * section.loads(&loads).len() + Partner::beside(*section).len();
    (args.rounds * sections.iter().map(of).sum::<usize>()) as u64
}

fn bar(template: &str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}

/// Writes the same into both.
async fn fill(rigs: &[Rig; 2], fill: Fill) -> anyhow::Result<()> {
    let bar = bar("filling {wide_bar} {human_pos}/{human_len} entries {per_sec} {eta}", 2 * fill.total());
    try_join_all(rigs.iter().map(|rig| fill.write(rig, &bar))).await?;
    bar.finish_and_clear();
    Ok(())
}

async fn section(
    args: &Args,
    rigs: &[Rig; 2],
    section: Section,
    stage: u64,
    bar: &ProgressBar,
    results: &mut Results,
) -> anyhow::Result<()> {
    let loads = section.loads(&args.loads());
    if loads.is_empty() {
        return Ok(());
    }
    let partners = Partner::beside(section);
    if !partners.is_empty() {
        Partner::prepare(&rigs[1], args.users).await?;
    }
    let mut before = Vec::new();
    for rig in rigs {
        before.push(check::count(rig, section).await?);
    }
    let mut runs: Vec<[Vec<Run>; 2]> = loads.iter().map(|_| Default::default()).collect();
    let mut beside: Vec<Option<Vec<f64>>> = vec![Some(Vec::new()); partners.len()];
    for _ in 0..args.rounds {
        for (load, runs) in loads.iter().zip(&mut runs) {
            for (rig, runs) in rigs.iter().zip(runs) {
                tell(bar, &format!("{section}, {load}, {}", rig.name()));
                runs.push(run(args, rig, section, *load).await?);
                bar.inc(1);
            }
        }
        for (partner, rates) in partners.iter().zip(&mut beside) {
            tell(bar, partner.title());
            gate::wait().await;
            let rate = partner.run(&rigs[1], args.users, Duration::from_secs(args.seconds)).await?;
            *rates = rates.take().zip(rate).map(|(mut rates, rate)| {
                rates.push(rate);
                rates
            });
            bar.inc(1);
        }
    }
    tell(bar, &format!("{section}: checking"));
    for (side, (rig, before)) in rigs.iter().zip(before).enumerate() {
        let done = runs.iter().flat_map(|sides| &sides[side]);
        let done = done.fold((0, 0), |sum, run| (sum.0 + run.units, sum.1 + run.unknown));
        check::section(rig, section, before, done).await?;
    }
    if !partners.is_empty() {
        Partner::check(&rigs[1]).await?;
    }
    let of_partner = |(partner, rates): (&Partner, _)| Beside { stage, partner: *partner, rates };
    results.beside.extend(partners.iter().zip(beside).map(of_partner));
    let of_load = |(load, [plain, together]): (Load, [Vec<Run>; 2])| Row { stage, section, load, plain, together };
    results.rows.extend(loads.into_iter().zip(runs).map(of_load));
    Ok(())
}

/// One run, its own check, and the wait until consumers have come to rest, so that they do not work in the next run.
async fn run(args: &Args, rig: &Rig, section: Section, load: Load) -> anyhow::Result<Run> {
    let scene = Scene { users: args.users, run: number() };
    let time = Duration::from_secs(args.seconds);
    if section == Section::Scarce {
        programme::scarce(rig, &scene.scarce(), i64::try_from(args.stock())?).await?;
    }
    let calm = gate::wait().await;
    let run = match load {
        Load::Callers(callers) => drive::closed(rig, section, scene, callers, time).await?,
        Load::PerSecond(rate) => drive::open(rig, section, scene, rate, time).await?,
        Load::Streams(streams) => whole::run(rig, section, scene, streams, args.events).await?,
    };
    check::run(rig, section, scene, args.stock(), &run).await?;
    quiet::wait(rig).await?;
    Ok(Run { calm, ..run })
}

/// What is being run: with the bar in a terminal, a line of its own elsewhere.
#[allow(clippy::print_stderr, reason = "progress is for whoever typed the command")]
fn tell(bar: &ProgressBar, what: &str) {
    bar.set_message(what.to_owned());
    if !std::io::stderr().is_terminal() {
        eprintln!("{}/{} {what}", bar.position(), bar.length().unwrap_or(0));
    }
}
