//! What calls cost, side by side in one run: `cargo xtask bench --help`, and README.md for how to read it.
//!
//! Every section runs against two suites on private servers of their own: one whose writes share transactions, one where
//! each call is a transaction. Their runs take turns, so that what the machine does otherwise meets both.

mod args;
mod check;
mod client;
mod drive;
mod fill;
mod gate;
mod machine;
mod measure;
mod partner;
mod programme;
mod quiet;
mod results;
mod rig;
mod section;
mod table;
mod target;
mod whole;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Args;
use crate::rig::Rig;

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
    args.check()?;
    let mut terminate = signal(SignalKind::terminate())?;
    // whichever way this ends, the suites are dropped in it, which ends them
    let text = tokio::select! {
        text = bench(&args) => text?,
        _ = tokio::signal::ctrl_c() => bail!("interrupted; the suites are ended"),
        _ = terminate.recv() => bail!("asked to end; the suites are ended"),
    };
    println!("{text}");
    match &args.out {
        Some(file) => std::fs::write(file, text).with_context(|| file.display().to_string()),
        None => Ok(()),
    }
}

async fn bench(args: &Args) -> anyhow::Result<String> {
    let rigs = [Rig::start("one by one", false).await?, Rig::start("together", true).await?];
    let machine = machine::line(&rigs[1]).await?;
    if let Some(ms) = args.flush_ms {
        for rig in &rigs {
            rig.slow_flush(Duration::from_millis(ms)).await?;
        }
    }
    let results = measure::all(args, &rigs).await?;
    let users = args.preloads().then_some(args.users);
    Ok(table::write(&machine, &args.words(), &results, &target::all(args.flush_ms.is_some()), users))
}
