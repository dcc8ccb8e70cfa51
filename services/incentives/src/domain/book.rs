//! What events do to grants, limits and budgets of campaigns: decided over the rows that were locked and loaded.

mod take_back;

use std::collections::{BTreeMap, BTreeSet};

use ids::{EventId, Key, TenantId, UserId};
use time::{Duration, OffsetDateTime};

use super::campaign::{Reward, Version};
use super::chance;
use super::decision::{Decision, Outcome, Undone, Verdict};
use super::exposure::{Arm, Exposure};
use super::grant::{Fate, Figures, Gift, Grant, GrantKey};
use super::incoming::{Incoming, Moved};
use super::order::Reversal;
use super::trigger::Happening;

/// A user's count in a bucket of a campaign's limits.
pub type UseKey = (UserId, Key, String);

/// What holds for all campaigns, and how ids are made.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The share of users that no campaign rewards.
    pub global_holdout_bp: i32,
    /// Names a gift: the same for the same user, campaign and event.
    pub gift_id: fn(&UserId, &Key, &EventId) -> String,
}

/// Rows as they were loaded under the locks of their campaigns.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Figures of every campaign that may be touched.
    pub figures: BTreeMap<Key, Figures>,
    /// Counts of users.
    pub uses: BTreeMap<UseKey, i64>,
    /// Grants that the events may meet again or take back.
    pub grants: BTreeMap<GrantKey, Grant>,
    /// What is known of orders.
    pub reversals: BTreeMap<(UserId, String), Reversal>,
    /// How users met campaigns first.
    pub exposures: BTreeMap<(UserId, Key), Exposure>,
}

/// What is to be told or done beyond the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A grant was made: points go out, or a coupon is to be issued.
    Granted(GrantKey),
    /// More points of a grant are to be taken back: the sum up to now.
    Revoked(GrantKey, i64),
    /// A coupon is to be voided, if it is not used.
    Void(GrantKey),
}

/// What is to be written, each row once however often it changed.
#[derive(Debug, Default)]
pub struct Written {
    /// Changes of figures: to be added.
    pub figures: BTreeMap<Key, Figures>,
    /// New counts.
    pub uses: BTreeMap<UseKey, i64>,
    /// New and changed grants.
    pub grants: Vec<(GrantKey, Grant)>,
    /// What became known of orders.
    pub reversals: Vec<((UserId, String), Reversal)>,
    /// New and changed exposures.
    pub exposures: Vec<((UserId, Key), Exposure)>,
    /// Decisions, in order.
    pub decisions: Vec<Decision>,
}

/// Decides event after event.
pub struct Book<'a> {
    terms: Terms<'a>,
    rows: Loaded,
    before: BTreeMap<Key, Figures>,
    used: BTreeSet<UseKey>,
    granted: BTreeSet<GrantKey>,
    returned: BTreeSet<(UserId, String)>,
    exposed: BTreeSet<(UserId, Key)>,
    decisions: Vec<Decision>,
    effects: Vec<Effect>,
}

impl<'a> Book<'a> {
    /// Over loaded rows.
    pub fn new(terms: Terms<'a>, rows: Loaded) -> Self {
        let before = rows.figures.clone();
        let (used, granted, returned, exposed) = Default::default();
        Self { terms, rows, before, used, granted, returned, exposed, decisions: Vec::new(), effects: Vec::new() }
    }

    /// Applies an event. `candidates` are the campaigns in force that it sets off and whose condition holds, in the order
    /// in which they are decided. Answers the effects, in order.
    pub fn apply(&mut self, incoming: &Incoming, candidates: &[&Version]) -> Vec<Effect> {
        if let Some(how) = incoming.gives_back {
            self.give_back(incoming, how);
        }
        if let Some(moved) = incoming.moved.as_ref().filter(|moved| moved.is_fall()) {
            self.fall(&incoming.user, moved);
        }
        if let Some(happening) = &incoming.triggers {
            let mut groups: BTreeMap<&str, &Key> = BTreeMap::new();
            for version in candidates {
                self.meet(version, incoming, happening, &mut groups);
            }
        }
        if let Some(paid_minor) = incoming.bought_minor {
            self.bought(&incoming.user, paid_minor, incoming.occurred_at);
        }
        std::mem::take(&mut self.effects)
    }

    /// A grant.
    pub fn grant(&self, key: &GrantKey) -> Option<&Grant> {
        self.rows.grants.get(key)
    }

    /// The coupon of a grant could not be issued: the grant was never made.
    pub fn coupon_refused(&mut self, key: &GrantKey, why: &str) {
        let Some(grant) = self.rows.grants.remove(key) else { return };
        self.granted.remove(key);
        self.count(key, &grant, -1);
        let figures = self.rows.figures.entry(key.1.clone()).or_default();
        *figures = *figures - grant.figures();
        let of_it = |it: &&mut Decision| (&it.user, &it.campaign_id, &it.source_event) == (&key.0, &key.1, &key.2);
        if let Some(decision) = self.decisions.iter_mut().find(of_it) {
            decision.verdict = Verdict { other: why.to_owned(), ..Verdict::of(Outcome::CouponRefused) };
        }
    }

    /// The coupon of a grant was issued, with this id.
    pub fn coupon_issued(&mut self, key: &GrantKey, coupon_id: &str) {
        if let Some(grant) = self.rows.grants.get_mut(key) {
            coupon_id.clone_into(&mut grant.gift_id);
        }
    }

    /// A coupon was voided for what had set it off: it counts as taken back.
    pub fn coupon_voided(&mut self, key: &GrantKey) {
        self.change(key, |grant| grant.taken_back = grant.amount);
    }

    /// What became of a gift becomes known. A grant that came to an end keeps it, except that a used coupon may return.
    /// A coupon that is voided after its order or level was undone counts as taken back, as [`Book::coupon_voided`] would have.
    pub fn settle(&mut self, key: &GrantKey, fate: Fate) -> Vec<Effect> {
        let returned = self.reversal(key).is_some_and(|reversal| reversal.whole());
        self.change(key, |grant| match (grant.fate, fate) {
            (Fate::Refused | Fate::Lapsed, _) => {}
            (_, Fate::Lapsed) if grant.taken_back == grant.amount => {}
            (_, Fate::Lapsed) if returned => {
                grant.fate = Fate::Open;
                grant.taken_back = grant.amount;
            }
            _ => grant.fate = fate,
        });
        self.take_back(key);
        std::mem::take(&mut self.effects)
    }

    /// Closes the book.
    pub fn close(self) -> Written {
        let Loaded { figures, mut uses, mut grants, mut reversals, mut exposures } = self.rows;
        let changed = figures.into_iter().map(|(key, now)| {
            let before = self.before.get(&key).copied().unwrap_or_default();
            (key, now - before)
        });
        Written {
            figures: changed.filter(|(_, change)| *change != Figures::default()).collect(),
            uses: self.used.into_iter().filter_map(|key| uses.remove_entry(&key)).collect(),
            grants: self.granted.into_iter().filter_map(|key| grants.remove_entry(&key)).collect(),
            reversals: self.returned.into_iter().filter_map(|key| reversals.remove_entry(&key)).collect(),
            exposures: self.exposed.into_iter().filter_map(|key| exposures.remove_entry(&key)).collect(),
            decisions: self.decisions,
        }
    }

    fn meet<'g>(
        &mut self,
        version: &'g Version,
        incoming: &Incoming,
        happening: &Happening,
        groups: &mut BTreeMap<&'g str, &'g Key>,
    ) {
        let key = (incoming.user.clone(), version.campaign_id.clone(), incoming.event_id.clone());
        if self.rows.grants.contains_key(&key) {
            return;
        }
        let group = version.definition.exclusion_group.as_str();
        let verdict = match self.judge(version, incoming, happening, groups.get(group).copied()) {
            Ok(grant) => {
                let verdict = Verdict { amount: grant.amount, ..Verdict::of(Outcome::Granted) };
                if !group.is_empty() {
                    groups.insert(group, &version.campaign_id);
                }
                self.give(key, grant);
                verdict
            }
            Err(verdict) => verdict,
        };
        let arm = match verdict.outcome {
            Outcome::Granted => Some(Arm::Treated),
            Outcome::Holdout => Some(Arm::Control),
            _ => None,
        };
        if let Some(arm) = arm {
            self.expose(&incoming.user, &version.campaign_id, arm, incoming.occurred_at);
        }
        self.decisions.push(decision(version, incoming, verdict));
    }

    /// The grant that is due, or why there is none.
    pub fn judge(
        &self,
        version: &Version,
        incoming: &Incoming,
        happening: &Happening,
        other: Option<&Key>,
    ) -> Result<Grant, Verdict> {
        let it = &*version.definition;
        let (tenant, user, id) = (self.terms.tenant, &incoming.user, &version.campaign_id);
        if incoming.age() > Duration::seconds(it.event_age_max_s) {
            let age = Verdict::of(Outcome::TooOld);
            return Err(age.figures(incoming.age().whole_seconds(), it.event_age_max_s));
        }
        if incoming.last_hop {
            return Err(Verdict::of(Outcome::TooManyHops));
        }
        if chance::held_out_of_all(tenant, user, self.terms.global_holdout_bp) {
            return Err(Verdict::of(Outcome::GlobalHoldout));
        }
        if let Some(other) = other {
            return Err(Verdict { other: other.to_string(), ..Verdict::of(Outcome::Excluded) });
        }
        let order = (user.clone(), incoming.returnable_order().to_owned());
        if !order.1.is_empty() && self.rows.reversals.get(&order).is_some_and(Reversal::whole) {
            return Err(Verdict::of(Outcome::OrderReturned));
        }
        if chance::held_out_of(tenant, id.as_str(), user, it.holdout_bp) {
            return Err(Verdict::of(Outcome::Holdout));
        }
        self.within_limits(version, incoming)?;
        self.within_budget(version, incoming, happening)
    }

    fn within_limits(&self, version: &Version, incoming: &Incoming) -> Result<(), Verdict> {
        let (it, zone) = (&*version.definition, &version.compiled.zone);
        for limit in &it.user_limits {
            let bucket = limit.period.bucket(zone, incoming.occurred_at);
            let key = (incoming.user.clone(), version.campaign_id.clone(), bucket);
            let used = self.rows.uses.get(&key).copied().unwrap_or(0);
            if used >= limit.max {
                let resumes_at = limit.period.end(zone, incoming.occurred_at);
                let verdict = Verdict::of(Outcome::UserLimit).figures(used, limit.max);
                return Err(Verdict { period: Some(limit.period), resumes_at, ..verdict });
            }
        }
        let standing = self.figures(&version.campaign_id).standing;
        if it.grants_max > 0 && standing >= it.grants_max {
            return Err(Verdict::of(Outcome::TotalLimit).figures(standing, it.grants_max));
        }
        Ok(())
    }

    fn within_budget(&self, version: &Version, incoming: &Incoming, happening: &Happening) -> Result<Grant, Verdict> {
        let it = &*version.definition;
        let (gift, amount, reserved, cost) = self.sized(version, incoming, happening)?;
        if let Some(budget) = it.budget {
            let left = budget - self.figures(&version.campaign_id).used();
            if reserved > left {
                return Err(Verdict::of(Outcome::Budget).figures(reserved, left.max(0)));
            }
        }
        let bucket =
            |limit: &super::campaign::UserLimit| limit.period.bucket(&version.compiled.zone, incoming.occurred_at);
        Ok(Grant {
            version: version.version,
            order_id: incoming.returnable_order().to_owned(),
            level: incoming.moved.as_ref().and_then(Moved::reached),
            undone: false,
            gift,
            gift_id: (self.terms.gift_id)(&incoming.user, &version.campaign_id, &incoming.event_id),
            amount,
            reserved,
            cost,
            taken_back: 0,
            fate: Fate::Open,
            buckets: it.user_limits.iter().map(bucket).collect(),
            returns: it.returns,
            occurred_at: incoming.occurred_at,
            granted_at: incoming.recorded_at,
        })
    }

    /// What is given, how much of it, what the budget commits, and what it costs.
    fn sized(
        &self,
        version: &Version,
        incoming: &Incoming,
        happening: &Happening,
    ) -> Result<(Gift, i64, i64, i64), Verdict> {
        let nothing = || Verdict::of(Outcome::NothingDue);
        let key = |id: &str| Key::new(id).map_err(|_| nothing());
        Ok(match &version.definition.reward {
            Reward::Coupon { template_id, cost_minor, .. } => {
                (Gift::Coupon(key(template_id)?), 1, *cost_minor, *cost_minor)
            }
            Reward::Points { point_type_id, .. } => match version.compiled.points(happening) {
                0 => return Err(nothing()),
                points => (Gift::Points(key(point_type_id)?), points, points, points),
            },
            Reward::RandomPoints { point_type_id, min, max } => {
                let campaign = (version.campaign_id.as_str(), version.version);
                let chain = (incoming.root_event_id.as_str(), &incoming.user);
                let points = chance::drawn(self.terms.tenant, campaign, chain, (*min, *max));
                (Gift::Points(key(point_type_id)?), points, *max, points)
            }
        })
    }

    fn give(&mut self, key: GrantKey, grant: Grant) {
        *self.rows.figures.entry(key.1.clone()).or_default() += grant.figures();
        self.count(&key, &grant, 1);
        self.granted.insert(key.clone());
        self.rows.grants.insert(key.clone(), grant);
        self.effects.push(Effect::Granted(key.clone()));
        self.take_back(&key);
    }

    /// Changes a grant, and with it the figures of its campaign and the user's counts.
    fn change(&mut self, key: &GrantKey, change: impl FnOnce(&mut Grant)) {
        let Some(grant) = self.rows.grants.get_mut(key) else { return };
        let before = grant.clone();
        change(grant);
        if *grant == before {
            return;
        }
        let after = grant.clone();
        *self.rows.figures.entry(key.1.clone()).or_default() += after.figures() - before.figures();
        self.granted.insert(key.clone());
        match (before.stands(), after.stands()) {
            (true, false) => self.count(key, &after, -1),
            (false, true) => self.count(key, &after, 1),
            _ => {}
        }
    }

    fn count(&mut self, key: &GrantKey, grant: &Grant, by: i64) {
        for bucket in &grant.buckets {
            let used = (key.0.clone(), key.1.clone(), bucket.clone());
            *self.rows.uses.entry(used.clone()).or_default() += by;
            self.used.insert(used);
        }
    }

    fn expose(&mut self, user: &UserId, campaign_id: &Key, arm: Arm, at: OffsetDateTime) {
        let key = (user.clone(), campaign_id.clone());
        if !self.rows.exposures.contains_key(&key) {
            self.rows.exposures.insert(key.clone(), Exposure::new(arm, at));
            self.exposed.insert(key);
        }
    }

    fn bought(&mut self, user: &UserId, paid_minor: i64, at: OffsetDateTime) {
        let of_user = self.rows.exposures.iter_mut().filter(|((who, _), _)| who == user);
        for (key, exposure) in of_user {
            if exposure.bought(paid_minor, at) {
                self.exposed.insert(key.clone());
            }
        }
    }

    fn figures(&self, campaign_id: &Key) -> Figures {
        self.rows.figures.get(campaign_id).copied().unwrap_or_default()
    }
}

fn decision(version: &Version, incoming: &Incoming, verdict: Verdict) -> Decision {
    Decision {
        user: incoming.user.clone(),
        campaign_id: version.campaign_id.clone(),
        version: version.version,
        source_event: incoming.event_id.clone(),
        event_type: incoming.event_type.clone(),
        verdict,
        coupon: matches!(version.definition.reward, Reward::Coupon { .. }),
        zone: version.definition.zone.clone(),
        occurred_at: incoming.occurred_at,
        decided_at: incoming.recorded_at,
        undone: Undone::default(),
    }
}
