use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use proto::incentives::v1::{ExplainDecisionResponse, ExplanationCode};
use service::Page;
use units::text;

use crate::commands::compile;
use crate::domain::campaign::in_force;
use crate::domain::campaign_refusal::CampaignRefusal as Refusal;
use crate::domain::decision::{Decision, both};
use crate::error::CampaignError;
use crate::store::decision::{ListKey, Seen};
use crate::{Incentives, campaign_wire, store};

impl Incentives {
    /// See `DecisionService.ListDecisions`: those before a key.
    pub async fn list_decisions(
        &self,
        tenant: &TenantId,
        user: &UserId,
        before: Option<&ListKey>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<Decision, ListKey>, CampaignError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = mirror::resolve(&mut tx, tenant, [user]).await?.meant(user);
        let rows = store::decision::list(&mut tx, tenant, &user, before, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it| (it.decided_at, it.campaign_id.to_string(), it.source_event.to_string())))
    }

    /// See `DecisionService.ExplainDecision`.
    pub async fn explain_decision(
        &self,
        tenant: &TenantId,
        (user, campaign, event): (&UserId, &Key, &str),
        at_least: &[Position],
    ) -> Result<ExplainDecisionResponse, CampaignError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = mirror::resolve(&mut tx, tenant, [user]).await?.meant(user);
        if store::campaign::read(&mut tx, tenant, campaign.as_str()).await?.is_none() {
            return Err(Refusal::CampaignNotFound { campaign_id: campaign.to_string() }.into());
        }
        if let Some(found) = store::decision::read(&mut tx, tenant, (&user, campaign, event)).await? {
            let decision = campaign_wire::decision(&found);
            return Ok(ExplainDecisionResponse {
                code: ExplanationCode::Decided.into(),
                explanation: decision.explanation.clone(),
                decision: Some(decision),
            });
        }
        let code = match store::decision::seen(&mut tx, tenant, &user, event).await? {
            None => ExplanationCode::EventUnknown,
            Some(seen) => self.work_out(&mut tx, tenant, campaign, &seen).await?,
        };
        tx.rollback().await?;
        Ok(told(code))
    }

    /// Why a campaign stored nothing for an event that others decided on.
    async fn work_out(
        &self,
        tx: &mut pg::Tx,
        tenant: &TenantId,
        campaign: &Key,
        seen: &Seen,
    ) -> Result<ExplanationCode, CampaignError> {
        let mut turns = store::campaign::turns(tx, tenant, seen.recorded_at, seen.recorded_at).await?;
        turns.retain(|turn| turn.campaign_id == *campaign);
        let wanted: Vec<_> = turns.iter().map(|turn| (turn.campaign_id.clone(), turn.version)).collect();
        let mut versions = std::collections::BTreeMap::new();
        for ((id, number), definition) in store::campaign::definitions(tx, tenant, &wanted).await? {
            let version = compile(&id, number, definition)?;
            versions.insert((id, number), version);
        }
        let find = |id: &Key, version| versions.get(&(id.clone(), version));
        Ok(match in_force(&turns, find, seen.recorded_at).first() {
            None => ExplanationCode::NotInForce,
            Some(it) if it.definition.event_type != seen.event_type => ExplanationCode::NotTriggered,
            Some(it) if !it.definition.open(seen.occurred_at) => ExplanationCode::NotInForce,
            Some(it) if !it.compiled.holds(&seen.happening) => ExplanationCode::ConditionFalse,
            Some(_) => ExplanationCode::NotStored,
        })
    }
}

fn told(code: ExplanationCode) -> ExplainDecisionResponse {
    let (zh, en) = match code {
        ExplanationCode::Unspecified | ExplanationCode::Decided => ("", ""),
        ExplanationCode::NotTriggered => {
            ("未触发：活动由其他事件类型触发", "Not set off: the campaign is for another event type")
        }
        ExplanationCode::NotInForce => ("未触发：事件发生时活动未生效", "Not set off: the campaign was not in force"),
        ExplanationCode::ConditionFalse => ("未触发：条件不满足", "Not set off: the condition does not hold"),
        ExplanationCode::NotStored => {
            ("条件满足，但没有决策记录", "The condition holds, and yet no decision is stored")
        }
        ExplanationCode::EventUnknown => ("没有该事件的记录", "Nothing is known of the event"),
    };
    ExplainDecisionResponse { code: code.into(), decision: None, explanation: Some(text::to_proto(&both(zh, en))) }
}
