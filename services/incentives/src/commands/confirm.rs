use ids::{TenantId, UserId};
use proto::incentives::v1::ConfirmResponse;
use requests::Request;
use service::{Answer, earlier, refuse};
use time::OffsetDateTime;

use super::returning::{coupon_keys, returning};
use crate::domain::checkout::{Checkout, CheckoutState};
use crate::domain::coupon::{CouponState, HeldCoupon};
use crate::domain::refund::Returns;
use crate::domain::refusal::Refusal;
use crate::error::IncentivesError;
use crate::store::checkout::Order;
use crate::{Incentives, events, store, wire};

/// An order was paid.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The checkout.
    pub checkout_id: String,
    /// The order.
    pub order_id: String,
}

impl Incentives {
    /// See `CheckoutService.Confirm`.
    pub async fn confirm(
        &self,
        tenant: &TenantId,
        command: &Confirm,
    ) -> Result<Answer<ConfirmResponse>, IncentivesError> {
        pg::retrying("confirm", || self.confirm_once(tenant, command)).await
    }

    #[tracing::instrument(name = "confirm", skip_all)]
    async fn confirm_once(
        &self,
        tenant: &TenantId,
        command: &Confirm,
    ) -> Result<Answer<ConfirmResponse>, IncentivesError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let order_key = (user.clone(), command.order_id.clone());
        let mut orders = store::checkout::lock_orders(&mut tx, tenant, std::slice::from_ref(&order_key), true).await?;
        let key = (user.clone(), command.checkout_id.clone());
        let found = store::checkout::lock(&mut tx, tenant, &[key]).await?.pop();
        let keys = found.as_ref().map(coupon_keys).unwrap_or_default();
        let mut coupons = store::coupon::lock(&mut tx, tenant, &keys).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let order = orders.entry(order_key.clone()).or_default();
        let mut checkout =
            match found.ok_or_else(|| not_found(command)).and_then(|it| open(it, command, order, &coupons, at)) {
                Ok(checkout) => checkout,
                Err(refusal) => {
                    store::checkout::forget_order(&mut tx, tenant, &order_key).await?;
                    return Err(refuse(tx, tenant, &command.request, refusal).await);
                }
            };
        checkout.state = CheckoutState::Confirmed;
        command.order_id.clone_into(&mut checkout.order_id);
        checkout.checkout_id.clone_into(&mut order.checkout_id);
        let mut drafts = vec![events::checkout_confirmed(&checkout, at)];
        for coupon in &mut coupons {
            coupon.use_for(&command.order_id);
            let step = checkout.quote.coupons().find(|step| step.coupon_id == coupon.coupon_id);
            drafts.push(events::coupon_used(coupon, step.map_or(0, |step| step.total()), at));
        }
        // what is known to have come back already takes effect now
        let back = returning(&checkout, &Returns::default(), &mut order.returns, &mut coupons, at);
        drafts.extend(back.drafts);
        store::checkout::write_orders(&mut tx, tenant, &orders).await?;
        store::checkout::write(&mut tx, tenant, std::slice::from_ref(&checkout)).await?;
        store::coupon::write(&mut tx, tenant, &coupons).await?;
        let message = wire::checkout::checkout(&checkout, &back.now, at);
        self.core
            .finish(tx, tenant, &command.request, (user.as_str(), &drafts), |position| ConfirmResponse {
                checkout: Some(message),
                position: Some(position),
            })
            .await
    }
}

fn not_found(command: &Confirm) -> Refusal {
    Refusal::CheckoutNotFound { checkout_id: command.checkout_id.clone() }
}

/// The checkout, if it is open, still has its coupons, and its order has no other checkout.
fn open(
    checkout: Checkout,
    command: &Confirm,
    order: &Order,
    coupons: &[HeldCoupon],
    at: OffsetDateTime,
) -> Result<Checkout, Refusal> {
    checkout.open_at(at)?;
    let own = |it: &HeldCoupon| it.state == CouponState::Reserved && it.checkout_id == checkout.checkout_id;
    if !coupons.iter().all(own) {
        // its time ran out by another clock reading, and somebody else took a coupon
        let state = CheckoutState::Expired.name().to_owned();
        return Err(Refusal::CheckoutNotOpen { checkout_id: checkout.checkout_id, state });
    }
    if !order.checkout_id.is_empty() {
        return Err(Refusal::OrderTaken { order_id: command.order_id.clone() });
    }
    Ok(checkout)
}
