use ids::TenantId;
use proto::admin::v1::UpdateTenantResponse;
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::profile::check_etag;
use crate::domain::refusal::Refusal;
use crate::domain::tenant::TenantChange;
use crate::error::ProfilesError;
use crate::{Profiles, events, store, wire};

/// Changes a tenant.
#[derive(Debug, Clone)]
pub struct UpdateTenant {
    /// Makes it idempotent. An id is unique within the tenant that it names.
    pub request: Request,
    /// What was read; empty skips the check.
    pub etag: String,
    /// The new values.
    pub change: TenantChange,
}

impl Profiles {
    /// See `TenantService.UpdateTenant`.
    pub async fn update_tenant(
        &self,
        tenant: &TenantId,
        command: &UpdateTenant,
    ) -> Result<Answer<UpdateTenantResponse>, ProfilesError> {
        pg::retrying("update_tenant", || self.update_tenant_once(tenant, command)).await
    }

    #[tracing::instrument(name = "update_tenant", skip_all)]
    async fn update_tenant_once(
        &self,
        tenant: &TenantId,
        command: &UpdateTenant,
    ) -> Result<Answer<UpdateTenantResponse>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let row = store::tenant::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let Some(mut row) = row else {
            let refusal = Refusal::TenantNotFound { tenant_id: tenant.as_str().to_owned() };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        };
        if let Err(refusal) = check_etag(&command.etag, row.version) {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let mut draft = None;
        if row.apply(&command.change) {
            row.version += 1;
            row.update_time = pg::clock(&mut tx).await?;
            store::tenant::update(&mut tx, &row).await?;
            pg::note_tenant(&mut tx, tenant, Some(row.suspended), None).await?;
            draft = Some(events::tenant_changed(&command.request, wire::tenant(&row), row.update_time));
        }
        let message = wire::tenant(&row);
        self.core
            .finish(tx, tenant, &command.request, ("", draft.as_slice()), |position| UpdateTenantResponse {
                tenant: Some(message),
                position: Some(position),
            })
            .await
    }
}
