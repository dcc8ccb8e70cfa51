//! What lines of an order had in what it earned, so that a refund that names lines takes back what those gave.

use std::collections::{BTreeMap, BTreeSet};

use rules::Ratio;
use serde::{Deserialize, Serialize};

use super::line_rate::{Line, LineRate};

/// Refunds of an order that are looked at by line. What more of them give back is taken back by money, and all of it once
/// everything was refunded.
const REFUNDS_MAX: usize = 1_000;

/// What the formula and each line gave, before multipliers, which all of it shares. The names are stored and never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// What the formula gave: numerator and denominator; 0 where it gave less than nothing.
    pub formula: (i64, i64),
    /// The lines that gave something.
    pub lines: Vec<LinePart>,
}

/// A line and the rate that it gave by. The names are stored and never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinePart {
    /// The line.
    pub line_id: String,
    /// Pieces.
    pub quantity: i64,
    /// What was paid for it, in minor units.
    pub paid_minor: i64,
    /// Points for each piece.
    pub points_per_piece: i64,
    /// Points for what was paid: ten-thousandths of its minor units.
    pub rate_basis_points: i32,
}

/// What of an order was given back, by line as far as refunds named lines. The names are stored and never change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// By line.
    pub lines: BTreeMap<String, ReturnedLine>,
    /// The sum of the refunds that named no line, in minor units.
    pub unnamed_minor: i64,
    /// The refunds in it, so that each counts once, however often it is told of.
    pub refunds: BTreeSet<String>,
}

/// What was given back of a line. The names are stored and never change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedLine {
    /// Pieces.
    pub quantity: i64,
    /// Money, in minor units.
    pub amount_minor: i64,
}

impl Parts {
    /// Of an order whose lines give by these rates beside a formula; `None` where the lines give nothing, or the formula's
    /// value is no fraction of ordinary size: then refunds take back by money.
    pub fn of(formula: Ratio, rates: &[LineRate], lines: &[Line]) -> Option<Self> {
        let (numerator, denominator) = formula.parts();
        let formula =
            if numerator > 0 { (i64::try_from(numerator).ok()?, i64::try_from(denominator).ok()?) } else { (0, 1) };
        let part = |line: &Line| {
            let rate = rates.iter().find(|rate| rate.matches(line))?;
            let part = LinePart {
                line_id: line.line_id.clone(),
                quantity: line.quantity,
                paid_minor: line.paid_minor,
                points_per_piece: rate.points_per_piece,
                rate_basis_points: rate.rate_basis_points,
            };
            (part.points(line.quantity, line.paid_minor)?.parts().0 > 0).then_some(part)
        };
        let lines: Vec<LinePart> = lines.iter().filter_map(part).collect();
        (!lines.is_empty()).then_some(Self { formula, lines })
    }

    /// How much of what was earned is to be taken back for what was given back: of each line what its returned pieces and
    /// money gave, of what the formula gave the share of the money, and of the lines that share of refunds that named no
    /// line. Never less than before where more was given back. `None`: the amounts are too large to say it exactly.
    pub fn due(&self, earned: i64, returned: &Returned, refunded_minor: i64, total_minor: i64) -> Option<i64> {
        let share = |minor: i64| Ratio::new(minor.clamp(0, total_minor).into(), total_minor.into());
        let formula = Ratio::new(self.formula.0.into(), self.formula.1.into())?;
        let (mut whole, mut back) = (formula, formula.times(share(refunded_minor)?)?);
        let unnamed = share(returned.unnamed_minor)?;
        for part in &self.lines {
            let all = part.points(part.quantity, part.paid_minor)?;
            let named = returned.lines.get(&part.line_id).copied().unwrap_or_default();
            let (pieces, money) = (named.quantity.min(part.quantity), named.amount_minor.min(part.paid_minor));
            let returned = part.points(pieces, money)?.plus(all.times(unnamed)?)?;
            let at_most = if all.minus(returned)?.parts().0 < 0 { all } else { returned };
            (whole, back) = (whole.plus(all)?, back.plus(at_most)?);
        }
        let due = Ratio::from(earned).times(back.over(whole)?)?.floor();
        i64::try_from(due).ok()
    }
}

impl LinePart {
    fn points(&self, quantity: i64, paid_minor: i64) -> Option<Ratio> {
        let pieces = i128::from(self.points_per_piece) * i128::from(quantity);
        let paid = Ratio::new(i128::from(self.rate_basis_points) * i128::from(paid_minor), 10_000)?;
        Ratio::new(pieces, 1)?.plus(paid)
    }
}

impl Returned {
    /// Adds a refund, once: what it gives back by line, or without lines its amount.
    pub fn add(&mut self, refund_id: &str, amount_minor: i64, lines: &[(String, ReturnedLine)]) {
        if self.refunds.len() >= REFUNDS_MAX || !self.refunds.insert(refund_id.to_owned()) {
            return;
        }
        if lines.is_empty() {
            self.unnamed_minor = self.unnamed_minor.saturating_add(amount_minor);
        }
        for (line_id, it) in lines {
            let line = self.lines.entry(line_id.clone()).or_default();
            line.quantity = line.quantity.saturating_add(it.quantity);
            line.amount_minor = line.amount_minor.saturating_add(it.amount_minor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(line_id: &str, category: &str, quantity: i64, paid_minor: i64) -> Line {
        Line { line_id: line_id.into(), sku: String::new(), category: category.into(), quantity, paid_minor }
    }

    /// Ten points a piece of tea, a point per 100 of cups, and a formula of 20: 30 + 50 + 20 for 10,000 with freight of 700.
    fn parts() -> Parts {
        let rate = |category: &str, points_per_piece, rate_basis_points| LineRate {
            categories: vec![category.into()],
            points_per_piece,
            rate_basis_points,
            ..LineRate::default()
        };
        let lines = [line("1", "茶", 3, 900), line("2", "杯", 1, 5_000), line("3", "其他", 1, 3_400)];
        Parts::of(Ratio::from(20), &[rate("茶", 10, 0), rate("杯", 0, 100)], &lines).unwrap()
    }

    /// A line by its id, pieces and money.
    type Back<'a> = (&'a str, i64, i64);

    fn due(earned: i64, refunds: &[(i64, &[Back<'_>])]) -> i64 {
        let (mut returned, mut refunded) = (Returned::default(), 0);
        for (amount, lines) in refunds {
            refunded += amount;
            let line = |(id, quantity, amount_minor): &Back<'_>| {
                ((*id).to_owned(), ReturnedLine { quantity: *quantity, amount_minor: *amount_minor })
            };
            returned.add(&refunded.to_string(), *amount, &lines.iter().map(line).collect::<Vec<_>>());
        }
        parts().due(earned, &returned, refunded, 10_000).unwrap()
    }

    #[test]
    fn a_line_takes_back_what_its_pieces_and_money_gave_and_of_the_formula_the_share_of_the_money() {
        assert_eq!(due(100, &[(300, &[("1", 1, 300)])]), 10, "a piece of tea, and 0.6 of the formula");
        assert_eq!(due(100, &[(300, &[("1", 0, 300)])]), 0, "money without goods: nothing that pieces gave");
        assert_eq!(due(100, &[(1, &[("1", 3, 1)])]), 30, "goods for almost no money");
        assert_eq!(due(100, &[(5_000, &[("2", 1, 5_000)])]), 60, "50 and half of the formula");
        assert_eq!(due(100, &[(3_400, &[("3", 1, 3_400)])]), 6, "a line that gave nothing takes of the formula alone");
        assert_eq!(due(100, &[(9_300, &[("1", 3, 900), ("2", 1, 5_000), ("3", 1, 3_400)])]), 98, "all but the freight");
    }

    #[test]
    fn refunds_without_lines_take_their_share_of_everything_and_lines_never_more_than_they_gave() {
        assert_eq!(due(100, &[(5_000, &[])]), 50);
        assert_eq!(due(100, &[(5_000, &[]), (900, &[("1", 3, 900)])]), 66, "tea 30 of 15 + 30, cups 25, 11.8");
        assert_eq!(due(200, &[(300, &[("1", 1, 300)])]), 21, "of twice as much twice 10.6");
        assert_eq!(due(33, &[(300, &[("1", 1, 300)])]), 3, "of a third of it, which caps left");
        assert_eq!(due(100, &[(300, &[("9", 5, 300)])]), 0, "an unknown line: 0.6 of the formula");
    }

    #[test]
    fn without_lines_that_gave_anything_there_are_no_parts() {
        let rates = [LineRate { categories: vec!["茶".into()], points_per_piece: 1, ..LineRate::default() }];
        assert_eq!(Parts::of(Ratio::from(1), &rates, &[line("1", "杯", 1, 100)]), None);
        assert_eq!(Parts::of(Ratio::from(1), &[], &[line("1", "茶", 1, 100)]), None);
        let negative = Parts::of(Ratio::from(-5), &rates, &[line("1", "茶", 1, 100)]).unwrap();
        assert_eq!(negative.formula, (0, 1), "what a formula takes off the lines is shared by them");
    }
}
