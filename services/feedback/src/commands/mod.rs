//! The writes, one file each. A transaction is visible from its begin to its commit: lock, look up the request id, decide
//! in the domain, write, append to the log, record the answer, commit, wake the log's readers.

mod apply_ranks;
mod apply_values;
mod handle_case;
mod look_at_deadlines;
mod publish_case_type;
mod publish_classification;
mod publish_sla_policy;
mod submit_case;

pub use apply_ranks::RankConsumer;
pub use apply_values::ValueConsumer;
pub use handle_case::{Act, CaseAnswer, HandleCase};
pub use look_at_deadlines::DeadlineTimers;
pub use publish_case_type::PublishCaseType;
pub use publish_classification::PublishClassification;
pub use publish_sla_policy::PublishSlaPolicy;
pub use submit_case::SubmitCase;

use ids::{TenantId, UserId};
use pg::{StoreError, Tx};
use service::Failure;

use crate::domain::case::Case;
use crate::domain::entry::Entry;
use crate::error::FeedbackError;
use crate::store;

/// Whom an id means, and goes on meaning until the transaction ends: who makes one of the ids an alias waits for it, and
/// then finds what it wrote.
async fn user(tx: &mut Tx, tenant: &TenantId, sent: &UserId) -> Result<UserId, FeedbackError> {
    store::case::hold_user(tx, tenant, sent).await?;
    let meant = mirror::resolve(tx, tenant, [sent]).await?.meant(sent);
    if meant != *sent {
        store::case::hold_user(tx, tenant, &meant).await?;
        if mirror::resolve(tx, tenant, [sent]).await?.meant(sent) != meant {
            return Err(Failure::Raced);
        }
    }
    Ok(meant)
}

/// Stores what happened to cases that there are already: one statement per table, however many cases.
async fn write(tx: &mut Tx, tenant: &TenantId, dealt: &[(Case, Vec<Entry>)]) -> Result<(), StoreError> {
    let changed: Vec<&Case> = dealt.iter().filter(|(_, entries)| !entries.is_empty()).map(|(case, _)| case).collect();
    store::case::write(tx, tenant, &changed).await?;
    let entries = dealt.iter().flat_map(|(case, entries)| entries.iter().map(move |it| (&case.user, &case.id, it)));
    store::entry::insert(tx, tenant, &entries.collect::<Vec<_>>()).await
}
