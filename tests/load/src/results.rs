//! What was measured, and figures of it.

use crate::drive::{Load, Run};
use crate::partner::Partner;
use crate::section::Section;

/// The two suites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Each call is a transaction.
    Plain,
    /// Calls that come together share one.
    Together,
}

/// The runs of a section under one load: round by round.
#[derive(Debug)]
pub(crate) struct Row {
    /// Entries for each user that were there.
    pub(crate) stage: u64,
    pub(crate) section: Section,
    pub(crate) load: Load,
    pub(crate) plain: Vec<Run>,
    pub(crate) together: Vec<Run>,
}

impl Row {
    pub(crate) fn runs(&self, side: Side) -> &[Run] {
        match side {
            Side::Plain => &self.plain,
            Side::Together => &self.together,
        }
    }
}

/// What a partner did in a second, round by round; `None` where it is not installed.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) stage: u64,
    pub(crate) partner: Partner,
    pub(crate) rates: Option<Vec<f64>>,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) rows: Vec<Row>,
    pub(crate) beside: Vec<Beside>,
}

/// A figure of which there is one for each round.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Figure {
    /// Things done in a second.
    Rate(Side, Section, usize),
    /// The 99th percentile of latencies.
    P99(Side, Section, usize),
    /// The rate with the fewest entries there were.
    RateAtFirst(Side, Section, usize),
    /// The rate of a loop.
    LoopRate(Section),
    /// The rate of a partner.
    Partner(Partner),
}

impl Results {
    /// Its values, round by round, with the most entries there were; `None` where it was not measured.
    pub(crate) fn values(&self, figure: Figure) -> Option<Vec<f64>> {
        let rates = |runs: &[Run]| runs.iter().map(|run| run.rate).collect::<Vec<_>>();
        let row = |section: Section, load: Load, first: bool| {
            let mut rows = self.rows.iter().filter(|row| row.section == section && row.load == load);
            if first { rows.next() } else { rows.next_back() }
        };
        match figure {
            Figure::Rate(side, section, callers) => {
                Some(rates(row(section, Load::Callers(callers), false)?.runs(side)))
            }
            Figure::P99(side, section, callers) => {
                Some(row(section, Load::Callers(callers), false)?.runs(side).iter().map(|run| at(run, 0.99)).collect())
            }
            Figure::RateAtFirst(side, section, callers) => {
                let (first, last) =
                    (row(section, Load::Callers(callers), true)?, row(section, Load::Callers(callers), false)?);
                (first.stage != last.stage).then(|| rates(first.runs(side)))
            }
            Figure::LoopRate(section) => Some(rates(&self.rows.iter().rfind(|row| row.section == section)?.together)),
            Figure::Partner(partner) => self.beside.iter().rfind(|it| it.partner == partner)?.rates.clone(),
        }
    }
}

/// A latency in milliseconds.
pub(crate) fn at(run: &Run, quantile: f64) -> f64 {
    run.latency.value_at_quantile(quantile) as f64 / 1e3
}

/// The middle one; of an even number the upper of the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median of each round's ratio.
pub(crate) fn ratio(over: &[f64], under: &[f64]) -> f64 {
    median(over.iter().zip(under).map(|(over, under)| over / under).collect())
}
