use ids::TenantId;
use proto::levels::v1::{PublishBenefitResponse, programme_published::Published};
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::benefit::{BENEFITS_MAX, Benefit};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Publishes a benefit.
#[derive(Debug, Clone)]
pub struct PublishBenefit {
    /// Makes it idempotent.
    pub request: Request,
    /// The benefit; its version and time of publishing are set here.
    pub benefit: Benefit,
}

impl Levels {
    /// See `BenefitService.PublishBenefit`.
    pub async fn publish_benefit(
        &self,
        tenant: &TenantId,
        command: &PublishBenefit,
    ) -> Result<Answer<PublishBenefitResponse>, LevelsError> {
        pg::retrying("publish_benefit", || self.publish_benefit_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_benefit", skip_all, fields(benefit = %command.benefit.id))]
    async fn publish_benefit_once(
        &self,
        tenant: &TenantId,
        command: &PublishBenefit,
    ) -> Result<Answer<PublishBenefitResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        store::benefit::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let mut benefit = command.benefit.clone();
        let mut others = store::benefit::all(&mut tx, tenant).await?;
        let before = others.remove(&benefit.id);
        let refusal = match &benefit.scheme {
            Some(id) => {
                let scheme = store::scheme::all(&mut tx, tenant).await?.remove(id);
                let (scheme_id, rank) = (id.to_string(), benefit.highest_named());
                match scheme {
                    None => Some(Refusal::SchemeNotFound { scheme_id }),
                    // one that nobody holds may be left over from a scheme with more levels
                    Some(scheme) if !benefit.paused && rank >= scheme.levels.len() => {
                        Some(Refusal::LevelNotFound { scheme_id, rank })
                    }
                    Some(_) => None,
                }
            }
            None => None,
        };
        let full = (others.len() >= BENEFITS_MAX).then_some(Refusal::BenefitLimit { limit: BENEFITS_MAX });
        if let Some(refusal) = refusal.or(full) {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        benefit.version = before.as_ref().map_or(1, |before| before.version + 1);
        benefit.publish_time = before.map_or(at, |before| before.publish_time.max(at));
        store::benefit::insert(&mut tx, tenant, &benefit).await?;
        let message = wire::benefit::benefit(&benefit);
        let draft = events::published(&command.request, Published::Benefit(message.clone()), benefit.publish_time);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishBenefitResponse {
                benefit: Some(message),
                position: Some(position),
            })
            .await
    }
}
