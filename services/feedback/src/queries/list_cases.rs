use ids::{TenantId, UserId};
use proto::common::v1::Position;
use service::Page;
use time::OffsetDateTime;

use super::{QueuePage, resolve};
use crate::error::FeedbackError;
use crate::{Feedback, store};

/// After all cases of a user.
const LATEST: OffsetDateTime = time::macros::datetime!(9999-12-31 0:00 UTC);

impl Feedback {
    /// See `CaseService.ListCases`: cases that came in before a place.
    pub async fn list_cases(
        &self,
        tenant: &TenantId,
        user: &UserId,
        before: Option<(OffsetDateTime, String)>,
        size: i64,
        at_least: &[Position],
    ) -> Result<QueuePage<(OffsetDateTime, String)>, FeedbackError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let (at, case_id) = before.unwrap_or((LATEST, String::new()));
        let rows = store::case::list(&mut tx, tenant, &user, (at, &case_id), size + 1).await?;
        let page = Page::of(rows, size, |case| (case.submitted_at, case.id.to_string()));
        QueuePage::of(tx, tenant, page).await
    }
}
