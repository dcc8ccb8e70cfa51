use ids::TenantId;
use proto::common::v1::Position;
use service::Page;

use crate::error::LevelsError;
use crate::store::total::Audit;
use crate::{Levels, store};

/// Mismatches listed per page.
const MISMATCHES_MAX: usize = 100;

/// What was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPage {
    /// Accounts compared.
    pub accounts: i64,
    /// Entries in them.
    pub entries: i64,
    /// Those that disagree.
    pub mismatches: Vec<Audit>,
    /// The key of the last account, where there are more.
    pub next: Option<(String, String)>,
}

impl Levels {
    /// See `PointsService.VerifyLedger`.
    pub async fn verify_ledger(
        &self,
        tenant: &TenantId,
        after: Option<(String, String)>,
        size: i64,
        at_least: &[Position],
    ) -> Result<VerifiedPage, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (user, point_type) = after.unwrap_or_default();
        let rows = store::total::audit(&mut tx, tenant, (&user, &point_type), size + 1).await?;
        tx.rollback().await?;
        let page = Page::of(rows, size, |row| (row.user_id.clone(), row.point_type_id.clone()));
        Ok(VerifiedPage {
            accounts: i64::try_from(page.rows.len()).unwrap_or(i64::MAX),
            entries: page.rows.iter().map(|row| row.entries).sum(),
            mismatches: page.rows.into_iter().filter(|row| !row.agrees()).take(MISMATCHES_MAX).collect(),
            next: page.next,
        })
    }
}
