//! Runs of days, and what check-ins do to them.

use time::{Date, OffsetDateTime};
use units::zone::Zone;

use super::{Streak, date_of, day_after};
use crate::domain::refusal::Refusal;

/// Days in a row, with the missed ones between them that are forgiven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its first day.
    pub first_day: Date,
    /// The last day checked in.
    pub last_day: Date,
    /// Days checked in or made up for.
    pub length: i32,
    /// Missed days between them.
    pub forgiven: i32,
}

impl Run {
    fn of(day: Date) -> Self {
        Self { first_day: day, last_day: day, length: 1, forgiven: 0 }
    }

    /// With a later run, where no more days are missed than the streak forgives.
    fn joined(&self, later: &Self, streak: &Streak) -> Option<Self> {
        let missed = between(self.last_day, later.first_day) - 1;
        let forgiven = self.forgiven + later.forgiven + missed;
        let length = self.length + later.length;
        (forgiven <= streak.forgiven_days).then_some(Self {
            first_day: self.first_day,
            last_day: later.last_day,
            length,
            forgiven,
        })
    }
}

/// The last check-in at its own time: made up ones are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// The day.
    pub day: Date,
    /// When.
    pub at: OffsetDateTime,
    /// The zone that decided the day.
    pub zone: Zone,
}

/// What is known of a user who has checked in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The last check-in at its own time.
    pub last: Last,
    /// Days checked in or made up for.
    pub total_days: i32,
    /// The last decision's time: later ones never come before it.
    pub last_decided_at: OffsetDateTime,
    /// The longest run.
    pub longest: i32,
}

/// What a check-in did: the run after it, those that it is made of, and their lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedIn {
    /// The day.
    pub day: Date,
    /// The run after it.
    pub run: Run,
    /// First days of runs that are no more: they went into it.
    pub gone: Vec<Date>,
    /// The lengths of the runs that it is made of.
    pub parts: Vec<i32>,
}

/// Days from one to another.
fn between(from: Date, to: Date) -> i32 {
    to.to_julian_day() - from.to_julian_day()
}

/// The last day that counts as checked in.
fn last_day(last: &Last, run: Option<&Run>) -> Date {
    run.map_or(last.day, |run| last.day.max(run.last_day))
}

/// How many days have been missed at a time since the last one that counts: as few as where the user is, or where the last
/// check-in was made.
fn missed(last: &Last, run: &Run, day: Date, at: OffsetDateTime) -> i32 {
    (between(run.last_day, day.min(date_of(&last.zone, at))) - 1).max(0)
}

/// Checks in at a time in a zone: on a later day than the last one both there and where the last one was made, so that neither
/// an instant nor a day counts twice whatever zones are named. `run` is the last run there is.
pub fn check_in(
    streak: &Streak,
    last: Option<&Last>,
    run: Option<&Run>,
    (zone, at): (&Zone, OffsetDateTime),
) -> Result<CheckedIn, Refusal> {
    let day = date_of(zone, at);
    let alone = || CheckedIn { day, run: Run::of(day), gone: Vec::new(), parts: Vec::new() };
    let Some((last, run)) = last.zip(run) else { return Ok(alone()) };
    if let Some(again_at) = again_at(last, Some(run), (zone, at)) {
        return Err(Refusal::CheckedIn { day: last_day(last, Some(run)).to_string(), again_at: Some(again_at) });
    }
    let missed = missed(last, run, day, at);
    if run.forgiven + missed > streak.forgiven_days {
        return Ok(alone());
    }
    let (length, forgiven) = (run.length + 1, run.forgiven + missed);
    let joined = Run { last_day: day, length, forgiven, ..run.clone() };
    Ok(CheckedIn { day, run: joined, gone: Vec::new(), parts: vec![run.length] })
}

/// When the user can check in again; `None`: now.
pub fn again_at(last: &Last, run: Option<&Run>, (zone, at): (&Zone, OffsetDateTime)) -> Option<OffsetDateTime> {
    let until = last_day(last, run);
    let done = date_of(zone, at) <= until || date_of(&last.zone, at) <= last.day;
    let here = day_after(zone, until);
    let there = day_after(&last.zone, last.day);
    done.then(|| here.into_iter().chain(there).max().unwrap_or(at))
}

/// The run that a check-in at a time would go on with, or that has one for this day; `None`: it is broken.
pub fn alive<'r>(streak: &Streak, last: &Last, run: &'r Run, (zone, at): (&Zone, OffsetDateTime)) -> Option<&'r Run> {
    let missed = missed(last, run, date_of(zone, at), at);
    (run.forgiven + missed <= streak.forgiven_days).then_some(run)
}

/// Why a day cannot be made up for.
fn not_to_be_made_up(day: Date, why: &str) -> Refusal {
    Refusal::MakeUpDay { day: day.to_string(), why: why.to_owned() }
}

/// Makes up for a missed day. `today` is where the user is; `before` is the last run that begins by the day, `after` the next.
pub fn make_up(
    streak: &Streak,
    (day, today): (Date, Date),
    (before, after): (Option<&Run>, Option<&Run>),
    checked_in: bool,
) -> Result<CheckedIn, Refusal> {
    if day >= today {
        return Err(not_to_be_made_up(day, "not_past"));
    }
    if checked_in {
        return Err(not_to_be_made_up(day, "checked_in"));
    }
    let somebody_checked_in = before.or(after).is_some();
    if !somebody_checked_in || between(day, today) > streak.make_up_days {
        return Err(not_to_be_made_up(day, "too_early"));
    }
    let (mut run, mut gone, mut parts) = (Run::of(day), Vec::new(), Vec::new());
    let joined = before.and_then(|before| {
        if day > before.last_day {
            return Some((before.joined(&run, streak)?, before.length));
        }
        let (length, forgiven) = (before.length + 1, (before.forgiven - 1).max(0));
        Some((Run { length, forgiven, ..before.clone() }, before.length))
    });
    if let Some((joined, part)) = joined {
        run = joined;
        parts.push(part);
    }
    if let Some((joined, after)) = after.and_then(|after| Some((run.joined(after, streak)?, after))) {
        run = joined;
        gone.push(after.first_day);
        parts.push(after.length);
    }
    Ok(CheckedIn { day, run, gone, parts })
}
