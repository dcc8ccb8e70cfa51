//! Figures of reports over many users.

use std::collections::BTreeMap;
use std::fmt;

/// The most months after a cohort's own that a report follows it.
pub const COHORT_MONTHS_MAX: i32 = 36;

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(i32);

impl Month {
    /// The month so many months after January of the year 0.
    pub fn from_index(index: i32) -> Self {
        Self(index)
    }

    /// Months since January of the year 0.
    pub fn index(self) -> i32 {
        self.0
    }

    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-').filter(|(year, month)| (year.len(), month.len()) == (4, 2))?;
        let (year, month): (i32, i32) = (year.parse().ok()?, month.parse().ok()?);
        (1..=12).contains(&month).then_some(Self(year * 12 + month - 1))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

/// So many users of one cohort paid an order in one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CohortActivity {
    /// The month of their first paid order.
    pub cohort: Month,
    /// The month in which they paid.
    pub month: Month,
    /// How many of them.
    pub users: i64,
}

/// Users who first paid in one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cohort {
    /// The month.
    pub month: Month,
    /// How many they are.
    pub users: i64,
    /// How many of them paid in the k-th month after, from k = 1.
    pub returned: Vec<i64>,
}

/// Puts activities into cohorts, each followed up to the last month that has orders. Every user of a cohort was active
/// in its own month.
pub fn cohorts(activities: &[CohortActivity], last: Option<Month>) -> Vec<Cohort> {
    let mut by_month: BTreeMap<Month, Cohort> = BTreeMap::new();
    for activity in activities {
        let CohortActivity { cohort: month, users, .. } = *activity;
        let followed = last.map_or(0, |last| (last.0 - month.0).clamp(0, COHORT_MONTHS_MAX)) as usize;
        let cohort = by_month.entry(month).or_insert_with(|| Cohort { month, users: 0, returned: vec![0; followed] });
        match usize::try_from(activity.month.0 - month.0) {
            Ok(0) => cohort.users = users,
            Ok(k) if k <= followed => cohort.returned[k - 1] = users,
            Ok(_) | Err(_) => {}
        }
    }
    by_month.into_values().collect()
}

/// One span's figures. Amounts in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sales {
    /// Paid orders, cancelled and refunded ones included.
    pub orders: i64,
    /// Users who paid at least one of them.
    pub buyers: i64,
    /// Users who paid more than one of them.
    pub repeat_buyers: i64,
    /// What was paid.
    pub revenue: i64,
    /// What was given back of it.
    pub refunded: i64,
    /// Pieces sold.
    pub pieces: i64,
}

impl Sales {
    /// `repeat_buyers` of `buyers` in basis points, rounded half up; 0 without buyers.
    pub fn repurchase_rate_bp(&self) -> i64 {
        if self.buyers == 0 { 0 } else { (self.repeat_buyers * 20_000 + self.buyers) / (2 * self.buyers) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(cohort: i32, month: i32, users: i64) -> CohortActivity {
        CohortActivity { cohort: Month(cohort), month: Month(month), users }
    }

    #[test]
    fn a_month_reads_and_writes_the_same_text() {
        for text in ["1997-01", "2026-12", "0001-01", "9999-12"] {
            assert_eq!(Month::parse(text).unwrap().to_string(), text);
        }
        for bad in ["1997-13", "1997-00", "97-01", "1997", "19970-1", "x"] {
            assert_eq!(Month::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_cohort_is_followed_to_the_last_month_with_zeros_between() {
        let activities = [activity(10, 10, 7), activity(10, 12, 3), activity(11, 11, 2), activity(13, 13, 1)];
        let got = cohorts(&activities, Some(Month(13)));
        let want = [(10, 7, vec![0, 3, 0]), (11, 2, vec![0, 0]), (13, 1, vec![])]
            .map(|(month, users, returned)| Cohort { month: Month(month), users, returned });
        assert_eq!(got, want);
    }

    #[test]
    fn a_cohort_is_followed_for_36_months_at_most() {
        let got = cohorts(&[activity(0, 0, 1), activity(0, 36, 1), activity(0, 37, 1)], Some(Month(50)));
        assert_eq!(got[0].returned.len(), 36);
        assert_eq!(got[0].returned[35], 1);
    }

    #[test]
    fn the_repurchase_rate_rounds_half_up() {
        let rate = |repeat_buyers, buyers| Sales { repeat_buyers, buyers, ..Sales::default() }.repurchase_rate_bp();
        assert_eq!((rate(0, 0), rate(1, 3), rate(2, 3), rate(1, 20_000), rate(5, 5)), (0, 3333, 6667, 1, 10_000));
    }
}
