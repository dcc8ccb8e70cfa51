//! A clock of a case: a stopwatch with a target, and whether the target has passed.

use time::{Duration, OffsetDateTime};

use super::calendar::WorkingCalendar;
use super::coded::coded;
use super::stopwatch::Stopwatch;

coded! {
    /// A clock of a case.
    CaseClock {
        /// To the first answer.
        FirstResponse = 1 "first_response",
        /// To the resolution.
        Resolution = 2 "resolution",
        /// To the answer that was promised.
        Promise = 3 "promise",
    }
}

/// A stopwatch with a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// Measures.
    pub watch: Stopwatch,
    /// Working minutes allowed; 0: no target.
    pub target_minutes: i32,
    /// When the target passes if it goes on running; kept where it has passed. `None`: it stands still, or has no target.
    pub deadline: Option<OffsetDateTime>,
    /// Whether the target has passed, and was told of.
    pub breached: bool,
}

impl Clock {
    /// One that begins to run.
    pub fn started(calendar: &WorkingCalendar, target_minutes: i32, at: OffsetDateTime) -> Self {
        let mut clock = Self { watch: Stopwatch::started(at), target_minutes, deadline: None, breached: false };
        clock.project(calendar);
        clock
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.watch.since.is_some()
    }

    /// The deadline that nobody was told of yet.
    pub fn alarm(&self) -> Option<OffsetDateTime> {
        self.deadline.filter(|_| !self.breached)
    }

    /// Marks the target as passed where it is by `at`; answers when it passed.
    pub fn breach(&mut self, at: OffsetDateTime) -> Option<OffsetDateTime> {
        let passed = self.alarm().filter(|deadline| *deadline <= at)?;
        self.breached = true;
        Some(passed)
    }

    /// Stands still; what was measured stays.
    pub fn pause(&mut self, calendar: &WorkingCalendar, at: OffsetDateTime) {
        self.watch.pause(calendar, at);
        self.deadline = None;
    }

    /// Runs on.
    pub fn resume(&mut self, calendar: &WorkingCalendar, at: OffsetDateTime) {
        self.watch.resume(at);
        self.project(calendar);
    }

    /// Goes on from what it shows under another calendar or with another target. A target that has not passed yet may
    /// still pass, and is told of then.
    pub fn retarget(
        &mut self,
        (before, after): (&WorkingCalendar, &WorkingCalendar),
        target_minutes: i32,
        at: OffsetDateTime,
    ) {
        self.watch.roll(before, at);
        self.target_minutes = target_minutes;
        let passed = target_minutes > 0 && self.watch.elapsed >= self.target();
        if self.breached && passed {
            return;
        }
        self.breached = false;
        self.project(after);
    }

    fn target(&self) -> Duration {
        Duration::minutes(i64::from(self.target_minutes))
    }

    fn project(&mut self, calendar: &WorkingCalendar) {
        let has_target = self.target_minutes > 0;
        self.deadline = if has_target { self.watch.reaches(calendar, self.target()) } else { None };
    }
}
