use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use proto::incentives::v1 as pb;
use service::Page;

use super::resolve;
use crate::domain::issue::{Asking, hindrance};
use crate::domain::refusal::Refusal;
use crate::domain::template::{Distribution, Template};
use crate::error::IncentivesError;
use crate::{Incentives, store, wire};

impl Incentives {
    /// See `CouponService.GetCouponTemplate`: with the number of coupons ever issued.
    pub async fn template(&self, tenant: &TenantId, id: &Key) -> Result<(Template, i64), IncentivesError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let found = store::template::newest(&mut tx, tenant, &[id.as_str()]).await?.remove(id);
        tx.rollback().await?;
        found.ok_or_else(|| Refusal::CouponTemplateNotFound { template_id: id.to_string() }.into())
    }

    /// See `CouponService.ListCouponTemplates`: those after an id.
    pub async fn list_templates(
        &self,
        tenant: &TenantId,
        after: &str,
        size: i64,
    ) -> Result<Page<(Template, i64), String>, IncentivesError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let found = store::template::list(&mut tx, tenant, None, after, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(found, size, |(template, _)| template.template_id.clone()))
    }

    /// See `CouponService.ListClaimable`: those after an id.
    pub async fn list_claimable(
        &self,
        tenant: &TenantId,
        user: &UserId,
        after: &str,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<pb::Claimable, String>, IncentivesError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let claimable = Some(Distribution::Claimable);
        let found = store::template::list(&mut tx, tenant, claimable, after, size + 1).await?;
        let page = Page::of(found, size, |(template, _)| template.template_id.clone());
        let keys: Vec<_> = page.rows.iter().map(|(template, _)| (user.clone(), template.key())).collect();
        let counts = store::coupon::counts(&mut tx, tenant, &keys).await?;
        let at = pg::clock(&mut tx).await?;
        tx.rollback().await?;
        let claimable = |((template, issued), key): (&(Template, i64), &(UserId, Key))| {
            let claimed = counts.get(key).copied().unwrap_or(0);
            let why_not = hindrance(template, *issued, claimed, &Asking::Claim, at);
            pb::Claimable {
                template: Some(wire::coupon::template(template, *issued)),
                hindrance: why_not.map(|why_not| wire::quote::hindrance(&why_not.into(), "")),
                claimed,
                left: if template.stock == 0 { -1 } else { (template.stock - issued).max(0) },
            }
        };
        Ok(Page { rows: page.rows.iter().zip(&keys).map(claimable).collect(), next: page.next })
    }
}
