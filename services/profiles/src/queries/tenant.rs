//! Tenants.

use ids::TenantId;

use super::{Page, PageRequest, cut};
use crate::domain::refusal::Refusal;
use crate::domain::tenant::Tenant;
use crate::error::ProfilesError;
use crate::{Profiles, store};

const LIST: &str = "TenantService/ListTenants";

impl Profiles {
    /// See `TenantService.GetTenant`.
    pub async fn get_tenant(&self, tenant: &TenantId) -> Result<Tenant, ProfilesError> {
        let mut tx = self.db.begin(tenant).await?;
        let found = store::tenant::read(&mut tx, tenant).await?;
        tx.rollback().await?;
        found.ok_or_else(|| Refusal::TenantNotFound { tenant_id: tenant.as_str().to_owned() }.into())
    }

    /// See `TenantService.ListTenants`.
    pub async fn list_tenants(&self, page: &PageRequest) -> Result<Page<Tenant>, ProfilesError> {
        let args = [0; 16]; // the list has no arguments, and no tenant's
        let after = match page.token.as_str() {
            "" => String::new(),
            token => self.tokens.open(LIST, args, token)?.pop().unwrap_or_default(),
        };
        let size = self.page_size(page);
        let mut tx = self.db.begin_system().await?;
        let mut rows = store::tenant::list(&mut tx, &after, size + 1).await?;
        tx.rollback().await?;
        let more = cut(&mut rows, size);
        let last = rows.last().filter(|_| more).map(|row| row.tenant_id.clone());
        let next_page_token = last.map_or(String::new(), |last| self.tokens.seal(LIST, args, &[last]));
        Ok(Page { rows, next_page_token })
    }
}
