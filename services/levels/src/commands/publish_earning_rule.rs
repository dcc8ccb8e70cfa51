use ids::TenantId;
use proto::levels::v1::{PublishEarningRuleResponse, programme_published::Published};
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::earning::EarningRule;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Publishes a rule that has been compiled once, so that it is known to be readable.
#[derive(Debug, Clone)]
pub struct PublishEarningRule {
    /// Makes it idempotent.
    pub request: Request,
    /// The rule; its version and time of publishing are set here.
    pub rule: EarningRule,
}

impl Levels {
    /// See `EarningRuleService.PublishEarningRule`.
    pub async fn publish_earning_rule(
        &self,
        tenant: &TenantId,
        command: &PublishEarningRule,
    ) -> Result<Answer<PublishEarningRuleResponse>, LevelsError> {
        pg::retrying("publish_earning_rule", || self.publish_earning_rule_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_earning_rule", skip_all, fields(rule = %command.rule.id))]
    async fn publish_earning_rule_once(
        &self,
        tenant: &TenantId,
        command: &PublishEarningRule,
    ) -> Result<Answer<PublishEarningRuleResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let mut rule = command.rule.clone();
        if store::point_type::read(&mut tx, tenant, &[rule.point_type.as_str()]).await?.is_empty() {
            let refusal = Refusal::PointTypeNotFound { point_type_id: rule.point_type.to_string() };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let before = store::earning_rule::read(&mut tx, tenant, rule.id.as_str()).await?;
        let at = self.core.decide(&mut tx, tenant).await?;
        rule.version = before.as_ref().map_or(1, |before| before.version + 1);
        rule.publish_time = before.map_or(at, |before| before.publish_time.max(at));
        store::earning_rule::insert(&mut tx, tenant, &rule).await.map_err(|error| match error.constraint() {
            Some("earning_rule_pkey") => error.into_conflict(), // another version was published meanwhile
            _ => error,
        })?;
        let message = wire::earning_rule(&rule);
        let draft = events::published(&command.request, Published::Rule(message.clone()), rule.publish_time);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishEarningRuleResponse {
                rule: Some(message),
                position: Some(position),
            })
            .await
    }
}
