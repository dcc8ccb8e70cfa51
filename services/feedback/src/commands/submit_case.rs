use ids::TenantId;
use proto::feedback::v1::SubmitCaseResponse;
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::refusal::Refusal;
use crate::domain::submission::{Submission, submit};
use crate::error::FeedbackError;
use crate::wire::Reader;
use crate::{Feedback, events, store, wire};

/// Takes in a case.
#[derive(Debug, Clone)]
pub struct SubmitCase {
    /// Makes it idempotent.
    pub request: Request,
    /// What the caller says; the user may be named by an alias.
    pub submission: Submission,
}

impl Feedback {
    /// See `CaseService.SubmitCase`.
    pub async fn submit_case(
        &self,
        tenant: &TenantId,
        command: &SubmitCase,
    ) -> Result<Answer<SubmitCaseResponse>, FeedbackError> {
        pg::retrying("submit_case", || self.submit_case_once(tenant, command)).await
    }

    #[tracing::instrument(name = "submit_case", skip_all, fields(case = %command.submission.case_id))]
    async fn submit_case_once(
        &self,
        tenant: &TenantId,
        command: &SubmitCase,
    ) -> Result<Answer<SubmitCaseResponse>, FeedbackError> {
        let request = &command.request;
        let mut tx = self.core.write(tenant).await?;
        let mut submission = command.submission.clone();
        submission.user = super::user(&mut tx, tenant, &submission.user).await?;
        if let Some(answer) = earlier(&mut tx, tenant, request).await? {
            return Ok(answer);
        }
        let classification = store::classification::current(&mut tx, tenant).await?;
        let verdict = submission.verdict(&classification);
        let case_type = store::case_type::read(&mut tx, tenant, &verdict.case_type).await?;
        if case_type.is_none() && !verdict.case_type.is_empty() {
            let refusal = Refusal::CaseTypeNotFound { case_type_id: verdict.case_type };
            return Err(refuse(tx, tenant, request, refusal).await);
        }
        let standing = store::standing::read(&mut tx, tenant, &submission.user).await?;
        let policies = store::sla_policy::current(&mut tx, tenant).await?;
        let at = self.core.decide(&mut tx, tenant).await?;
        let (case, entries) =
            submit(&submission, verdict, case_type.as_ref(), (&classification, &standing), &policies, at).close();
        if !store::case::insert(&mut tx, tenant, &case).await? {
            // whoever was first may have been this very request
            if let Some(answer) = earlier(&mut tx, tenant, request).await? {
                return Ok(answer);
            }
            let refusal = Refusal::CaseExists { case_id: case.id.to_string() };
            return Err(refuse(tx, tenant, request, refusal).await);
        }
        let rows: Vec<_> = entries.iter().map(|entry| (&case.user, &case.id, entry)).collect();
        store::entry::insert(&mut tx, tenant, &rows).await?;
        store::tenant::register(&mut tx, tenant).await?;
        let drafts = events::told(&case, &entries);
        let message = wire::case(&case, Reader::User);
        self.core
            .finish(tx, tenant, request, (case.user.as_str(), &drafts), |position| SubmitCaseResponse {
                case: Some(message),
                position: Some(position),
            })
            .await
    }
}
