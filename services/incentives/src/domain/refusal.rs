//! Why calls are refused.

use serde::{Deserialize, Serialize};

use super::why_not::WhyNot;

/// Why a call was refused after looking at what is stored. Recorded with the request of a write, so that a late duplicate
/// gets the same answer: the names are stored and never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The tenant has no such template.
    #[error("there is no such coupon template")]
    CouponTemplateNotFound {
        /// The template.
        template_id: String,
    },
    /// Coupons of the template cannot be had now.
    #[error("the coupon cannot be claimed now")]
    CouponNotClaimable {
        /// The template.
        template_id: String,
        /// Why.
        why_not: WhyNot,
    },
    /// None are left.
    #[error("no coupons are left")]
    CouponOutOfStock {
        /// The template.
        template_id: String,
    },
    /// The user has had as many as one user gets.
    #[error("the limit per user is reached")]
    CouponLimitReached {
        /// The template.
        template_id: String,
        /// The limit.
        per_user_max: i32,
    },
    /// The user has no such coupon.
    #[error("there is no such coupon")]
    CouponNotFound {
        /// The coupon.
        coupon_id: String,
    },
    /// The coupon is not held unused.
    #[error("the coupon cannot be voided now")]
    CouponNotVoidable {
        /// The coupon.
        coupon_id: String,
        /// Why.
        why_not: WhyNot,
    },
    /// A chosen coupon cannot be used.
    #[error("a chosen coupon cannot be used")]
    CouponNotUsable {
        /// The coupon.
        coupon_id: String,
        /// Why.
        why_not: WhyNot,
    },
    /// It costs something else than the user was shown.
    #[error("the price has changed")]
    QuoteChanged {
        /// What it costs, in minor units.
        payable_minor: i64,
    },
    /// Levels has fewer points.
    #[error("there are too few points")]
    PointsShort {
        /// How many were to be used.
        points: i64,
    },
    /// The user has no such checkout.
    #[error("there is no such checkout")]
    CheckoutNotFound {
        /// The checkout.
        checkout_id: String,
    },
    /// The user has a checkout with this id.
    #[error("a checkout with this id exists")]
    CheckoutExists {
        /// The checkout.
        checkout_id: String,
    },
    /// The checkout was closed before.
    #[error("the checkout is no longer open")]
    CheckoutNotOpen {
        /// The checkout.
        checkout_id: String,
        /// What it is.
        state: String,
    },
    /// The checkout was not confirmed.
    #[error("the checkout was not confirmed")]
    CheckoutNotConfirmed {
        /// The checkout.
        checkout_id: String,
        /// What it is.
        state: String,
    },
    /// Another checkout was confirmed for the order.
    #[error("the order has another checkout")]
    OrderTaken {
        /// The order.
        order_id: String,
    },
    /// More pieces would come back than are left.
    #[error("more would come back than is left")]
    ReturnTooLarge {
        /// The checkout's line, or a line that it does not have.
        line_id: String,
        /// Pieces that are left.
        left: i64,
    },
}
