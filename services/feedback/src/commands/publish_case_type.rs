use ids::TenantId;
use proto::feedback::v1::{PublishCaseTypeResponse, desk_published::Published};
use requests::Request;
use service::{Answer, earlier};

use crate::domain::case_type::CaseType;
use crate::error::FeedbackError;
use crate::{Feedback, events, store, wire};

/// Publishes a case type.
#[derive(Debug, Clone)]
pub struct PublishCaseType {
    /// Makes it idempotent.
    pub request: Request,
    /// The type; its version and time of publishing are set here.
    pub case_type: CaseType,
}

impl Feedback {
    /// See `CaseTypeService.PublishCaseType`.
    pub async fn publish_case_type(
        &self,
        tenant: &TenantId,
        command: &PublishCaseType,
    ) -> Result<Answer<PublishCaseTypeResponse>, FeedbackError> {
        pg::retrying("publish_case_type", || self.publish_case_type_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_case_type", skip_all)]
    async fn publish_case_type_once(
        &self,
        tenant: &TenantId,
        command: &PublishCaseType,
    ) -> Result<Answer<PublishCaseTypeResponse>, FeedbackError> {
        let mut tx = self.core.write(tenant).await?;
        store::case_type::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let mut case_type = command.case_type.clone();
        let before =
            store::case_type::read(&mut tx, tenant, &[case_type.id.as_str()].into()).await?.into_values().next();
        let at = self.core.decide(&mut tx, tenant).await?;
        case_type.version = before.as_ref().map_or(1, |before| before.version + 1);
        case_type.publish_time = before.map_or(at, |before| before.publish_time.max(at));
        store::case_type::insert(&mut tx, tenant, &case_type).await?;
        let message = wire::case_type(&case_type);
        let draft = events::published(&command.request, Published::CaseType(message.clone()), case_type.publish_time);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishCaseTypeResponse {
                case_type: Some(message),
                position: Some(position),
            })
            .await
    }
}
