use ids::TenantId;
use proto::admin::v1::CreateTenantResponse;
use requests::Request;
use service::{Answer, earlier, refuse};
use time::OffsetDateTime;

use crate::domain::refusal::Refusal;
use crate::domain::tenant::Tenant;
use crate::error::ProfilesError;
use crate::{Profiles, events, store, wire};

/// Registers a tenant.
#[derive(Debug, Clone)]
pub struct CreateTenant {
    /// Makes it idempotent. An id is unique within the tenant that it names.
    pub request: Request,
    /// For operators.
    pub display_name: String,
    /// A known zone.
    pub zone: String,
    /// A known currency.
    pub currency: String,
    /// For trials.
    pub sandbox: bool,
    /// Where a sandbox's manual clock begins; `None`: the real clock decides.
    pub clock: Option<OffsetDateTime>,
}

impl Profiles {
    /// See `TenantService.CreateTenant`.
    pub async fn create_tenant(
        &self,
        tenant: &TenantId,
        command: &CreateTenant,
    ) -> Result<Answer<CreateTenantResponse>, ProfilesError> {
        pg::retrying("create_tenant", || self.create_tenant_once(tenant, command)).await
    }

    #[tracing::instrument(name = "create_tenant", skip_all)]
    async fn create_tenant_once(
        &self,
        tenant: &TenantId,
        command: &CreateTenant,
    ) -> Result<Answer<CreateTenantResponse>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let at = match command.clock {
            Some(clock) => clock,
            None => pg::real_clock(&mut tx).await?,
        };
        let row = Tenant {
            tenant_id: tenant.as_str().to_owned(),
            display_name: command.display_name.clone(),
            zone: command.zone.clone(),
            currency: command.currency.clone(),
            sandbox: command.sandbox,
            clock: command.clock,
            suspended: false,
            version: 1,
            create_time: at,
            update_time: at,
        };
        // waits for a concurrent creation of the same tenant, whose record is then found
        let added = store::tenant::insert(&mut tx, &row).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        if !added {
            let refusal = Refusal::TenantExists { tenant_id: row.tenant_id };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        pg::note_tenant(&mut tx, tenant, Some(false), row.clock).await?;
        let message = wire::tenant(&row);
        let draft = events::tenant_changed(&command.request, message.clone(), at);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| CreateTenantResponse {
                tenant: Some(message),
                position: Some(position),
            })
            .await
    }
}
