use ids::UserId;
use proto::common::v1::Position;
use proto::incentives::v1::ConfirmResponse;
use requests::{Encoded, Request};
use time::OffsetDateTime;

use super::change::{Change, Done, Needs, Reply};
use super::returning::returning;
use crate::domain::checkout::{Checkout, CheckoutState, Order};
use crate::domain::coupon::{CouponState, HeldCoupon};
use crate::domain::desk::Desk;
use crate::domain::refund::Returns;
use crate::domain::refusal::Refusal;
use crate::{events, wire};

/// See `CheckoutService.Confirm`: an order was paid.
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

impl Change for Confirm {
    fn request(&self) -> &Request {
        &self.request
    }

    fn user(&self) -> &UserId {
        &self.user
    }

    fn checkout_id(&self) -> &str {
        &self.checkout_id
    }

    fn needs(&self) -> Needs<'_> {
        Needs::Order(&self.order_id)
    }

    fn decide(&self, desk: &mut Desk, user: &UserId, at: OffsetDateTime) -> Result<Done, Refusal> {
        let order_key = (user.clone(), self.order_id.clone());
        let mut order = desk.order(&order_key);
        let found = desk.checkout(&(user.clone(), self.checkout_id.clone()));
        let mut checkout = found.ok_or_else(|| Refusal::CheckoutNotFound { checkout_id: self.checkout_id.clone() })?;
        let mut coupons = desk.coupons(user, &checkout.coupon_ids());
        open(&checkout, &order, &coupons, &self.order_id, at)?;
        checkout.state = CheckoutState::Confirmed;
        self.order_id.clone_into(&mut checkout.order_id);
        checkout.checkout_id.clone_into(&mut order.checkout_id);
        let mut drafts = vec![events::checkout_confirmed(&checkout, at)];
        for coupon in &mut coupons {
            coupon.use_for(&self.order_id);
            let step = checkout.quote.coupons().find(|step| step.coupon_id == coupon.coupon_id);
            drafts.push(events::coupon_used(coupon, step.map_or(0, |step| step.total()), at));
        }
        // what is known to have come back already takes effect now
        let back = returning(&checkout, &Returns::default(), &mut order.returns, &mut coupons, at);
        drafts.extend(back.drafts);
        let reply = Reply { checkout: wire::checkout::checkout(&checkout, &back.now, at), outcome: None };
        desk.put_order(order_key, order);
        desk.put_checkout(checkout);
        desk.put_coupons(coupons);
        Ok(Done { reply, drafts })
    }

    fn answer(&self, reply: Reply, position: Position) -> Encoded {
        Encoded::of(&ConfirmResponse { checkout: Some(reply.checkout), position: Some(position) })
    }
}

/// Refuses unless the checkout is open, still has its coupons, and its order has no other checkout.
fn open(
    checkout: &Checkout,
    order: &Order,
    coupons: &[HeldCoupon],
    order_id: &str,
    at: OffsetDateTime,
) -> Result<(), Refusal> {
    checkout.open_at(at)?;
    let own = |it: &HeldCoupon| it.state == CouponState::Reserved && it.checkout_id == checkout.checkout_id;
    if !coupons.iter().all(own) {
        // its time ran out by another clock reading, and somebody else took a coupon
        let (checkout_id, state) = (checkout.checkout_id.clone(), CheckoutState::Expired.name().to_owned());
        return Err(Refusal::CheckoutNotOpen { checkout_id, state });
    }
    match order.checkout_id.is_empty() {
        true => Ok(()),
        false => Err(Refusal::OrderTaken { order_id: order_id.to_owned() }),
    }
}
