//! The command line.

use std::path::PathBuf;

use anyhow::ensure;
use clap::{Parser, ValueEnum as _};

use crate::drive::Load;
use crate::section::{BUCKETS, Section};

/// What calls cost: writes that share transactions beside a transaction for each call, and Postgres alone.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
pub(crate) struct Args {
    /// What to call; all without it, and with --preload earn, member-page and loop.
    #[arg(long, value_delimiter = ',')]
    section: Vec<Section>,

    /// How many calls are under way at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    callers: Vec<usize>,

    /// Instead: how many calls are due in a second, whatever becomes of those before.
    #[arg(long, value_delimiter = ',')]
    rate: Vec<u32>,

    /// Seconds of a run.
    #[arg(long, default_value_t = 3)]
    pub(crate) seconds: u64,

    /// Orders of a run of the loops.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) events: u64,

    /// Coupons there are in a run of claim, scarce; without it 300 for each second.
    #[arg(long)]
    stock: Option<u32>,

    /// Runs of each; ratios are medians over them.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,

    /// Users that are called for.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(16..))]
    pub(crate) users: u64,

    /// Entries of points that there are before the sections; with several numbers, they run after each.
    #[arg(long, value_delimiter = ',')]
    preload: Vec<u64>,

    /// Milliseconds that a flush of Postgres's log takes longer, as on a slow disk.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) flush_ms: Option<u64>,

    /// Where the tables go besides, as Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

impl Args {
    /// Whether the options go together.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.callers.iter().all(|callers| *callers > 0), "--callers must be at least 1");
        ensure!(self.rate.iter().all(|rate| *rate > 0), "--rate must be at least 1");
        ensure!(self.rounds > 0 && self.seconds > 0, "--rounds and --seconds must be at least 1");
        let rising = self.preload.windows(2).all(|pair| pair[0] < pair[1]);
        ensure!(
            rising && self.preload.iter().all(|entries| *entries >= self.users),
            "--preload must rise, from an entry for each of --users"
        );
        let few = self.preload.first().is_some_and(|entries| *entries < self.users * BUCKETS);
        ensure!(
            !few || !self.sections().contains(&Section::Spend),
            "spend takes from {BUCKETS} buckets: --preload must be {BUCKETS} entries for each of --users"
        );
        Ok(())
    }

    /// What is called.
    pub(crate) fn sections(&self) -> Vec<Section> {
        match (self.section.is_empty(), self.preload.is_empty()) {
            (false, _) => self.section.clone(),
            (true, false) => vec![Section::Earn, Section::MemberPage, Section::Loop],
            (true, true) => Section::value_variants().to_vec(),
        }
    }

    /// How it is called.
    pub(crate) fn loads(&self) -> Vec<Load> {
        match self.rate.is_empty() {
            true => self.callers.iter().copied().map(Load::Callers).collect(),
            false => self.rate.iter().copied().map(Load::PerSecond).collect(),
        }
    }

    /// Entries for each user, stage after stage.
    pub(crate) fn stages(&self) -> Vec<u64> {
        match self.preload.is_empty() {
            true => vec![BUCKETS],
            false => self.preload.iter().map(|entries| entries / self.users).collect(),
        }
    }

    /// Whether entries are filled in by number.
    pub(crate) fn preloads(&self) -> bool {
        !self.preload.is_empty()
    }

    /// Coupons of a run of [`Section::Scarce`].
    pub(crate) fn stock(&self) -> u64 {
        self.stock.map_or(300 * self.seconds, u64::from)
    }

    /// How it was measured, in words.
    pub(crate) fn words(&self) -> String {
        let slow = self.flush_ms.map(|ms| format!("; flushes take {ms} ms longer")).unwrap_or_default();
        format!(
            "{} users; medians of {} rounds of {} s, {} orders in a loop{slow}",
            self.users, self.rounds, self.seconds, self.events
        )
    }
}
