//! How far users have come with quests.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use ids::{Key, UserId};
use time::OffsetDateTime;

use super::window::{Begun, Window};
use super::{Quest, QuestReversal};
use crate::domain::consume::{Incoming, Says};
use crate::domain::order::OrderCourse;

/// What a user has come to in a period of a quest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// The period.
    pub window: Window,
    /// What each step has counted, refunds taken off.
    pub counted: Vec<i64>,
    /// How often it is completed.
    pub completions: i32,
    /// When it was completed last.
    pub completed_at: Option<OffsetDateTime>,
}

/// What a step counted for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// When the period begins that it counts in.
    pub start: OffsetDateTime,
    /// How much.
    pub amount: i64,
    /// How much of it refunds took off.
    pub lowered: i64,
}

/// User, source, quest and step of a count.
pub type CountKey = (UserId, String, Key, usize);
/// User and quest of rounds, and when one begins.
pub type RoundKey = (UserId, Key, OffsetDateTime);

/// What an event may count for: the quest, the step and how much.
pub type Candidate = (Key, usize, i64);

/// A round was completed, or that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The period.
    pub key: RoundKey,
    /// The how-manieth completion in it, from 1.
    pub round: i32,
    /// False: it was taken back.
    pub completed: bool,
}

/// What is known of the quests that a batch of events is about.
#[derive(Debug, Default)]
pub struct QuestBook {
    rounds: BTreeMap<RoundKey, Round>,
    counts: BTreeMap<(UserId, String), BTreeMap<(Key, usize), Count>>,
    courses: BTreeMap<(UserId, String), OrderCourse>,
    rounds_changed: BTreeSet<RoundKey>,
    counts_changed: BTreeSet<CountKey>,
    courses_changed: BTreeSet<(UserId, String)>,
}

/// What tells an event, or its order, from others: a step counts each once.
pub fn source_of(incoming: &Incoming) -> String {
    match incoming.order_id() {
        Some(order) => format!("order/{order}"),
        None => format!("event/{}", incoming.event_id),
    }
}

/// The order that is given back, in whole or in part.
fn given_back(incoming: &Incoming) -> bool {
    matches!(incoming.says, Says::Refunded { .. } | Says::Cancelled { .. })
}

/// Whether an event can change anything: it counts for something, or gives back an order.
pub fn concerns(incoming: &Incoming, candidates: &[Candidate]) -> bool {
    !candidates.is_empty() || given_back(incoming)
}

impl QuestBook {
    /// As loaded.
    pub fn new(
        rounds: impl IntoIterator<Item = (RoundKey, Round)>,
        counts: impl IntoIterator<Item = (CountKey, Count)>,
        courses: impl IntoIterator<Item = ((UserId, String), OrderCourse)>,
    ) -> Self {
        let (rounds, courses) = (rounds.into_iter().collect(), courses.into_iter().collect());
        let mut book = Self { rounds, courses, ..Self::default() };
        for ((user, source, quest, step), count) in counts {
            book.counts.entry((user, source)).or_default().insert((quest, step), count);
        }
        book
    }

    /// The rounds of a user's quest around a time.
    pub fn begun(&self, user: &UserId, quest: &Key, at: OffsetDateTime) -> Begun {
        let first = (user.clone(), quest.clone(), OffsetDateTime::UNIX_EPOCH.min(at));
        let of_quest = |until: OffsetDateTime| {
            let last = (user.clone(), quest.clone(), until);
            self.rounds.range((Bound::Included(first.clone()), Bound::Included(last))).next_back()
        };
        let window = |found: Option<(&RoundKey, &Round)>| found.map(|(_, round)| round.window);
        Begun { latest: window(of_quest(at)), newest: window(of_quest(time::macros::datetime!(9999-12-31 0:00 UTC))) }
    }

    /// A round.
    pub fn round(&self, key: &RoundKey) -> Option<&Round> {
        self.rounds.get(key)
    }

    /// Opens the round that a user starts.
    pub fn start(&mut self, key: &RoundKey, quest: &Quest, window: Window) {
        self.round_mut(key, quest, window);
        self.rounds_changed.insert(key.clone());
    }

    /// Applies one event; answers which rounds it completed, and which completions it took back.
    pub fn apply(&mut self, quests: &BTreeMap<Key, Quest>, incoming: &Incoming, candidates: &[Candidate]) -> Vec<Turn> {
        let mut touched = BTreeSet::new();
        self.note_course(incoming);
        for of_quest in candidates.chunk_by(|a, b| a.0 == b.0) {
            let Some(quest) = quests.get(&of_quest[0].0) else { continue };
            touched.extend(self.count(quest, incoming, of_quest));
        }
        touched.extend(self.lower(incoming));
        let mut turns = Vec::new();
        for key in touched {
            let Some(quest) = quests.get(&key.1) else { continue };
            turns.extend(self.settle(&key, quest, incoming.occurred_at));
        }
        turns
    }

    fn note_course(&mut self, incoming: &Incoming) {
        let Some(order) = incoming.order_id().filter(|_| given_back(incoming)) else { return };
        let key = (incoming.user.clone(), order.to_owned());
        let course = self.courses.entry(key.clone()).or_default();
        match &incoming.says {
            Says::Refunded { refund, .. } => course.refund(refund),
            Says::Cancelled { .. } => course.cancel(),
            Says::Counts { .. } => {}
        }
        self.courses_changed.insert(key);
    }

    /// Counts an event for steps of a quest; what is known of its order's refunds is taken off later.
    fn count(&mut self, quest: &Quest, incoming: &Incoming, candidates: &[Candidate]) -> Option<RoundKey> {
        let user = &incoming.user;
        let window = quest.window_at(incoming.occurred_at, &self.begun(user, &quest.id, incoming.occurred_at))?;
        let key = (user.clone(), quest.id.clone(), window.start);
        let source = source_of(incoming);
        let id = |step: usize| (user.clone(), source.clone(), quest.id.clone(), step);
        let of_source = self.counts.get(&(user.clone(), source.clone()));
        let known = |step: usize| of_source.is_some_and(|it| it.contains_key(&(quest.id.clone(), step)));
        let steps: Vec<(usize, i64)> = if quest.in_order {
            let none = vec![0; quest.steps.len()];
            let counted = self.rounds.get(&key).map_or(&none, |round| &round.counted);
            if (0..quest.steps.len()).any(known) {
                return None; // an event counts for one step
            }
            quest.step_in_order(counted, candidates).into_iter().collect()
        } else {
            candidates.iter().map(|(_, step, amount)| (*step, *amount)).filter(|(step, _)| !known(*step)).collect()
        };
        for (step, amount) in &steps {
            let round = self.round_mut(&key, quest, window);
            round.counted[*step] = round.counted[*step].saturating_add(*amount);
            let of_source = self.counts.entry((user.clone(), source.clone())).or_default();
            let count = Count { start: window.start, amount: *amount, lowered: 0 };
            of_source.insert((quest.id.clone(), *step), count);
            self.counts_changed.insert(id(*step));
        }
        (!steps.is_empty()).then_some(key)
    }

    /// Brings what the order's counts are lowered by up to what is known of its refunds, whichever came first.
    fn lower(&mut self, incoming: &Incoming) -> Vec<RoundKey> {
        let Some(order) = incoming.order_id() else { return Vec::new() };
        let user = &incoming.user;
        let Some(course) = self.courses.get(&(user.clone(), order.to_owned())) else { return Vec::new() };
        let source = source_of(incoming);
        let mut touched = Vec::new();
        let Some(of_order) = self.counts.get_mut(&(user.clone(), source.clone())) else { return Vec::new() };
        for ((quest, step), count) in of_order {
            let due = course.due(count.amount, None);
            let more = due - count.lowered;
            if more <= 0 {
                continue;
            }
            count.lowered = due;
            self.counts_changed.insert((user.clone(), source.clone(), quest.clone(), *step));
            let round = (user.clone(), quest.clone(), count.start);
            if let Some(round) = self.rounds.get_mut(&round) {
                round.counted[*step] = round.counted[*step].saturating_sub(more).max(0);
            }
            touched.push(round);
        }
        touched
    }

    /// Completes a round, or takes that back, as what is counted now says.
    fn settle(&mut self, key: &RoundKey, quest: &Quest, occurred_at: OffsetDateTime) -> Vec<Turn> {
        let Some(round) = self.rounds.get_mut(key) else { return Vec::new() };
        self.rounds_changed.insert(key.clone());
        let (before, now) = (round.completions, quest.completions(&round.counted));
        let turn = |round: i32, completed: bool| Turn { key: key.clone(), round, completed };
        if now > before {
            round.completions = now;
            round.completed_at = Some(occurred_at);
            return (before + 1..=now).map(|n| turn(n, true)).collect();
        }
        if now < before && quest.reversal == QuestReversal::TakeBack {
            round.completions = now;
            round.completed_at = round.completed_at.filter(|_| now > 0);
            return (now + 1..=before).rev().map(|n| turn(n, false)).collect();
        }
        Vec::new()
    }

    fn round_mut(&mut self, key: &RoundKey, quest: &Quest, window: Window) -> &mut Round {
        let counted = vec![0; quest.steps.len()];
        let empty = Round { window, counted, completions: 0, completed_at: None };
        self.rounds.entry(key.clone()).or_insert(empty)
    }

    /// Rounds that changed.
    pub fn rounds_to_write(&self) -> Vec<(&RoundKey, &Round)> {
        self.rounds_changed.iter().filter_map(|key| self.rounds.get_key_value(key)).collect()
    }

    /// Counts that are new or were lowered.
    pub fn counts_to_write(&self) -> Vec<(&CountKey, &Count)> {
        let count = |(user, source, quest, step): &CountKey| {
            self.counts.get(&(user.clone(), source.clone()))?.get(&(quest.clone(), *step))
        };
        self.counts_changed.iter().filter_map(|key| Some((key, count(key)?))).collect()
    }

    /// What became known of orders.
    pub fn courses_to_write(&self) -> Vec<(&(UserId, String), &OrderCourse)> {
        self.courses_changed.iter().filter_map(|key| self.courses.get_key_value(key)).collect()
    }
}

impl Quest {
    /// How often what is counted completes it.
    pub fn completions(&self, counted: &[i64]) -> i32 {
        let rounds = i64::from(self.recurrence.rounds());
        let full = self.steps.iter().zip(counted).map(|(step, counted)| counted / step.target);
        i32::try_from(full.min().unwrap_or(0).clamp(0, rounds)).unwrap_or(i32::MAX)
    }

    /// Whether a step is reached in the round that is open, or in the last one there can be.
    fn reached(&self, counted: &[i64], step: usize) -> bool {
        let needed = i64::from((self.completions(counted) + 1).min(self.recurrence.rounds()));
        counted[step] / self.steps[step].target >= needed
    }

    /// Whether the steps ahead of one are reached.
    pub fn is_open(&self, counted: &[i64], step: usize) -> bool {
        (0..step).all(|ahead| self.reached(counted, ahead))
    }

    /// The step in order that an event counts for: the first that is not reached, or else the last one of those whose turn has
    /// come, so that it is there when refunds lower that.
    fn step_in_order(&self, counted: &[i64], candidates: &[Candidate]) -> Option<(usize, i64)> {
        let open = candidates.iter().filter(|(_, step, _)| self.is_open(counted, *step));
        let wanted = open.clone().find(|(_, step, _)| !self.reached(counted, *step));
        wanted.or_else(|| open.clone().next_back()).map(|(_, step, amount)| (*step, *amount))
    }
}
