//! What every service keeps of profiles: which tenants there are, whether they are suspended, where a sandbox's clock
//! stands, and whom an id means. A consumer of profiles' log hands its events to [`apply`] before it looks at them itself.

mod alias;

use eventlog::{ApplyError, EventPayload};
use ids::{TenantId, UserId};
use pg::Tx;
use proto::admin::v1::TenantState;
use proto::events::v1::Event;
use proto::profiles::v1::{ProfileAliasLinked, TenantChanged};

pub use alias::{Aliases, resolve};

/// The migrations of the tables, version 300 and up.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The types of profiles' log that are applied here.
pub const TYPES: [&str; 2] = ["tenant.changed", "profile.alias_linked"];

/// Notes what the events say of the tenant and its users' ids; others pass by. Applied again it changes nothing.
pub async fn apply(tx: &mut Tx, tenant: &TenantId, events: &[Event]) -> Result<(), ApplyError> {
    for (index, event) in events.iter().enumerate() {
        let fault = |reason: String| ApplyError::Event { index, reason };
        match event.r#type.as_str() {
            "tenant.changed" => {
                let changed: TenantChanged = payload(event).map_err(fault)?;
                let told = changed.tenant.ok_or_else(|| fault("tenant is missing".to_owned()))?;
                let clock = told.clock.as_ref().map(units::time::from_proto).transpose();
                let clock = clock.map_err(|why| fault(format!("tenant.clock {why}")))?;
                pg::note_tenant(tx, tenant, Some(told.state() == TenantState::Suspended), clock).await?;
                pg::note_currency(tx, tenant, &told.currency).await?;
            }
            "profile.alias_linked" => {
                let linked: ProfileAliasLinked = payload(event).map_err(fault)?;
                let user = UserId::new(event.user_id.as_str()).map_err(|why| fault(format!("user_id {why}")))?;
                alias::link(tx, tenant, &linked.alias, &user).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn payload<P: EventPayload + Default>(event: &Event) -> Result<P, String> {
    P::decode(event.payload.as_slice()).map_err(|_| format!("the payload is no {}", P::NAME))
}
