//! Levels with policies of all kinds, through the book: the cases that the field has settled, each with its name.

use std::collections::BTreeMap;

use ids::{EventId, Key, UserId};
use time::OffsetDateTime;
use time::macros::datetime;
use units::zone::Zone;

use super::account::{Account, Occasion};
use super::book::{AccountKey, Book, MemberKey, Programme};
use super::expiry::{Expiry, Stretch};
use super::level_act::{Act, Signed};
use super::member::{LevelMove, Member, MoveCause};
use super::pending::Landing;
use super::point_type::PointType;
use super::refusal::Refusal;
use super::scheme::level::Level;
use super::scheme::policy::{Downgrade, PeriodEnd, Policy, Upgrade, Validity};
use super::scheme::{Basis, Measure, Scheme};

use MoveCause::{Earned, GraceEnd, Lapsed, PeriodEnd as Review, Reversed};

/// A move: rank before, rank after, why and when.
type Moved = (usize, usize, MoveCause, OffsetDateTime);

pub(super) fn key(id: &str) -> Key {
    Key::new(id).unwrap()
}

fn user() -> UserId {
    UserId::new("小林").unwrap()
}

fn account(id: &str) -> AccountKey {
    (user(), key(id))
}

/// A user and a programme over time, with the point types `growth` and `orders`, which cannot be spent.
pub(super) struct Run {
    pub(super) programme: Programme,
    accounts: BTreeMap<AccountKey, Account>,
    members: BTreeMap<MemberKey, Member>,
    acts: i64,
}

/// Levels at these counts of growth.
pub(super) fn scheme(id: &str, thresholds: &[i64]) -> Scheme {
    let level = |threshold: &i64| Level { threshold: *threshold, ..Level::default() };
    Scheme { version: 1, ..Scheme::new(key(id), key("growth"), thresholds.iter().map(level).collect()) }
}

pub(super) fn months(months: u32, rounding: Option<Stretch>, end: PeriodEnd) -> Option<Validity> {
    Some(Validity { months, rounding, end })
}

fn measured(basis: Basis) -> Vec<Measure> {
    vec![Measure { point_type: key("growth"), basis }]
}

impl Run {
    pub(super) fn new(schemes: impl IntoIterator<Item = Scheme>) -> Self {
        Self::with_expiry(Expiry::Never, schemes)
    }

    pub(super) fn with_expiry(expiry: Expiry, schemes: impl IntoIterator<Item = Scheme>) -> Self {
        let zone = Zone::new("Asia/Shanghai").unwrap();
        let point_type =
            |id: &str| (key(id), PointType { spendable: false, expiry, ..PointType::new(key(id), zone.clone()) });
        let types = ["growth", "orders"].map(point_type).into();
        let schemes = schemes.into_iter().map(|scheme| (scheme.id.clone(), scheme)).collect();
        let programme = Programme { types, schemes, ..Programme::default() };
        Self { programme, accounts: BTreeMap::new(), members: BTreeMap::new(), acts: 0 }
    }

    fn write<T>(&mut self, at: OffsetDateTime, write: impl FnOnce(&mut Book<'_>) -> T) -> (T, Vec<(Key, LevelMove)>) {
        for id in self.programme.types.keys() {
            self.accounts.entry((user(), id.clone())).or_default();
        }
        let mut book = Book::new(&self.programme, self.accounts.clone(), self.members.clone());
        for id in ["growth", "orders"] {
            book.settle(&account(id), at);
        }
        let answer = write(&mut book);
        book.decide_level(&user(), at);
        let moves = book.moves().map(|(scheme, it)| (scheme.clone(), it.clone())).collect();
        let written = book.close();
        self.accounts.extend(written.accounts);
        self.members.extend(written.members);
        (answer, moves)
    }

    fn give(&mut self, id: &str, points: i64, at: OffsetDateTime) -> Vec<(Key, LevelMove)> {
        let write = |book: &mut Book<'_>| drop(book.earn(&account(id), points, Occasion::default(), at).unwrap());
        self.write(at, write).1
    }

    fn take(&mut self, points: i64, at: OffsetDateTime) -> Vec<(Key, LevelMove)> {
        let landing = Landing { release: None, expires_at: None, origin: user() };
        let write = |book: &mut Book<'_>| {
            book.take_back(&account("growth"), points, &landing, Occasion::default(), at).unwrap();
        };
        self.write(at, write).1
    }

    fn settled(&mut self, at: OffsetDateTime) -> Vec<(Key, LevelMove)> {
        self.write(at, |_| ()).1
    }

    fn done(&mut self, act: &Act, at: OffsetDateTime) -> (Result<(), Refusal>, Vec<(Key, LevelMove)>) {
        self.acts += 1;
        let (id, scheme) = (grant_id(self.acts), self.programme.schemes[&key("vip")].clone());
        let signed = Signed { seq: self.acts, reason: "客服".into(), by: "somebody".into(), at };
        self.write(at, |book| {
            book.enrol(&user(), &scheme, at);
            let done = book.with_member(&user(), &scheme, |member, terms, figures| {
                act.apply(member, (terms, figures), &id, signed)
            });
            done.unwrap().map(|(_, moved)| {
                if let Some(moved) = moved {
                    book.tell_move(&user(), &scheme.id, moved);
                }
            })
        })
    }

    pub(super) fn earn(&mut self, id: &str, points: i64, at: OffsetDateTime) -> Vec<Moved> {
        brief(self.give(id, points, at))
    }

    pub(super) fn take_back(&mut self, points: i64, at: OffsetDateTime) -> Vec<Moved> {
        brief(self.take(points, at))
    }

    pub(super) fn settle(&mut self, at: OffsetDateTime) -> Vec<Moved> {
        brief(self.settled(at))
    }

    pub(super) fn act(&mut self, act: &Act, at: OffsetDateTime) -> Result<Vec<Moved>, Refusal> {
        let (done, moves) = self.done(act, at);
        done.map(|()| brief(moves))
    }

    pub(super) fn earn_told(&mut self, id: &str, points: i64, at: OffsetDateTime) -> Vec<String> {
        told(self.give(id, points, at))
    }

    pub(super) fn take_back_told(&mut self, points: i64, at: OffsetDateTime) -> Vec<String> {
        told(self.take(points, at))
    }

    pub(super) fn settle_told(&mut self, at: OffsetDateTime) -> Vec<String> {
        told(self.settled(at))
    }

    pub(super) fn act_told(&mut self, act: &Act, at: OffsetDateTime) -> Vec<String> {
        told(self.done(act, at).1)
    }

    pub(super) fn members(&self) -> &BTreeMap<MemberKey, Member> {
        &self.members
    }

    pub(super) fn member(&self) -> &Member {
        &self.members[&(user(), key("vip"))]
    }

    pub(super) fn rank(&self) -> usize {
        self.member().rank
    }
}

fn brief(moves: Vec<(Key, LevelMove)>) -> Vec<Moved> {
    moves.into_iter().map(|(_, it)| (it.from_rank, it.to_rank, it.cause, it.moved_at)).collect()
}

/// All that is told of moves, but for when they were booked.
fn told(moves: Vec<(Key, LevelMove)>) -> Vec<String> {
    let told = |(scheme, it): (Key, LevelMove)| {
        format!("{scheme} {:?}", LevelMove { recorded_at: OffsetDateTime::UNIX_EPOCH, ..it })
    };
    moves.into_iter().map(told).collect()
}

pub(super) fn grant_id(n: i64) -> EventId {
    EventId::new(format!("g{n}")).unwrap()
}

pub(super) const START: OffsetDateTime = datetime!(2026-01-15 10:00 +8);

#[test]
fn a_window_of_the_calendar_is_reviewed_at_its_end_by_what_it_held_and_then_it_is_empty() {
    // VF: a calendar year, held to the end of the next period
    let scheme = Scheme {
        measures: measured(Basis::Unexpired),
        validity: months(1, Some(Stretch::Year), PeriodEnd::Keep),
        ..scheme("vip", &[0, 100, 1_000])
    };
    let mut run = Run::with_expiry(Expiry::EndOf(Stretch::Year), [scheme]);
    let (end, next) = (datetime!(2027-01-01 00:00 +8), datetime!(2028-01-01 00:00 +8));
    assert_eq!(
        run.earn("growth", 150, datetime!(2026-03-01 10:00 +8)),
        [(0, 1, Earned, datetime!(2026-03-01 10:00 +8))]
    );
    assert_eq!(run.member().valid_until(), Some(end));
    assert_eq!(run.settle(end - time::Duration::MICROSECOND), []);
    assert_eq!(run.settle(end), [(1, 1, Review, end)], "the year that ended decides, although it lapses with it");
    assert_eq!(run.member().valid_until(), Some(next), "a month on, to the year's end");
    assert_eq!(run.settle(next), [(1, 0, Review, next)], "the second year held nothing");
}

#[test]
fn a_rolling_window_lowers_at_once_where_the_scheme_says_so_and_at_the_review_where_it_does_not() {
    let scheme = |downgrade| Scheme {
        measures: measured(Basis::Unexpired),
        validity: months(12, None, PeriodEnd::Keep),
        policy: Policy { downgrade, ..Policy::default() },
        ..scheme("vip", &[0, 100])
    };
    let lapse = datetime!(2026-01-16 00:00 +8) + time::Duration::days(90);
    for (downgrade, moves, rank) in [
        (Downgrade::AtOnce, vec![(1, 0, Lapsed, lapse)], 0),
        (Downgrade::AtReview, vec![], 1),
        (Downgrade::Never, vec![], 1),
    ] {
        let mut run = Run::with_expiry(Expiry::Days(90, None), [scheme(downgrade)]);
        run.earn("growth", 100, START);
        assert_eq!(run.settle(lapse), moves, "{downgrade:?}");
        assert_eq!(run.rank(), rank, "{downgrade:?}");
        let end = datetime!(2027-01-16 00:00 +8);
        let reviewed = match downgrade {
            Downgrade::AtOnce => (0, 0, Review, end),
            Downgrade::AtReview => (1, 0, Review, end),
            Downgrade::Never => (1, 1, Review, end),
        };
        assert_eq!(run.settle(end), [reviewed], "{downgrade:?}");
    }
}

#[test]
fn the_count_of_a_period_begins_anew_with_each_review_and_the_level_is_kept_by_it_for_the_next() {
    let scheme = Scheme {
        measures: measured(Basis::Period),
        validity: months(12, None, PeriodEnd::Keep),
        ..scheme("vip", &[0, 100, 1_000])
    };
    let mut run = Run::new([scheme]);
    run.earn("growth", 60, START);
    assert_eq!(run.earn("growth", 60, datetime!(2026-02-01 10:00 +8)).len(), 1, "both count: nothing ended between");
    let end = datetime!(2027-02-02 00:00 +8);
    assert_eq!(run.settle(end), [(1, 1, Review, end)], "120 in the period");
    assert_eq!(run.take_back(30, datetime!(2027-03-01 0:00 +8)), [], "the level stands on the period that ended");
    run.earn("growth", 99, datetime!(2027-04-01 0:00 +8));
    let end = datetime!(2028-02-02 00:00 +8);
    assert_eq!(run.settle(end), [(1, 0, Review, end)], "99 in the second period: what was taken back was of the first");
    assert_eq!(run.earn("growth", 100, end), [(0, 1, Earned, end)]);
}

#[test]
fn what_is_taken_back_lowers_the_level_that_stood_on_it_whatever_the_policy() {
    // OL: down only by the return of the causing order, or by staff
    for downgrade in [Downgrade::Never, Downgrade::AtReview, Downgrade::AtOnce] {
        let policy = Policy { downgrade, grace_days: 30, protection_days: 60, ..Policy::default() };
        let mut run = Run::new([Scheme { policy, ..scheme("vip", &[0, 100]) }]);
        run.earn("growth", 120, START);
        let later = datetime!(2026-01-20 00:00 +8);
        assert_eq!(run.take_back(20, later), []);
        assert_eq!(run.take_back(1, later), [(1, 0, Reversed, later)], "{downgrade:?}");
    }
}

#[test]
fn a_rise_waits_for_the_review_where_the_scheme_says_so() {
    let scheme = Scheme {
        validity: months(1, Some(Stretch::Quarter), PeriodEnd::Keep),
        policy: Policy { upgrade: Upgrade::AtReview, ..Policy::default() },
        ..scheme("vip", &[0, 100, 200])
    };
    let mut run = Run::new([scheme]);
    assert_eq!(run.earn("growth", 150, START), []);
    assert_eq!(run.earn("growth", 80, datetime!(2026-02-01 00:00 +8)), []);
    let end = datetime!(2026-04-01 00:00 +8);
    assert_eq!(run.settle(end), [(0, 2, Review, end)]);
}

#[test]
fn a_level_is_kept_through_its_grace_and_by_whoever_regains_it_in_it() {
    // AN: the level is kept for a while
    let scheme = || Scheme {
        measures: measured(Basis::Unexpired),
        policy: Policy { downgrade: Downgrade::AtOnce, grace_days: 7, ..Policy::default() },
        ..scheme("vip", &[0, 100, 200])
    };
    let lapse = datetime!(2026-02-01 00:00 +8);
    let falls = datetime!(2026-02-08 00:00 +8);
    let mut run = Run::with_expiry(Expiry::EndOf(Stretch::Month), [scheme()]);
    run.earn("growth", 250, START);
    assert_eq!(run.settle(lapse), []);
    assert_eq!(run.member().earned.fall.unwrap().at, falls);
    run.earn("growth", 120, datetime!(2026-02-03 00:00 +8));
    assert_eq!(run.settle(falls - time::Duration::MICROSECOND), []);
    assert_eq!(run.settle(falls), [(2, 1, GraceEnd, falls)], "to what is reached by then");
    let mut regained = Run::with_expiry(Expiry::EndOf(Stretch::Month), [scheme()]);
    regained.earn("growth", 250, START);
    regained.settle(lapse);
    assert_eq!(regained.earn("growth", 200, datetime!(2026-02-07 23:59:59.999999 +8)), []);
    assert_eq!((regained.settle(falls), regained.member().earned.fall), (vec![], None));
}

#[test]
fn the_fall_that_a_review_puts_off_leads_to_the_level_of_the_period_that_ended() {
    let scheme = Scheme {
        measures: measured(Basis::Period),
        validity: months(12, None, PeriodEnd::Keep),
        policy: Policy { grace_days: 10, ..Policy::default() },
        ..scheme("vip", &[0, 100, 1_000])
    };
    let mut run = Run::new([scheme]);
    run.earn("growth", 1_000, START);
    let first = datetime!(2027-01-16 00:00 +8);
    run.settle(first);
    run.earn("growth", 150, datetime!(2027-06-01 00:00 +8));
    let second = datetime!(2028-01-16 00:00 +8);
    assert_eq!(run.settle(second), [(2, 2, Review, second)], "kept through the grace");
    let falls = datetime!(2028-01-26 00:00 +8);
    assert_eq!(run.settle(falls), [(2, 1, GraceEnd, falls)], "150 in that period, 0 in the new one");
}

#[test]
fn points_keep_counting_through_the_days_before_a_delayed_review_and_validities_follow_without_a_gap() {
    // AN: points keep counting after the period
    let scheme = Scheme {
        measures: measured(Basis::Period),
        validity: months(12, None, PeriodEnd::Keep),
        policy: Policy { review_delay_days: 15, ..Policy::default() },
        ..scheme("vip", &[0, 100])
    };
    let mut run = Run::new([scheme]);
    run.earn("growth", 100, START);
    run.settle(datetime!(2027-01-31 00:00 +8));
    run.earn("growth", 60, datetime!(2027-03-01 00:00 +8));
    let end = datetime!(2028-01-16 00:00 +8);
    assert_eq!(run.settle(end), []);
    run.earn("growth", 40, datetime!(2028-01-30 23:00 +8));
    let review = datetime!(2028-01-31 00:00 +8);
    assert_eq!(run.settle(review), [(1, 1, Review, review)]);
    assert_eq!(run.member().valid_until(), Some(datetime!(2029-01-16 00:00 +8)));
}

#[test]
fn nobody_falls_in_the_first_days_after_a_promotion() {
    // Discourse: none in the first 14 days after promotion
    let scheme = Scheme {
        measures: measured(Basis::Unexpired),
        policy: Policy { downgrade: Downgrade::AtOnce, protection_days: 14, ..Policy::default() },
        ..scheme("vip", &[0, 100])
    };
    let mut run = Run::with_expiry(Expiry::EndOf(Stretch::Month), [scheme]);
    run.earn("growth", 100, datetime!(2026-01-25 12:00 +8));
    assert_eq!(run.settle(datetime!(2026-02-01 00:00 +8)), []);
    let falls = datetime!(2026-02-09 00:00 +8); // the end of the 14th day after the 25th
    assert_eq!(run.settle(falls), [(1, 0, GraceEnd, falls)]);
}

#[test]
fn a_fall_is_of_one_level_at_a_time_where_the_scheme_says_so() {
    // T1: one step down, or to the level that the basis supports
    let end = datetime!(2027-01-16 00:00 +8);
    for (one_step, to) in [(true, 2), (false, 0)] {
        let scheme = Scheme {
            validity: months(12, None, PeriodEnd::Reset),
            policy: Policy { one_step, ..Policy::default() },
            ..scheme("vip", &[0, 100, 200, 300])
        };
        let mut run = Run::new([scheme]);
        run.earn("growth", 300, START);
        assert_eq!(run.settle(end), [(3, to, Review, end)]);
    }
    let policy = Policy { downgrade: Downgrade::AtOnce, one_step: true, grace_days: 5, ..Policy::default() };
    let scheme = Scheme { measures: measured(Basis::Unexpired), policy, ..scheme("vip", &[0, 100, 200]) };
    let mut run = Run::with_expiry(Expiry::EndOf(Stretch::Month), [scheme]);
    run.earn("growth", 200, START);
    let (first, second) = (datetime!(2026-02-06 00:00 +8), datetime!(2026-02-11 00:00 +8));
    assert_eq!(run.settle(second), [(2, 1, GraceEnd, first), (1, 0, GraceEnd, second)], "each after its own grace");
}

#[test]
fn a_level_asks_for_all_measures_or_for_any() {
    let level = |threshold, further| Level { threshold, further_thresholds: vec![further], ..Level::default() };
    let both = |any| Scheme {
        measures: ["growth", "orders"].map(|id| Measure { point_type: key(id), basis: Basis::Growth }).into(),
        any,
        levels: vec![level(0, 0), level(100, 3), level(200, 6)],
        ..scheme("vip", &[0])
    };
    let mut all = Run::new([both(false)]);
    assert_eq!(all.earn("growth", 250, START), []);
    assert_eq!(all.earn("orders", 3, START), [(0, 1, Earned, START)]);
    assert_eq!(all.earn("orders", 3, START), [(1, 2, Earned, START)]);
    assert_eq!(all.take_back(60, START), [(2, 1, Reversed, START)]);
    let mut any = Run::new([both(true)]);
    assert_eq!(any.earn("orders", 6, START), [(0, 2, Earned, START)]);
    assert_eq!(any.earn("growth", 250, START), []);
    assert_eq!(any.take_back(250, START), [], "the other measure carries it");
}

#[test]
fn schemes_on_one_point_type_go_each_their_own_way_and_follow_when_one_takes_growth_off() {
    let yearly = Scheme { validity: months(12, None, PeriodEnd::Reset), ..scheme("vip", &[0, 100]) };
    let rolling = Scheme {
        policy: Policy { downgrade: Downgrade::AtOnce, ..Policy::default() },
        ..scheme("club", &[0, 50, 100])
    };
    let mut run = Run::new([yearly, rolling]);
    assert_eq!(run.earn("growth", 100, START).len(), 2);
    let end = datetime!(2027-01-16 00:00 +8);
    let moves = run.settled(end).into_iter().map(|(scheme, it)| (scheme.to_string(), brief(vec![(scheme, it)])));
    let wanted = [("vip".to_owned(), vec![(1, 0, Review, end)]), ("club".to_owned(), vec![(2, 0, Lapsed, end)])];
    assert_eq!(moves.collect::<Vec<_>>(), wanted);
}

#[test]
fn dates_are_those_of_the_zone_through_month_ends_leap_days_and_changes_of_the_clock() {
    let cases = [
        (
            "a month from the 31st",
            "Asia/Shanghai",
            1,
            None,
            datetime!(2026-01-31 10:00 +8),
            datetime!(2026-03-01 0:00 +8),
        ),
        (
            "a year from a leap day",
            "Asia/Shanghai",
            12,
            None,
            datetime!(2028-02-29 10:00 +8),
            datetime!(2029-03-01 0:00 +8),
        ),
        ("over a spring", "America/New_York", 1, None, datetime!(2026-02-20 12:00 -5), datetime!(2026-03-21 0:00 -4)),
        ("over an autumn", "America/New_York", 1, None, datetime!(2026-10-20 12:00 -4), datetime!(2026-11-21 0:00 -5)),
        (
            "to the year's end",
            "Europe/Berlin",
            3,
            Some(Stretch::Year),
            datetime!(2026-10-01 0:00 +2),
            datetime!(2028-01-01 0:00 +1),
        ),
    ];
    for (name, zone, count, rounding, since, end) in cases {
        let mut run =
            Run::new([Scheme { validity: months(count, rounding, PeriodEnd::Reset), ..scheme("vip", &[0, 100]) }]);
        for point_type in run.programme.types.values_mut() {
            point_type.zone = Zone::new(zone).unwrap();
        }
        run.earn("growth", 100, since);
        assert_eq!(run.settle(end - time::Duration::MICROSECOND), [], "{name}");
        assert_eq!(run.settle(end), [(1, 0, Review, end)], "{name}");
    }
}
