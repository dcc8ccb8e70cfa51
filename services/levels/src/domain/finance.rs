//! What points were given, used, lost and owed, by month.

use std::collections::BTreeMap;
use std::fmt;

use time::OffsetDateTime;
use units::zone::{Day, Zone};

/// A month of the calendar, in no zone. Sorts by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(i32);

impl Month {
    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-').filter(|(year, month)| (year.len(), month.len()) == (4, 2))?;
        let (year, month): (i32, i32) = (year.parse().ok()?, month.parse().ok()?);
        (1..=12).contains(&month).then_some(Self(year * 12 + month - 1))
    }

    /// The month so many months later.
    #[must_use]
    pub fn plus(self, months: i32) -> Self {
        Self(self.0 + months)
    }

    /// This month and all after it up to another one.
    pub fn to(self, last: Self) -> impl Iterator<Item = Self> {
        (self.0..=last.0).map(Self)
    }

    /// When it begins in a zone; `None`: beyond the calendar.
    pub fn start(self, zone: &Zone) -> Option<OffsetDateTime> {
        Day::parse(&format!("{self}-01")).map(|day| zone.minute_of(day, 0))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

/// What moved points in a time; none is below 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// Given.
    pub issued: i64,
    /// Pending points that became usable.
    pub activated: i64,
    /// Used.
    pub redeemed: i64,
    /// Lapsed.
    pub expired: i64,
    /// Taken back.
    pub reversed: i64,
    /// Given back after they were used.
    pub returned: i64,
    /// Taken off at level ends.
    pub adjusted: i64,
    /// Added by hand.
    pub added: i64,
    /// Taken by hand.
    pub taken: i64,
    /// Brought along from elsewhere.
    pub opened: i64,
}

impl Moved {
    /// The change of what users can still use.
    pub fn net(&self) -> i64 {
        let given = self.issued + self.returned + self.added + self.opened;
        given - self.redeemed - self.expired - self.reversed - self.adjusted - self.taken
    }

    fn add(&mut self, other: &Self) {
        self.issued += other.issued;
        self.activated += other.activated;
        self.redeemed += other.redeemed;
        self.expired += other.expired;
        self.reversed += other.reversed;
        self.returned += other.returned;
        self.adjusted += other.adjusted;
        self.added += other.added;
        self.taken += other.taken;
        self.opened += other.opened;
    }
}

/// A month over all cost centres and funders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthFigures {
    /// Which.
    pub month: Month,
    /// What users could still use when it began, less what they owed.
    pub opening: i64,
    /// What moved in it.
    pub moved: Moved,
    /// What users could still use at its end, less what they owed.
    pub closing: i64,
    /// The part of that which was pending.
    pub pending: i64,
    /// What lapsed up to its end of all that was issued and not taken back, in basis points.
    pub breakage: i32,
}

/// The part of a month that one cost centre and funder bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which month.
    pub month: String,
    /// Who bears the cost; empty: not said.
    pub cost_centre: String,
    /// The contract's number of who pays; 0: not said.
    pub funder: i32,
    /// What moved.
    pub moved: Moved,
}

/// The months asked for, from what moved before them and in each, with the change of what is pending. A month in which
/// nothing moved closes as it opened.
pub fn months(
    months: impl Iterator<Item = Month>,
    (before, pending): (Moved, i64),
    moved: &BTreeMap<Month, (Moved, i64)>,
) -> Vec<MonthFigures> {
    let (mut so_far, mut pending) = (before, pending);
    let figures = |month: Month| {
        let opening = so_far.net();
        let (moved, pending_change) = moved.get(&month).copied().unwrap_or_default();
        so_far.add(&moved);
        pending += pending_change;
        MonthFigures { month, opening, moved, closing: so_far.net(), pending, breakage: breakage(&so_far) }
    };
    months.map(figures).collect()
}

fn breakage(so_far: &Moved) -> i32 {
    let given = so_far.issued + so_far.added - so_far.reversed;
    if given <= 0 {
        return 0;
    }
    let rate = i128::from(so_far.expired) * 10_000 / i128::from(given);
    i32::try_from(rate).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn month(text: &str) -> Month {
        Month::parse(text).unwrap()
    }

    #[test]
    fn a_month_is_read_in_one_form_and_begins_with_its_zone() {
        for no_month in ["2026-13", "2026-00", "2026-1", "202601", "", "26-01"] {
            assert_eq!(Month::parse(no_month), None, "{no_month:?}");
        }
        let all: Vec<String> = month("2026-11").to(month("2027-02")).map(|it| it.to_string()).collect();
        assert_eq!(all, ["2026-11", "2026-12", "2027-01", "2027-02"]);
        let zone = Zone::new("Asia/Shanghai").unwrap();
        assert_eq!(month("2026-03").start(&zone), Some(datetime!(2026-03-01 0:00 +8)));
        assert_eq!(month("2026-12").plus(1).start(&zone), Some(datetime!(2027-01-01 0:00 +8)));
    }

    #[test]
    fn a_month_opens_as_the_one_before_closed_and_breakage_is_of_all_that_was_issued_and_kept() {
        let moved =
            |issued, redeemed, expired, reversed| Moved { issued, redeemed, expired, reversed, ..Moved::default() };
        let in_months =
            [(month("2026-01"), (moved(1_000, 200, 0, 100), 50)), (month("2026-03"), (moved(0, 0, 90, 0), -50))];
        let before = (moved(100, 50, 10, 0), 0);
        let got = months(month("2026-01").to(month("2026-03")), before, &in_months.into());
        let figures: Vec<_> = got.iter().map(|it| (it.opening, it.closing, it.pending, it.breakage)).collect();
        // 10 of 1,000 lapsed, then 100 of 1,000
        assert_eq!(figures, [(40, 740, 50, 100), (740, 740, 50, 100), (740, 650, 0, 1_000)]);
    }
}
