use eventlog::Draft;
use ids::{TenantId, UserId};
use proto::incentives::v1::CancelResponse;
use requests::Request;
use service::{Answer, earlier, refuse};
use time::OffsetDateTime;

use super::returning::coupon_keys;
use crate::domain::checkout::{Checkout, CheckoutState};
use crate::domain::coupon::{CouponState, HeldCoupon};
use crate::domain::refund::GivenBack;
use crate::domain::refusal::Refusal;
use crate::error::IncentivesError;
use crate::{Incentives, events, store, wire};

/// An order was given up before it was paid.
#[derive(Debug, Clone)]
pub struct Cancel {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The checkout.
    pub checkout_id: String,
}

impl Incentives {
    /// See `CheckoutService.Cancel`.
    pub async fn cancel(&self, tenant: &TenantId, command: &Cancel) -> Result<Answer<CancelResponse>, IncentivesError> {
        pg::retrying("cancel", || self.cancel_once(tenant, command)).await
    }

    #[tracing::instrument(name = "cancel", skip_all)]
    async fn cancel_once(
        &self,
        tenant: &TenantId,
        command: &Cancel,
    ) -> Result<Answer<CancelResponse>, IncentivesError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let key = (user.clone(), command.checkout_id.clone());
        let found = store::checkout::lock(&mut tx, tenant, &[key]).await?.pop();
        let keys = found.as_ref().map(coupon_keys).unwrap_or_default();
        let mut coupons = store::coupon::lock(&mut tx, tenant, &keys).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let checkout_id = command.checkout_id.clone();
        let open = found.ok_or(Refusal::CheckoutNotFound { checkout_id });
        let mut checkout = match open.and_then(|checkout| checkout.open_at(at).map(|()| checkout)) {
            Ok(checkout) => checkout,
            Err(refusal) => return Err(refuse(tx, tenant, &command.request, refusal).await),
        };
        let drafts = close(&mut checkout, &mut coupons, CheckoutState::Cancelled, at);
        store::checkout::write(&mut tx, tenant, std::slice::from_ref(&checkout)).await?;
        store::coupon::write(&mut tx, tenant, &coupons).await?;
        let message = wire::checkout::checkout(&checkout, &GivenBack::default(), at);
        self.core
            .finish(tx, tenant, &command.request, (user.as_str(), &drafts), |position| CancelResponse {
                checkout: Some(message),
                position: Some(position),
            })
            .await
    }
}

/// Closes a checkout that was not confirmed, and lets those of its coupons go that it still has.
pub(super) fn close(
    checkout: &mut Checkout,
    coupons: &mut [HeldCoupon],
    state: CheckoutState,
    at: OffsetDateTime,
) -> Vec<Draft> {
    checkout.state = state;
    let mut drafts = vec![events::checkout_cancelled(checkout, at)];
    for coupon in coupons {
        if coupon.state == CouponState::Reserved && coupon.checkout_id == checkout.checkout_id {
            coupon.release();
            if coupon.state == CouponState::Voided {
                drafts.push(events::coupon_voided(coupon, "", at));
            }
        }
    }
    drafts
}
