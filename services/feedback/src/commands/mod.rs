//! The writes, one file each. A transaction is visible from its begin to its commit: lock, look up the request ids, decide
//! in the domain, write, append to the log, record the answers, commit, wake the log's readers.

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
pub use handle_case::HandleCase;
pub use look_at_deadlines::DeadlineTimers;
pub use publish_case_type::PublishCaseType;
pub use publish_classification::PublishClassification;
pub use publish_sla_policy::PublishSlaPolicy;
pub use submit_case::SubmitCase;

use std::collections::{BTreeMap, BTreeSet};

use ids::{TenantId, UserId};
use mirror::Aliases;
use pg::{StoreError, Tx};
use service::{Decided, Failure};

use crate::domain::case::{Case, CaseKey, Dealt};
use crate::domain::refusal::Refusal;
use crate::error::FeedbackError;
use crate::{events, store};

/// Whom ids mean, and go on meaning until the transaction ends: who makes one of the ids an alias waits for it, and then
/// finds what it wrote.
async fn users<'a>(
    tx: &mut Tx,
    tenant: &TenantId,
    sent: impl Iterator<Item = &'a UserId>,
) -> Result<Aliases, FeedbackError> {
    let sent: BTreeSet<&UserId> = sent.collect();
    store::case::hold_users(tx, tenant, &sent).await?;
    let aliases = mirror::resolve(tx, tenant, sent.iter().copied()).await?;
    let meant: BTreeSet<UserId> = sent.iter().map(|user| aliases.meant(user)).collect();
    let others: BTreeSet<&UserId> = meant.iter().filter(|user| !sent.contains(user)).collect();
    if !others.is_empty() {
        store::case::hold_users(tx, tenant, &others).await?;
        if mirror::resolve(tx, tenant, sent).await? != aliases {
            return Err(Failure::Raced);
        }
    }
    Ok(aliases)
}

/// Stores what happened to cases that there are already: one statement per table, however many cases. Of several states of
/// a case the last is stored.
async fn write(tx: &mut Tx, tenant: &TenantId, dealt: &[&Dealt]) -> Result<(), StoreError> {
    let changed = dealt.iter().filter(|(_, entries)| !entries.is_empty());
    let changed: BTreeMap<CaseKey, &Case> = changed.map(|(case, _)| (case.key(), case)).collect();
    store::case::write(tx, tenant, &changed.into_values().collect::<Vec<_>>()).await?;
    store::entry::insert(tx, tenant, dealt).await
}

/// What was decided about a call, with what is told of it.
fn decided(user: &UserId, outcome: Result<Dealt, Refusal>) -> Decided<Case, Refusal> {
    let (drafts, outcome) = match outcome {
        Ok((case, entries)) => (events::told(&case, &entries), Ok(case)),
        Err(refusal) => (Vec::new(), Err(refusal)),
    };
    Decided { user: user.clone(), drafts, outcome }
}
