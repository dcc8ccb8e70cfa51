use ids::{Key, TenantId};
use proto::incentives::v1::PublishCouponTemplateResponse;
use requests::Request;
use service::{Answer, earlier};

use crate::domain::template::Template;
use crate::error::IncentivesError;
use crate::{Incentives, events, store, wire};

/// Publishes a template.
#[derive(Debug, Clone)]
pub struct PublishTemplate {
    /// Makes it idempotent.
    pub request: Request,
    /// Its id.
    pub template_id: Key,
    /// The template; its version and time of publishing are set here.
    pub template: Template,
}

impl Incentives {
    /// See `CouponService.PublishCouponTemplate`.
    pub async fn publish_template(
        &self,
        tenant: &TenantId,
        command: &PublishTemplate,
    ) -> Result<Answer<PublishCouponTemplateResponse>, IncentivesError> {
        pg::retrying("publish_template", || self.publish_template_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_template", skip_all, fields(template = %command.template_id))]
    async fn publish_template_once(
        &self,
        tenant: &TenantId,
        command: &PublishTemplate,
    ) -> Result<Answer<PublishCouponTemplateResponse>, IncentivesError> {
        let mut tx = self.core.write(tenant).await?;
        let id = command.template_id.as_str();
        store::template::open(&mut tx, tenant, &command.template_id, command.template.distribution).await?;
        store::template::lock(&mut tx, tenant, &[id]).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let before = store::template::newest(&mut tx, tenant, &[id]).await?.remove(&command.template_id);
        let mut template = command.template.clone();
        template.version = before.as_ref().map_or(1, |(before, _)| before.version + 1);
        template.publish_time = before.as_ref().map_or(at, |(before, _)| before.publish_time.max(at));
        store::template::publish(&mut tx, tenant, &template).await?;
        store::template::register_tenant(&mut tx, tenant).await?;
        let message = wire::coupon::template(&template, before.map_or(0, |(_, issued)| issued));
        let draft = events::template_published(&command.request, message.clone(), template.publish_time);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishCouponTemplateResponse {
                template: Some(message),
                position: Some(position),
            })
            .await
    }
}
