use eventlog::Draft;
use time::OffsetDateTime;

use crate::domain::checkout::Checkout;
use crate::domain::coupon::{CouponState, HeldCoupon};
use crate::domain::refund::{GivenBack, Returns, given_back};
use crate::events;
use crate::store::coupon::CouponKey;

/// The keys of a checkout's coupons.
pub(super) fn coupon_keys(checkout: &Checkout) -> Vec<CouponKey> {
    checkout.coupon_ids().into_iter().map(|id| (checkout.user.clone(), id)).collect()
}

/// What follows for a confirmed checkout from more having come back: what is given back in all and beyond what was before,
/// coupons that their user has again, and what is told of it.
pub(super) struct Returning {
    /// In all.
    pub(super) now: GivenBack,
    /// By this alone.
    pub(super) more: GivenBack,
    /// To be told, in order.
    pub(super) drafts: Vec<Draft>,
}

/// Applies to the checkout's coupons, which are locked, and notes in `after` what must be remembered.
pub(super) fn returning(
    checkout: &Checkout,
    before: &Returns,
    after: &mut Returns,
    coupons: &mut [HeldCoupon],
    at: OffsetDateTime,
) -> Returning {
    let was = given_back(&checkout.basket, &checkout.quote, before);
    let now = given_back(&checkout.basket, &checkout.quote, after);
    after.freight_returned |= now.freight > 0;
    let more = now.beyond(&was);
    let mut drafts = Vec::new();
    if now != was {
        drafts.push(events::checkout_returned(checkout, &now, at));
    }
    for coupon in coupons.iter_mut() {
        let own = coupon.state == CouponState::Used && coupon.checkout_id == checkout.checkout_id;
        if own && more.coupons.contains(&coupon.coupon_id) {
            coupon.release();
            drafts.push(events::coupon_returned(coupon, checkout, at));
            if coupon.state == CouponState::Voided {
                drafts.push(events::coupon_voided(coupon, "", at));
            }
        }
    }
    Returning { now, more, drafts }
}
