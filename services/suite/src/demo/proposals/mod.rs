//! Proposals from a shop's own orders: churn and level thresholds, steps of a threshold discount, RFM limits with an
//! action for each cell, and what the programme costs. Each is a pure function of what `history` gathered.

pub(crate) mod bundle;
pub(crate) mod cells;
pub(crate) mod churn;
pub(crate) mod cost;
pub(crate) mod history;
pub(crate) mod levels;
pub(crate) mod promotions;
mod returns;
mod spread;
pub(crate) mod steps;

#[cfg(test)]
pub(crate) mod tests;

use jiff::civil::Date;
use serde::Serialize;

use self::cells::Cells;
use self::churn::Churn;
use self::cost::Cost;
use self::history::{Base, History, Purchase};
use self::levels::ProposedLevel;
use self::steps::Steps;
use super::deed::{Act, Deed};
use super::figures::{Amount, Rfm};
use super::local::Local;

/// All proposals; what the data do not suffice for is absent and named in `lacking`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Proposals {
    /// When a buyer counts as dormant and lost.
    pub churn: Option<Churn>,
    /// Level thresholds.
    pub levels: Option<Vec<ProposedLevel>>,
    /// Steps of a threshold discount.
    pub steps: Option<Steps>,
    /// RFM limits and actions.
    pub rfm: Option<Cells>,
    /// What points and discounts cost.
    pub cost: Option<Cost>,
    /// What could not be proposed, and why.
    pub lacking: Vec<Lacking>,
    /// Where the programme with these proposals lies; a path is no figure, and stands among the measurements.
    #[serde(skip)]
    pub bundle: Bundle,
}

/// The file with the programme.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Bundle {
    /// Its path.
    pub path: String,
    /// False where a file with another content was there and was kept.
    pub written: bool,
}

/// A proposal that the data do not suffice for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Lacking {
    /// `churn`, `levels`, `steps`, `rfm` or `cost`.
    pub proposal: &'static str,
    /// Why.
    #[serde(flatten)]
    pub lack: Lack,
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "lack", rename_all = "snake_case")]
pub(crate) enum Lack {
    /// Too few buyers came back.
    Returns {
        /// How many times one did.
        found: i64,
        /// How many it takes.
        needed: i64,
    },
    /// Too few paid in the last twelve months.
    Payers {
        /// How many did.
        found: i64,
        /// How many it takes.
        needed: i64,
    },
    /// Too few orders in the last twelve months.
    Baskets {
        /// How many there are.
        found: i64,
        /// How many it takes.
        needed: i64,
    },
    /// The file does not say how many pieces an order had.
    Quantities,
    /// No threshold has enough baskets just below it.
    Step,
    /// Nothing was paid in the last twelve months.
    Revenue,
    /// No cells were counted.
    Cells,
}

/// The currency of all amounts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coin<'a> {
    /// ISO 4217 code.
    pub currency: &'a str,
    /// Its decimals.
    pub decimals: u32,
}

impl Coin<'_> {
    pub(crate) fn amount(&self, minor: i64) -> Amount {
        Amount::new(minor, self.currency, self.decimals)
    }
}

/// Reads what completed orders, which come by time, say of their buyers.
pub(crate) fn gather(deeds: &[Deed], local: &Local, last: Date) -> Base {
    let mut history = History::until(last);
    for deed in deeds {
        let Act::Completed(basket) = &deed.act else { continue };
        let pieces = basket.lines.iter().map(|line| line.quantity).sum();
        history.add(&Purchase {
            user_id: &deed.user_id,
            day: local.date(deed.at),
            amount_minor: basket.total_minor,
            pieces: (!basket.lines.is_empty()).then_some(pieces),
        });
    }
    history.finish()
}

/// Makes all proposals. `counted` are the RFM cells, by quintiles of the payers or by the tenant's own limits.
pub(crate) fn propose(base: Base, counted: &Rfm, by_quintiles: bool, coin: &Coin) -> Proposals {
    let mut lacking = Vec::new();
    let mut note = |proposal, lack| lacking.push(Lacking { proposal, lack });
    let churn = churn::propose(&base.after_first, &base.after_later).map_err(|lack| note("churn", lack)).ok();
    let levels = levels::propose(base.growth_year, &base.growth_all, &levels::WANTED_BP);
    let levels = levels.map_err(|lack| note("levels", lack)).ok();
    let year = base.year;
    let steps = steps::propose(&year.baskets, &year.prices, year.revenue_minor, coin);
    let steps = steps.map_err(|lack| note("steps", lack)).ok();
    let rfm = cells::propose(counted, by_quintiles);
    if rfm.is_none() {
        note("rfm", Lack::Cells);
    }
    let cost = cost::propose(&year, steps.as_ref(), coin).map_err(|lack| note("cost", lack)).ok();
    Proposals { churn, levels, steps, rfm, cost, lacking, bundle: Bundle::default() }
}
