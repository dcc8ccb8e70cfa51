use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use time::OffsetDateTime;

use super::{find, resolve};
use crate::domain::case::Case;
use crate::domain::entry::Entry;
use crate::domain::sla_policy::Policies;
use crate::error::FeedbackError;
use crate::{Feedback, store};

/// Messages that a case is read with.
const MESSAGES_MAX: i64 = 100;

/// A case with what was written to and fro, and what its clocks are read by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseView {
    /// The case.
    pub case: Case,
    /// The newest messages, oldest first.
    pub messages: Vec<Entry>,
    /// The policies that it can follow.
    pub policies: Policies,
    /// Now.
    pub at: OffsetDateTime,
}

impl Feedback {
    /// See `CaseService.GetCase`.
    pub async fn case(
        &self,
        tenant: &TenantId,
        (user, case_id): (&UserId, &Key),
        at_least: &[Position],
    ) -> Result<CaseView, FeedbackError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let case = find(&mut tx, tenant, &user, case_id).await?;
        let messages = store::entry::messages(&mut tx, tenant, (&user, case_id), MESSAGES_MAX).await?;
        let policies = store::sla_policy::since(&mut tx, tenant, case.sla_version).await?;
        let at = pg::clock(&mut tx).await?;
        tx.rollback().await?;
        Ok(CaseView { case, messages, policies, at })
    }
}
