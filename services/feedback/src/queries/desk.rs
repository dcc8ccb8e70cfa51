use ids::{Key, TenantId};
use service::Page;

use crate::domain::case_type::CaseType;
use crate::domain::classification::Classification;
use crate::domain::refusal::Refusal;
use crate::domain::sla_policy::SlaPolicy;
use crate::error::FeedbackError;
use crate::{Feedback, store};

impl Feedback {
    /// See `CaseTypeService.GetCaseType`.
    pub async fn case_type(&self, tenant: &TenantId, id: &Key) -> Result<CaseType, FeedbackError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let found = store::case_type::read(&mut tx, tenant, &[id.as_str()].into()).await?.into_values().next();
        tx.rollback().await?;
        found.ok_or_else(|| Refusal::CaseTypeNotFound { case_type_id: id.to_string() }.into())
    }

    /// See `CaseTypeService.ListCaseTypes`: those after an id.
    pub async fn list_case_types(
        &self,
        tenant: &TenantId,
        product: &str,
        after: &str,
        size: i64,
    ) -> Result<Page<CaseType, String>, FeedbackError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let rows = store::case_type::list(&mut tx, tenant, product, after, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it| it.id.to_string()))
    }

    /// See `DeskService.GetSlaPolicy`.
    pub async fn sla_policy(&self, tenant: &TenantId) -> Result<SlaPolicy, FeedbackError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let found = store::sla_policy::current(&mut tx, tenant).await?.0.pop();
        tx.rollback().await?;
        found.ok_or_else(|| Refusal::SlaPolicyNotFound.into())
    }

    /// See `DeskService.GetClassification`.
    pub async fn classification(&self, tenant: &TenantId) -> Result<Classification, FeedbackError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let found = store::classification::current(&mut tx, tenant).await?;
        tx.rollback().await?;
        Ok(found)
    }
}
