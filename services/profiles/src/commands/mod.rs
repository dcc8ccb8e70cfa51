//! The writes, one file each. A transaction is visible from its begin to its commit: lock, look up the request id, decide
//! in the domain, write, append to the log, record the answer, commit, wake the log's readers.

mod advance_clock;
mod apply_programme;
mod create_tenant;
mod link_alias;
mod publish_steps;
mod record_events;
mod review;
mod update_models;
mod update_profile;
mod update_tenant;
mod upsert_profile;
mod users;

pub use advance_clock::AdvanceClock;
pub use apply_programme::{Applied, ApplyProgramme, Wanted};
pub use create_tenant::CreateTenant;
pub use link_alias::LinkAlias;
pub use record_events::{IntakeEvent, NotTaken, Taken};
pub use update_models::{ModelsPart, UpdateModels};
pub use update_profile::UpdateProfile;
pub use update_tenant::UpdateTenant;
pub use upsert_profile::UpsertProfile;

use ids::TenantId;
use pg::Tx;

use crate::domain::tenant::Terms;
use crate::error::ProfilesError;
use crate::store;

/// The terms of a tenant whose writes are served.
async fn open(tx: &mut Tx, tenant: &TenantId) -> Result<Terms, ProfilesError> {
    let tenant_id = || tenant.as_str().to_owned();
    match store::tenant::terms(tx, tenant).await? {
        None => Err(ProfilesError::TenantUnknown { tenant_id: tenant_id() }),
        Some(terms) if terms.suspended => Err(ProfilesError::TenantSuspended { tenant_id: tenant_id() }),
        Some(terms) => Ok(terms),
    }
}
