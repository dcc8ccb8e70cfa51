//! Working time that adds up while it is measured, and stays when it is not.

use time::{Duration, OffsetDateTime};

use super::calendar::WorkingCalendar;

/// A stopwatch over a working calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopwatch {
    /// Measured before `since`, or in all where it stands still.
    pub elapsed: Duration,
    /// Since when it runs; `None`: it stands still.
    pub since: Option<OffsetDateTime>,
}

impl Stopwatch {
    /// One that begins to run.
    pub fn started(at: OffsetDateTime) -> Self {
        Self { elapsed: Duration::ZERO, since: Some(at) }
    }

    /// What it shows.
    pub fn elapsed(&self, calendar: &WorkingCalendar, at: OffsetDateTime) -> Duration {
        self.elapsed + self.since.map_or(Duration::ZERO, |since| calendar.working(since, at))
    }

    /// Goes on from what it shows now: what comes may be measured by another calendar. Never goes back in time.
    pub fn roll(&mut self, calendar: &WorkingCalendar, at: OffsetDateTime) {
        if let Some(since) = self.since {
            self.elapsed = self.elapsed(calendar, at);
            self.since = Some(since.max(at));
        }
    }

    /// Stands still.
    pub fn pause(&mut self, calendar: &WorkingCalendar, at: OffsetDateTime) {
        self.roll(calendar, at);
        self.since = None;
    }

    /// Runs on; one that runs already is left alone.
    pub fn resume(&mut self, at: OffsetDateTime) {
        self.since.get_or_insert(at);
    }

    /// When it will show `target` if it goes on running: not before it was last set going. `None` where it stands still.
    pub fn reaches(&self, calendar: &WorkingCalendar, target: Duration) -> Option<OffsetDateTime> {
        calendar.project(self.since?, target - self.elapsed)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::stage::{calendar, hours};

    #[test]
    fn what_was_measured_stays_through_a_pause_and_counts_on() {
        let desk = calendar("UTC", &[hours(9, 17)]);
        let mut watch = Stopwatch::started(datetime!(2026-11-20 16:00 UTC)); // a Friday
        watch.pause(&desk, datetime!(2026-11-20 16:40 UTC));
        assert_eq!((watch.elapsed, watch.reaches(&desk, Duration::hours(1))), (Duration::minutes(40), None));
        watch.resume(datetime!(2026-11-24 10:00 UTC)); // Monday is not held against the desk
        let due = watch.reaches(&desk, Duration::hours(1));
        assert_eq!(due, Some(datetime!(2026-11-24 10:20 UTC)));
    }

    #[test]
    fn another_calendar_counts_from_when_it_came_into_force() {
        let (week, always) = (calendar("UTC", &[hours(9, 17)]), WorkingCalendar::always());
        let mut watch = Stopwatch::started(datetime!(2026-11-20 16:00 UTC));
        watch.roll(&week, datetime!(2026-11-20 18:00 UTC));
        assert_eq!(watch.elapsed(&always, datetime!(2026-11-20 20:00 UTC)), Duration::hours(3));
    }

    #[test]
    fn a_target_that_is_behind_already_is_reached_when_the_watch_was_last_set_going() {
        let always = WorkingCalendar::always();
        let mut watch = Stopwatch::started(datetime!(2026-11-20 16:00 UTC));
        watch.roll(&always, datetime!(2026-11-20 18:00 UTC));
        assert_eq!(watch.reaches(&always, Duration::hours(1)), Some(datetime!(2026-11-20 18:00 UTC)));
    }
}
