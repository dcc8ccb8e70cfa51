use ids::TenantId;
use proto::feedback::v1::{PublishSlaPolicyResponse, desk_published::Published};
use requests::Request;
use service::{Answer, earlier};

use crate::domain::sla_policy::SlaPolicy;
use crate::error::FeedbackError;
use crate::{Feedback, events, store, wire};

/// Publishes the tenant's SLA policy.
#[derive(Debug, Clone)]
pub struct PublishSlaPolicy {
    /// Makes it idempotent.
    pub request: Request,
    /// The policy; its version and time of publishing are set here.
    pub sla_policy: SlaPolicy,
}

impl Feedback {
    /// See `DeskService.PublishSlaPolicy`.
    pub async fn publish_sla_policy(
        &self,
        tenant: &TenantId,
        command: &PublishSlaPolicy,
    ) -> Result<Answer<PublishSlaPolicyResponse>, FeedbackError> {
        pg::retrying("publish_sla_policy", || self.publish_sla_policy_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_sla_policy", skip_all)]
    async fn publish_sla_policy_once(
        &self,
        tenant: &TenantId,
        command: &PublishSlaPolicy,
    ) -> Result<Answer<PublishSlaPolicyResponse>, FeedbackError> {
        let mut tx = self.core.write(tenant).await?;
        store::sla_policy::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let mut sla_policy = command.sla_policy.clone();
        let policies = store::sla_policy::current(&mut tx, tenant).await?;
        let before = policies.current();
        let at = self.core.decide(&mut tx, tenant).await?;
        sla_policy.version = policies.version() + 1;
        sla_policy.publish_time = before.map_or(at, |before| before.publish_time.max(at));
        store::sla_policy::insert(&mut tx, tenant, &sla_policy).await?;
        store::tenant::register(&mut tx, tenant).await?;
        let message = wire::sla_policy(&sla_policy);
        let draft = events::published(&command.request, Published::SlaPolicy(message.clone()), sla_policy.publish_time);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishSlaPolicyResponse {
                sla_policy: Some(message),
                position: Some(position),
            })
            .await
    }
}
