//! What happens to a case and its clocks.

use time::{Duration, OffsetDateTime};

use super::case::{Case, CaseState};
use super::clock::CaseClock;
use super::entry::{Entry, Resolution, What};
use super::handling::Correction;
use super::refusal::Refusal;
use super::sla_policy::Policies;
use super::stage::{at, calendar, case, case_type, deal, hours, nine_to_five, policy, says, writes};
use super::triage::Urgency;

fn h(hour: i64) -> i64 {
    hour * 60
}

fn breaches(entries: &[Entry]) -> Vec<(CaseClock, OffsetDateTime)> {
    let clock = |entry: &Entry| match &entry.what {
        What::Breached { clock } => Some((*clock, entry.occurred_at)),
        _ => None,
    };
    entries.iter().filter_map(clock).collect()
}

/// Nothing but the passing of time.
fn wait(case: &mut Case, policies: &Policies, until: OffsetDateTime) -> Vec<(CaseClock, OffsetDateTime)> {
    breaches(&deal(case, policies, until, |_| ()).1)
}

#[test]
fn a_case_of_friday_half_past_four_is_due_on_monday_half_past_nine() {
    let policies = nine_to_five(60, 0);
    let case = case(&policies, at(h(16) + 30));
    assert_eq!(case.first_response.deadline, Some(at(3 * h(24) + h(9) + 30)));
    assert_eq!((case.resolution.deadline, case.due_at()), (None, case.first_response.deadline));
}

#[test]
fn a_pause_is_not_held_against_the_desk_and_a_reopened_case_is_as_old_as_it_was() {
    let policies = nine_to_five(0, 240);
    let mut case = case(&policies, at(h(9)));
    deal(&mut case, &policies, at(h(10)), |it| it.await_user(writes("a"))).0.unwrap();
    assert_eq!((case.state, case.resolution.deadline), (CaseState::AwaitingUser, None));
    deal(&mut case, &policies, at(h(15)), |it| it.reply(says("here"))).0.unwrap();
    assert_eq!(case.resolution.deadline, Some(at(3 * h(24) + h(10)))); // 2 h on Friday, 1 h on Monday
    deal(&mut case, &policies, at(h(16)), |it| it.resolve(Resolution::Solved, writes("a"))).0.unwrap();
    assert_eq!((case.resolution.watch.elapsed, case.within_sla()), (Duration::hours(2), true));
    let monday = 3 * h(24);
    deal(&mut case, &policies, at(monday + h(12)), |it| it.reopen(says("not yet"))).0.unwrap();
    assert_eq!((case.attempt, case.state), (2, CaseState::InProgress));
    assert_eq!(case.resolution.deadline, Some(at(monday + h(14))));
}

#[test]
fn a_case_reopened_past_a_lowered_target_breaches_at_once() {
    let lowered = policy(2, calendar("UTC", &[hours(9, 17)]), (0, 60), at(h(13)));
    let mut policies = nine_to_five(0, 240);
    let mut case = case(&policies, at(h(9)));
    deal(&mut case, &policies, at(h(12)), |it| it.resolve(Resolution::Solved, writes("a"))).0.unwrap();
    policies.0.push(lowered);
    let (reopened, entries) = deal(&mut case, &policies, at(h(14)), |it| it.reopen(says("again")));
    reopened.unwrap();
    assert_eq!(breaches(&entries), [(CaseClock::Resolution, at(h(14)))]);
    assert!(!case.within_sla());
}

#[test]
fn a_deadline_that_passes_is_told_of_once_and_at_its_own_time() {
    let policies = nine_to_five(60, 120);
    let mut case = case(&policies, at(h(9)));
    assert_eq!(case.alarm(), Some(at(h(10))));
    assert_eq!(wait(&mut case, &policies, at(h(10)) - Duration::microseconds(1)), []);
    assert_eq!(wait(&mut case, &policies, at(h(10))), [(CaseClock::FirstResponse, at(h(10)))]);
    assert_eq!(case.alarm(), Some(at(h(11))));
    assert_eq!(wait(&mut case, &policies, at(h(16))), [(CaseClock::Resolution, at(h(11)))]);
    assert_eq!((case.alarm(), case.due_at()), (None, Some(at(h(10)))));
    assert_eq!(wait(&mut case, &policies, at(h(17))), []);
    let (_, entries) = deal(&mut case, &policies, at(h(17)), |it| it.resolve(Resolution::Solved, writes("a")));
    assert_eq!((breaches(&entries), case.within_sla()), (vec![], false));
}

#[test]
fn an_answer_at_the_very_deadline_is_late_and_before_it_in_time() {
    let policies = nine_to_five(60, 0);
    let (mut late, mut early) = (case(&policies, at(h(9))), case(&policies, at(h(9))));
    let (_, told) = deal(&mut late, &policies, at(h(10)), |it| it.answer(writes("a")));
    assert_eq!(breaches(&told), [(CaseClock::FirstResponse, at(h(10)))]);
    deal(&mut early, &policies, at(h(10)) - Duration::microseconds(1), |it| it.answer(writes("a"))).0.unwrap();
    assert_eq!(wait(&mut early, &policies, at(h(30))), []);
    assert_eq!((late.within_sla(), early.within_sla()), (false, true));
}

#[test]
fn assigning_and_correcting_do_not_begin_a_clock_anew() {
    let policies = nine_to_five(120, 240);
    let mut case = case(&policies, at(h(9)));
    let deadline = case.first_response.deadline;
    deal(&mut case, &policies, at(h(10)), |it| it.assign("bob", "logistics", writes("a")));
    assert_eq!((case.first_response.deadline, case.state), (deadline, CaseState::New));
    let faster = case_type("lost").clone();
    let faster = super::case_type::CaseType { answer_within_minutes: 90, ..faster };
    let correction = Correction { urgency: Some(Urgency::High), case_type: "lost".into(), ..Correction::default() };
    let (_, entries) =
        deal(&mut case, &policies, at(h(10)), |it| it.correct(&correction, Some(&faster), 3, writes("a")));
    assert_eq!(case.first_response.deadline, Some(at(h(10) + 30)));
    let What::Corrected { changes } = &entries[0].what else { panic!("{entries:?}") };
    let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["case_type_id", "urgency", "quadrant"]);
}

#[test]
fn a_target_that_is_raised_after_a_breach_can_be_breached_again() {
    let mut policies = nine_to_five(60, 0);
    let mut case = case(&policies, at(h(9)));
    assert_eq!(wait(&mut case, &policies, at(h(11))).len(), 1);
    policies.0.push(policy(2, calendar("UTC", &[hours(9, 17)]), (180, 0), at(h(11))));
    assert_eq!(wait(&mut case, &policies, at(h(11) + 30)), []);
    assert_eq!((case.sla_version, case.within_sla()), (2, true));
    assert_eq!(wait(&mut case, &policies, at(h(16))), [(CaseClock::FirstResponse, at(h(12)))]);
}

#[test]
fn new_versions_of_the_policy_count_from_when_they_were_published_however_late_a_case_is_looked_at() {
    let mut policies = nine_to_five(0, 600);
    let always = super::calendar::WorkingCalendar::always();
    let (mut early, mut late) = (case(&policies, at(h(16))), case(&policies, at(h(16))));
    policies.0.push(policy(2, always, (0, 600), at(h(20))));
    wait(&mut early, &policies, at(h(20)));
    policies.0.push(policy(3, calendar("UTC", &[hours(9, 17)]), (0, 600), at(h(22))));
    wait(&mut early, &policies, at(h(22)));
    wait(&mut late, &policies, at(h(23)));
    // an hour until closing time, two hours round the clock, the rest on Monday
    assert_eq!(early.resolution, late.resolution);
    assert_eq!(late.resolution.watch.elapsed, Duration::hours(3));
    assert_eq!(late.resolution.deadline, Some(at(3 * h(24) + h(16))));
}

#[test]
fn a_case_without_a_policy_has_no_target_and_gets_one_when_there_is_a_policy() {
    let mut case = case(&Policies::default(), at(h(9)));
    assert_eq!((case.has_target(), case.alarm()), (false, None));
    wait(&mut case, &nine_to_five(60, 0), at(h(9)));
    assert_eq!(case.first_response.deadline, Some(at(h(10))));
}

#[test]
fn a_promise_is_kept_by_the_next_answer_and_told_of_when_it_passes() {
    let policies = nine_to_five(60, 0);
    let mut case = case(&policies, at(h(9)));
    let promise = |until| move |it: &mut super::case::Dealing<'_>| it.promise(until, writes("a"));
    deal(&mut case, &policies, at(h(9)), promise(at(h(12)))).0.unwrap();
    assert_eq!((case.first_answered_at, case.due_at()), (Some(at(h(9))), Some(at(h(12)))));
    deal(&mut case, &policies, at(h(11)), |it| it.answer(writes("b"))).0.unwrap();
    assert_eq!(wait(&mut case, &policies, at(h(13))), []);
    deal(&mut case, &policies, at(h(13)), promise(at(h(14)))).0.unwrap();
    assert_eq!(wait(&mut case, &policies, at(h(20))), [(CaseClock::Promise, at(h(14)))]);
    assert_eq!(wait(&mut case, &policies, at(h(21))), []);
    assert!(case.within_sla());
    assert_eq!(deal(&mut case, &policies, at(h(21)), promise(at(h(21)))).0, Err(Refusal::PromisePast));
}

#[test]
fn only_the_first_answer_is_the_first() {
    let policies = nine_to_five(60, 0);
    let mut case = case(&policies, at(h(9)));
    let first = |entries: Vec<Entry>| entries.iter().any(|entry| entry.what.first_answer());
    assert!(!first(deal(&mut case, &policies, at(h(9)), |it| it.note(writes("a"))).1));
    assert!(first(deal(&mut case, &policies, at(h(9)), |it| it.answer(writes("a"))).1));
    assert!(!first(deal(&mut case, &policies, at(h(9)), |it| it.answer(writes("b"))).1));
    assert!(!first(deal(&mut case, &policies, at(h(9)), |it| it.resolve(Resolution::Solved, writes("b"))).1));
}

#[test]
fn what_does_not_fit_the_state_is_refused_and_changes_nothing() {
    let policies = nine_to_five(60, 120);
    let mut case = case(&policies, at(h(9)));
    let state = |state: &str| Err(Refusal::CaseState { case_id: "c".into(), state: state.into() });
    assert_eq!(deal(&mut case, &policies, at(h(9)), |it| it.reopen(says("x"))).0, state("new"));
    assert_eq!(deal(&mut case, &policies, at(h(9)), |it| it.rate(5, says(""))).0, state("new"));
    deal(&mut case, &policies, at(h(9)), |it| it.await_user(writes("a"))).0.unwrap();
    assert_eq!(deal(&mut case, &policies, at(h(9)), |it| it.await_user(writes("a"))).0, state("awaiting_user"));
    deal(&mut case, &policies, at(h(9)), |it| it.resolve(Resolution::NoReply, says(""))).0.unwrap();
    let resolved = case.clone();
    assert_eq!(deal(&mut case, &policies, at(h(10)), |it| it.answer(writes("a"))).0, state("resolved"));
    assert_eq!(deal(&mut case, &policies, at(h(10)), |it| it.reply(says("x"))).0, state("resolved"));
    let again = |it: &mut super::case::Dealing<'_>| it.resolve(Resolution::Solved, writes("b"));
    assert_eq!(deal(&mut case, &policies, at(h(10)), again).0, state("resolved"));
    assert_eq!(case, resolved);
}

#[test]
fn each_resolution_is_rated_once() {
    let policies = nine_to_five(60, 120);
    let mut case = case(&policies, at(h(9)));
    let resolve = |it: &mut super::case::Dealing<'_>| it.resolve(Resolution::Solved, writes("a"));
    deal(&mut case, &policies, at(h(10)), resolve).0.unwrap();
    deal(&mut case, &policies, at(h(10)), |it| it.rate(2, says("slow"))).0.unwrap();
    let refused = Err(Refusal::CaseRated { case_id: "c".into(), attempt: 1 });
    assert_eq!(deal(&mut case, &policies, at(h(10)), |it| it.rate(5, says(""))).0, refused);
    deal(&mut case, &policies, at(h(11)), |it| it.reopen(says("x"))).0.unwrap();
    deal(&mut case, &policies, at(h(12)), resolve).0.unwrap();
    deal(&mut case, &policies, at(h(12)), |it| it.rate(5, says(""))).0.unwrap();
    assert_eq!(case.ending.unwrap().score, Some(5));
}

#[test]
fn the_window_to_reopen_ends_with_its_last_instant() {
    let policies = nine_to_five(60, 120);
    let mut case = case(&policies, at(h(9)));
    deal(&mut case, &policies, at(h(10)), |it| it.resolve(Resolution::Solved, writes("a"))).0.unwrap();
    let until = at(h(10)) + Duration::days(14);
    let over = Err(Refusal::ReopenWindowOver { case_id: "c".into(), until });
    assert_eq!(deal(&mut case, &policies, until, |it| it.reopen(says("x"))).0, over);
    let last = until - Duration::microseconds(1);
    assert_eq!(deal(&mut case, &policies, last, |it| it.reopen(says("x"))).0, Ok(()));
}
