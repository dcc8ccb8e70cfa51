//! What calls cost, side by side in one run: `cargo xtask bench --help`, and README.md for how to read it.
//!
//! Every section runs against two suites on private servers of their own: one whose writes share transactions, one where
//! each call is a transaction. Their runs take turns, so that what the machine does otherwise meets both.

mod drive;
mod gate;
mod rig;
mod section;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use indicatif::ProgressBar;

use crate::drive::Run;
use crate::rig::Rig;
use crate::section::Section;

/// Compares writes that share transactions with a transaction for each call.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Args {
    /// What to call; all without it.
    #[arg(long, value_delimiter = ',')]
    section: Vec<Section>,

    /// How many calls are under way at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    callers: Vec<usize>,

    /// Seconds of a run.
    #[arg(long, default_value_t = 3)]
    seconds: u64,

    /// Runs of each; ratios are medians over them.
    #[arg(long, default_value_t = 3)]
    rounds: usize,

    /// Users that are called for.
    #[arg(long, default_value_t = 20_000)]
    users: u64,
}

#[tokio::main]
#[allow(clippy::print_stderr, reason = "the error is for whoever typed the command")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("banyan-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout, reason = "the table is the program's output")]
async fn run(args: Args) -> anyhow::Result<()> {
    let rigs = [Rig::start("one by one", false).await?, Rig::start("together", true).await?];
    let rows = measure(&args, &rigs).await;
    for rig in rigs {
        rig.stop().await?;
    }
    println!("{}", table::write(&rows?));
    Ok(())
}

/// All runs, the two suites in turn.
async fn measure(args: &Args, rigs: &[Rig; 2]) -> anyhow::Result<Vec<table::Row>> {
    let sections = if args.section.is_empty() { Section::ALL.to_vec() } else { args.section.clone() };
    let steps = sections.len() * args.callers.len() * args.rounds * rigs.len();
    let bar = ProgressBar::new(steps as u64);
    let mut rows = Vec::new();
    for section in sections {
        for rig in rigs {
            section.prepare(rig, args.users).await?;
        }
        for callers in &args.callers {
            let mut runs: [Vec<Run>; 2] = [Vec::new(), Vec::new()];
            for _ in 0..args.rounds {
                for (rig, runs) in rigs.iter().zip(&mut runs) {
                    let calm = gate::wait().await;
                    let run = drive::closed(rig, section, *callers, args.users, Duration::from_secs(args.seconds));
                    runs.push(Run { calm, ..run.await? });
                    bar.inc(1);
                }
            }
            rows.push(table::Row { section, callers: *callers, runs });
        }
        for rig in rigs {
            section.check(rig).await?;
        }
    }
    bar.finish_and_clear();
    Ok(rows)
}
