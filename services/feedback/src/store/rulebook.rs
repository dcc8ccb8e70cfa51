//! The rulebook as every call about cases needs it.

use ids::TenantId;
use pg::{StoreError, Tx};
use service::Published;

use super::{case_type, classification, sla_policy};
use crate::domain::rulebook::Rulebook;

impl Published for Rulebook {
    async fn load(tx: &mut Tx, tenant: &TenantId) -> Result<Self, StoreError> {
        Ok(Self {
            classification: classification::current(tx, tenant).await?,
            case_types: case_type::all(tx, tenant).await?,
            policies: sla_policy::since(tx, tenant, 0).await?,
        })
    }
}
