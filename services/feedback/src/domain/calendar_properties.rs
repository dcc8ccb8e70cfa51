//! Working time against any calendar: adding up, and projecting as the reverse of it.

use proptest::collection::vec;
use proptest::prelude::*;
use time::{Duration, OffsetDateTime};
use units::zone::Zone;

use super::calendar::{Frame, WorkingCalendar};
use super::stopwatch::Stopwatch;

/// Frames of a day, in order: cut points of a day taken in pairs.
fn frames() -> impl Strategy<Value = Vec<Frame>> {
    vec(0_u16..=1440, 0..6).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts.dedup();
        cuts.chunks_exact(2).map(|pair| Frame { start: pair[0], end: pair[1] }).collect()
    })
}

/// Zones with and without changes of the clock, some at midnight, and one with a change of half an hour.
fn zone() -> impl Strategy<Value = Zone> {
    const NAMES: [&str; 7] = [
        "UTC",
        "Asia/Shanghai",
        "Europe/Berlin",
        "America/New_York",
        "America/Havana",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
    ];
    proptest::sample::select(&NAMES[..]).prop_map(|name| Zone::new(name).unwrap())
}

fn calendar() -> impl Strategy<Value = WorkingCalendar> {
    (zone(), vec(frames(), 7), vec((0_i64..5_000, frames()), 0..20)).prop_map(|(zone, week, special)| {
        let day = |days: i64| zone.day(OffsetDateTime::UNIX_EPOCH + Duration::days(15_000 + days));
        let special = special.into_iter().map(|(days, frames)| (day(days), frames)).collect();
        let week = week.try_into().unwrap();
        WorkingCalendar { zone, week, special }
    })
}

/// Instants of 2011 to 2024, to the microsecond.
fn instant() -> impl Strategy<Value = OffsetDateTime> {
    (1_300_000_000_i64..1_730_000_000, 0_i64..1_000_000)
        .prop_map(|(s, us)| OffsetDateTime::UNIX_EPOCH + Duration::seconds(s) + Duration::microseconds(us))
}

/// A little later than an instant, at most 40 days.
fn later(from: OffsetDateTime, seconds: u32) -> OffsetDateTime {
    from + Duration::seconds(i64::from(seconds % 3_456_000))
}

proptest! {
    #[test]
    fn splitting_an_interval_anywhere_gives_the_same_sum(
        calendar in calendar(), from in instant(), first: u32, second: u32
    ) {
        let middle = later(from, first);
        let until = later(middle, second);
        let parts = calendar.working(from, middle) + calendar.working(middle, until);
        prop_assert_eq!(parts, calendar.working(from, until));
    }

    #[test]
    fn working_time_is_never_longer_than_time(calendar in calendar(), from in instant(), seconds: u32) {
        let until = later(from, seconds);
        let worked = calendar.working(from, until);
        prop_assert!(worked >= Duration::ZERO && worked <= until - from);
        prop_assert_eq!(WorkingCalendar::always().working(from, until), until - from);
    }

    #[test]
    fn a_deadline_is_the_first_instant_at_which_the_target_has_passed(
        calendar in calendar(), from in instant(), minutes in 1_i64..20_000, before in 1_i64..100_000_000
    ) {
        let target = Duration::minutes(minutes);
        if let Some(deadline) = calendar.project(from, target) {
            prop_assert_eq!(calendar.working(from, deadline), target);
            let earlier = (deadline - Duration::microseconds(before)).max(from);
            prop_assert!(calendar.working(from, earlier) < target);
        }
    }

    #[test]
    fn pauses_and_rolls_never_change_what_was_measured(
        calendar in calendar(), from in instant(), steps in vec((any::<u32>(), 0..3), 1..8)
    ) {
        let mut watch = Stopwatch::started(from);
        let (mut at, mut running, mut measured) = (from, true, Duration::ZERO);
        for (seconds, step) in steps {
            let next = later(at, seconds);
            if running {
                measured += calendar.working(at, next);
            }
            at = next;
            match step {
                0 => {
                    watch.pause(&calendar, at);
                    running = false;
                }
                1 => {
                    watch.resume(at);
                    running = true;
                }
                _ => watch.roll(&calendar, at),
            }
            prop_assert_eq!(watch.elapsed(&calendar, at), measured);
        }
    }
}
