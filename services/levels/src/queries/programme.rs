use ids::{Key, TenantId};
use service::Page;

use crate::domain::earning::EarningRule;
use crate::domain::point_type::PointType;
use crate::domain::refusal::Refusal;
use crate::domain::scheme::Scheme;
use crate::error::LevelsError;
use crate::{Levels, store};

impl Levels {
    /// See `PointsService.GetPointType`.
    pub async fn point_type(&self, tenant: &TenantId, id: &Key) -> Result<PointType, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let found = super::point_type(&mut tx, tenant, id).await?;
        tx.rollback().await?;
        Ok(found)
    }

    /// See `PointsService.ListPointTypes`: those after an id.
    pub async fn list_point_types(
        &self,
        tenant: &TenantId,
        after: &str,
        size: i64,
    ) -> Result<Page<PointType, String>, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let rows = store::point_type::list(&mut tx, tenant, after, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it| it.id.to_string()))
    }

    /// See `EarningRuleService.GetEarningRule`.
    pub async fn earning_rule(&self, tenant: &TenantId, id: &Key) -> Result<EarningRule, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let found = store::earning_rule::read(&mut tx, tenant, id.as_str()).await?;
        tx.rollback().await?;
        found.ok_or_else(|| Refusal::EarningRuleNotFound { rule_id: id.to_string() }.into())
    }

    /// See `EarningRuleService.ListEarningRules`: those after an id.
    pub async fn list_earning_rules(
        &self,
        tenant: &TenantId,
        after: &str,
        size: i64,
    ) -> Result<Page<EarningRule, String>, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let rows = store::earning_rule::list(&mut tx, tenant, after, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it| it.id.to_string()))
    }

    /// See `LevelService.GetScheme`.
    pub async fn scheme(&self, tenant: &TenantId, id: &Key) -> Result<Scheme, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let found = super::scheme(&mut tx, tenant, id).await?;
        tx.rollback().await?;
        Ok(found)
    }

    /// See `LevelService.ListSchemes`: those after an id.
    pub async fn list_schemes(
        &self,
        tenant: &TenantId,
        after: &str,
        size: i64,
    ) -> Result<Page<Scheme, String>, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let all = store::scheme::all(&mut tx, tenant).await?; // a tenant has few
        tx.rollback().await?;
        let after = all.into_values().filter(|scheme| scheme.id.as_str() > after);
        let rows = after.take(usize::try_from(size + 1).unwrap_or(usize::MAX)).collect();
        Ok(Page::of(rows, size, |it| it.id.to_string()))
    }
}
