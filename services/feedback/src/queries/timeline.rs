use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use service::Page;

use super::{find, resolve};
use crate::domain::entry::Entry;
use crate::error::FeedbackError;
use crate::{Feedback, store};

impl Feedback {
    /// See `CaseService.GetCaseTimeline`: entries with a number above `after`.
    pub async fn timeline(
        &self,
        tenant: &TenantId,
        (user, case_id): (&UserId, &Key),
        after: Option<i64>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<Entry, i64>, FeedbackError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        find(&mut tx, tenant, &user, case_id).await?;
        let rows = store::entry::list(&mut tx, tenant, (&user, case_id), after.unwrap_or_default(), size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |entry| entry.seq))
    }
}
