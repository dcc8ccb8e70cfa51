//! Quests: periods, steps, refunds and what users are told.

use std::collections::{BTreeMap, BTreeSet};

use ids::{EventId, Key, UserId};
use rules::Written;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use units::text::LocalizedText;
use units::zone::Zone;

use super::bonus::{Bonus, BonusPoints};
use super::consume::{Incoming, Says};
use super::earning::Happening;
use super::entry::Payer;
use super::order::Refund;
use super::quest::progress::{QuestBook, Round, Turn};
use super::quest::sentence::sentence;
use super::quest::standing::{QuestStanding, QuestState, Rounds};
use super::quest::window::{Begun, Window};
use super::quest::{Quest, QuestPeriod, QuestReversal, QuestStart, Recurrence, Step};

/// A Saturday in Shanghai, 20:00.
pub(super) const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);

pub(super) fn text(zh: &str, en: &str) -> LocalizedText {
    LocalizedText { texts: [("zh".into(), zh.into()), ("en".into(), en.into())].into(), fallback: "zh".into() }
}

pub(super) fn step(event_type: &str, condition: &str, formula: &str, target: i64) -> Step {
    let condition = if condition.is_empty() { Written::Always } else { Written::Expression(condition.to_owned()) };
    let name = if event_type == "user.visited" { text("来访", "Visit") } else { text("下单", "Order") };
    Step::new(name, event_type.to_owned(), (condition, formula.to_owned()), target).unwrap()
}

/// Two orders and three visits, in any order, once; 10 points.
pub(super) fn quest() -> Quest {
    let points = BonusPoints { point_type: Key::new("points").unwrap(), points: 10 };
    Quest {
        id: Key::new("welcome").unwrap(),
        display_name: text("新人任务", "Welcome"),
        description: None,
        steps: vec![step("order.completed", "", "", 2), step("user.visited", "", "", 3)],
        in_order: false,
        period: QuestPeriod::Ever,
        zone: Zone::new("Asia/Shanghai").unwrap(),
        recurrence: Recurrence::None,
        start: QuestStart::Automatic,
        valid_from: None,
        valid_until: None,
        scheme: None,
        first_rank: 0,
        last_rank: None,
        bonus: Bonus { points: vec![points], badge: None },
        reversal: QuestReversal::TakeBack,
        payer: Payer::default(),
        paused: false,
        version: 1,
        create_time: OffsetDateTime::UNIX_EPOCH,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    }
}

pub(super) fn user() -> UserId {
    UserId::new("小林").unwrap()
}

fn event(event_type: &str, id: &str, at: OffsetDateTime, says: Says) -> Incoming {
    Incoming {
        user: user(),
        event_id: EventId::new(format!("{id}/{event_type}")).unwrap(),
        event_type: event_type.to_owned(),
        occurred_at: at,
        recorded_at: at,
        seq: 0,
        earns: true,
        says,
    }
}

pub(super) fn order(id: &str, total_minor: i64, at: OffsetDateTime) -> Incoming {
    let mut happening = Happening::default();
    happening.set("order.total_minor", total_minor);
    event("order.completed", id, at, Says::Counts { order_id: id.to_owned(), happening })
}

pub(super) fn visit(id: &str, at: OffsetDateTime) -> Incoming {
    let mut happening = Happening::default();
    happening.set("visit.duration_seconds", 60);
    event("user.visited", id, at, Says::Counts { order_id: String::new(), happening })
}

pub(super) fn refund(id: &str, refunded_minor: i64, total_minor: i64, at: OffsetDateTime) -> Incoming {
    let refund_id = refunded_minor.to_string();
    let refund = Refund { refund_id, refunded_minor, total_minor, ..Refund::default() };
    let says = Says::Refunded { order_id: id.to_owned(), refund };
    event("order.refunded", &format!("{id}/{refunded_minor}"), at, says)
}

pub(super) fn cancelled(id: &str, at: OffsetDateTime) -> Incoming {
    event("order.cancelled", id, at, Says::Cancelled { order_id: id.to_owned() })
}

/// Applies an event as the consumer does.
pub(super) fn apply(book: &mut QuestBook, quest: &Quest, incoming: &Incoming, rank: Option<i64>) -> Vec<Turn> {
    let counts = quest.counts(incoming, rank).into_iter();
    let candidates: Vec<_> = counts.map(|(step, amount)| (quest.id.clone(), step, amount)).collect();
    book.apply(&BTreeMap::from([(quest.id.clone(), quest.clone())]), incoming, &candidates)
}

/// Applies events; answers the turns as (round, completed).
fn run(quest: &Quest, events: &[Incoming]) -> (Vec<(i32, bool)>, QuestBook) {
    let mut book = QuestBook::default();
    let turns: Vec<Turn> = events.iter().flat_map(|event| apply(&mut book, quest, event, None)).collect();
    (turns.iter().map(|turn| (turn.round, turn.completed)).collect(), book)
}

fn standing<'q>(book: &QuestBook, quest: &'q Quest, at: OffsetDateTime) -> QuestStanding<'q> {
    let rounds: Vec<Round> = book.rounds_to_write().into_iter().map(|(_, round)| round.clone()).collect();
    let latest = rounds.iter().rfind(|round| round.window.start <= at).cloned();
    QuestStanding::of(quest, &Rounds { latest, newest: rounds.last().cloned() }, None, at)
}

fn said(book: &QuestBook, quest: &Quest, at: OffsetDateTime) -> (String, String) {
    let text = sentence(&standing(book, quest, at), at);
    (text.texts["zh"].clone(), text.texts["en"].clone())
}

#[test]
fn steps_in_any_order_complete_a_quest_once() {
    let events = [visit("1", NOW), order("a", 100, NOW), visit("2", NOW), visit("3", NOW), order("b", 5, NOW)];
    let (turns, mut book) = run(&quest(), &events);
    assert_eq!(turns, [(1, true)]);
    assert_eq!(apply(&mut book, &quest(), &order("c", 5, NOW), None), []);
    let (turns, _) = run(&quest(), &[events.clone(), events].concat());
    assert_eq!(turns, [(1, true)], "the same events again");
}

#[test]
fn what_is_missing_is_said_in_both_languages() {
    let quest = Quest { period: QuestPeriod::Week, recurrence: Recurrence::PeriodEnd, ..quest() };
    let (_, book) = run(&quest, &[visit("1", NOW), order("a", 100, NOW)]);
    assert_eq!(said(&book, &quest, NOW).0, "「下单」 还差 1，「来访」 还差 2，2026-11-29 截止");
    assert_eq!(said(&book, &quest, NOW).1, "“Order” 1, “Visit” 2 to go, until 2026-11-29");
    let sunday = NOW + Duration::DAY;
    assert_eq!(said(&book, &quest, sunday).0, "「下单」 还差 1，「来访」 还差 2，今日截止");
    assert!(standing(&book, &quest, sunday).ends_today(sunday));
    let one = Quest { steps: vec![step("user.visited", "", "", 3)], ..quest };
    let (_, book) = run(&one, &[visit("1", NOW)]);
    assert_eq!(said(&book, &one, NOW), ("还差 2，2026-11-29 截止".to_owned(), "2 to go, until 2026-11-29".to_owned()));
    let monday = NOW + Duration::days(2);
    assert_eq!(said(&book, &one, monday).0, "还差 3，2026-12-06 截止", "a new week");
}

#[test]
fn a_refund_takes_a_completion_back_and_another_order_brings_it_again() {
    let quest = Quest { steps: vec![step("order.completed", "", "order.total_minor", 100)], ..quest() };
    let events = [order("a", 120, NOW), refund("a", 60, 120, NOW), order("b", 40, NOW), cancelled("b", NOW)];
    let (turns, book) = run(&quest, &events);
    assert_eq!(turns, [(1, true), (1, false), (1, true), (1, false)]);
    assert_eq!(standing(&book, &quest, NOW).steps[0].counted, 60);
    let keep = Quest { reversal: QuestReversal::Keep, ..quest };
    let (turns, book) = run(&keep, &events);
    assert_eq!(turns, [(1, true)]);
    assert_eq!(standing(&book, &keep, NOW).state, QuestState::Completed);
}

#[test]
fn a_refund_known_before_its_order_lowers_what_the_order_counts() {
    let quest = Quest { steps: vec![step("order.completed", "", "order.total_minor", 100)], ..quest() };
    let (turns, book) = run(&quest, &[refund("a", 60, 120, NOW), order("a", 120, NOW)]);
    assert_eq!((turns.len(), standing(&book, &quest, NOW).steps[0].missing()), (0, 40));
    let (turns, _) = run(&quest, &[cancelled("a", NOW), order("a", 120, NOW)]);
    assert_eq!(turns, []);
}

#[test]
fn steps_in_order_wait_for_those_ahead_and_an_event_counts_for_one() {
    let quest = Quest {
        steps: vec![step("order.completed", "", "", 1), step("order.completed", "order.total_minor >= 100", "", 1)],
        in_order: true,
        ..quest()
    };
    let (turns, book) = run(&quest, &[order("a", 500, NOW)]);
    assert_eq!(turns, [], "the first order is the first step");
    let steps = standing(&book, &quest, NOW).steps;
    assert_eq!((steps[0].counted, steps[1].counted, steps[1].waits), (1, 0, false));
    let (turns, book) = run(&quest, &[order("a", 500, NOW), order("b", 99, NOW)]);
    assert_eq!(turns, [], "the second is too small for the second step");
    assert_eq!(said(&book, &quest, NOW).0, "「下单」 还差 1");
    let (turns, mut book) = run(&quest, &[order("a", 500, NOW), order("b", 100, NOW), order("c", 100, NOW)]);
    assert_eq!(turns, [(1, true)]);
    assert_eq!(apply(&mut book, &quest, &cancelled("b", NOW), None), [], "the third stands in for the second");
    assert_eq!(apply(&mut book, &quest, &cancelled("c", NOW), None).len(), 1);
    let waits = Quest { steps: vec![step("order.completed", "", "", 1), step("user.visited", "", "", 1)], ..quest };
    let (_, book) = run(&waits, &[visit("1", NOW)]);
    assert!(book.rounds_to_write().is_empty(), "a step whose turn has not come begins nothing");
    let fresh = standing(&book, &waits, NOW);
    assert_eq!((fresh.steps[0].waits, fresh.steps[1].waits), (false, true));
}

#[test]
fn a_quest_that_recurs_on_completion_counts_what_is_over_for_the_next_round() {
    let quest = Quest {
        steps: vec![step("order.completed", "", "order.total_minor", 100)],
        recurrence: Recurrence::Completion(3),
        ..quest()
    };
    let (turns, mut book) = run(&quest, &[order("a", 250, NOW)]);
    assert_eq!(turns, [(1, true), (2, true)]);
    assert_eq!(said(&book, &quest, NOW).0, "已完成 2 次，还差 50");
    assert_eq!(apply(&mut book, &quest, &order("b", 900, NOW), None).len(), 1, "three times at most");
    assert_eq!(said(&book, &quest, NOW).1, "Completed 3 times");
    let back = apply(&mut book, &quest, &cancelled("b", NOW), None);
    assert_eq!(back.iter().map(|turn| (turn.round, turn.completed)).collect::<Vec<_>>(), [(3, false)]);
}

#[test]
fn days_weeks_and_months_are_those_of_the_zone() {
    let at = datetime!(2026-11-30 16:30 UTC); // 1 December in Shanghai, a Tuesday
    let of = |period| {
        let quest = Quest { period, recurrence: Recurrence::PeriodEnd, ..quest() };
        quest.window_at(at, &Begun::default()).unwrap()
    };
    assert_eq!(of(QuestPeriod::Day).start, datetime!(2026-11-30 16:00 UTC));
    assert_eq!(of(QuestPeriod::Week).start, datetime!(2026-11-29 16:00 UTC));
    assert_eq!(of(QuestPeriod::Month).start, datetime!(2026-11-30 16:00 UTC));
    assert_eq!(of(QuestPeriod::Month).end, Some(datetime!(2026-12-31 16:00 UTC)));
    let days = of(QuestPeriod::Days(7));
    assert_eq!((days.start, days.end), (datetime!(2026-11-30 16:00 UTC), Some(datetime!(2026-12-07 16:00 UTC))));
}

#[test]
fn days_since_the_start_follow_on_one_another_and_late_events_do_not_begin_any() {
    let quest = Quest {
        steps: vec![step("user.visited", "", "", 1)],
        period: QuestPeriod::Days(3),
        recurrence: Recurrence::PeriodEnd,
        ..quest()
    };
    let days = |n: i64| NOW + Duration::days(n);
    let events = [visit("1", NOW), visit("2", days(2)), visit("3", days(3)), visit("0", days(-1)), visit("9", days(9))];
    let (turns, book) = run(&quest, &events);
    assert_eq!(turns, [(1, true), (1, true), (1, true)], "the first three days, the next ones, and days later");
    let starts: Vec<_> = book.rounds_to_write().iter().map(|(key, _)| quest.zone.day_of(key.2)).collect();
    assert_eq!(starts, ["2026-11-28", "2026-12-01", "2026-12-07"]);
    let once = Quest { recurrence: Recurrence::None, ..quest };
    assert_eq!(run(&once, &events).0, [(1, true)]);
}

#[test]
fn a_schedule_counts_its_days_from_its_start_on() {
    let from = datetime!(2026-11-01 02:00 UTC);
    let quest = Quest {
        period: QuestPeriod::Days(10),
        recurrence: Recurrence::PeriodEnd,
        start: QuestStart::Scheduled,
        valid_from: Some(from),
        valid_until: Some(datetime!(2026-11-25 02:00 UTC)),
        ..quest()
    };
    let window = |at| quest.window_at(at, &Begun::default());
    let of = |start, end| Some(Window { start, end: Some(end) });
    assert_eq!(window(from), of(from, datetime!(2026-11-10 16:00 UTC)));
    assert_eq!(window(datetime!(2026-11-10 16:00 UTC)).unwrap().start, datetime!(2026-11-10 16:00 UTC));
    let last = of(datetime!(2026-11-20 16:00 UTC), datetime!(2026-11-25 02:00 UTC));
    assert_eq!(window(datetime!(2026-11-24 00:00 UTC)), last, "no longer than it is valid");
    assert_eq!(window(NOW), None);
}

#[test]
fn a_users_start_begins_the_period_and_earlier_events_do_not_count() {
    let quest = Quest {
        steps: vec![step("user.visited", "", "", 1)],
        period: QuestPeriod::Day,
        start: QuestStart::ByUser,
        ..quest()
    };
    let mut book = QuestBook::default();
    assert_eq!(apply(&mut book, &quest, &visit("0", NOW), None), []);
    assert_eq!(said(&book, &quest, NOW).0, "待领取");
    let window = quest.window_from(NOW);
    book.start(&(user(), quest.id.clone(), NOW), &quest, window);
    assert_eq!(window.end, Some(datetime!(2026-11-28 16:00 UTC)));
    assert_eq!(apply(&mut book, &quest, &visit("1", NOW - Duration::SECOND), None), []);
    assert_eq!(standing(&book, &quest, NOW).state, QuestState::Open);
    assert_eq!(apply(&mut book, &quest, &visit("2", NOW), None).len(), 1);
    let tomorrow = NOW + Duration::DAY;
    assert_eq!(standing(&book, &quest, tomorrow).state, QuestState::Completed);
    let daily = Quest { recurrence: Recurrence::PeriodEnd, ..quest };
    assert_eq!(standing(&book, &daily, tomorrow).state, QuestState::ToStart);
}

#[test]
fn levels_validity_pauses_imports_and_what_was_before_the_quest_decide_what_counts() {
    let counts = |quest: &Quest, event: &Incoming, rank| !quest.counts(event, rank).is_empty();
    let silver = Quest { scheme: Some(Key::new("vip").unwrap()), first_rank: 1, last_rank: Some(2), ..quest() };
    let ranks: BTreeSet<i64> = (0..4).filter(|rank| counts(&silver, &visit("1", NOW), Some(*rank))).collect();
    assert_eq!(ranks, [1, 2].into());
    assert!(!counts(&silver, &visit("1", NOW), None), "a user never seen is on the lowest level");
    let bounded = Quest { valid_from: Some(NOW), valid_until: Some(NOW + Duration::HOUR), ..quest() };
    let at = |at| counts(&bounded, &visit("1", at), None);
    assert_eq!([-1, 0, 3_599, 3_600].map(|s| at(NOW + Duration::seconds(s))), [false, true, true, false]);
    assert!(!counts(&Quest { paused: true, ..quest() }, &visit("1", NOW), None));
    assert!(!counts(&quest(), &Incoming { earns: false, ..visit("1", NOW) }, None));
    let young = Quest { create_time: NOW + Duration::SECOND, ..quest() };
    assert!(!counts(&young, &visit("1", NOW), None));
}

#[test]
fn what_a_version_must_leave_as_it_is_is_named() {
    let before = quest();
    assert_eq!(Quest { paused: true, display_name: text("新", "new"), ..quest() }.breaks(&before), None);
    assert_eq!(Quest { steps: vec![step("user.visited", "", "", 4)], ..quest() }.breaks(&before), Some("steps"));
    assert_eq!(Quest { period: QuestPeriod::Day, ..quest() }.breaks(&before), Some("period"));
    assert_eq!(Quest { zone: Zone::utc(), ..quest() }.breaks(&before), Some("zone"));
}

#[test]
fn all_faults_of_a_step_are_told() {
    let condition = Written::Expression("order.total_minor > 1".to_owned());
    let faults = Step::new(text("", ""), "user.visited".to_owned(), (condition, "1 +".to_owned()), 1).unwrap_err();
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["expression", "formula"]);
}
