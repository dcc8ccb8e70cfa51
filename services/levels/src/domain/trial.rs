//! What rules would give for an event, and why: nothing is given.

use std::collections::BTreeSet;

use ids::{Key, UserId};
use rules::{NoValue, Ratio};
use time::OffsetDateTime;

use super::book::Programme;
use super::cap::{Allowed, Cap, CapBook, Used};
use super::claim::Rule;
use super::earning::{EarningRule, Happening, Seen, Worth, caps_of};
use super::group::{Candidate, counting};

/// An event that rules are tried on.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// The user, by canonical id.
    pub user: &'a UserId,
    /// Its type.
    pub event_type: &'a str,
    /// When it happens.
    pub at: OffsetDateTime,
    /// What it says.
    pub happening: &'a Happening,
    /// The user's rank; `None`: there is no scheme.
    pub rank: Option<i64>,
    /// The rules that have earned for its order, or for this very event.
    pub earned: &'a BTreeSet<Key>,
}

/// What comes of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It gives points.
    Gives,
    /// It is paused.
    Paused,
    /// The event does not lie within its validity.
    NotValid,
    /// Its condition does not hold, or has no value.
    ConditionFalse,
    /// Its formula has no value.
    NoValue,
    /// It comes to nothing.
    Nothing,
    /// Another rule of its group counts.
    MakesWay,
    /// Caps leave nothing.
    Capped,
    /// It has earned for this order.
    EarnedBefore,
}

/// How a cap stands before the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapTrial {
    /// The cap.
    pub cap: Cap,
    /// What was given in its period.
    pub used: Used,
    /// When it begins anew; `None`: never.
    pub frees_at: Option<OffsetDateTime>,
    /// Whether it is the one that left the least.
    pub cuts: bool,
}

/// What a rule would give, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The rule.
    pub rule_id: Key,
    /// Its version; 0: not published.
    pub version: i32,
    /// What is earned.
    pub point_type: Key,
    /// What comes of it.
    pub verdict: Verdict,
    /// Why condition or formula have no value.
    pub cause: Option<NoValue>,
    /// What the formula says.
    pub formula: Option<Ratio>,
    /// What the lines give.
    pub lines: Option<Ratio>,
    /// Which multipliers hold, with their factors in basis points.
    pub multipliers: Vec<(bool, i32)>,
    /// What it would give without caps.
    pub asked: i64,
    /// What it would give.
    pub given: i64,
    /// Its caps; none where it would give nothing anyway.
    pub caps: Vec<CapTrial>,
    /// The rule of its group that counts instead.
    pub makes_way_for: Option<Key>,
}

/// Tries rules on an event: those that count its type, each as the real one would be looked at.
pub fn trials(programme: &Programme, rules: &[Rule], tried: &Tried<'_>, caps: &CapBook) -> Vec<Trial> {
    let of_type = rules.iter().filter(|it| it.rule.event_type == tried.event_type);
    let looked: Vec<(&EarningRule, Trial)> =
        of_type.filter_map(|it| Some((&*it.rule, look(programme, it, tried)?))).collect();
    // a rule that has earned before keeps the others of its group out all the same
    let counts = |n: &usize| matches!(looked[*n].1.verdict, Verdict::Gives | Verdict::EarnedBefore);
    let giving: Vec<usize> = (0..looked.len()).filter(counts).collect();
    let candidate = |n: &usize| {
        let (rule, trial) = &looked[*n];
        Candidate { rule_id: &rule.id, point_type: &rule.point_type, place: &rule.place, points: trial.asked }
    };
    let counting = counting(&giving.iter().map(candidate).collect::<Vec<_>>());
    let instead: Vec<(usize, Key)> = giving
        .iter()
        .zip(&counting)
        .filter(|(n, first)| **n != giving[**first])
        .map(|(n, first)| (*n, looked[giving[*first]].0.id.clone()))
        .collect();
    let mut trials = looked;
    for (n, other) in instead {
        let trial = &mut trials[n].1;
        (trial.verdict, trial.makes_way_for) = (Verdict::MakesWay, Some(other));
    }
    let capped = |(rule, mut trial): (&EarningRule, Trial)| {
        if trial.verdict == Verdict::Gives {
            cap(programme, rule, &mut trial, tried, caps);
        }
        trial
    };
    trials.into_iter().map(capped).collect()
}

/// What a rule by itself would give, before caps. `None`: its point type is not known.
fn look(programme: &Programme, it: &Rule, tried: &Tried<'_>) -> Option<Trial> {
    let rule = &*it.rule;
    let point_type = programme.types.get(&rule.point_type)?;
    let mut trial = Trial {
        rule_id: rule.id.clone(),
        version: rule.version,
        point_type: rule.point_type.clone(),
        verdict: Verdict::Gives,
        cause: None,
        formula: None,
        lines: None,
        multipliers: Vec::new(),
        asked: 0,
        given: 0,
        caps: Vec::new(),
        makes_way_for: None,
    };
    if rule.paused || !rule.is_valid(tried.at) {
        trial.verdict = if rule.paused { Verdict::Paused } else { Verdict::NotValid };
        return Some(trial);
    }
    let seen = Seen { happening: tried.happening, at: tried.at, zone: &point_type.zone, rank: tried.rank };
    let worth = it.compiled.worth(rule, point_type, &seen);
    trial.verdict = verdict(&worth);
    let factors = rule.multipliers.list.iter().map(|multiplier| multiplier.factor_basis_points);
    trial.multipliers = worth.multipliers.into_iter().zip(factors).collect();
    trial.cause = worth.condition.err().or_else(|| worth.formula.clone()?.err());
    trial.formula = worth.formula.and_then(Result::ok);
    trial.lines = worth.lines;
    trial.asked = worth.points;
    if trial.verdict == Verdict::Gives && tried.earned.contains(&rule.id) {
        trial.verdict = Verdict::EarnedBefore;
    }
    Some(trial)
}

fn verdict(worth: &Worth) -> Verdict {
    match (&worth.formula, worth.points) {
        (None, _) => Verdict::ConditionFalse,
        (Some(Err(_)), _) => Verdict::NoValue,
        (Some(Ok(_)), 0) => Verdict::Nothing,
        (Some(Ok(_)), _) => Verdict::Gives,
    }
}

fn cap(programme: &Programme, rule: &EarningRule, trial: &mut Trial, tried: &Tried<'_>, caps: &CapBook) {
    let Some(point_type) = programme.types.get(&rule.point_type) else { return };
    let capped = caps_of(Some(rule), point_type);
    let Allowed { given, cut, .. } = caps.room(&capped, tried.user, tried.at, trial.asked);
    trial.given = given;
    if given == 0 {
        trial.verdict = Verdict::Capped;
    }
    let of_cap = |(key, cap): (_, Cap)| CapTrial {
        cap,
        used: caps.used(&key),
        frees_at: cap.period.end(&point_type.zone, tried.at),
        cuts: cut.is_some_and(|cut| cut.cap == cap),
    };
    trial.caps = capped.iter().flat_map(|it| it.keys(tried.user, tried.at)).map(of_cap).collect();
}
