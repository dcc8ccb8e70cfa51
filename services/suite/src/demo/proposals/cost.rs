//! What the programme costs in a year.

use serde::Serialize;

use super::history::Year;
use super::steps::Steps;
use super::{Coin, Lack};
use crate::demo::figures::{Amount, share_bp};

/// What a point is worth when it is used, in minor units: with one point per hundred, 1 % of what was paid.
pub(crate) const POINT_VALUE_MINOR: i64 = 1;

/// The cost of points and discounts over the last twelve months' orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cost {
    /// Days of the last twelve months that the data cover.
    pub days: i64,
    /// What was paid in them.
    pub revenue: Amount,
    /// Points that these orders earn at the proposed rate.
    pub points: i64,
    /// What a point is worth when it is used.
    pub point_value: Amount,
    /// What all of them are worth.
    pub points_gross: Amount,
    /// Points followed from the day they were given to the end of their term.
    pub points_followed: i64,
    /// Share of them that lapses because their owner does not buy again in time, in basis points; absent where no term
    /// ended within the data. It assumes that whoever buys again uses all points: more will lapse, not less.
    pub breakage_bp: Option<i64>,
    /// What the points are expected to cost after that.
    pub points_expected: Amount,
    /// Discounts of the proposed steps on baskets as they are; absent without steps.
    pub discounts: Option<Amount>,
    /// Points and discounts.
    pub total: Amount,
    /// The same in basis points of revenue.
    pub share_bp: i64,
}

/// Adds up what the proposals cost.
pub(crate) fn propose(year: &Year, steps: Option<&Steps>, coin: &Coin) -> Result<Cost, Lack> {
    if year.revenue_minor <= 0 {
        return Err(Lack::Revenue);
    }
    let gross = year.points * POINT_VALUE_MINOR;
    let breakage_bp = (year.points_followed > 0).then(|| share_bp(year.points_lapsed, year.points_followed));
    let expected = gross - part(gross, breakage_bp.unwrap_or(0));
    let discounts = steps.map(|steps| part(year.revenue_minor, steps.cost_bp));
    let total = expected + discounts.unwrap_or(0);
    Ok(Cost {
        days: year.days,
        revenue: coin.amount(year.revenue_minor),
        points: year.points,
        point_value: coin.amount(POINT_VALUE_MINOR),
        points_gross: coin.amount(gross),
        points_followed: year.points_followed,
        breakage_bp,
        points_expected: coin.amount(expected),
        discounts: discounts.map(|discounts| coin.amount(discounts)),
        total: coin.amount(total),
        share_bp: share_bp(total, year.revenue_minor),
    })
}

/// So many basis points of an amount.
fn part(amount: i64, basis_points: i64) -> i64 {
    i64::try_from(i128::from(amount) * i128::from(basis_points) / 10_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOLLAR: Coin = Coin { currency: "USD", decimals: 2 };

    fn year(revenue_minor: i64, points_lapsed: i64) -> Year {
        Year {
            days: 365,
            revenue_minor,
            points: revenue_minor / 100,
            points_followed: 1000,
            points_lapsed,
            ..Year::default()
        }
    }

    #[test]
    fn points_cost_what_does_not_lapse() {
        let got = propose(&year(10_000_000, 600), None, &DOLLAR).expect("a cost");
        assert_eq!((got.points_gross.minor, got.breakage_bp, got.points_expected.minor), (100_000, Some(6000), 40_000));
        assert_eq!((got.discounts, got.total.minor, got.share_bp), (None, 40_000, 40));
    }

    #[test]
    fn without_a_finished_term_nothing_is_expected_to_lapse() {
        let young = Year { points_followed: 0, ..year(10_000_000, 0) };
        let got = propose(&young, None, &DOLLAR).expect("a cost");
        assert_eq!((got.breakage_bp, got.total.minor, got.share_bp), (None, 100_000, 100));
    }

    #[test]
    fn a_year_without_revenue_has_no_share() {
        assert_eq!(propose(&year(0, 0), None, &DOLLAR), Err(Lack::Revenue));
    }

    proptest! {
        #[test]
        fn points_never_cost_more_than_one_per_cent(revenue in 1..1_000_000_000_000_i64, lapsed in 0..=1000_i64) {
            let got = propose(&year(revenue, lapsed), None, &DOLLAR).expect("a cost");
            prop_assert!((0..=100).contains(&got.share_bp));
            prop_assert!(got.points_expected.minor <= got.points_gross.minor);
        }
    }
}
