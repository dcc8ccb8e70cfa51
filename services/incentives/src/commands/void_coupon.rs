use ids::{TenantId, UserId};
use proto::incentives::v1::VoidCouponResponse;
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::coupon::CouponState;
use crate::domain::refusal::Refusal;
use crate::domain::why_not::WhyNot;
use crate::error::IncentivesError;
use crate::{Incentives, events, store, wire};

/// An operator takes a coupon from a user.
#[derive(Debug, Clone)]
pub struct VoidCoupon {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The coupon.
    pub coupon_id: String,
    /// Why, for the log.
    pub reason: String,
}

impl Incentives {
    /// See `CouponService.VoidCoupon`.
    pub async fn void_coupon(
        &self,
        tenant: &TenantId,
        command: &VoidCoupon,
    ) -> Result<Answer<VoidCouponResponse>, IncentivesError> {
        pg::retrying("void_coupon", || self.void_coupon_once(tenant, command)).await
    }

    #[tracing::instrument(name = "void_coupon", skip_all)]
    async fn void_coupon_once(
        &self,
        tenant: &TenantId,
        command: &VoidCoupon,
    ) -> Result<Answer<VoidCouponResponse>, IncentivesError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let coupon_id = command.coupon_id.clone();
        let found = store::coupon::lock(&mut tx, tenant, &[(user.clone(), coupon_id.clone())]).await?.pop();
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let Some(mut coupon) = found else {
            return Err(refuse(tx, tenant, &command.request, Refusal::CouponNotFound { coupon_id }).await);
        };
        match coupon.hindrance(at) {
            None | Some(WhyNot::NotYetValid) => {}
            Some(why_not) => {
                let refusal = Refusal::CouponNotVoidable { coupon_id, why_not };
                return Err(refuse(tx, tenant, &command.request, refusal).await);
            }
        }
        coupon.release(); // a reservation that ran out
        coupon.state = CouponState::Voided;
        store::coupon::write(&mut tx, tenant, std::slice::from_ref(&coupon)).await?;
        let version = [(coupon.template.as_str(), coupon.template_version)];
        let template = store::template::versions(&mut tx, tenant, version).await?.into_values().next();
        let message = wire::coupon::coupon(&coupon, template.as_deref(), at);
        let draft = events::coupon_voided(&coupon, &command.reason, at);
        self.core
            .finish(tx, tenant, &command.request, (user.as_str(), &[draft]), |position| VoidCouponResponse {
                coupon: Some(message),
                position: Some(position),
            })
            .await
    }
}
