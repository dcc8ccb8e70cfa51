//! Check-ins and the runs that they make.

use std::collections::BTreeSet;

use ids::Key;
use proptest::prelude::*;
use time::macros::{date, datetime};
use time::{Date, Duration, OffsetDateTime};
use units::text::LocalizedText;
use units::zone::Zone;

use super::bonus::Bonus;
use super::refusal::Refusal;
use super::streak::run::{self, CheckedIn, Last, Run};
use super::streak::sentence::sentence;
use super::streak::{Milestone, Streak, date_of, read_date};

fn zone(name: &str) -> Zone {
    Zone::new(name).unwrap()
}

/// Gives something at 7, and every 3 days; forgives one day.
pub(super) fn streak() -> Streak {
    let milestone = |length, repeats| Milestone { length, repeats, bonus: Bonus::default() };
    Streak {
        id: Key::new("daily").unwrap(),
        display_name: LocalizedText::default(),
        description: None,
        zone: zone("Asia/Shanghai"),
        forgiven_days: 1,
        make_ups_per_month: 3,
        make_up_days: 7,
        milestones: vec![milestone(3, true), milestone(7, false)],
        valid_from: None,
        valid_until: None,
        paused: false,
        version: 1,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    }
}

/// A user's check-ins, kept as the store keeps them.
#[derive(Debug, Default)]
struct Diary {
    last: Option<Last>,
    runs: Vec<Run>,
    days: BTreeSet<Date>,
}

impl Diary {
    fn check_in(&mut self, streak: &Streak, zone: &Zone, at: OffsetDateTime) -> Result<CheckedIn, Refusal> {
        let checked = run::check_in(streak, self.last.as_ref(), self.runs.last(), (zone, at))?;
        self.last = Some(Last { day: checked.day, at, zone: zone.clone() });
        self.keep(&checked);
        Ok(checked)
    }

    fn make_up(&mut self, streak: &Streak, day: Date, today: Date) -> Result<CheckedIn, Refusal> {
        let before = self.runs.iter().rfind(|run| run.first_day <= day);
        let after = self.runs.iter().find(|run| run.first_day > day);
        let checked = run::make_up(streak, (day, today), (before, after), self.days.contains(&day))?;
        self.keep(&checked);
        Ok(checked)
    }

    fn keep(&mut self, checked: &CheckedIn) {
        assert!(self.days.insert(checked.day), "{} twice", checked.day);
        self.runs.retain(|run| !checked.gone.contains(&run.first_day) && run.first_day != checked.run.first_day);
        self.runs.push(checked.run.clone());
        self.runs.sort_by_key(|run| run.first_day);
    }
}

fn noon(day: Date) -> OffsetDateTime {
    day.midnight().assume_utc() + Duration::hours(4) // noon in Shanghai
}

/// Checks in at noon of days of November; answers the length of the last run.
fn november(days: &[u8]) -> (Diary, i32) {
    let mut diary = Diary::default();
    for day in days {
        let day = date!(2026 - 11 - 01).replace_day(*day).unwrap();
        diary.check_in(&streak(), &streak().zone, noon(day)).unwrap();
    }
    let length = diary.runs.last().unwrap().length;
    (diary, length)
}

#[test]
fn days_in_a_row_make_a_run_that_survives_as_many_missed_days_as_it_forgives() {
    assert_eq!(november(&[1, 2, 3]).1, 3);
    assert_eq!(november(&[1, 2, 4]).1, 3, "one missed day is forgiven, and does not count");
    assert_eq!(november(&[1, 2, 4, 6]).1, 1, "not a second one");
    assert_eq!(november(&[1, 2, 5]).1, 1, "nor two at once");
}

#[test]
fn a_day_counts_once_whatever_zones_are_named() {
    let (mut diary, _) = november(&[1]);
    let again = |diary: &mut Diary, zone_name: &str, at| diary.check_in(&streak(), &zone(zone_name), at);
    let refused = again(&mut diary, "Asia/Shanghai", noon(date!(2026 - 11 - 01)) + Duration::HOUR).unwrap_err();
    let again_at = Some(datetime!(2026-11-01 16:00 UTC));
    assert_eq!(refused, Refusal::CheckedIn { day: "2026-11-01".into(), again_at });
    // 2 November on Kiritimati, still the 1st in Shanghai
    let east = datetime!(2026-11-01 10:30 UTC);
    assert!(
        again(&mut diary, "Pacific/Kiritimati", east).is_err(),
        "the clock of the last check-in shows the same day"
    );
    // the 2nd in Shanghai, still the 1st in Los Angeles
    let west = datetime!(2026-11-01 20:00 UTC);
    assert!(again(&mut diary, "America/Los_Angeles", west).is_err());
    assert_eq!(again(&mut diary, "Asia/Shanghai", west).unwrap().run.length, 2);
}

#[test]
fn nobody_loses_a_run_by_flying_across_the_date_line() {
    let mut diary = Diary::default();
    let strict = Streak { forgiven_days: 0, ..streak() };
    let evening = datetime!(2026-11-02 06:00 UTC); // the 1st, 22:00 in Los Angeles
    diary.check_in(&strict, &zone("America/Los_Angeles"), evening).unwrap();
    let landed = evening + Duration::hours(20); // the 3rd, 11:00 in Tokyo; the 2nd in Los Angeles
    let checked = diary.check_in(&strict, &zone("Asia/Tokyo"), landed).unwrap();
    assert_eq!((checked.day, checked.run.length, checked.run.forgiven), (date!(2026 - 11 - 03), 2, 0));
    assert!(diary.check_in(&strict, &zone("Asia/Tokyo"), landed + Duration::HOUR).is_err());
}

#[test]
fn making_up_for_a_day_joins_the_runs_around_it() {
    let (mut diary, length) = november(&[1, 2, 3, 6, 7]);
    assert_eq!(length, 2);
    let joined = diary.make_up(&streak(), date!(2026 - 11 - 04), date!(2026 - 11 - 07)).unwrap();
    assert_eq!((joined.run.length, joined.run.forgiven, joined.parts.clone()), (6, 1, vec![3, 2]));
    assert_eq!(joined.gone, [date!(2026 - 11 - 06)]);
    let filled = diary.make_up(&streak(), date!(2026 - 11 - 05), date!(2026 - 11 - 07)).unwrap();
    assert_eq!((filled.run.length, filled.run.forgiven, diary.runs.len()), (7, 0, 1));
}

#[test]
fn only_missed_days_of_the_past_can_be_made_up_for() {
    let (diary, _) = november(&[10, 11, 20]);
    let why = |day: Date| {
        let mut diary = Diary { last: diary.last.clone(), runs: diary.runs.clone(), days: diary.days.clone() };
        match diary.make_up(&streak(), day, date!(2026 - 11 - 20)) {
            Err(Refusal::MakeUpDay { why, .. }) => why,
            other => format!("{other:?}"),
        }
    };
    assert_eq!(why(date!(2026 - 11 - 20)), "not_past");
    assert_eq!(why(date!(2026 - 11 - 11)), "checked_in");
    assert_eq!(why(date!(2026 - 11 - 12)), "too_early", "longer ago than a week");
    let nobody = run::make_up(&streak(), (date!(2026 - 11 - 19), date!(2026 - 11 - 20)), (None, None), false);
    assert!(matches!(nobody, Err(Refusal::MakeUpDay { why, .. }) if why == "too_early"), "who never checked in");
    assert!(why(date!(2026 - 11 - 13)).starts_with("Ok"));
}

#[test]
fn a_length_gives_what_it_is_worth_once_per_run() {
    let streak = streak();
    let reached = |parts: &[i32], length| streak.reached(parts, length).iter().map(|(it, _)| *it).collect::<Vec<_>>();
    assert_eq!(reached(&[2], 3), [3]);
    assert_eq!(reached(&[5], 6), [6]);
    assert_eq!(reached(&[6], 7), [7]);
    assert_eq!(reached(&[7], 8), [0; 0]);
    assert_eq!(reached(&[7], 9), [9]);
    assert_eq!(reached(&[3, 3], 7), [7], "two runs had their three days each");
    assert_eq!(reached(&[2, 2], 5), [3], "and here neither had");
    assert_eq!(reached(&[7, 1], 9), [9], "seven days had been rewarded");
    assert_eq!((streak.next_length(0), streak.next_length(6), streak.next_length(7)), (Some(3), Some(7), Some(9)));
}

#[test]
fn a_streak_says_how_far_it_is_in_both_languages() {
    let said = |length, done, next| sentence(length, done, next).texts.into_values().collect::<Vec<_>>();
    assert_eq!(
        said(6, true, Some(7)),
        ["6 days in a row, 1 more day to the next reward", "已连续签到 6 天，再签到 1 天可获奖励"]
    );
    assert_eq!(said(1, false, None), ["1 day in a row, not checked in today", "已连续签到 1 天，今日未签到"]);
}

#[test]
fn dates_are_read_as_they_are_written() {
    assert_eq!(read_date("2026-11-28"), Some(date!(2026 - 11 - 28)));
    for wrong in ["2026-02-30", "2026-1-1", "x", "2026-11-28T00:00", ""] {
        assert_eq!(read_date(wrong), None, "{wrong}");
    }
    assert_eq!(date_of(&zone("Asia/Shanghai"), datetime!(2026-11-27 16:00 UTC)), date!(2026 - 11 - 28));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whoever names whatever zone at whatever time, and makes up for whatever day: no day counts twice, check-ins are never
    /// more than days went by, and runs are what their days say.
    #[test]
    fn no_choice_of_zones_makes_more_of_a_day(
        forgiven_days in 0_i32..3,
        steps in proptest::collection::vec((0_usize..5, 1_i64..40, any::<bool>(), 0_i64..9), 1..60)
    ) {
        let zones = ["Asia/Shanghai", "Pacific/Kiritimati", "America/Los_Angeles", "Etc/GMT+12", "Europe/Berlin"];
        let streak = Streak { forgiven_days, ..streak() };
        let (mut diary, mut at, begin) = (Diary::default(), datetime!(2026-01-01 0:00 UTC), datetime!(2026-01-01 0:00 UTC));
        let mut times = 0;
        for (place, hours, checks_in, back) in steps {
            at += Duration::hours(hours);
            let zone = zone(zones[place]);
            if checks_in {
                times += i64::from(diary.check_in(&streak, &zone, at).is_ok());
            } else {
                let today = date_of(&zone, at);
                let _ = diary.make_up(&streak, today - Duration::days(back), today);
            }
            prop_assert!(times <= (at - begin).whole_days() + 3, "{times} check-ins by {at}");
            for run in &diary.runs {
                let within = diary.days.range(run.first_day..=run.last_day).count();
                prop_assert_eq!(i32::try_from(within).unwrap(), run.length, "{:?}", run);
                let span = run.last_day.to_julian_day() - run.first_day.to_julian_day() + 1;
                prop_assert!(run.forgiven <= forgiven_days && run.length + run.forgiven <= span);
            }
            let of_runs: i32 = diary.runs.iter().map(|run| run.length).sum();
            prop_assert_eq!(usize::try_from(of_runs).unwrap(), diary.days.len());
        }
    }
}
