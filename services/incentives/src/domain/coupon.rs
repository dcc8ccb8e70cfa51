//! Coupons that users hold.

use ids::{Key, UserId};
use time::OffsetDateTime;

use super::why_not::WhyNot;

/// What became of a coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponState {
    /// The user has it.
    Held,
    /// An open checkout has it.
    Reserved,
    /// Used for an order.
    Used,
    /// Taken back.
    Voided,
    /// Its time is over, and that is booked.
    Expired,
}

impl CouponState {
    const ALL: [Self; 5] = [Self::Held, Self::Reserved, Self::Used, Self::Voided, Self::Expired];

    /// The contract's number.
    pub fn code(self) -> i16 {
        self as i16 + 1
    }

    /// The state of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// A coupon of a user, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCoupon {
    /// Whose.
    pub user: UserId,
    /// Unique within the user.
    pub coupon_id: String,
    /// Its template.
    pub template: Key,
    /// The template's version that holds for it.
    pub template_version: i32,
    /// What became of it, as booked.
    pub state: CouponState,
    /// When it was claimed or granted.
    pub claimed_at: OffsetDateTime,
    /// Usable from here on.
    pub valid_from: OffsetDateTime,
    /// Usable up to here.
    pub valid_until: OffsetDateTime,
    /// The campaign that granted it; empty: claimed.
    pub campaign_id: String,
    /// The event for which it was granted; empty: claimed.
    pub source_event_id: String,
    /// The checkout that has it; empty: none.
    pub checkout_id: String,
    /// When that checkout ends unless it is confirmed; only while it is reserved.
    pub reserved_until: Option<OffsetDateTime>,
    /// The order that it was used for; may be empty.
    pub order_id: String,
    /// Its campaign took it back while a checkout had it: it is void when the checkout lets it go.
    pub revoked: bool,
}

impl HeldCoupon {
    /// Its user and its id.
    pub fn key(&self) -> (UserId, String) {
        (self.user.clone(), self.coupon_id.clone())
    }

    /// What it is at a time, whether or not that is booked: a reservation that ran out is none.
    pub fn state_at(&self, at: OffsetDateTime) -> CouponState {
        let free = match self.state {
            CouponState::Held => true,
            CouponState::Reserved => self.reserved_until.is_some_and(|until| until <= at),
            _ => false,
        };
        match free {
            false => self.state,
            true if self.revoked => CouponState::Voided,
            true if self.valid_until <= at => CouponState::Expired,
            true => CouponState::Held,
        }
    }

    /// Why it cannot be used at a time, whatever the basket.
    pub fn hindrance(&self, at: OffsetDateTime) -> Option<WhyNot> {
        match self.state_at(at) {
            CouponState::Held if at < self.valid_from => Some(WhyNot::NotYetValid),
            CouponState::Held => None,
            CouponState::Reserved => Some(WhyNot::Reserved),
            CouponState::Used => Some(WhyNot::Used),
            CouponState::Voided => Some(WhyNot::Voided),
            CouponState::Expired => Some(WhyNot::Expired),
        }
    }

    /// A checkout takes it; it is known to be usable.
    pub fn reserve(&mut self, checkout_id: &str, until: OffsetDateTime) {
        self.state = CouponState::Reserved;
        checkout_id.clone_into(&mut self.checkout_id);
        self.reserved_until = Some(until);
    }

    /// Its checkout was confirmed.
    pub fn use_for(&mut self, order_id: &str) {
        self.state = CouponState::Used;
        self.reserved_until = None;
        order_id.clone_into(&mut self.order_id);
    }

    /// Its checkout lets it go, before or after it was used.
    pub fn release(&mut self) {
        self.state = if self.revoked { CouponState::Voided } else { CouponState::Held };
        self.reserved_until = None;
        self.checkout_id.clear();
        self.order_id.clear();
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const BEGIN: OffsetDateTime = datetime!(2026-11-01 00:00 UTC);

    fn coupon() -> HeldCoupon {
        HeldCoupon {
            user: UserId::new("u").unwrap(),
            coupon_id: "c".to_owned(),
            template: Key::new("t").unwrap(),
            template_version: 1,
            state: CouponState::Held,
            claimed_at: BEGIN - Duration::DAY,
            valid_from: BEGIN,
            valid_until: BEGIN + Duration::days(10),
            campaign_id: String::new(),
            source_event_id: String::new(),
            checkout_id: String::new(),
            reserved_until: None,
            order_id: String::new(),
            revoked: false,
        }
    }

    #[test]
    fn a_coupon_is_usable_from_its_first_instant_up_to_its_end() {
        let coupon = coupon();
        assert_eq!(coupon.hindrance(BEGIN - Duration::MICROSECOND), Some(WhyNot::NotYetValid));
        assert_eq!(coupon.hindrance(BEGIN), None);
        assert_eq!(coupon.hindrance(BEGIN + Duration::days(10) - Duration::MICROSECOND), None);
        assert_eq!(coupon.hindrance(BEGIN + Duration::days(10)), Some(WhyNot::Expired));
    }

    #[test]
    fn a_reservation_that_ran_out_is_none_and_uncovers_what_the_coupon_is_by_then() {
        let mut coupon = coupon();
        coupon.reserve("k", BEGIN + Duration::HOUR);
        assert_eq!(coupon.state_at(BEGIN), CouponState::Reserved);
        assert_eq!(coupon.state_at(BEGIN + Duration::HOUR), CouponState::Held);
        assert_eq!(coupon.state_at(BEGIN + Duration::days(10)), CouponState::Expired);
        coupon.revoked = true;
        assert_eq!(coupon.state_at(BEGIN), CouponState::Reserved, "the checkout may still be confirmed");
        assert_eq!(coupon.state_at(BEGIN + Duration::HOUR), CouponState::Voided);
    }

    #[test]
    fn a_used_coupon_that_is_released_is_as_it_was_before() {
        let mut used = coupon();
        used.reserve("k", BEGIN + Duration::HOUR);
        used.use_for("order-1");
        assert_eq!((used.state, used.order_id.as_str()), (CouponState::Used, "order-1"));
        used.release();
        assert_eq!(used, coupon());
    }
}
