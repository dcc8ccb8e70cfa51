//! The writes, one file each. A transaction is visible from its begin to its commit: lock, look up the request id, decide
//! in the domain, write, append to the log, record the answer, commit, wake the log's readers.

mod create_tenant;
mod link_alias;
mod record_events;
mod update_models;
mod update_profile;
mod update_tenant;
mod upsert_profile;
mod users;

pub use create_tenant::CreateTenant;
pub use link_alias::LinkAlias;
pub use record_events::{IntakeEvent, Taken};
pub use update_models::{ModelsPart, UpdateModels};
pub use update_profile::UpdateProfile;
pub use update_tenant::UpdateTenant;
pub use upsert_profile::UpsertProfile;

use std::collections::BTreeSet;

use eventlog::Draft;
use ids::{Partition, TenantId};
use pg::Tx;
use proto::common::v1::Position;
use requests::{Keep, Known, Request};

use crate::Profiles;
use crate::domain::refusal::Refusal;
use crate::domain::tenant::Terms;
use crate::error::ProfilesError;
use crate::store;

/// What a write answered, now or when its request id was first used.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The answer.
    pub value: T,
    /// True: it is the first one, given again.
    pub replayed: bool,
}

/// The terms of a tenant whose writes are served.
async fn open(tx: &mut Tx, tenant: &TenantId) -> Result<Terms, ProfilesError> {
    let tenant_id = || tenant.as_str().to_owned();
    match store::tenant::terms(tx, tenant).await? {
        None => Err(ProfilesError::TenantUnknown { tenant_id: tenant_id() }),
        Some(terms) if terms.suspended => Err(ProfilesError::TenantSuspended { tenant_id: tenant_id() }),
        Some(terms) => Ok(terms),
    }
}

/// The answer or refusal that the request id already has. Comes after the locks, in a statement of its own.
async fn earlier<T>(tx: &mut Tx, tenant: &TenantId, request: &Request) -> Result<Option<Answer<T>>, ProfilesError>
where
    T: prost::Message + Default,
{
    match requests::look_up::<T, Refusal>(tx, tenant, &[request]).await?.pop() {
        Some(Known::Answered(value)) => Ok(Some(Answer { value, replayed: true })),
        Some(Known::Refused(refusal)) => Err(ProfilesError::Refused { refusal, replayed: true }),
        Some(Known::OtherBody) => Err(ProfilesError::RequestIdReused { request_id: request.id.to_string() }),
        Some(Known::New) | None => Ok(None),
    }
}

/// Keeps a refusal, so that a late duplicate gets it too. Whatever else the transaction did must have been undone.
async fn refuse(mut tx: Tx, tenant: &TenantId, request: &Request, refusal: Refusal) -> ProfilesError {
    let record = [(request, Err::<&(), _>(&refusal))];
    let recorded = async {
        requests::record(&mut tx, tenant, Keep::Days30, &record).await?;
        tx.commit().await
    };
    match recorded.await {
        Ok(()) => refusal.into(),
        Err(error) => error.into(),
    }
}

impl Profiles {
    /// Tells the log, keeps the answer and commits. The answer names the place in the log, so it is recorded after the
    /// append. Without anything to tell, the place is where the user's partition ends: all that was done before is told
    /// up to there.
    async fn finish<T: prost::Message>(
        &self,
        mut tx: Tx,
        tenant: &TenantId,
        request: &Request,
        (user, draft): (&str, Option<Draft>),
        answer: impl FnOnce(Position) -> T + Send,
    ) -> Result<Answer<T>, ProfilesError> {
        let position = match draft {
            Some(draft) => self.log.append(&mut tx, tenant, &[draft]).await?.pop(),
            None => None,
        };
        let told = match &position {
            Some(position) => Position::from(*position),
            None => {
                let partition = Partition::of(tenant, user);
                let heads = store::intake::heads(&mut tx, &BTreeSet::from([partition])).await?;
                self.place(partition, heads.get(&partition).copied().unwrap_or(0))
            }
        };
        let value = answer(told);
        let record = [(request, Ok::<_, &Refusal>(&value))];
        requests::record(&mut tx, tenant, Keep::Days30, &record).await?;
        tx.commit().await?;
        self.log.wake(position.as_slice());
        Ok(Answer { value, replayed: false })
    }

    /// A place in this service's log as it travels.
    fn place(&self, partition: Partition, seq: i64) -> Position {
        Position { source: self.log.source().to_owned(), partition: partition.index().into(), seq }
    }
}
