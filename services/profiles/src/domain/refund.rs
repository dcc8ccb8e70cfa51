//! Refunds, and how much of an order can be given back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::Origin;
use super::order::{Order, Part};

/// What is given back of one line. The names are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLine {
    /// The order's line.
    pub line_id: String,
    /// Pieces returned; 0 where money is returned without goods.
    pub quantity: i64,
    /// Money returned for the line, in minor units.
    pub amount: i64,
}

/// Money given back for an order, as reported. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Unique within the order.
    pub refund_id: String,
    /// The order.
    pub order_id: String,
    /// By line; empty where only the amount is known.
    pub lines: Vec<RefundLine>,
    /// Freight given back.
    pub freight: Option<i64>,
    /// What is given back in all.
    pub amount: i64,
}

/// A refund that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenRefund {
    /// As first reported.
    pub refund: Refund,
    /// Its report, for the day when a parked refund is applied.
    pub origin: Origin,
    /// The how-manieth refund of its order, from 1.
    pub arrival: i32,
    /// False while it waits: for the payment, or for ever because it would exceed what was paid.
    pub applied: bool,
}

/// What a refund asks for beyond what remains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excess {
    /// What remains.
    pub(super) refundable: i64,
    /// A line's id or `freight`; none for the whole order.
    pub(super) part: Option<String>,
}

/// Whether an order has enough left for a refund: in all, and where both name parts, in each part.
pub(super) fn fits(order: &Order, taken: &[TakenRefund], refund: &Refund) -> Result<(), Excess> {
    let refundable = order.refundable();
    if refund.amount > refundable {
        return Err(Excess { refundable, part: None });
    }
    let mut left = order.basket.paid_by_part();
    if left.is_empty() || refund.lines.is_empty() {
        return Ok(());
    }
    let applied = taken.iter().filter(|known| known.applied).map(|known| &known.refund);
    for (part, amount) in applied.flat_map(given_back) {
        *left.entry(part).or_default() -= amount;
    }
    for (part, amount) in given_back(refund) {
        let rest = left.entry(part).or_default();
        if amount > 0 && amount > *rest {
            let part = match part {
                Part::Line(line_id) => line_id,
                Part::Freight => "freight",
            };
            return Err(Excess { refundable: (*rest).max(0), part: Some(part.to_owned()) });
        }
        *rest -= amount;
    }
    Ok(())
}

fn given_back(refund: &Refund) -> BTreeMap<Part<'_>, i64> {
    let mut parts = BTreeMap::new();
    for line in &refund.lines {
        *parts.entry(Part::Line(&line.line_id)).or_default() += line.amount;
    }
    *parts.entry(Part::Freight).or_default() += refund.freight.unwrap_or(0);
    parts
}
