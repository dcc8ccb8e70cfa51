//! Points that lapse on one of some days.

use time::{Duration, OffsetDateTime};
use units::zone::{Day, Zone};

use super::balance::Balance;

/// Some days of a zone. Points belong to the last day on which they can be used: what lapses when a day ends, to that day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    zone: Zone,
    first: Day,
    /// What lapses at this instant or before belongs to an earlier day.
    after: OffsetDateTime,
    /// What lapses after this instant belongs to a later day.
    until: OffsetDateTime,
}

impl Window {
    /// So many days from the first on, at least one.
    pub fn new(zone: &Zone, first: Day, days: u32) -> Self {
        let after = zone.minute_of(first, 0);
        let until = zone.add_days_end(after, days.saturating_sub(1));
        Self { zone: zone.clone(), first, after, until }
    }

    /// The first day.
    pub fn first(&self) -> Day {
        self.first
    }

    /// The last instant at which something of it lapses.
    pub fn until(&self) -> OffsetDateTime {
        self.until
    }

    /// What lapses of a balance on these days, soonest first.
    pub fn of(&self, balance: Balance) -> Vec<(OffsetDateTime, i64)> {
        let within = |date: OffsetDateTime| self.after < date && date <= self.until;
        balance.expiring.into_iter().filter(|(date, _)| within(*date)).collect()
    }

    /// The day to which points belong that lapse at a time.
    pub fn day_of(&self, lapses_at: OffsetDateTime) -> String {
        self.zone.day_of(lapses_at - Duration::MICROSECOND)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn points_belong_to_the_last_day_on_which_they_can_be_used() {
        let zone = Zone::new("Asia/Shanghai").unwrap();
        let cases = [
            ("the day before", datetime!(2026-03-31 0:00 +8), false, "2026-03-30"),
            ("within the first day", datetime!(2026-03-31 12:00 +8), true, "2026-03-31"),
            (
                "the end of the first day, OL: gone at the first of the next month",
                datetime!(2026-04-01 0:00 +8),
                true,
                "2026-03-31",
            ),
            ("the end of the last day", datetime!(2026-04-02 0:00 +8), true, "2026-04-01"),
            ("the day after", datetime!(2026-04-03 0:00 +8), false, "2026-04-02"),
        ];
        let window = Window::new(&zone, Day::parse("2026-03-31").unwrap(), 2);
        for (name, date, within, day) in cases {
            let balance = Balance { expiring: vec![(date, 5)], ..Balance::default() };
            assert_eq!(window.of(balance).len(), usize::from(within), "{name}");
            assert_eq!(window.day_of(date), day, "{name}");
        }
    }
}
