use std::collections::BTreeSet;
use std::sync::Arc;

use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use time::OffsetDateTime;

use super::resolve;
use crate::domain::book::Programme;
use crate::domain::cap::{CapBook, CapKey};
use crate::domain::claim::Rule;
use crate::domain::earning::{EarningRule, Happening, caps_of};
use crate::domain::refusal::Refusal;
use crate::domain::trial::{Trial, Tried, trials};
use crate::error::LevelsError;
use crate::{Levels, store};

/// Rules that are looked at.
const RULES_MAX: usize = 500;

/// An event that rules are to be tried on.
#[derive(Debug, Clone)]
pub struct AskedDryRun {
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// Its type.
    pub event_type: String,
    /// When it happens; `None`: now.
    pub occurred_at: Option<OffsetDateTime>,
    /// The order; empty where it is about none.
    pub order_id: String,
    /// What it says.
    pub happening: Happening,
    /// A rule in place of the published one of its id.
    pub draft: Option<EarningRule>,
}

impl Levels {
    /// See `EarningRuleService.DryRunEarning`.
    pub async fn dry_run_earning(
        &self,
        tenant: &TenantId,
        asked: AskedDryRun,
        at_least: &[Position],
    ) -> Result<Vec<Trial>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (programme, now) = self.programme.now(&mut tx, tenant).await?;
        let user = resolve(&mut tx, tenant, &asked.user).await?;
        let at = asked.occurred_at.unwrap_or(now);
        let published = store::earning_rule::in_force(&mut tx, tenant, now, now).await?;
        let rules = self.with_draft(tenant, &programme, published, (&asked.event_type, asked.draft.as_ref()))?;
        let caps = caps(&mut tx, tenant, &programme, &rules, (&user, at)).await?;
        let rank = rank(&mut tx, tenant, &programme, &user, now).await?;
        let orders: Vec<(&str, &str)> = match asked.order_id.as_str() {
            "" => Vec::new(),
            order => vec![(user.as_str(), order)],
        };
        let earned = store::order::earnings(&mut tx, tenant, &orders, &[]).await?;
        tx.rollback().await?;
        let earned: BTreeSet<Key> = earned.into_iter().map(|(_, earning)| earning.rule_id).collect();
        let (event_type, happening) = (asked.event_type.as_str(), &asked.happening);
        let tried = Tried { user: &user, event_type, at, happening, rank, earned: &earned };
        Ok(trials(&programme, &rules, &tried, &caps))
    }

    /// The published rules that count the type of the event, with the draft among them, in order of their ids.
    pub(super) fn with_draft(
        &self,
        tenant: &TenantId,
        programme: &Programme,
        published: Vec<EarningRule>,
        (event_type, draft): (&str, Option<&EarningRule>),
    ) -> Result<Vec<Rule>, LevelsError> {
        let replaced = |rule: &EarningRule| draft.is_some_and(|draft| draft.id == rule.id);
        let counting = published.into_iter().filter(|it| it.event_type == event_type && !replaced(it));
        let mut rules = self.rules.compile(tenant, counting.take(RULES_MAX).collect())?;
        if let Some(draft) = draft {
            if !programme.types.contains_key(&draft.point_type) {
                return Err(Refusal::PointTypeNotFound { point_type_id: draft.point_type.to_string() }.into());
            }
            if let Ok(compiled) = draft.compile() {
                rules.push(Rule { rule: Arc::new(draft.clone()), compiled: Arc::new(compiled) });
                rules.sort_by(|a, b| a.rule.id.cmp(&b.rule.id));
                rules.truncate(RULES_MAX);
            }
        }
        Ok(rules)
    }
}

/// What is used of the caps of rules for what a user does at a time.
async fn caps(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    rules: &[Rule],
    (user, at): (&UserId, OffsetDateTime),
) -> Result<CapBook, LevelsError> {
    let mut keys: BTreeSet<CapKey> = BTreeSet::new();
    for it in rules {
        let Some(point_type) = programme.types.get(&it.rule.point_type) else { continue };
        let capped = caps_of(Some(&it.rule), point_type);
        keys.extend(capped.iter().flat_map(|it| it.keys(user, at)).map(|(key, _)| key));
    }
    Ok(CapBook::new(store::cap::read(tx, tenant, &keys.iter().collect::<Vec<_>>()).await?))
}

/// The rank that the user holds now, as it will be decided whether or not the review came by.
async fn rank(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    user: &UserId,
    now: OffsetDateTime,
) -> Result<Option<i64>, LevelsError> {
    let Some(scheme) = programme.main_scheme() else { return Ok(None) };
    let key = (user.clone(), scheme.guard().clone());
    let held = store::holding::read(tx, tenant, programme, std::slice::from_ref(&key)).await?;
    let (mut book, at) = held.of(&key).at(programme, &key, now);
    Ok(book.rank_of(user, at))
}
