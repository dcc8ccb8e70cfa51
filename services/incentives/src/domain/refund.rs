//! What a return gives back. Everything follows from what came back in all, so that it makes no difference in how many
//! returns, through which side, or in which order it came: what one return gives is the difference that it makes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::basket::Basket;
use super::waterfall::Quote;

/// What is known to have come back of an order. Both sides may tell of the same pieces: the shop by calling Return, and
/// profiles by its events; line by line the larger counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Returns {
    /// Pieces by line, as calls told.
    pub by_call: BTreeMap<String, i64>,
    /// Pieces by line, as events told.
    pub by_event: BTreeMap<String, i64>,
    /// Money in events that named no lines, in minor units.
    pub loose_minor: i64,
    /// All refunds so far, as events told.
    pub refunded_minor: i64,
    /// What was paid for the order, as events told.
    pub total_minor: i64,
    /// The whole order was given up.
    pub cancelled: bool,
    /// A call said that freight stays paid.
    pub keeps_freight: bool,
    /// Freight was given back; it stays so whatever is said later.
    pub freight_returned: bool,
}

/// A refund of an order, as an event tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldRefund {
    /// Pieces by line; empty where only the amount is known.
    pub lines: Vec<(String, i64)>,
    /// Its amount.
    pub amount_minor: i64,
    /// All refunds up to this one.
    pub refunded_minor: i64,
    /// What was paid for the order.
    pub total_minor: i64,
}

impl Returns {
    /// Adds a refund that an event tells of. Each event comes once.
    pub fn refund(&mut self, told: &ToldRefund) {
        for (line, pieces) in &told.lines {
            let so_far = self.by_event.entry(line.clone()).or_default();
            *so_far = so_far.saturating_add(*pieces);
        }
        if told.lines.is_empty() {
            self.loose_minor = self.loose_minor.saturating_add(told.amount_minor);
        }
        self.refunded_minor = self.refunded_minor.max(told.refunded_minor);
        self.total_minor = self.total_minor.max(told.total_minor);
    }

    /// Adds that the order was given up.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// Whether events told that all money went back.
    fn whole(&self) -> bool {
        self.cancelled || self.total_minor > 0 && self.refunded_minor >= self.total_minor
    }

    /// Pieces of a line that came back, of those bought.
    fn pieces(&self, line_id: &str, bought: i64) -> i64 {
        if self.whole() {
            return bought;
        }
        let told = |side: &BTreeMap<String, i64>| side.get(line_id).copied().unwrap_or(0);
        told(&self.by_call).max(told(&self.by_event)).clamp(0, bought)
    }
}

/// Why pieces cannot come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooMany {
    /// The line; it may be none of the basket's.
    pub line_id: String,
    /// Pieces of it that are left, as calls told.
    pub left: i64,
}

/// Adds what a call returns. Without lines: all that is left, by what calls told.
pub fn call(
    basket: &Basket,
    returns: &Returns,
    lines: &BTreeMap<String, i64>,
    keep_freight: bool,
) -> Result<Returns, TooMany> {
    let mut after = returns.clone();
    let told = |line_id: &str| returns.by_call.get(line_id).copied().unwrap_or(0);
    let left: BTreeMap<&str, i64> =
        basket.lines().iter().map(|line| (line.line_id.as_str(), line.quantity - told(&line.line_id))).collect();
    if lines.is_empty() {
        after.by_call = basket.lines().iter().map(|line| (line.line_id.clone(), line.quantity)).collect();
    }
    for (line_id, pieces) in lines {
        let left = left.get(line_id.as_str()).copied().unwrap_or(0);
        if *pieces > left {
            return Err(TooMany { line_id: line_id.clone(), left });
        }
        *after.by_call.entry(line_id.clone()).or_default() += pieces;
    }
    after.keeps_freight |= keep_freight;
    Ok(after)
}

/// What is given back in all, or by one return.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenBack {
    /// Pieces, cash and points of each line of the basket, in its order.
    pub lines: Vec<LineBack>,
    /// Cash for freight.
    pub freight: i64,
    /// Points.
    pub points: i64,
    /// The coupons.
    pub coupons: BTreeSet<String>,
}

/// What is given back for one line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineBack {
    /// Pieces that came back.
    pub pieces: i64,
    /// Cash for them.
    pub cash: i64,
    /// Points for them.
    pub points: i64,
}

impl GivenBack {
    /// Cash in all.
    pub fn cash(&self) -> i64 {
        self.lines.iter().map(|line| line.cash).sum::<i64>() + self.freight
    }

    /// What is given back beyond what was before.
    #[must_use]
    pub fn beyond(&self, before: &Self) -> Self {
        let none = LineBack::default();
        let line = |(index, now): (usize, &LineBack)| {
            let before = before.lines.get(index).unwrap_or(&none);
            LineBack {
                pieces: now.pieces - before.pieces,
                cash: now.cash - before.cash,
                points: now.points - before.points,
            }
        };
        Self {
            lines: self.lines.iter().enumerate().map(line).collect(),
            freight: self.freight - before.freight,
            points: self.points - before.points,
            coupons: self.coupons.difference(&before.coupons).cloned().collect(),
        }
    }
}

/// What is given back in all for what came back in all. Of a line the share of its pieces, rounded down: the last piece
/// brings the exact rest. Freight comes back with the last piece of the last line. A coupon comes back when all that it
/// was for did.
pub fn given_back(basket: &Basket, quote: &Quote, returns: &Returns) -> GivenBack {
    let points = quote.points_by_line();
    let line = |(index, line): (usize, &super::basket::Line)| {
        let pieces = returns.pieces(&line.line_id, line.quantity);
        let share = |of: i64| share(of, pieces, line.quantity);
        LineBack { pieces, cash: share(quote.payable[index]), points: share(points[index]) }
    };
    let lines: Vec<LineBack> = basket.lines().iter().enumerate().map(line).collect();
    let complete = |index: usize| lines[index].pieces == basket.lines()[index].quantity;
    let all = (0..lines.len()).all(complete);
    let by_pieces: i64 = lines.iter().map(|line| line.points).sum();
    let by_money = match returns.total_minor {
        total @ 1.. => share(quote.points, returns.loose_minor.min(total), total),
        _ => 0,
    };
    let back = |step: &&super::waterfall::Step| step.applied_to.iter().all(|index| complete(*index));
    let coupons = quote.coupons().filter(back).map(|step| step.coupon_id.clone()).collect();
    let freight = all && (returns.freight_returned || !returns.keeps_freight || returns.whole());
    GivenBack {
        freight: if freight { quote.freight_payable } else { 0 },
        points: by_pieces.max(by_money),
        lines,
        coupons,
    }
}

fn share(of: i64, part: i64, whole: i64) -> i64 {
    i64::try_from(i128::from(of) * i128::from(part) / i128::from(whole)).unwrap_or(of)
}
