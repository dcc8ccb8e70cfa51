//! Quests held against a plain model, over events in any order.

use std::collections::BTreeMap;

use ids::Key;
use proptest::prelude::*;
use time::{Duration, OffsetDateTime};

use super::badge::BadgeBook;
use super::bonus::{Bonus, BonusBadge, BonusPoints};
use super::book::{Book, Programme};
use super::consume::Incoming;
use super::point_type::{PointType, ReversalPolicy, tests::point_type};
use super::quest::progress::QuestBook;
use super::quest::reward::QuestBonuses;
use super::quest::{Quest, QuestPeriod, QuestReversal, Recurrence};
use super::quest_tests::{NOW, apply, cancelled, order, quest, refund, step, user, visit};

/// What happens to an order or a user; hours after a start.
#[derive(Debug, Clone)]
enum Happens {
    Order { id: u8, total: i64, hour: i64 },
    Refund { id: u8, percent: i64 },
    Cancel { id: u8 },
    Visit { id: u8, hour: i64 },
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0_u8..6, 1_i64..200, 0_i64..72).prop_map(|(id, total, hour)| Happens::Order { id, total, hour }),
        2 => (0_u8..6, 1_i64..=100).prop_map(|(id, percent)| Happens::Refund { id, percent }),
        1 => (0_u8..6).prop_map(|id| Happens::Cancel { id }),
        4 => (0_u8..9, 0_i64..72).prop_map(|(id, hour)| Happens::Visit { id, hour }),
    ]
}

/// Orders and visits happen once, so that what is said of one twice is a repeat.
fn distinct(all: Vec<Happens>) -> Vec<Happens> {
    let mut orders = BTreeMap::new();
    let mut visits = BTreeMap::new();
    let first = |it: Happens| match it {
        Happens::Order { id, total, hour } => {
            let (total, hour) = *orders.entry(id).or_insert((total, hour));
            Happens::Order { id, total, hour }
        }
        Happens::Visit { id, hour } => Happens::Visit { id, hour: *visits.entry(id).or_insert(hour) },
        other => other,
    };
    all.into_iter().map(first).collect()
}

fn at(hour: i64) -> OffsetDateTime {
    NOW + Duration::hours(hour)
}

fn event(it: &Happens, totals: &BTreeMap<u8, i64>) -> Incoming {
    match it {
        Happens::Order { id, total, hour } => order(&format!("o{id}"), *total, at(*hour)),
        Happens::Refund { id, percent } => {
            let total = totals.get(id).copied().unwrap_or(100);
            refund(&format!("o{id}"), total * percent / 100, total, at(80))
        }
        Happens::Cancel { id } => cancelled(&format!("o{id}"), at(80)),
        Happens::Visit { id, hour } => visit(&format!("v{id}"), at(*hour)),
    }
}

/// How often each period is completed, straight from what happened.
fn model(quest: &Quest, all: &[Happens], totals: &BTreeMap<u8, i64>) -> BTreeMap<OffsetDateTime, i32> {
    let gone = |id: u8, total: i64| {
        let cancelled = all.iter().any(|it| matches!(it, Happens::Cancel { id: other } if *other == id));
        let refunded = all.iter().filter_map(|it| match it {
            Happens::Refund { id: other, percent } if *other == id => Some(totals[&id] * percent / 100),
            _ => None,
        });
        if cancelled { total } else { refunded.max().unwrap_or(0).min(total) }
    };
    let start = |hour: i64| match quest.period {
        QuestPeriod::Day => quest.zone.day_start(at(hour)),
        _ => OffsetDateTime::UNIX_EPOCH,
    };
    let mut spent: BTreeMap<OffsetDateTime, BTreeMap<u8, i64>> = BTreeMap::new();
    let mut visits: BTreeMap<OffsetDateTime, BTreeMap<u8, i64>> = BTreeMap::new();
    for it in all {
        match it {
            Happens::Order { id, total, hour } => {
                spent.entry(start(*hour)).or_default().insert(*id, total - gone(*id, *total));
            }
            Happens::Visit { id, hour } => drop(visits.entry(start(*hour)).or_default().insert(*id, 1)),
            Happens::Refund { .. } | Happens::Cancel { .. } => {}
        }
    }
    let sum = |of: Option<&BTreeMap<u8, i64>>| of.map_or(0, |of| of.values().sum::<i64>());
    let starts = spent.keys().chain(visits.keys()).copied();
    let full = |start: &OffsetDateTime| {
        let (money, times) = (sum(spent.get(start)) / 100, sum(visits.get(start)) / 2);
        i32::try_from(money.min(times)).unwrap().min(quest.recurrence.rounds())
    };
    starts.map(|start| (start, full(&start))).collect()
}

fn programme() -> Programme {
    let id = Key::new("points").unwrap();
    let points = PointType { id: id.clone(), reversal: ReversalPolicy::MayGoNegative, ..point_type() };
    Programme { types: [(id, points)].into(), ..Programme::default() }
}

/// 100 spent and two visits.
fn spend_and_visit(period: QuestPeriod, recurrence: Recurrence) -> Quest {
    let points = BonusPoints { point_type: Key::new("points").unwrap(), points: 7 };
    let badge = BonusBadge { badge: Key::new("runner").unwrap(), tier: 1 };
    let steps = vec![step("order.completed", "", "order.total_minor", 100), step("user.visited", "", "", 2)];
    let bonus = Bonus { points: vec![points], badge: Some(badge) };
    Quest { steps, period, recurrence, bonus, ..quest() }
}

fn quests() -> impl Strategy<Value = Quest> {
    prop_oneof![
        Just(spend_and_visit(QuestPeriod::Ever, Recurrence::None)),
        Just(spend_and_visit(QuestPeriod::Ever, Recurrence::Completion(3))),
        Just(spend_and_visit(QuestPeriod::Day, Recurrence::PeriodEnd)),
        Just(spend_and_visit(QuestPeriod::Day, Recurrence::Completion(2))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// However often and in whatever order events become known: the rounds, the points and the badge are what happened says.
    #[test]
    fn quests_end_as_a_plain_model_says_in_any_order_of_events(
        quest in quests(),
        (all, known) in proptest::collection::vec(happens(), 0..30).prop_map(distinct)
            .prop_flat_map(|all| (Just(all.clone()), Just([all.clone(), all].concat()).prop_shuffle()))
    ) {
        let totals: BTreeMap<u8, i64> = all.iter().filter_map(|it| match it {
            Happens::Order { id, total, .. } => Some((*id, *total)),
            _ => None,
        }).collect();
        let all: Vec<Happens> = all.into_iter().filter(|it| match it {
            Happens::Refund { id, .. } | Happens::Cancel { id } => totals.contains_key(id),
            _ => true,
        }).collect();
        let programme = programme();
        let mut progress = QuestBook::default();
        let mut bonuses = QuestBonuses::default();
        let mut badges = BadgeBook::default();
        let mut book = Book::new(&programme, BTreeMap::new(), BTreeMap::new());
        for it in known.iter().filter(|it| match it {
            Happens::Refund { id, .. } | Happens::Cancel { id } => totals.contains_key(id),
            _ => true,
        }) {
            let incoming = event(it, &totals);
            for turn in apply(&mut progress, &quest, &incoming, None) {
                bonuses.carry_out((&mut book, &mut badges), &quest, &turn, &incoming).unwrap();
            }
        }
        let expected = model(&quest, &all, &totals);
        for (start, completions) in &expected {
            let key = (user(), quest.id.clone(), *start);
            prop_assert_eq!(progress.round(&key).map_or(0, |round| round.completions), *completions);
        }
        let completions: i32 = expected.values().sum();
        let account = book.account_of(&(user(), Key::new("points").unwrap()));
        prop_assert_eq!(account.balance(), i64::from(completions) * 7);
        let held = badges.held(&(user(), Key::new("runner").unwrap())).map_or(0, |held| held.tier);
        prop_assert_eq!(held > 0, completions > 0);
    }

    /// Kept completions never fall, and nothing is given twice for the same round.
    #[test]
    fn what_is_kept_is_given_once(all in proptest::collection::vec(happens(), 0..40).prop_map(distinct)) {
        let quest = spend_and_visit(QuestPeriod::Ever, Recurrence::Completion(3));
        let quest = Quest { reversal: QuestReversal::Keep, ..quest };
        let mut progress = QuestBook::default();
        let mut given = Vec::new();
        for it in &all {
            let turns = apply(&mut progress, &quest, &event(it, &BTreeMap::new()), None);
            prop_assert!(turns.iter().all(|turn| turn.completed));
            given.extend(turns.iter().map(|turn| turn.round));
        }
        prop_assert_eq!(&given, &(1..=i32::try_from(given.len()).unwrap()).collect::<Vec<_>>());
        prop_assert!(given.len() <= 3);
    }
}
