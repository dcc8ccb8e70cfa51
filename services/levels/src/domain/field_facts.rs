//! What the field has settled about points, case by case: their states, and when they lapse. Each date is looked at one
//! microsecond, the database's smallest step, before and at it.

use std::collections::BTreeMap;

use ids::{EventId, Key, UserId};
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use units::zone::Zone;

use super::account::{Account, Occasion};
use super::balance::{Balance, Holding, balance};
use super::book::{AccountKey, Book, Programme};
use super::entry::Origin;
use super::expiry::Expiry::{self, Days, EndOf, Inactivity, Months};
use super::expiry::Stretch::{self, HalfYear, Month, Quarter, Year};
use super::hold::{Hold, HoldState};
use super::pending::Landing;
use super::point_type::Activation::{self, AtOnce, OrderCompleted};
use super::point_type::PointType;
use super::point_type::ReversalPolicy::{self, DownToZero, MayGoNegative, PendingOnly};

const MICRO: Duration = Duration::MICROSECOND;

fn key() -> AccountKey {
    (UserId::new("用户").unwrap(), Key::new("points").unwrap())
}

/// An account on its own.
struct Stage {
    programme: Programme,
    account: Account,
    hold: Option<Hold>,
    landing: Option<Landing>,
}

impl Stage {
    fn new(zone: &str, change: impl FnOnce(&mut PointType)) -> Self {
        let mut point_type = PointType::new(key().1, Zone::new(zone).unwrap());
        change(&mut point_type);
        let programme = Programme { types: [(key().1, point_type)].into(), ..Programme::default() };
        Self { programme, account: Account::default(), hold: None, landing: None }
    }

    fn write<T>(&mut self, write: impl FnOnce(&mut Book<'_>) -> T) -> T {
        let accounts = [(key(), self.account.clone())].into();
        let holds = self.hold.iter().map(|hold| (key().0, hold.clone()));
        let mut book = Book::new(&self.programme, accounts, BTreeMap::new()).with_holds(holds);
        let answer = write(&mut book);
        let written = book.close();
        if let Some((_, account)) = written.accounts.first() {
            self.account = account.clone();
        }
        if let Some((_, hold)) = written.holds.first() {
            self.hold = Some(hold.clone());
        }
        answer
    }

    fn earn(&mut self, points: i64, order: &str, at: OffsetDateTime) {
        let origin = Origin { order_id: order.to_owned(), ..Origin::default() };
        let occasion = Occasion { occurred_at: Some(at), origin };
        let (_, landing) = self.write(|book| book.earn(&key(), points, occasion, at)).unwrap();
        self.landing = Some(landing);
    }

    fn seen(&self, at: OffsetDateTime) -> Balance {
        let open = self.hold.clone().into_iter().filter(|hold| hold.state == HoldState::Open);
        let accounts = [(key(), self.account.clone())].into();
        let holding = Holding { accounts, holds: open.collect(), ..Holding::default() };
        balance(&self.programme, &key(), holding, at)
    }

    /// Available, held, pending, debt.
    fn states(&self, at: OffsetDateTime) -> [i64; 4] {
        let seen = self.seen(at);
        [seen.available, seen.held, seen.pending, seen.debt]
    }
}

/// Name, zone, validity, when earned, and the first instant at which the points can no longer be used.
type Lapse = (&'static str, &'static str, Expiry, &'static str, &'static str);

const CHINA: &str = "Asia/Shanghai";
const YORK: &str = "America/New_York";
const LONDON: &str = "Europe/London";

#[rustfmt::skip] // a case a line
const LAPSES: [Lapse; 32] = [
    // month's ends: a month without the day has its last instead
    ("31 January and a month", CHINA, Months(1, None), "2026-01-31T10:00:00+08:00", "2026-03-01T00:00:00+08:00"),
    ("31 January of a leap year", CHINA, Months(1, None), "2028-01-31T10:00:00+08:00", "2028-03-01T00:00:00+08:00"),
    ("30 January of a leap year", CHINA, Months(1, None), "2028-01-30T10:00:00+08:00", "2028-03-01T00:00:00+08:00"),
    ("31 May and a month", CHINA, Months(1, None), "2026-05-31T10:00:00+08:00", "2026-07-01T00:00:00+08:00"),
    ("31 October and four", CHINA, Months(4, None), "2026-10-31T10:00:00+08:00", "2027-03-01T00:00:00+08:00"),
    ("28 February to 28 March", CHINA, Months(1, None), "2026-02-28T10:00:00+08:00", "2026-03-29T00:00:00+08:00"),
    // leap days
    ("a year from a leap day", CHINA, Months(12, None), "2028-02-29T10:00:00+08:00", "2029-03-01T00:00:00+08:00"),
    ("four years from one", CHINA, Months(48, None), "2028-02-29T10:00:00+08:00", "2032-03-01T00:00:00+08:00"),
    ("a year to a leap year", CHINA, Months(12, None), "2027-02-28T10:00:00+08:00", "2028-02-29T00:00:00+08:00"),
    ("days over a leap day", CHINA, Days(2, None), "2028-02-28T10:00:00+08:00", "2028-03-02T00:00:00+08:00"),
    ("days over none", CHINA, Days(2, None), "2027-02-28T10:00:00+08:00", "2027-03-03T00:00:00+08:00"),
    ("2100 is no leap year", CHINA, Months(1, None), "2100-01-31T10:00:00+08:00", "2100-03-01T00:00:00+08:00"),
    // ends of months and years, as Open Loyalty has them
    ("month: 22 January", CHINA, EndOf(Month), "2026-01-22T10:00:00+08:00", "2026-02-01T00:00:00+08:00"),
    ("year: earned in 2018", CHINA, EndOf(Year), "2018-07-05T10:00:00+08:00", "2019-01-01T00:00:00+08:00"),
    ("year: its last moment", CHINA, EndOf(Year), "2026-12-31T23:59:59.999999+08:00", "2027-01-01T00:00:00+08:00"),
    ("year: the next's first", CHINA, EndOf(Year), "2027-01-01T00:00:00+08:00", "2028-01-01T00:00:00+08:00"),
    ("year: not by UTC", CHINA, EndOf(Year), "2026-12-31T16:00:00Z", "2028-01-01T00:00:00+08:00"),
    ("quarter of a leap year", CHINA, EndOf(Quarter), "2028-02-29T10:00:00+08:00", "2028-04-01T00:00:00+08:00"),
    ("half-year", CHINA, EndOf(HalfYear), "2026-06-30T23:59:59.999999+08:00", "2026-07-01T00:00:00+08:00"),
    // rounded up, as Voucherify has it
    ("month, to a month's end", CHINA, Months(1, Some(Month)), "2028-01-30T10:00:00+08:00", "2028-03-01T00:00:00+08:00"),
    ("year, to a year's end", CHINA, Months(12, Some(Year)), "2026-12-31T10:00:00+08:00", "2028-01-01T00:00:00+08:00"),
    ("days, to a quarter's end", CHINA, Days(90, Some(Quarter)), "2026-01-01T10:00:00+08:00", "2026-07-01T00:00:00+08:00"),
    // days of 23 and 25 hours
    ("the day before spring", YORK, Days(1, None), "2026-03-07T10:00:00-05:00", "2026-03-09T00:00:00-04:00"),
    ("spring's missing hour", YORK, EndOf(Month), "2026-03-08T01:59:59.999999-05:00", "2026-04-01T00:00:00-04:00"),
    ("the day before autumn", YORK, Days(1, None), "2026-10-31T10:00:00-04:00", "2026-11-02T00:00:00-05:00"),
    ("the doubled hour, first", YORK, Days(1, None), "2026-11-01T01:30:00-04:00", "2026-11-03T00:00:00-05:00"),
    ("the doubled hour, second", YORK, Days(1, None), "2026-11-01T01:30:00-05:00", "2026-11-03T00:00:00-05:00"),
    ("a month over spring", LONDON, Months(1, None), "2026-02-28T23:30:00Z", "2026-03-29T00:00:00Z"),
    ("a summer's evening in UTC", LONDON, Days(1, None), "2026-06-30T23:30:00Z", "2026-07-03T00:00:00+01:00"),
    // a midnight that there is not, and a day that was left out
    ("a missing midnight", "America/Sao_Paulo", Days(1, None), "2018-11-02T10:00:00-03:00", "2018-11-04T01:00:00-02:00"),
    ("a missing day", "Pacific/Apia", Days(1, None), "2011-12-28T10:00:00-10:00", "2011-12-31T00:00:00+14:00"),
    // all together, from the last activity
    ("a year without activity", CHINA, Inactivity(365), "2027-03-01T10:00:00+08:00", "2028-03-01T00:00:00+08:00"),
];

fn at(text: &str) -> OffsetDateTime {
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}

#[test]
fn points_lapse_at_the_first_instant_after_the_last_day_on_which_they_can_be_used() {
    for (name, zone, expiry, earned, lapses) in LAPSES {
        let (earned, lapses) = (at(earned), at(lapses));
        let mut stage = Stage::new(zone, |it| it.expiry = expiry);
        stage.earn(100, "", earned);
        assert_eq!(stage.seen(earned).expiring, [(lapses, 100)], "{name}");
        assert_eq!(stage.states(lapses - MICRO), [100, 0, 0, 0], "{name}: the last microsecond");
        assert_eq!(stage.states(lapses), [0; 4], "{name}: the first one after");
        let spent = stage.write(|book| book.spend(&key(), 100, Occasion::default(), lapses - MICRO));
        assert!(spent.is_ok(), "{name}");
    }
}

/// Name, when earned points can be used, what happens to those taken back; steps an hour apart from noon on, those that are
/// refused with a `!`; then what is available, held, pending and owed so many hours after noon, or a microsecond before.
type States = (&'static str, Activation, ReversalPolicy, &'static str, &'static [(&'static str, [i64; 4])]);

#[rustfmt::skip] // a case a line
const STATES: [States; 18] = [
    ("active at once", AtOnce, DownToZero, "earn 100", &[("0", [100, 0, 0, 0])]),
    ("pending up to the last microsecond of the day after", DAY, DownToZero, "earn 100",
        &[("36-", [0, 0, 100, 0]), ("36", [100, 0, 0, 0])]),
    ("pending is not spent or held", DAY, DownToZero, "earn 100; spend 1!; hold 1!", &[("3", [0, 0, 100, 0])]),
    ("pending with its order", OrderCompleted, DownToZero, "earn 100; spend 1!", &[("9999", [0, 0, 100, 0])]),
    ("active with its order", OrderCompleted, DownToZero, "earn 100; complete; spend 60", &[("2", [40, 0, 0, 0])]),
    ("cancelled while pending", DAY, PendingOnly, "earn 100; back 40", &[("36-", [0, 0, 60, 0]), ("36", [60, 0, 0, 0])]),
    ("spent", AtOnce, DownToZero, "earn 100; spend 100; spend 1!", &[("2", [0; 4])]),
    ("blocked is not available", AtOnce, DownToZero, "earn 100; hold 70; spend 31!", &[("3", [30, 70, 0, 0])]),
    ("blocked up to its instant", AtOnce, DownToZero, "earn 100; hold 70", &[("7-", [30, 70, 0, 0]), ("7", [100, 0, 0, 0])]),
    ("captured in part", AtOnce, DownToZero, "earn 100; hold 70; capture 50", &[("2", [50, 0, 0, 0])]),
    ("resolved once", AtOnce, DownToZero, "earn 100; hold 70; capture 50; capture 1!; release!", &[("9", [50, 0, 0, 0])]),
    ("released", AtOnce, DownToZero, "earn 100; hold 70; release; capture 1!", &[("9", [100, 0, 0, 0])]),
    ("too late to capture", AtOnce, DownToZero, "earn 100; hold 70; wait; wait; wait; wait; wait; capture 1!",
        &[("9", [100, 0, 0, 0])]),
    ("given back", AtOnce, DownToZero, "earn 100; hold 70; capture 70; give 20; give 71!", &[("9", [50, 0, 0, 0])]),
    ("returned: pending alone", AtOnce, PendingOnly, "earn 100; back 60", &[("9", [100, 0, 0, 0])]),
    ("returned: not below zero", AtOnce, DownToZero, "earn 100; spend 70; back 60", &[("9", [0; 4])]),
    ("returned: without a limit", AtOnce, MayGoNegative, "earn 100; spend 70; back 60", &[("9", [0, 0, 0, 30])]),
    ("what is owed is filled first", AtOnce, MayGoNegative, "earn 100; spend 70; back 60; earn 50", &[("9", [20, 0, 0, 0])]),
];

const DAY: Activation = Activation::Days(1);

/// How long holds are kept.
const HOLD: Duration = Duration::hours(6);

impl Stage {
    /// Does a step such as `hold 70`; whether it is taken.
    fn step(&mut self, step: &str, at: OffsetDateTime) -> bool {
        let (what, points) = step.split_once(' ').unwrap_or((step, "0"));
        let (points, hold) = (points.parse().unwrap(), EventId::new("h").unwrap());
        let occasion = Occasion { occurred_at: Some(at), origin: Origin::default() };
        let landing = self.landing.clone();
        let key = &key();
        match what {
            "wait" => true,
            "earn" => {
                self.earn(points, "o", at);
                true
            }
            "spend" => self.write(|book| book.spend(key, points, occasion, at)).is_ok(),
            "hold" => self.write(|book| book.hold(key, hold, (points, HOLD), Origin::default(), at)).is_ok(),
            "capture" => self.write(|book| book.capture(key, &hold, points, occasion, at)).is_ok(),
            "release" => self.write(|book| book.release(key, &hold, at)).is_ok(),
            "give" => self.write(|book| book.give_back(key, &hold, points, occasion, at)).is_ok(),
            "back" => self.write(|book| book.take_back(key, points, &landing.unwrap(), occasion, at)).is_ok(),
            "complete" => {
                self.write(|book| book.complete_order(&key.0, "o", at, at));
                true
            }
            other => panic!("{other}?"),
        }
    }
}

#[test]
fn points_go_from_state_to_state_as_the_field_has_it_and_only_active_ones_can_be_used() {
    let noon = datetime!(2026-03-10 12:00 +8);
    for (name, activation, reversal, steps, looks) in STATES {
        let mut stage = Stage::new(CHINA, |it| (it.activation, it.reversal) = (activation, reversal));
        for (hours, step) in (0..).zip(steps.split("; ")) {
            let taken = stage.step(step.trim_end_matches('!'), noon + Duration::hours(hours));
            assert_eq!(taken, !step.ends_with('!'), "{name}: {step}");
        }
        for (when, states) in looks {
            let hours = Duration::hours(when.trim_end_matches('-').parse().unwrap());
            let before = if when.ends_with('-') { MICRO } else { Duration::ZERO };
            assert_eq!(stage.states(noon + hours - before), *states, "{name}, {when} hours after noon");
        }
    }
}

#[test]
fn what_waits_for_an_order_is_active_from_its_completion_on_and_its_validity_counts_from_then() {
    let mut stage = Stage::new("Asia/Shanghai", |it| {
        (it.activation, it.expiry) = (Activation::OrderCompleted, Expiry::Months(1, None));
    });
    stage.earn(100, "o", datetime!(2026-01-20 12:00 +8));
    let completed = datetime!(2026-01-31 23:59:59.999_999 +8);
    assert_eq!(stage.states(completed - MICRO), [0, 0, 100, 0]);
    stage.step("complete", completed);
    assert_eq!(stage.states(completed), [100, 0, 0, 0]);
    assert_eq!(stage.seen(completed).expiring, [(datetime!(2026-03-01 0:00 +8), 100)], "a month from then, clamped");
}

#[test]
fn pending_points_are_valid_from_when_they_can_be_used() {
    let mut stage = Stage::new("America/New_York", |it| {
        (it.activation, it.expiry) = (Activation::Days(7), Expiry::Days(1, None));
    });
    let (active, lapses) = (datetime!(2026-03-09 0:00 -4), datetime!(2026-03-11 0:00 -4));
    stage.earn(100, "", datetime!(2026-03-01 9:00 -5)); // seven days, the last of 23 hours
    let seen = [active - MICRO, active, lapses - MICRO, lapses].map(|at| stage.states(at));
    assert_eq!(seen, [[0, 0, 100, 0], [100, 0, 0, 0], [100, 0, 0, 0], [0; 4]]);
}

#[test]
fn what_lapses_first_is_used_first_whenever_it_was_earned_and_comes_back_to_its_own_date() {
    let mut stage = Stage::new("Asia/Shanghai", |it| it.expiry = Expiry::EndOf(Stretch::Month));
    let (march, april) = (datetime!(2026-04-01 0:00 +8), datetime!(2026-05-01 0:00 +8));
    // the later month is known first
    stage.earn(50, "", april - MICRO);
    stage.account.decided_at = None;
    stage.earn(50, "", march - MICRO);
    stage.account.decided_at = None;
    let (before, day) = (march - Duration::days(1), Duration::DAY);
    assert_eq!(stage.seen(before).expiring, [(march, 50), (april, 50)]);
    assert!(stage.step("hold 60", before));
    assert!(stage.step("capture 60", before));
    assert_eq!(stage.seen(before).expiring, [(april, 40)], "all of March, and ten of April");
    assert!(stage.step("give 30", before), "ten of April, then twenty of March");
    assert_eq!(stage.seen(before).expiring, [(march, 20), (april, 50)]);
    assert!(stage.step("give 60", march + day), "the rest, of a month that is over");
    assert_eq!(stage.states(march + day), [50, 0, 0, 0], "is forfeited with its own date");
}
