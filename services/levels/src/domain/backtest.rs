//! What rules would have given for past events, by day.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, UserId};
use time::OffsetDateTime;

use super::book::Programme;
use super::cap::CapBook;
use super::claim::Rule;
use super::consume::{Incoming, Says};
use super::earning::{Seen, caps_of};
use super::group::{Candidate, counting};
use super::order::OrderCourse;
use super::parts::Parts;

/// What a rule would have given on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The day in the point type's zone, such as `2026-03-31`.
    pub day: String,
    /// The rule.
    pub rule_id: Key,
    /// Its version; 0: not published.
    pub version: i32,
    /// What is earned.
    pub point_type: Key,
    /// Events within its validity.
    pub events: i64,
    /// How often it would have given something.
    pub times: i64,
    /// What it would have given without caps.
    pub asked: i64,
    /// What it would have given.
    pub given: i64,
    /// What is taken back of that by the refunds and cancellations that are known, whenever they happened.
    pub taken_back: i64,
}

/// Past events and what rules find them worth, before caps, which need their order.
#[derive(Debug)]
pub struct Backtest<'a> {
    programme: &'a Programme,
    rules: &'a [Rule],
    looked: Vec<Looked>,
    courses: BTreeMap<(UserId, String), OrderCourse>,
    taken_back: usize,
}

#[derive(Debug)]
struct Looked {
    user: UserId,
    order_id: String,
    occurred_at: OffsetDateTime,
    recorded_at: OffsetDateTime,
    /// Places of the rules within whose validity it lies.
    valid: Vec<usize>,
    /// What those give that count.
    claims: Vec<Claimed>,
}

/// What a rule gives for an event, before caps.
#[derive(Debug)]
struct Claimed {
    /// Place of the rule.
    rule: usize,
    points: i64,
    parts: Option<Parts>,
}

impl<'a> Backtest<'a> {
    /// Of these rules, each with one version.
    pub fn new(programme: &'a Programme, rules: &'a [Rule]) -> Self {
        Self { programme, rules, looked: Vec::new(), courses: BTreeMap::new(), taken_back: 0 }
    }

    /// Whether a rule asks for levels.
    pub fn asks_for_level(&self) -> bool {
        self.rules.iter().any(|it| it.compiled.asks_for_level())
    }

    /// Events looked at.
    pub fn events(&self) -> usize {
        self.looked.len()
    }

    /// Refunds and cancellations looked at.
    pub fn taken_back(&self) -> usize {
        self.taken_back
    }

    /// Looks at a refund or a cancellation, which may be known before or after what its order earned.
    pub fn take_back(&mut self, incoming: &Incoming) {
        let Some(order_id) = incoming.order_id() else { return };
        if matches!(incoming.says, Says::Counts { .. }) {
            return;
        }
        let course = self.courses.entry((incoming.user.clone(), order_id.to_owned())).or_default();
        match &incoming.says {
            Says::Refunded { refund, .. } => course.refund(refund),
            Says::Cancelled { .. } | Says::Counts { .. } => course.cancel(),
        }
        self.taken_back += 1;
    }

    /// Looks at an event of a user who held a rank before it; `None`: there is no scheme.
    pub fn look(&mut self, incoming: &Incoming, rank: Option<i64>) {
        let Says::Counts { happening, order_id } = &incoming.says else { return };
        let counts = |n: &usize| self.rules[*n].rule.counts(&incoming.event_type, incoming.occurred_at);
        let valid: Vec<usize> = (0..self.rules.len()).filter(counts).collect();
        let mut worth: Vec<Claimed> = Vec::with_capacity(valid.len());
        for &n in &valid {
            let it = &self.rules[n];
            let Some(point_type) = self.programme.types.get(&it.rule.point_type) else { continue };
            let seen = Seen { happening, at: incoming.occurred_at, zone: &point_type.zone, rank };
            let worth_it = it.compiled.worth(&it.rule, point_type, &seen);
            let (points, formula) = (worth_it.points, worth_it.formula.and_then(Result::ok));
            if points > 0 {
                let parts = formula.and_then(|it| Parts::of(it, &self.rules[n].rule.line_rates, happening.lines()));
                worth.push(Claimed { rule: n, points, parts });
            }
        }
        let candidate = |it: &Claimed| {
            let rule = &self.rules[it.rule].rule;
            Candidate { rule_id: &rule.id, point_type: &rule.point_type, place: &rule.place, points: it.points }
        };
        let counting = counting(&worth.iter().map(candidate).collect::<Vec<_>>());
        let counts = |(n, claim)| (counting[n] == n).then_some(claim);
        let claims = worth.into_iter().enumerate().filter_map(counts).collect();
        self.looked.push(Looked {
            user: incoming.user.clone(),
            order_id: order_id.clone(),
            occurred_at: incoming.occurred_at,
            recorded_at: incoming.recorded_at,
            valid,
            claims,
        });
    }

    /// What the rules would have given, by day and rule: once per order, and of caps what was recorded first. What is taken
    /// back stands on the day on which it was given.
    pub fn days(mut self) -> Vec<Day> {
        self.looked.sort_by_key(|it| it.recorded_at);
        let mut days: BTreeMap<(String, usize), Day> = BTreeMap::new();
        let mut caps = CapBook::default();
        let mut earned: BTreeSet<(&UserId, &str, usize)> = BTreeSet::new();
        for looked in &self.looked {
            for &n in &looked.valid {
                let rule = &self.rules[n].rule;
                let Some(point_type) = self.programme.types.get(&rule.point_type) else { continue };
                let day = point_type.zone.day_of(looked.occurred_at);
                let day = days.entry((day.clone(), n)).or_insert_with(|| Day {
                    day,
                    rule_id: rule.id.clone(),
                    version: rule.version,
                    point_type: rule.point_type.clone(),
                    events: 0,
                    times: 0,
                    asked: 0,
                    given: 0,
                    taken_back: 0,
                });
                day.events += 1;
                let Some(claim) = looked.claims.iter().find(|claim| claim.rule == n) else { continue };
                if !looked.order_id.is_empty() && !earned.insert((&looked.user, &looked.order_id, n)) {
                    continue;
                }
                let capped = caps_of(Some(rule), point_type);
                let allowed = caps.take(&capped, &looked.user, looked.occurred_at, claim.points);
                day.asked = day.asked.saturating_add(allowed.asked);
                day.given = day.given.saturating_add(allowed.given);
                day.times += i64::from(allowed.given > 0);
                let course = self.courses.get(&(looked.user.clone(), looked.order_id.clone()));
                let due = course.map_or(0, |course| course.due(allowed.given, claim.parts.as_ref()));
                day.taken_back = day.taken_back.saturating_add(due);
            }
        }
        days.into_values().collect()
    }
}
