//! Points that pay (积分抵现).

use serde::{Deserialize, Serialize};

use super::template::WHOLE;

/// How many points may pay, and for how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deduction {
    /// Which points.
    pub point_type_id: String,
    /// At most this many are used.
    pub points_max: i64,
    /// So many points are worth `rate_minor`.
    pub rate_points: i64,
    /// Minor units.
    pub rate_minor: i64,
    /// The largest share of the goods, in basis points.
    pub share_max: i64,
}

impl Deduction {
    /// The points that pay for goods of this price, and what they take off: no more points than that amount needs.
    pub fn of(&self, goods: i64) -> (i64, i64) {
        let (rate_points, rate_minor) = (i128::from(self.rate_points), i128::from(self.rate_minor));
        let worth = i128::from(self.points_max) * rate_minor / rate_points;
        let allowed = i128::from(goods) * i128::from(self.share_max) / i128::from(WHOLE);
        let amount = worth.min(allowed).max(0);
        let points = (amount * rate_points + rate_minor - 1) / rate_minor;
        let small = |value: i128| i64::try_from(value).unwrap_or(i64::MAX);
        (small(points), small(amount))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn deduction(points_max: i64, rate_points: i64, rate_minor: i64, share_max: i64) -> Deduction {
        Deduction { point_type_id: "points".to_owned(), points_max, rate_points, rate_minor, share_max }
    }

    #[test]
    fn a_hundred_points_are_a_yuan_and_pay_for_half_at_most() {
        assert_eq!(deduction(3_000, 100, 100, 5_000).of(20_000), (3_000, 3_000));
        assert_eq!(deduction(30_000, 100, 100, 5_000).of(20_001), (10_000, 10_000));
        assert_eq!(deduction(7, 10, 1, 10_000).of(500), (0, 0));
        assert_eq!(deduction(19, 10, 1, 10_000).of(500), (10, 1), "points that buy nothing stay with the user");
    }

    proptest! {
        #[test]
        fn no_more_is_used_or_taken_off_than_allowed_and_never_a_point_too_many(
            points_max in 1_i64..1_000_000_000, rate_points in 1_i64..10_000, rate_minor in 1_i64..10_000,
            share_max in 1_i64..=10_000, goods in 0_i64..1_000_000_000,
        ) {
            let (points, amount) = deduction(points_max, rate_points, rate_minor, share_max).of(goods);
            prop_assert!((0..=points_max).contains(&points));
            prop_assert!(amount <= goods * share_max / 10_000);
            let worth = |points: i64| points * rate_minor / rate_points;
            prop_assert!(worth(points) >= amount);
            prop_assert!(points == 0 || worth(points - 1) < amount);
        }
    }
}
