//! How well cases were handled.

use super::triage::Quadrant;

/// Counts and times of some cases. Times are working seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Cases that came in.
    pub submitted: i64,
    /// Answered at least once.
    pub answered: i64,
    /// Median to the first answer, of those answered.
    pub first_answer_median: i64,
    /// Mean to the first answer.
    pub first_answer_mean: i64,
    /// Resolved now.
    pub resolved: i64,
    /// Median to the resolution, of those resolved.
    pub resolution_median: i64,
    /// Mean to the resolution.
    pub resolution_mean: i64,
    /// With a target whose outcome is known: resolved, or past a target.
    pub sla_decided: i64,
    /// Of those, the ones that kept their targets.
    pub within_sla: i64,
    /// Ratings of resolutions.
    pub ratings: i64,
    /// Ratings of 4 and 5.
    pub satisfied: i64,
    /// Resolved at least once.
    pub ever_resolved: i64,
    /// Reopened at least once.
    pub reopened: i64,
}

/// Figures of all cases and of each quadrant, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFigures {
    /// All together.
    pub total: Figures,
    /// By quadrant.
    pub quadrants: Vec<(Quadrant, Figures)>,
}

/// A share in basis points, rounded to the nearest; 0 of nothing.
pub fn share(part: i64, whole: i64) -> i32 {
    if whole <= 0 {
        return 0;
    }
    let share = (i128::from(part) * 10_000 + i128::from(whole) / 2) / i128::from(whole);
    i32::try_from(share).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_to_the_nearest_basis_point_and_0_of_nothing() {
        assert_eq!([share(1, 3), share(2, 3), share(5, 5), share(0, 7), share(0, 0)], [3_333, 6_667, 10_000, 0, 0]);
        assert_eq!(share(i64::MAX, i64::MAX), 10_000);
    }
}
