//! What is wanted: the ratios of `performance.md`, section 8, and those of the whole loop.

use crate::partner::Partner;
use crate::results::{Figure, Results, Side, median, ratio};
use crate::section::{BULK_CALLERS_MAX, Section};

/// A figure that is wanted, by itself or over another one of the same run.
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) wanted: Wanted,
    of: Figure,
    over: Option<Figure>,
}

/// How large.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Wanted {
    /// Whether it is reached.
    pub(crate) fn reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(wanted) => value >= wanted,
            Self::AtMost(wanted) => value <= wanted,
        }
    }
}

impl Target {
    /// The figure, or the median of each round's ratio; `None` where it was not measured.
    pub(crate) fn measured(&self, results: &Results) -> Option<f64> {
        let of = results.values(self.of)?;
        Some(match self.over {
            Some(over) => ratio(&of, &results.values(over)?),
            None => median(of),
        })
    }
}

/// All of them. Where flushes are slow, sharing transactions must cost nobody anything; the rest is for fast ones.
pub(crate) fn all(slow_flush: bool) -> Vec<Target> {
    use Figure::{LoopRate, P99, Rate, RateAtFirst};
    use Section::{Claim, Earn, Empty, HotBudget, IntakeStream, Loop, MemberPage, Profile, Spend};
    use Side::{Plain, Together};
    use Wanted::{AtLeast, AtMost};

    let alone = |callers: usize, wanted: f64| Target {
        name: format!("earn, {callers} callers: together / one by one"),
        wanted: AtLeast(wanted),
        of: Rate(Together, Earn, callers),
        over: Some(Rate(Plain, Earn, callers)),
    };
    if slow_flush {
        return [1, 16, 64, 256].map(|callers| alone(callers, 1.0)).into();
    }
    let of = |name: &str, wanted: Wanted, of: Figure, over: Figure| Target {
        name: name.to_owned(),
        wanted,
        of,
        over: Some(over),
    };
    let events = |name: &str, section: Section| Target {
        name: name.to_owned(),
        wanted: AtLeast(5_000.0),
        of: LoopRate(section),
        over: None,
    };
    let earn = |callers| Rate(Together, Earn, callers);
    let (transaction, statement) = (Figure::Partner(Partner::Transaction), Figure::Partner(Partner::Statement));
    let p99 = |side, section| P99(side, section, 64);
    let at_64 = |section| Rate(Together, section, 64);
    vec![
        alone(1, 1.0),
        alone(16, 1.5),
        alone(64, 3.5),
        alone(256, 4.5),
        of("earn, 64 callers / pgbench (b)", AtLeast(2.5), earn(64), transaction),
        of("earn, 256 callers / pgbench (b)", AtLeast(3.0), earn(256), transaction),
        of("earn, 256 callers / pgbench (c)", AtLeast(2.0), earn(256), statement),
        of("p99 of earn, 64 callers: together / one by one", AtMost(0.6), p99(Together, Earn), p99(Plain, Earn)),
        of("spend, 10 buckets / earn, 64 callers", AtLeast(0.7), at_64(Spend), earn(64)),
        of(
            "claim, one template, 64 callers / pgbench one row",
            AtLeast(20.0),
            at_64(Claim),
            Figure::Partner(Partner::HotRow),
        ),
        of("profile / empty, 64 callers", AtLeast(0.5), at_64(Profile), at_64(Empty)),
        of("profile, 64 callers: together / one by one", AtLeast(2.0), at_64(Profile), Rate(Plain, Profile, 64)),
        of(
            "intake, 4 streams / pgbench single inserts",
            AtLeast(8.0),
            Rate(Together, IntakeStream, BULK_CALLERS_MAX),
            Figure::Partner(Partner::Insert),
        ),
        of("p99 of the member page / empty, 64 callers", AtMost(5.0), p99(Together, MemberPage), p99(Together, Empty)),
        of(
            "earn with the most / the fewest entries, 64 callers",
            AtLeast(0.9),
            earn(64),
            RateAtFirst(Together, Earn, 64),
        ),
        events("whole loop, events/s", Loop),
        events("whole loop with one budget, events/s", HotBudget),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_reached_by_its_own_value() {
        assert!(Wanted::AtLeast(2.5).reached(2.5) && !Wanted::AtLeast(2.5).reached(2.49));
        assert!(Wanted::AtMost(0.6).reached(0.6) && !Wanted::AtMost(0.6).reached(0.61));
        assert!(!Wanted::AtLeast(1.0).reached(f64::NAN), "nothing was measured");
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_ratios() {
        assert_eq!(ratio(&[3.0, 8.0, 10.0], &[1.0, 2.0, 5.0]), 3.0);
    }
}
