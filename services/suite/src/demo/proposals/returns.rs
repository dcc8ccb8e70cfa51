//! After how many days buyers come back, told from intervals of which the last of each buyer is still open.

use std::collections::BTreeMap;

/// Days between a buyer's purchases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Gaps {
    /// Intervals that ended with a purchase, by days; from 1.
    closed: BTreeMap<u32, u64>,
    /// Intervals still open at the end of the data, by the days seen of them; from 0.
    open: BTreeMap<u32, u64>,
    /// All intervals, by the days from their beginning to the end of the data.
    observable: BTreeMap<u32, u64>,
}

impl Gaps {
    /// A buyer came back after so many days, of an interval that began `observable` days before the data end.
    pub(crate) fn close(&mut self, days: u32, observable: u32) {
        *self.closed.entry(days).or_default() += 1;
        *self.observable.entry(observable).or_default() += 1;
    }

    /// A buyer has not come back for so many days, up to the end of the data.
    pub(crate) fn leave_open(&mut self, days: u32) {
        *self.open.entry(days).or_default() += 1;
        *self.observable.entry(days).or_default() += 1;
    }

    /// These and those.
    pub(crate) fn with(mut self, others: &Self) -> Self {
        others.closed.iter().for_each(|(days, times)| *self.closed.entry(*days).or_default() += times);
        others.open.iter().for_each(|(days, times)| *self.open.entry(*days).or_default() += times);
        others.observable.iter().for_each(|(days, times)| *self.observable.entry(*days).or_default() += times);
        self
    }

    /// Intervals that ended.
    pub(crate) fn closed(&self) -> u64 {
        self.closed.values().sum()
    }

    /// Intervals still open.
    pub(crate) fn open(&self) -> u64 {
        self.open.values().sum()
    }

    /// Open intervals of which at least so many days were seen.
    pub(crate) fn open_for(&self, days: u32) -> u64 {
        self.open.range(days..).map(|(_, times)| times).sum()
    }

    /// The longest interval that could have been seen of at least so many intervals; 0 where there are not as many.
    fn observable_by(&self, least: u64) -> u32 {
        let mut reached = 0;
        let passes = |(days, times): (&u32, &u64)| {
            reached += times;
            (reached >= least).then_some(*days)
        };
        self.observable.iter().rev().find_map(passes).unwrap_or(0)
    }

    /// The days that this share of the closed intervals alone do not exceed: what is found when open ones are ignored.
    pub(crate) fn closed_quantile(&self, share: f64) -> Option<u32> {
        let (needed, mut reached) = (share * self.closed() as f64, 0.0);
        let passes = |(days, times): (&u32, &u64)| {
            reached += *times as f64;
            (reached >= needed).then_some(*days)
        };
        self.closed.iter().find_map(passes)
    }
}

/// The share of buyers who come back within so many days of a purchase: the Kaplan-Meier estimate. An open interval
/// counts among those who might have come back for as long as it was seen, and not after.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Returns {
    /// By days from 0 up to the horizon.
    within: Vec<f64>,
}

impl Returns {
    /// Estimates from intervals. The horizon is the longest interval that could have been seen of a tenth of them, and of
    /// at least so many: beyond it a handful of buyers would decide.
    pub(crate) fn of(gaps: &Gaps, least: u64) -> Self {
        let horizon = gaps.observable_by(least.max((gaps.closed() + gaps.open()).div_ceil(10)));
        let mut at_risk = gaps.closed() + gaps.open_for(1);
        let (mut within, mut away) = (vec![0.0], 1.0);
        for days in 1..=horizon {
            let back = gaps.closed.get(&days).copied().unwrap_or(0);
            away *= 1.0 - back as f64 / at_risk.max(1) as f64;
            within.push(1.0 - away);
            at_risk -= back + gaps.open.get(&days).copied().unwrap_or(0);
        }
        Self { within }
    }

    /// The last day that the estimate reaches.
    pub(crate) fn horizon(&self) -> u32 {
        u32::try_from(self.within.len() - 1).unwrap_or(u32::MAX)
    }

    /// The share that comes back within so many days, or within the horizon where that is shorter.
    pub(crate) fn within(&self, days: u32) -> f64 {
        let last = self.within.len() - 1;
        self.within[usize::try_from(days).unwrap_or(last).min(last)]
    }

    /// The share that comes back within the horizon.
    pub(crate) fn in_all(&self) -> f64 {
        self.within(u32::MAX)
    }

    /// The days that this share of all returns within the horizon do not exceed; 0 where nobody returned.
    pub(crate) fn quantile(&self, share: f64) -> u32 {
        // a sum of many small terms may miss its own total by a hair
        let needed = share * self.in_all() - 1e-12;
        let days = self.within.iter().position(|within| *within >= needed).unwrap_or(0);
        u32::try_from(days).unwrap_or(u32::MAX)
    }

    /// Of those who have stayed away so many days, the share that comes back within the horizon after all.
    pub(crate) fn after_silence(&self, days: u32) -> f64 {
        let (by_then, in_all) = (self.within(days), self.in_all());
        if by_then >= 1.0 { 0.0 } else { (in_all - by_then) / (1.0 - by_then) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gaps(closed: &[u32], open: &[u32]) -> Gaps {
        let mut gaps = Gaps::default();
        closed.iter().for_each(|days| gaps.close(*days, 1000));
        open.iter().for_each(|days| gaps.leave_open(*days));
        gaps
    }

    #[test]
    fn the_estimate_of_a_textbook_sample_is_the_textbooks() {
        // 21 patients: at 6 weeks 3 of 21, at 7 one of 17, at 10 one of 15
        let open = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];
        let got = Returns::of(&gaps(&[6, 6, 6, 7, 10, 13, 16, 22, 23], &open), 1);
        for (days, away) in [(5, 1.0), (6, 0.857), (7, 0.807), (10, 0.753), (13, 0.690), (16, 0.627), (22, 0.538)] {
            assert!((1.0 - got.within(days) - away).abs() < 0.0006, "{days}: {}", 1.0 - got.within(days));
        }
    }

    #[test]
    fn open_intervals_correct_what_closed_ones_alone_get_wrong() {
        // everyone returns after 1 to 100 days, equally often, but is seen for 0 to 109 days only: short intervals are
        // over-represented among the closed ones
        let mut seen = Gaps::default();
        for days in 1..=100 {
            for observed in 0..110 {
                if days <= observed { seen.close(days, observed) } else { seen.leave_open(observed) }
            }
        }
        let returns = Returns::of(&seen, 1);
        assert_eq!((returns.horizon(), returns.quantile(0.9)), (99, 90));
        assert!(seen.closed_quantile(0.9) < Some(76), "{:?}", seen.closed_quantile(0.9));
    }

    #[test]
    fn nobody_returned_or_nothing_was_seen() {
        for none in [gaps(&[], &[]), gaps(&[], &[0, 3, 9])] {
            let returns = Returns::of(&none, 1);
            assert_eq!((returns.in_all(), returns.quantile(0.9), none.closed_quantile(0.9)), (0.0, 0, None));
        }
    }

    #[test]
    fn the_horizon_ends_where_few_could_have_been_seen_for_longer() {
        let mut seen = Gaps::default();
        (0..100).for_each(|observed| seen.leave_open(observed));
        assert_eq!(Returns::of(&seen, 1).horizon(), 90, "10 of 100 were seen for 90 days or more");
        assert_eq!(Returns::of(&seen, 30).horizon(), 70);
        assert_eq!(Returns::of(&seen, 101).horizon(), 0);
    }

    proptest! {
        #[test]
        fn shares_rise_from_nothing_to_at_most_all(
            closed in prop::collection::vec(1..400_u32, 0..80), open in prop::collection::vec(0..400_u32, 0..80),
        ) {
            let returns = Returns::of(&gaps(&closed, &open), 1);
            prop_assert!(returns.within.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12), "{:?}", returns.within);
            prop_assert!((0.0..=1.0 + 1e-9).contains(&returns.in_all()));
            let nine = returns.quantile(0.9);
            prop_assert!(returns.within(nine) >= 0.9 * returns.in_all() - 1e-9);
            prop_assert!(nine == 0 || returns.within(nine - 1) < 0.9 * returns.in_all() + 1e-9);
        }

        #[test]
        fn without_open_intervals_it_is_the_plain_share(closed in prop::collection::vec(1..60_u32, 1..19)) {
            let (gaps, count) = (gaps(&closed, &[]), closed.len() as f64);
            let returns = Returns::of(&gaps, 1);
            for days in 0..60 {
                let plain = closed.iter().filter(|gap| **gap <= days).count() as f64 / count;
                prop_assert!((returns.within(days) - plain).abs() < 1e-9, "{}", days);
            }
            prop_assert_eq!(Some(returns.quantile(0.9)), gaps.closed_quantile(0.9));
        }

        #[test]
        fn who_stays_away_longer_lowers_the_share_that_returns(closed in prop::collection::vec(1..60_u32, 1..40)) {
            let without = Returns::of(&gaps(&closed, &[]), 1);
            let with = Returns::of(&gaps(&closed, &[100; 10]), 1);
            prop_assert!(with.in_all() < without.in_all());
        }
    }
}
