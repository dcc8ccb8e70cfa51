use ids::{Key, TenantId, UserId};
use proto::incentives::v1::ClaimCouponResponse;
use requests::{Keep, Request};
use service::{Answer, Batch, Core, Decided, Together};

use super::grant_coupons::{coupon_id, load, store_issued};
use crate::domain::coupon::HeldCoupon;
use crate::domain::issue::Asking;
use crate::domain::refusal::Refusal;
use crate::error::IncentivesError;
use crate::{Incentives, events, wire};

/// A user claims a coupon.
#[derive(Debug, Clone)]
pub struct ClaimCoupon {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The template.
    pub template: Key,
}

type Outcome = Result<Answer<ClaimCouponResponse>, IncentivesError>;

impl Together<ClaimCoupon> for Incentives {
    type Answer = Answer<ClaimCouponResponse>;
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    async fn together(&self, tenant: &TenantId, calls: &[ClaimCoupon]) -> Result<Vec<Outcome>, IncentivesError> {
        self.claim_coupons(tenant, calls).await
    }
}

impl Incentives {
    /// See `CouponService.ClaimCoupon`: a batch of calls of one tenant, each with its own outcome. Whatever its size, a
    /// template's row is changed once.
    #[tracing::instrument(skip_all, fields(calls = commands.len()))]
    pub async fn claim_coupons(
        &self,
        tenant: &TenantId,
        commands: &[ClaimCoupon],
    ) -> Result<Vec<Outcome>, IncentivesError> {
        pg::retrying("claim_coupons", || self.claim_coupons_once(tenant, commands)).await
    }

    async fn claim_coupons_once(
        &self,
        tenant: &TenantId,
        commands: &[ClaimCoupon],
    ) -> Result<Vec<Outcome>, IncentivesError> {
        let mut tx = self.core.write(tenant).await?;
        let aliases = mirror::resolve(&mut tx, tenant, commands.iter().map(|command| &command.user)).await?;
        let keys: Vec<(UserId, Key)> =
            commands.iter().map(|command| (aliases.meant(&command.user), command.template.clone())).collect();
        let mut issuing = load(&mut tx, tenant, &keys).await?;
        let requests = commands.iter().map(|command| &command.request).collect();
        let batch = Batch::<ClaimCouponResponse, Refusal>::look_up(&mut tx, tenant, requests).await?;
        if batch.open().is_empty() {
            return Ok(batch.outcomes());
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let mut claim = |n: usize| {
            let (user, template) = &keys[n];
            let outcome = issuing.issue(user, template, &Asking::Claim, at, |count| coupon_id(user, template, count));
            let drafts = outcome.iter().map(events::coupon_granted).collect();
            Decided { user: user.clone(), drafts, outcome }
        };
        let decided: Vec<Decided<HeldCoupon, Refusal>> = batch.open().into_iter().map(&mut claim).collect();
        let issued: Vec<HeldCoupon> = decided.iter().filter_map(|it| it.outcome.as_ref().ok()).cloned().collect();
        store_issued(&mut tx, tenant, &issuing, &issued).await?;
        let answer = |_, coupon: HeldCoupon, position| ClaimCouponResponse {
            coupon: Some(wire::coupon::coupon(&coupon, issuing.templates.get(&coupon.template).map(|(it, _)| it), at)),
            position: Some(position),
        };
        batch.finish(&self.core, tx, tenant, Keep::Days30, decided, answer).await
    }
}
