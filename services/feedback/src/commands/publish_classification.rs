use ids::TenantId;
use proto::feedback::v1::{PublishClassificationResponse, desk_published::Published};
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::classification::Classification;
use crate::domain::refusal::Refusal;
use crate::error::FeedbackError;
use crate::{Feedback, events, store, wire};

/// Publishes the tenant's classification.
#[derive(Debug, Clone)]
pub struct PublishClassification {
    /// Makes it idempotent.
    pub request: Request,
    /// The classification; its version and time of publishing are set here.
    pub classification: Classification,
}

impl Feedback {
    /// See `DeskService.PublishClassification`.
    pub async fn publish_classification(
        &self,
        tenant: &TenantId,
        command: &PublishClassification,
    ) -> Result<Answer<PublishClassificationResponse>, FeedbackError> {
        pg::retrying("publish_classification", || self.publish_classification_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_classification", skip_all)]
    async fn publish_classification_once(
        &self,
        tenant: &TenantId,
        command: &PublishClassification,
    ) -> Result<Answer<PublishClassificationResponse>, FeedbackError> {
        let mut tx = self.core.write(tenant).await?;
        store::classification::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let mut classification = command.classification.clone();
        let rules = classification.rules.iter().map(|rule| rule.case_type.as_str());
        let named: Vec<&str> = rules.filter(|id| !id.is_empty()).collect();
        if let Some(case_type_id) = store::case_type::missing(&mut tx, tenant, &named).await?.into_iter().next() {
            let refusal = Refusal::CaseTypeNotFound { case_type_id };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let before = store::classification::current(&mut tx, tenant).await?;
        let at = self.core.decide(&mut tx, tenant).await?;
        classification.version = before.version + 1;
        classification.publish_time = before.publish_time.max(at);
        store::classification::insert(&mut tx, tenant, &classification).await?;
        let message = wire::classification(&classification);
        let draft = events::published(
            &command.request,
            Published::Classification(message.clone()),
            classification.publish_time,
        );
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishClassificationResponse {
                classification: Some(message),
                position: Some(position),
            })
            .await
    }
}
