use std::collections::BTreeMap;

use ids::{EventId, Key, UserId};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use units::zone::Zone;

use super::account::{Account, Occasion};
use super::book::{AccountKey, Book, HoldChange, Programme, What, Written};
use super::entry::{EntryKind, Origin};
use super::hold::{HOLDS_MAX, Hold, HoldState};
use super::lot::{Lot, Lots};
use super::pending::Landing;
use super::point_type::{PointType, ReversalPolicy};
use super::refusal::Refusal;

const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

fn day(n: i64) -> OffsetDateTime {
    START + Duration::days(n)
}

fn id() -> EventId {
    EventId::new("h").unwrap()
}

fn key() -> AccountKey {
    (UserId::new("u").unwrap(), Key::new("points").unwrap())
}

struct Stage {
    programme: Programme,
    account: Account,
    hold: Option<Hold>,
}

/// An account with 30 points that lapse on day 10 and 50 that never do.
fn stage(reversal: ReversalPolicy) -> Stage {
    let point_type = PointType { reversal, ..PointType::new(key().1, Zone::utc()) };
    let lot = |expires_at, points| Lot { expires_at, origin: key().0, points };
    let lots = Lots::new(vec![lot(Some(day(10)), 30), lot(None, 50)]);
    let account = Account { lots, entry_seq: 1, growth: 80, ..Account::default() };
    Stage {
        programme: Programme { types: [(key().1, point_type)].into(), ..Programme::default() },
        account,
        hold: None,
    }
}

impl Stage {
    fn write<T>(&mut self, write: impl FnOnce(&mut Book<'_>) -> T) -> (T, Written) {
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
        (answer, written)
    }

    fn hold(&mut self, points: i64, days: i64) {
        let what = (points, Duration::days(days));
        self.write(|book| book.hold(&key(), id(), what, Origin::default(), START)).0.unwrap();
    }
}

/// What happened: kind, amount, time; and what was done with holds.
fn told(written: &Written) -> (Vec<(EntryKind, i64, OffsetDateTime)>, Vec<HoldChange>) {
    let (mut entries, mut changes) = (Vec::new(), Vec::new());
    for effect in &written.effects {
        match &effect.what {
            What::Posted { entry, .. } => entries.push((entry.kind, entry.amount, entry.occurred_at)),
            What::Held { change, .. } => changes.push(change.clone()),
            What::Moved { .. } | What::Rewarded { .. } | What::Capped(_) => {}
        }
    }
    (entries, changes)
}

#[test]
fn points_whose_date_comes_while_they_are_held_can_still_be_captured() {
    let mut stage = stage(ReversalPolicy::DownToZero);
    stage.hold(40, 20);
    let (held, written) = stage.write(|book| book.capture(&key(), &id(), 35, Occasion::default(), day(15)));
    let (hold, available) = held.unwrap();
    assert_eq!((hold.state, hold.captured, available), (HoldState::Captured, 35, 45));
    assert_eq!(told(&written).0, [(EntryKind::Spend, -35, day(15))]);
}

#[test]
fn points_whose_date_came_while_they_were_held_lapse_when_they_are_let_go() {
    let mut stage = stage(ReversalPolicy::DownToZero);
    stage.hold(40, 20);
    let (_, written) = stage.write(|book| book.release(&key(), &id(), day(15)).unwrap());
    assert_eq!(told(&written), (vec![(EntryKind::Expire, -30, day(15))], vec![HoldChange::Released]));
    assert_eq!((stage.account.lots.sum(), stage.account.held), (50, 0));
}

#[test]
fn a_time_out_is_booked_with_its_own_time_and_what_lapsed_since_with_its_date() {
    let mut stage = stage(ReversalPolicy::DownToZero);
    stage.hold(40, 5);
    let (_, written) = stage.write(|book| book.settle(&key(), day(15)));
    assert_eq!(told(&written), (vec![(EntryKind::Expire, -30, day(10))], vec![HoldChange::Expired]));
    let hold = stage.hold.as_ref().unwrap();
    assert_eq!((hold.state, hold.resolved_at), (HoldState::Expired, Some(day(5))));
}

#[test]
fn a_hold_is_resolved_once_and_later_attempts_name_how() {
    let hold_id = || "h".to_owned();
    for refusal in [
        Refusal::HoldReleased { hold_id: hold_id() },
        Refusal::HoldCaptured { hold_id: hold_id() },
        Refusal::HoldExpired { hold_id: hold_id() },
    ] {
        let mut stage = stage(ReversalPolicy::DownToZero);
        stage.hold(40, 5);
        stage.write(|book| match refusal {
            Refusal::HoldReleased { .. } => drop(book.release(&key(), &id(), day(1)).unwrap()),
            Refusal::HoldCaptured { .. } => {
                drop(book.capture(&key(), &id(), 0, Occasion::default(), day(1)).unwrap());
            }
            _ => {} // its time is up on day 5
        });
        let captured = stage.write(|book| book.capture(&key(), &id(), 1, Occasion::default(), day(5))).0;
        assert_eq!(captured, Err(refusal.clone()));
        assert_eq!(stage.write(|book| book.release(&key(), &id(), day(5))).0, Err(refusal));
    }
}

#[test]
fn nobody_keeps_points_from_a_reversal_by_holding_them() {
    let mut stage = stage(ReversalPolicy::DownToZero);
    stage.hold(80, 5);
    let landing = Landing { release: None, expires_at: None, origin: key().0 };
    stage.write(|book| book.take_back(&key(), 60, &landing, Occasion::default(), day(1)).unwrap());
    assert_eq!((stage.account.claimed, stage.account.balance()), (60, 80));
    let (_, written) = stage.write(|book| book.release(&key(), &id(), day(2)).unwrap());
    assert_eq!(told(&written).0, [(EntryKind::Reverse, -60, day(2))]);
    assert_eq!((stage.account.lots.sum(), stage.account.claimed), (20, 0));
}

#[test]
fn what_comes_free_of_a_hold_fills_debt_first() {
    let mut stage = stage(ReversalPolicy::MayGoNegative);
    stage.hold(80, 5);
    let landing = Landing { release: None, expires_at: None, origin: key().0 };
    stage.write(|book| book.take_back(&key(), 60, &landing, Occasion::default(), day(1)).unwrap());
    assert_eq!((stage.account.debt, stage.account.balance()), (60, 20));
    let (_, written) = stage.write(|book| book.capture(&key(), &id(), 10, Occasion::default(), day(2)).unwrap());
    assert_eq!(told(&written).0, [(EntryKind::Spend, -10, day(2)), (EntryKind::DebtFilled, 0, day(2))]);
    assert_eq!((stage.account.debt, stage.account.lots.sum()), (0, 10));
}

#[test]
fn points_given_back_return_to_their_lots_the_last_used_first() {
    let mut stage = stage(ReversalPolicy::DownToZero);
    stage.hold(40, 20);
    stage.write(|book| book.capture(&key(), &id(), 0, Occasion::default(), day(1)).unwrap());
    let back = |stage: &mut Stage, total, at| {
        stage.write(|book| book.give_back(&key(), &id(), total, Occasion::default(), at))
    };
    let (got, written) = back(&mut stage, 15, day(12));
    assert_eq!(got.unwrap().0.given_back, 15);
    // ten never lapse; five are of the lot of day 10, which has passed
    assert_eq!(told(&written).0, [(EntryKind::Return, 15, day(12)), (EntryKind::Expire, -5, day(12))]);
    let (got, written) = back(&mut stage, 15, day(12));
    assert_eq!((got.unwrap().0.given_back, told(&written).0), (15, vec![]));
    let (got, _) = back(&mut stage, 41, day(12));
    assert_eq!(got.map(|it| it.1), Err(Refusal::GiveBackExceeded { captured: 40, amount: 41 }));
}

#[test]
fn a_return_known_before_the_capture_is_remembered() {
    let mut stage = stage(ReversalPolicy::DownToZero);
    stage.hold(40, 20);
    stage.write(|book| book.returned(&key(), &id(), 100, Occasion::default(), day(1)).unwrap());
    let (_, written) = stage.write(|book| book.confirm(&key(), &id(), 25, Occasion::default(), day(2)).unwrap());
    let captured = HoldChange::Captured { entry_seq: 2, debt: 0, shortfall: 0 };
    let back = HoldChange::GivenBack { points: 25, entry_seq: 3, at: day(2) };
    assert_eq!(told(&written).1, [captured, back]);
    assert_eq!((stage.account.lots.sum(), stage.account.held), (80, 0));
}

#[test]
fn a_confirmation_after_the_time_out_takes_what_is_there_and_the_rest_by_policy() {
    for (policy, captured, debt, shortfall) in
        [(ReversalPolicy::DownToZero, 20, 0, 20), (ReversalPolicy::MayGoNegative, 40, 20, 0)]
    {
        let mut stage = stage(policy);
        stage.hold(40, 5);
        stage.write(|book| book.spend(&key(), 60, Occasion::default(), day(6)).unwrap());
        let (_, written) = stage.write(|book| book.confirm(&key(), &id(), 40, Occasion::default(), day(7)).unwrap());
        assert_eq!(told(&written).1, [HoldChange::Captured { entry_seq: 3, debt, shortfall }]);
        let hold = stage.hold.clone().unwrap();
        assert_eq!((hold.state, hold.captured, hold.late), (HoldState::Captured, captured, true));
        assert_eq!((stage.account.lots.sum(), stage.account.debt), (0, debt));
        // all of it comes back: the debt first
        stage.write(|book| book.returned(&key(), &id(), 40, Occasion::default(), day(8)).unwrap());
        assert_eq!((stage.account.lots.sum(), stage.account.debt), (20, 0));
    }
}

#[test]
fn an_account_has_so_many_open_holds_and_no_more() {
    let mut stage = stage(ReversalPolicy::DownToZero);
    let holds = |book: &mut Book<'_>| {
        let hold = |n: usize| EventId::new(format!("h{n}")).unwrap();
        let day = Duration::days(1);
        (0..=HOLDS_MAX)
            .map(|n| book.hold(&key(), hold(n), (1, day), Origin::default(), START).map(drop))
            .collect::<Vec<_>>()
    };
    stage.account.lots = Lots::new(vec![Lot { expires_at: None, origin: key().0, points: 1_000 }]);
    let (outcomes, _) = stage.write(holds);
    assert!(outcomes[..HOLDS_MAX].iter().all(Result::is_ok));
    assert_eq!(outcomes[HOLDS_MAX], Err(Refusal::HoldLimit { limit: HOLDS_MAX }));
}
