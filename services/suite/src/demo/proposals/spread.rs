//! How often values occur, in memory that does not grow with their number.

use std::collections::BTreeMap;

/// Distinct values kept apart; with more of them neighbours are counted as one.
const DISTINCT_MOST: usize = 65_536;

/// Counts of values from 0 on. Exact up to 65,536 distinct ones; then values are rounded down to the smallest power of
/// two that keeps them below that, whatever the order in which they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spread {
    counts: BTreeMap<i64, u64>,
    total: u64,
    grain: i64,
    most: usize,
}

impl Default for Spread {
    fn default() -> Self {
        Self::keeping(DISTINCT_MOST)
    }
}

impl Spread {
    fn keeping(most: usize) -> Self {
        Self { counts: BTreeMap::new(), total: 0, grain: 1, most }
    }

    /// Counts a value `times` times.
    pub(crate) fn add(&mut self, value: i64, times: u64) {
        if times == 0 {
            return;
        }
        self.total += times;
        *self.counts.entry(value - value.rem_euclid(self.grain)).or_default() += times;
        while self.counts.len() > self.most {
            self.grain *= 2;
            let grain = self.grain;
            let mut coarser = BTreeMap::new();
            for (value, times) in &self.counts {
                *coarser.entry(value - value.rem_euclid(grain)).or_default() += *times;
            }
            self.counts = coarser;
        }
    }

    /// How many values there are.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// How many lie at or above a limit.
    pub(crate) fn from(&self, low: i64) -> u64 {
        self.counts.range(low..).map(|(_, times)| times).sum()
    }

    /// How many lie at or above `low` and below `high`.
    pub(crate) fn between(&self, low: i64, high: i64) -> u64 {
        if low >= high { 0 } else { self.counts.range(low..high).map(|(_, times)| times).sum() }
    }

    /// The smallest value that half of all do not exceed; `None` without values.
    pub(crate) fn median(&self) -> Option<i64> {
        let half = self.total.div_ceil(2);
        let mut below = 0;
        let reached = |(value, times): (&i64, &u64)| {
            below += times;
            (below >= half).then_some(*value)
        };
        self.counts.iter().find_map(reached)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spread(most: usize, values: &[i64]) -> Spread {
        let mut spread = Spread::keeping(most);
        values.iter().for_each(|value| spread.add(*value, 1));
        spread
    }

    #[test]
    fn half_of_the_values_do_not_exceed_the_median() {
        assert_eq!(spread(9, &[5, 1, 3]).median(), Some(3));
        assert_eq!(spread(9, &[1, 2, 3, 4]).median(), Some(2));
        assert_eq!(spread(9, &[]).median(), None);
    }

    #[test]
    fn limits_belong_to_what_lies_above_them() {
        let spread = spread(9, &[10, 20, 20, 30]);
        assert_eq!((spread.from(20), spread.between(10, 20), spread.between(20, 20)), (3, 1, 0));
    }

    proptest! {
        #[test]
        fn the_order_of_values_does_not_matter(mut values in prop::collection::vec(0..10_000_i64, 0..200)) {
            let forwards = spread(16, &values);
            values.reverse();
            prop_assert_eq!(&forwards, &spread(16, &values));
            prop_assert!(forwards.counts.len() <= 16);
            prop_assert_eq!(forwards.total(), values.len() as u64);
            prop_assert_eq!(forwards.from(0), forwards.total());
        }

        #[test]
        fn few_distinct_values_are_counted_exactly(
            values in prop::collection::vec(0..500_i64, 1..300), low in 0..500_i64, width in 0..500_i64,
        ) {
            let spread = spread(DISTINCT_MOST, &values);
            let inside = values.iter().filter(|value| (low..low + width).contains(*value)).count();
            prop_assert_eq!(spread.between(low, low + width), inside as u64);
            let median = spread.median().unwrap_or_default();
            prop_assert!(2 * values.iter().filter(|value| **value <= median).count() >= values.len());
            prop_assert!(2 * values.iter().filter(|value| **value < median).count() <= values.len());
        }
    }
}
