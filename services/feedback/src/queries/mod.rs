//! The reads, one file each. A read waits for the positions that it was given before it looks.

mod case;
mod desk;
mod figures;
mod list_cases;
mod list_queue;
mod timeline;

pub use case::CaseView;
pub use list_queue::QueuePage;

use ids::{Key, TenantId, UserId};
use pg::Tx;

use crate::domain::case::Case;
use crate::domain::refusal::Refusal;
use crate::error::FeedbackError;
use crate::store;

/// Whom an id means.
async fn resolve(tx: &mut Tx, tenant: &TenantId, user: &UserId) -> Result<UserId, FeedbackError> {
    Ok(mirror::resolve(tx, tenant, [user]).await?.meant(user))
}

/// A user's case.
async fn find(tx: &mut Tx, tenant: &TenantId, user: &UserId, case_id: &Key) -> Result<Case, FeedbackError> {
    let found = store::case::read(tx, tenant, user, case_id).await?;
    found.ok_or_else(|| Refusal::CaseNotFound { case_id: case_id.to_string() }.into())
}
