use ids::TenantId;
use pg::Tx;
use proto::common::v1::Position;
use service::Page;
use time::OffsetDateTime;

use crate::domain::case::Case;
use crate::domain::queue::{Filter, Place};
use crate::domain::sla_policy::Policies;
use crate::error::FeedbackError;
use crate::{Feedback, store};

/// A page of cases, and what their clocks are read by.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuePage<K> {
    /// The cases.
    pub page: Page<Case, K>,
    /// The policies that they can follow.
    pub policies: Policies,
    /// Now.
    pub at: OffsetDateTime,
}

impl<K> QueuePage<K> {
    /// With what the clocks of a page's cases are read by.
    pub(super) async fn of(mut tx: Tx, tenant: &TenantId, page: Page<Case, K>) -> Result<Self, FeedbackError> {
        let oldest = page.rows.iter().map(|case| case.sla_version).min().unwrap_or(i32::MAX);
        let policies = store::sla_policy::since(&mut tx, tenant, oldest).await?;
        let at = pg::clock(&mut tx).await?;
        tx.rollback().await?;
        Ok(Self { page, policies, at })
    }
}

impl Feedback {
    /// See `CaseService.ListQueue`: cases after a place.
    pub async fn list_queue(
        &self,
        tenant: &TenantId,
        filter: &Filter,
        after: Option<Place>,
        size: i64,
        at_least: &[Position],
    ) -> Result<QueuePage<Place>, FeedbackError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let after = after.unwrap_or_else(Place::start);
        let rows = store::queue::list(&mut tx, tenant, filter, &after, size + 1).await?;
        QueuePage::of(tx, tenant, Page::of(rows, size, Place::of)).await
    }
}
