//! The reads: each in one short transaction, after waiting for the positions that the caller named.

pub mod insight;
pub mod lifecycle;
pub mod member_page;
pub mod order;
pub mod plan;
pub mod profile;
pub mod programme;
pub mod tenant;

use ids::TenantId;
use pg::Tx;
use proto::common::v1::Position;

use crate::Profiles;
use crate::domain::tenant::Terms;
use crate::error::ProfilesError;
use crate::store;

impl Profiles {
    /// Begins a read of a tenant whose answer includes the positions.
    pub(crate) async fn read(&self, tenant: &TenantId, at_least: &[Position]) -> Result<(Tx, Terms), ProfilesError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let terms = terms(&mut tx, tenant).await?;
        Ok((tx, terms))
    }

    /// How many rows a page has that was asked for with this size.
    pub(crate) fn page_size(&self, asked: i32) -> i64 {
        page::size(asked, self.settings.page_default, self.settings.page_max)
    }
}

/// What holds for a tenant that there is.
async fn terms(tx: &mut Tx, tenant: &TenantId) -> Result<Terms, ProfilesError> {
    let unknown = || ProfilesError::TenantUnknown { tenant_id: tenant.as_str().to_owned() };
    store::tenant::terms(tx, tenant).await?.ok_or_else(unknown)
}

/// Whom an id means.
async fn canonical(tx: &mut Tx, tenant: &TenantId, id: &str) -> Result<Option<String>, ProfilesError> {
    Ok(store::profile::resolve(tx, tenant, &[id]).await?.remove(id))
}
