//! Levels over time, through the book.

use ids::{Key, UserId};
use time::OffsetDateTime;
use time::macros::datetime;
use units::zone::Zone;

use super::account::{Account, Occasion};
use super::book::{Book, Effect, Programme, What};
use super::entry::EntryKind;
use super::member::{Member, MoveCause};
use super::pending::Landing;
use super::point_type::PointType;
use super::scheme::Scheme;
use super::scheme::level::Level;
use super::scheme::policy::{PeriodEnd, Validity};

const START: OffsetDateTime = datetime!(2026-01-15 02:00 UTC); // 10:00 in Shanghai

struct Case {
    programme: Programme,
    account: Account,
    member: Option<Member>,
}

fn key() -> (UserId, Key) {
    (UserId::new("u").unwrap(), Key::new("growth").unwrap())
}

fn vip() -> Key {
    Key::new("vip").unwrap()
}

fn scheme(thresholds: &[i64], validity: Option<Validity>, version: i32) -> Scheme {
    let level = |threshold: &i64| Level { threshold: *threshold, ..Level::default() };
    let levels = thresholds.iter().map(level).collect();
    Scheme { validity, version, ..Scheme::new(vip(), key().1, levels) }
}

impl Case {
    /// Levels at 0, 100 and 1,000 growth.
    fn new(months: u32, end: PeriodEnd, spendable: bool) -> Self {
        let validity = (months > 0).then_some(Validity { months, rounding: None, end });
        let growth = PointType { spendable, ..PointType::new(key().1, Zone::new("Asia/Shanghai").unwrap()) };
        let programme = Programme {
            types: [(key().1, growth)].into(),
            schemes: [(vip(), scheme(&[0, 100, 1_000], validity, 1))].into(),
            ..Programme::default()
        };
        Self { programme, account: Account::default(), member: None }
    }

    fn write(&mut self, at: OffsetDateTime, write: impl FnOnce(&mut Book<'_>)) -> Vec<Effect> {
        let members = self.member.clone().map(|member| ((key().0, vip()), member)).into_iter().collect();
        let mut book = Book::new(&self.programme, [(key(), self.account.clone())].into(), members);
        write(&mut book);
        book.decide_level(&key().0, at);
        let written = book.close();
        if let Some((_, account)) = written.accounts.into_iter().next() {
            self.account = account;
        }
        if let Some((_, member)) = written.members.into_iter().next() {
            self.member = Some(member);
        }
        written.effects
    }

    fn earn(&mut self, points: i64, at: OffsetDateTime) -> Vec<Effect> {
        self.write(at, |book| drop(book.earn(&key(), points, Occasion::default(), at).unwrap()))
    }

    fn review(&mut self, at: OffsetDateTime) -> Vec<Effect> {
        self.write(at, |book| book.settle(&key(), at))
    }

    fn take_back(&mut self, points: i64, at: OffsetDateTime) -> Vec<Effect> {
        let landing = Landing { release: None, expires_at: None, origin: key().0 };
        self.write(at, |book| book.take_back(&key(), points, &landing, Occasion::default(), at).unwrap())
    }

    fn standing(&self) -> (usize, i64, Option<OffsetDateTime>) {
        let member = self.member.as_ref().unwrap();
        (member.rank, self.account.growth, member.valid_until())
    }
}

/// (from, to, cause, when) of the moves.
fn moves(effects: &[Effect]) -> Vec<(usize, usize, MoveCause, OffsetDateTime)> {
    let of = |effect: &Effect| match &effect.what {
        What::Moved { moved: it, .. } => Some((it.from_rank, it.to_rank, it.cause, it.moved_at)),
        What::Posted { .. } | What::Held { .. } | What::Rewarded { .. } | What::Capped(_) => None,
    };
    effects.iter().filter_map(of).collect()
}

#[test]
fn a_threshold_met_exactly_is_reached_and_levels_may_be_jumped() {
    let mut case = Case::new(0, PeriodEnd::Keep, false);
    assert_eq!(moves(&case.earn(99, START)), []);
    assert_eq!(case.standing(), (0, 99, None));
    assert_eq!(moves(&case.earn(1, START)), [(0, 1, MoveCause::Earned, START)]);
    let mut jumper = Case::new(0, PeriodEnd::Keep, false);
    assert_eq!(moves(&jumper.earn(1_000, START)), [(0, 2, MoveCause::Earned, START)]);
}

#[test]
fn validity_ends_with_a_day_of_the_zone_and_restarts_on_promotion() {
    let mut case = Case::new(12, PeriodEnd::Reset, false);
    case.earn(100, START);
    assert_eq!(case.standing().2, Some(datetime!(2027-01-16 00:00 +8)));
    case.earn(50, datetime!(2026-03-01 00:00 +8));
    assert_eq!(case.standing().2, Some(datetime!(2027-01-16 00:00 +8)), "only a promotion restarts it");
    case.earn(850, datetime!(2026-06-30 12:00 +8));
    assert_eq!(case.standing(), (2, 1_000, Some(datetime!(2027-07-01 00:00 +8))));
}

#[test]
fn each_policy_at_a_periods_end_leaves_its_own_growth_and_level() {
    let end = datetime!(2027-01-16 00:00 +8);
    for (policy, growth, rank) in [
        (PeriodEnd::Keep, 1_500, 2),
        (PeriodEnd::Reset, 0, 0),
        (PeriodEnd::SubtractThreshold, 500, 1),
        (PeriodEnd::ToFloor, 1_000, 2),
    ] {
        let mut case = Case::new(12, policy, false);
        case.earn(1_500, START);
        assert_eq!(moves(&case.review(end - time::Duration::MICROSECOND)), [], "{policy:?}");
        let effects = case.review(end);
        assert_eq!(moves(&effects), [(2, rank, MoveCause::PeriodEnd, end)], "{policy:?}");
        assert_eq!(case.standing(), (rank, growth, Some(datetime!(2028-01-16 00:00 +8))), "{policy:?}");
        assert_eq!(case.account.balance(), growth, "what only counts goes with the growth: {policy:?}");
        let entries = effects.iter().filter(|effect| matches!(effect.what, What::Posted { .. })).count();
        assert_eq!(entries, usize::from(policy != PeriodEnd::Keep), "{policy:?}");
    }
}

#[test]
fn several_periods_that_ended_unseen_end_one_after_the_other() {
    let mut case = Case::new(1, PeriodEnd::SubtractThreshold, false);
    case.earn(1_150, START);
    let (first, second, third) =
        (datetime!(2026-02-16 00:00 +8), datetime!(2026-03-16 00:00 +8), datetime!(2026-04-16 00:00 +8));
    let late = datetime!(2026-05-01 00:00 +8);
    let effects = case.earn(5, late);
    // 1,150 at level 2 leaves 150; 150 at level 1 leaves 50; 50 at level 0 stays; the new points come after all that
    let ended = MoveCause::PeriodEnd;
    assert_eq!(moves(&effects), [(2, 1, ended, first), (1, 0, ended, second), (0, 0, ended, third)]);
    assert_eq!(case.standing(), (0, 55, Some(datetime!(2026-05-16 00:00 +8))));
    let dates = effects.iter().filter_map(|effect| match &effect.what {
        What::Posted { entry, .. } => Some((entry.kind, entry.growth_change, entry.occurred_at, entry.recorded_at)),
        What::Moved { .. } | What::Held { .. } | What::Rewarded { .. } | What::Capped(_) => None,
    });
    assert_eq!(
        dates.collect::<Vec<_>>(),
        [
            (EntryKind::LevelEnd, -1_000, first, late),
            (EntryKind::LevelEnd, -100, second, late),
            (EntryKind::Earn, 5, late, late)
        ]
    );
}

#[test]
fn points_taken_back_lower_the_level_and_keep_the_validity() {
    let mut case = Case::new(12, PeriodEnd::Keep, false);
    case.earn(150, START);
    let until = case.standing().2;
    let later = datetime!(2026-02-01 00:00 +8);
    assert_eq!(moves(&case.take_back(60, later)), [(1, 0, MoveCause::Reversed, later)]);
    assert_eq!(case.standing(), (0, 90, until));
}

#[test]
fn growth_never_falls_below_zero_and_spending_never_lowers_it() {
    let mut case = Case::new(1, PeriodEnd::Reset, true);
    case.earn(120, START);
    case.write(START, |book| drop(book.spend(&key(), 110, Occasion::default(), START).unwrap()));
    assert_eq!(case.standing().1, 120);
    let later = datetime!(2026-02-20 00:00 +8);
    case.review(later);
    assert_eq!((case.standing().1, case.account.balance()), (0, 10), "points that can be spent stay");
    case.take_back(120, later);
    assert_eq!((case.standing().1, case.account.balance()), (0, 0));
}

#[test]
fn new_thresholds_lift_with_the_next_entry_and_lower_with_the_review() {
    let mut case = Case::new(12, PeriodEnd::Keep, false);
    case.earn(150, START);
    let year = Some(Validity { months: 12, rounding: None, end: PeriodEnd::Keep });
    case.programme.schemes = [(vip(), scheme(&[0, 200, 1_000], year, 2))].into();
    let later = datetime!(2026-02-01 00:00 +8);
    assert_eq!(moves(&case.earn(10, later)), [], "whoever holds a level keeps it until its date");
    assert_eq!((case.member.as_ref().unwrap().scheme_version, case.standing().0), (2, 1));
    let end = datetime!(2027-01-16 00:00 +8);
    assert_eq!(moves(&case.review(end)), [(1, 0, MoveCause::PeriodEnd, end)]);
    case.programme.schemes = [(vip(), scheme(&[0, 160, 1_000], year, 3))].into();
    assert_eq!(moves(&case.review(end)), [(0, 1, MoveCause::SchemeChanged, end)]);
    case.programme.schemes = [(vip(), scheme(&[0], year, 4))].into();
    assert_eq!(moves(&case.review(end)), [(1, 0, MoveCause::SchemeChanged, end)], "a level that is gone nobody keeps");
}
