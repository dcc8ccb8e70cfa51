//! From how many days of silence a buyer counts as lost.

use serde::Serialize;

use super::Lack;
use super::returns::{Gaps, Returns};
use crate::demo::figures::share_bp;

/// Closed intervals below which nothing is proposed.
const RETURNS_LEAST: u64 = 100;
/// Intervals that must have been observable for as long as the estimate reaches.
const SEEN_LEAST: u64 = 30;
/// Largest limit that the stage model takes, in days.
const DAYS_MOST: u32 = 3650;
/// Share of all returns that come before a buyer counts as dormant.
const DORMANT: f64 = 0.75;
/// The same for lost.
const LOST: f64 = 0.9;

/// What purchase intervals propose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Churn {
    /// Days without order from which a buyer is lost: one more than the interval that 90 % of returns do not exceed.
    pub lost_after_days: u32,
    /// The same of 75 %: from here a buyer is dormant.
    pub dormant_after_days: u32,
    /// Buyers in the data.
    pub buyers: i64,
    /// Of them lost on the day after the data end.
    pub lost_users: i64,
    /// The same in basis points.
    pub lost_share_bp: i64,
    /// Dormant, not yet lost, on that day.
    pub dormant_users: i64,
    /// Of buyers silent for `lost_after_days`, the share that returns within the horizon after all, in basis points.
    pub lost_who_return_bp: i64,
    /// The interval that 90 % of closed intervals do not exceed when open ones are ignored: too short.
    pub closed_only_days: u32,
    /// True where the 90 % lie in the last fifth of the horizon: the data are too short, the real interval is longer.
    pub short: bool,
    /// All intervals, those after a first purchase, those after later ones.
    pub intervals: Vec<Intervals>,
}

/// Intervals of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Intervals {
    /// `all`, `after_first` or `after_later` purchases.
    pub after: &'static str,
    /// Intervals that ended with a purchase.
    pub closed: i64,
    /// Intervals still open at the end of the data.
    pub open: i64,
    /// Up to so many days the estimate reaches.
    pub horizon_days: u32,
    /// Share that returns within the horizon, in basis points.
    pub return_bp: i64,
    /// The days that 50, 75, 90 and 95 % of these returns do not exceed.
    pub days: [u32; 4],
}

/// Proposes limits from the intervals after a buyer's first purchase and after later ones.
pub(crate) fn propose(after_first: &Gaps, after_later: &Gaps) -> Result<Churn, Lack> {
    let all = after_first.clone().with(after_later);
    if all.closed() < RETURNS_LEAST {
        return Err(Lack::Returns { found: whole(all.closed()), needed: whole(RETURNS_LEAST) });
    }
    let returns = Returns::of(&all, SEEN_LEAST);
    let limit = |share| returns.quantile(share).saturating_add(1).min(DAYS_MOST);
    let lost_after_days = limit(LOST).max(2);
    let dormant_after_days = limit(DORMANT).min(lost_after_days - 1);
    // who is idle for n days on the day after the data was seen to stay away for n - 1
    let idle = |days: u32| whole(all.open_for(days - 1));
    let (buyers, lost_users) = (whole(all.open()), idle(lost_after_days));
    Ok(Churn {
        lost_after_days,
        dormant_after_days,
        buyers,
        lost_users,
        lost_share_bp: share_bp(lost_users, buyers),
        dormant_users: idle(dormant_after_days) - lost_users,
        lost_who_return_bp: basis_points(returns.after_silence(lost_after_days - 1)),
        closed_only_days: all.closed_quantile(LOST).unwrap_or(0),
        short: f64::from(lost_after_days) > 0.8 * f64::from(returns.horizon()),
        intervals: vec![
            intervals("all", &all),
            intervals("after_first", after_first),
            intervals("after_later", after_later),
        ],
    })
}

fn intervals(after: &'static str, gaps: &Gaps) -> Intervals {
    let returns = Returns::of(gaps, SEEN_LEAST);
    Intervals {
        after,
        closed: whole(gaps.closed()),
        open: whole(gaps.open()),
        horizon_days: returns.horizon(),
        return_bp: basis_points(returns.in_all()),
        days: [0.5, DORMANT, LOST, 0.95].map(|share| returns.quantile(share)),
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn basis_points(share: f64) -> i64 {
    (share * 10_000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gaps(closed: impl IntoIterator<Item = u32>, open: impl IntoIterator<Item = u32>) -> Gaps {
        let mut gaps = Gaps::default();
        closed.into_iter().for_each(|days| gaps.close(days, 1000));
        open.into_iter().for_each(|days| gaps.leave_open(days));
        gaps
    }

    #[test]
    fn whoever_is_silent_longer_than_nine_of_ten_returns_is_lost() {
        // 100 returns after 1 to 100 days; 40 buyers bought on the last day, 140 have stayed away for 300
        let open = [0; 40].into_iter().chain([300; 140]);
        let got = propose(&gaps(1..=100, []), &gaps([], open)).expect("a proposal");
        assert_eq!((got.dormant_after_days, got.lost_after_days, got.closed_only_days), (76, 91, 90));
        assert_eq!((got.buyers, got.lost_users, got.lost_share_bp, got.dormant_users), (180, 140, 7778, 0));
        // of 240 intervals that could have ended 100 did, 90 of them by then: 10 of 150 still would
        assert_eq!(got.lost_who_return_bp, 667);
        assert!(!got.short);
    }

    #[test]
    fn a_buyer_idle_for_exactly_the_limit_is_lost_as_the_stage_model_has_it() {
        let closed = || std::iter::repeat_n(10, 200);
        // returns all come after 10 days: idle 11 days is lost, which was seen to stay away for 10
        for (seen, lost) in [(9, 0), (10, 1)] {
            let got = propose(&gaps(closed(), [seen]), &Gaps::default()).expect("a proposal");
            assert_eq!((got.lost_after_days, got.lost_users), (11, lost));
        }
    }

    #[test]
    fn too_few_returns_propose_nothing() {
        let lack = propose(&gaps(1..=99, []), &Gaps::default()).expect_err("too few");
        assert_eq!(lack, Lack::Returns { found: 99, needed: 100 });
    }

    #[test]
    fn returns_that_go_on_to_the_horizons_end_are_called_short() {
        let mut seen = Gaps::default();
        (1..=200).for_each(|days| seen.close(days, 200));
        let got = propose(&seen, &gaps([], std::iter::repeat_n(200, 200))).expect("a proposal");
        assert!(got.short, "{got:?}");
    }

    proptest! {
        #[test]
        fn limits_fit_the_stage_model(
            closed in prop::collection::vec(1..5000_u32, 100..300), open in prop::collection::vec(0..5000_u32, 0..200),
        ) {
            let got = propose(&gaps(closed, open.clone()), &Gaps::default()).expect("a proposal");
            prop_assert!(1 <= got.dormant_after_days && got.dormant_after_days < got.lost_after_days);
            prop_assert!(got.lost_after_days <= DAYS_MOST);
            prop_assert!(got.lost_users + got.dormant_users <= got.buyers);
            prop_assert_eq!(got.buyers, open.len() as i64);
            prop_assert!((0..=10_000).contains(&got.lost_who_return_bp));
        }
    }
}
