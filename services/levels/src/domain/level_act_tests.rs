//! Levels that are granted and locked by hand, through the book.

use time::macros::datetime;

use super::level_act::Act;
use super::member::GrantKind;
use super::member::MoveCause::{Earned, GrantEnded, Granted, Locked, Reversed, Unlocked};
use super::refusal::Refusal;
use super::scheme::Scheme;
use super::scheme::policy::PeriodEnd;
use super::standing_tests::{Run, START, grant_id, months, scheme};

#[test]
fn a_granted_level_is_a_floor_until_it_ends_and_what_is_earned_goes_on_beneath() {
    // OL#74: manual assignment acts as a floor until removed
    let mut run = Run::new([Scheme { validity: months(12, None, PeriodEnd::Reset), ..scheme("vip", &[0, 100, 200]) }]);
    run.earn("growth", 120, START);
    let from = datetime!(2026-02-01 00:00 +8);
    let until = datetime!(2026-03-01 00:00 +8);
    let grant = Act::Grant { kind: GrantKind::Staff, rank: 2, from: Some(from), until: Some(until) };
    assert_eq!(run.act(&grant, START).unwrap(), [], "it begins later");
    assert_eq!(run.settle(from), [(1, 2, Granted, from)]);
    assert_eq!((run.member().valid_until(), run.member().earned.rank), (Some(until), 1));
    let later = datetime!(2026-02-10 00:00 +8);
    assert_eq!(run.take_back(30, later), [(2, 2, Reversed, later)], "beneath the grant");
    assert_eq!(run.settle(until), [(2, 0, GrantEnded, until)]);
    let endless = Act::Grant { kind: GrantKind::Invitation, rank: 1, from: None, until: None };
    run.act(&endless, until).unwrap();
    assert_eq!((run.rank(), run.member().valid_until()), (1, None));
    let end = Act::EndGrant(grant_id(2));
    assert_eq!(run.act(&end, until).unwrap(), [(1, 0, GrantEnded, until)]);
    let refused = run.act(&end, until).unwrap_err();
    assert_eq!(refused, Refusal::LevelGrantNotFound { grant_id: "g2".into() });
}

#[test]
fn a_grant_that_follows_on_another_begins_before_that_ends() {
    let mut run = Run::new([scheme("vip", &[0, 100])]);
    let (middle, end) = (datetime!(2026-02-01 00:00 +8), datetime!(2026-03-01 00:00 +8));
    let term = |from, until| Act::Grant { kind: GrantKind::Paid, rank: 1, from, until: Some(until) };
    run.act(&term(None, middle), START).unwrap();
    run.act(&term(Some(middle), end), START).unwrap();
    assert_eq!(run.settle(end), [(1, 1, Granted, middle), (1, 1, GrantEnded, middle), (1, 0, GrantEnded, end)]);
}

#[test]
fn a_locked_level_stays_whatever_happens_and_then_what_happened_counts() {
    let mut run = Run::new([scheme("vip", &[0, 100, 200])]);
    let until = datetime!(2026-03-01 00:00 +8);
    assert_eq!(run.act(&Act::Lock { rank: 0, until: Some(until) }, START).unwrap(), [(0, 0, Locked, START)]);
    assert_eq!(run.earn("growth", 250, START), [(0, 0, Earned, START)]);
    assert_eq!((run.rank(), run.member().earned.rank), (0, 2));
    assert_eq!(run.settle(until), [(0, 2, Unlocked, until)]);
    assert_eq!(run.act(&Act::Lock { rank: 1, until: None }, until).unwrap(), [(2, 1, Locked, until)]);
    assert_eq!(run.act(&Act::Unlock, until).unwrap(), [(1, 2, Unlocked, until)]);
    assert_eq!(run.act(&Act::Unlock, until).unwrap_err(), Refusal::LevelNotLocked);
}

#[test]
fn a_level_by_invitation_is_never_earned_and_those_above_it_are() {
    let mut by_invitation = scheme("vip", &[0, 100, 200, 300]);
    by_invitation.levels[2].by_invitation = true;
    let mut run = Run::new([by_invitation]);
    assert_eq!(run.earn("growth", 250, START), [(0, 1, Earned, START)]);
    let invite = Act::Grant { kind: GrantKind::Invitation, rank: 2, from: None, until: None };
    assert_eq!(run.act(&invite, START).unwrap(), [(1, 2, Granted, START)]);
    assert_eq!(run.earn("growth", 50, START), [(2, 3, Earned, START)]);
}
