//! Tenants.

use ids::TenantId;
use service::Page;

use crate::domain::refusal::Refusal;
use crate::domain::tenant::Tenant;
use crate::error::ProfilesError;
use crate::{Profiles, store};

impl Profiles {
    /// See `TenantService.GetTenant`.
    pub async fn get_tenant(&self, tenant: &TenantId) -> Result<Tenant, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let found = store::tenant::read(&mut tx, tenant).await?;
        tx.rollback().await?;
        found.ok_or_else(|| Refusal::TenantNotFound { tenant_id: tenant.as_str().to_owned() }.into())
    }

    /// See `TenantService.ListTenants`.
    pub async fn list_tenants(&self, after: &str, size: i32) -> Result<Page<Tenant, String>, ProfilesError> {
        let size = self.page_size(size);
        let mut tx = self.core.db.begin_system().await?;
        let rows = store::tenant::list(&mut tx, after, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |row| row.tenant_id.clone()))
    }
}
