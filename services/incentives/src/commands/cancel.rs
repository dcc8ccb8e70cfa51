use eventlog::Draft;
use ids::UserId;
use proto::common::v1::Position;
use proto::incentives::v1::CancelResponse;
use requests::{Encoded, Request};
use time::OffsetDateTime;

use super::change::{Change, Done, Needs, Reply};
use crate::domain::checkout::{Checkout, CheckoutState};
use crate::domain::coupon::{CouponState, HeldCoupon};
use crate::domain::desk::Desk;
use crate::domain::refund::GivenBack;
use crate::domain::refusal::Refusal;
use crate::{events, wire};

/// See `CheckoutService.Cancel`: an order was given up before it was paid.
#[derive(Debug, Clone)]
pub struct Cancel {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The checkout.
    pub checkout_id: String,
}

impl Change for Cancel {
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
        Needs::Nothing
    }

    fn decide(&self, desk: &mut Desk, user: &UserId, at: OffsetDateTime) -> Result<Done, Refusal> {
        let found = desk.checkout(&(user.clone(), self.checkout_id.clone()));
        let mut checkout = found.ok_or_else(|| Refusal::CheckoutNotFound { checkout_id: self.checkout_id.clone() })?;
        checkout.open_at(at)?;
        let mut coupons = desk.coupons(user, &checkout.coupon_ids());
        let drafts = close(&mut checkout, &mut coupons, CheckoutState::Cancelled, at);
        let checkout_message = wire::checkout::checkout(&checkout, &GivenBack::default(), at);
        desk.put_checkout(checkout);
        desk.put_coupons(coupons);
        Ok(Done { reply: Reply { checkout: checkout_message, outcome: None }, drafts })
    }

    fn answer(&self, reply: Reply, position: Position) -> Encoded {
        Encoded::of(&CancelResponse { checkout: Some(reply.checkout), position: Some(position) })
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
