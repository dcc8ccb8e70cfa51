//! Which rules an event is looked at by, and what they give for it.

use std::sync::Arc;

use ids::Key;
use rules::Ratio;

use super::account::Occasion;
use super::book::{Book, Curtailed, Programme};
use super::cap::{Cap, CapKey};
use super::consume::{Incoming, Says};
use super::earning::{Compiled, EarningRule, Seen, Worth, caps_of};
use super::entry::{Origin, Payer};
use super::group::{Candidate, counting};
use super::parts::Parts;
use super::pending::Landing;
use super::point_type::PointType;
use super::refusal::Refusal;

/// A rule with its conditions and formula read.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The rule.
    pub rule: Arc<EarningRule>,
    /// Its conditions and formula.
    pub compiled: Arc<Compiled>,
}

/// A rule that counts an event, and what it gives as far as the event alone tells.
#[derive(Debug, Clone)]
pub struct Prospect {
    rule: Rule,
    /// `None`: it asks for the user's level.
    worth: Option<Gives>,
}

/// What a rule finds an event worth, as far as it matters for giving it and taking it back.
#[derive(Debug, Clone, Copy)]
struct Gives {
    /// Before caps.
    points: i64,
    /// What the formula says, where it has a value.
    formula: Option<Ratio>,
}

impl From<Worth> for Gives {
    fn from(it: Worth) -> Self {
        Self { points: it.points, formula: it.formula.and_then(Result::ok) }
    }
}

/// What a rule gives for an event.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The rule.
    pub rule: &'a EarningRule,
    /// How much, above 0.
    pub points: i64,
    /// What its formula gave of that before lines and multipliers.
    formula: Option<Ratio>,
}

impl Prospect {
    /// The rule.
    pub fn rule(&self) -> &EarningRule {
        &self.rule.rule
    }

    /// Whether what it gives depends on the user's level.
    pub fn asks_for_level(&self) -> bool {
        self.worth.is_none()
    }

    /// What its caps and those of its point type count of an event.
    pub fn cap_keys(&self, point_type: &PointType, incoming: &Incoming) -> Vec<(CapKey, Cap)> {
        let capped = caps_of(Some(self.rule()), point_type);
        capped.iter().flat_map(|it| it.keys(&incoming.user, incoming.occurred_at)).collect()
    }
}

/// The rules that may give something for an event: of each rule the version that was the newest when the event was
/// recorded. `rules` holds versions of one rule together, oldest first.
pub fn prospects(programme: &Programme, rules: &[Rule], incoming: &Incoming) -> Vec<Prospect> {
    let Says::Counts { happening, .. } = &incoming.says else { return Vec::new() };
    if !incoming.earns {
        return Vec::new();
    }
    let mut prospects = Vec::new();
    for versions in rules.chunk_by(|a, b| a.rule.id == b.rule.id) {
        let known = versions.iter().rev().find(|it| it.rule.publish_time <= incoming.recorded_at);
        let Some(it) = known.filter(|it| it.rule.counts(&incoming.event_type, incoming.occurred_at)) else { continue };
        let point_type = programme.types.get(&it.rule.point_type).filter(|_| !it.compiled.asks_for_level());
        let worth = point_type.map(|point_type| {
            let seen = Seen { happening, at: incoming.occurred_at, zone: &point_type.zone, rank: None };
            Gives::from(it.compiled.worth(&it.rule, point_type, &seen))
        });
        if worth.is_none_or(|gives| gives.points > 0) {
            prospects.push(Prospect { rule: it.clone(), worth });
        }
    }
    prospects
}

/// What the rules give for an event now that the user's level is known, and which of their groups count.
pub fn claims<'a>(
    book: &mut Book<'_>,
    prospects: &'a [Prospect],
    incoming: &Incoming,
) -> Result<Vec<Claim<'a>>, Refusal> {
    let Says::Counts { happening, .. } = &incoming.says else { return Ok(Vec::new()) };
    let asked = prospects.iter().any(Prospect::asks_for_level);
    let rank = if asked { book.rank_of(&incoming.user, incoming.recorded_at) } else { None };
    let mut claims = Vec::with_capacity(prospects.len());
    for it in prospects {
        let rule = it.rule();
        let point_type = book.point_type(&rule.point_type)?;
        let seen = Seen { happening, at: incoming.occurred_at, zone: &point_type.zone, rank };
        let Gives { points, formula } =
            it.worth.unwrap_or_else(|| it.rule.compiled.worth(rule, point_type, &seen).into());
        if points > 0 {
            claims.push(Claim { rule, points, formula });
        }
    }
    let candidates: Vec<Candidate<'_>> = claims.iter().map(Claim::candidate).collect();
    let counting = counting(&candidates);
    Ok(claims.iter().enumerate().filter(|(n, _)| counting[*n] == *n).map(|(_, claim)| *claim).collect())
}

impl Claim<'_> {
    fn candidate(&self) -> Candidate<'_> {
        let rule = self.rule;
        Candidate { rule_id: &rule.id, point_type: &rule.point_type, place: &rule.place, points: self.points }
    }

    /// What the lines of the order have in it.
    pub fn parts(&self, incoming: &Incoming) -> Option<Parts> {
        let Says::Counts { happening, .. } = &incoming.says else { return None };
        Parts::of(self.formula?, &self.rule.line_rates, happening.lines())
    }

    /// Gives what caps leave of it; answers how much, and where it went.
    pub fn give(&self, book: &mut Book<'_>, incoming: &Incoming) -> Result<(i64, Landing), Refusal> {
        let rule = self.rule;
        let capped = caps_of(Some(rule), book.point_type(&rule.point_type)?);
        let allowed = book.take_room(&capped, &incoming.user, incoming.occurred_at, self.points);
        if let Some(cut) = allowed.cut {
            let curtailed = Curtailed {
                rule_id: rule.id.clone(),
                rule_version: rule.version,
                point_type: rule.point_type.clone(),
                source_event: incoming.event_id.clone(),
                order_id: incoming.order_id().unwrap_or_default().to_owned(),
                asked: allowed.asked,
                given: allowed.given,
                cut,
                occurred_at: incoming.occurred_at,
            };
            book.curtailed(&incoming.user, curtailed);
        }
        if allowed.given == 0 {
            return Ok((0, Landing { release: None, expires_at: None, origin: incoming.user.clone() }));
        }
        let key = (incoming.user.clone(), rule.point_type.clone());
        let at = book.decision_time(&key, incoming.recorded_at);
        let (_, landing) = book.earn(&key, allowed.given, occasion(incoming, &rule.id, &rule.payer), at)?;
        Ok((allowed.given, landing))
    }
}

/// What a rule's entry for an event says of where it comes from.
pub(super) fn occasion(incoming: &Incoming, rule_id: &Key, payer: &Payer) -> Occasion {
    let order_id = incoming.order_id().unwrap_or_default().to_owned();
    let Payer { cost_centre, funder } = payer.clone();
    let origin = Origin { rule_id: rule_id.to_string(), order_id, cost_centre, funder, ..Origin::default() };
    Occasion { occurred_at: Some(incoming.occurred_at), origin }
}
