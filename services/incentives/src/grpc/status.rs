//! Refusals as callers see them.

use proto::incentives::v1::ErrorReason as Reason;
use service::Refuse;
use tonic::{Code, Status};

use crate::domain::refusal::Refusal;

impl Refuse for Refusal {
    fn status(&self) -> Status {
        refused(self)
    }
}

fn refused(refusal: &Refusal) -> Status {
    let message = refusal.to_string();
    let refuse = |code, reason: Reason| status::refuse(code, reason, message.clone());
    match refusal {
        Refusal::CouponTemplateNotFound { template_id } => {
            refuse(Code::NotFound, Reason::CouponTemplateNotFound).with("template_id", template_id)
        }
        Refusal::CouponNotClaimable { template_id, why_not } => {
            refuse(Code::FailedPrecondition, Reason::CouponNotClaimable)
                .with("template_id", template_id)
                .with("why_not", why_not.name())
        }
        Refusal::CouponOutOfStock { template_id } => {
            refuse(Code::ResourceExhausted, Reason::CouponOutOfStock).with("template_id", template_id)
        }
        Refusal::CouponLimitReached { template_id, per_user_max } => {
            refuse(Code::ResourceExhausted, Reason::CouponLimitReached)
                .with("template_id", template_id)
                .with("per_user_max", per_user_max)
        }
        Refusal::CouponNotFound { coupon_id } => {
            refuse(Code::NotFound, Reason::CouponNotFound).with("coupon_id", coupon_id)
        }
        Refusal::CouponNotVoidable { coupon_id, why_not } => {
            refuse(Code::FailedPrecondition, Reason::CouponNotVoidable)
                .with("coupon_id", coupon_id)
                .with("why_not", why_not.name())
        }
        Refusal::CouponNotUsable { coupon_id, why_not } => refuse(Code::FailedPrecondition, Reason::CouponNotUsable)
            .with("coupon_id", coupon_id)
            .with("why_not", why_not.name()),
        Refusal::QuoteChanged { payable_minor } => {
            refuse(Code::FailedPrecondition, Reason::QuoteChanged).with("payable_minor", payable_minor)
        }
        Refusal::PointsShort { points } => refuse(Code::FailedPrecondition, Reason::PointsShort).with("points", points),
        Refusal::CheckoutNotFound { checkout_id } => {
            refuse(Code::NotFound, Reason::CheckoutNotFound).with("checkout_id", checkout_id)
        }
        Refusal::CheckoutExists { checkout_id } => {
            refuse(Code::AlreadyExists, Reason::CheckoutExists).with("checkout_id", checkout_id)
        }
        Refusal::CheckoutNotOpen { checkout_id, state } => refuse(Code::FailedPrecondition, Reason::CheckoutNotOpen)
            .with("checkout_id", checkout_id)
            .with("state", state),
        Refusal::CheckoutNotConfirmed { checkout_id, state } => {
            refuse(Code::FailedPrecondition, Reason::CheckoutNotConfirmed)
                .with("checkout_id", checkout_id)
                .with("state", state)
        }
        Refusal::OrderTaken { order_id } => refuse(Code::AlreadyExists, Reason::OrderTaken).with("order_id", order_id),
        Refusal::ReturnTooLarge { line_id, left } => {
            refuse(Code::OutOfRange, Reason::ReturnTooLarge).with("line_id", line_id).with("left", left)
        }
    }
    .into()
}
