//! The entries of this service's log, and what it reads of other services' logs.

use eventlog::{Draft, EventPayload, derive};
use ids::UserId;
use proto::events::v1::Event;
use proto::google::r#type::Money;
use proto::incentives::v1 as pb;
use proto::profiles::v1 as profiles;
use requests::Request;
use time::OffsetDateTime;
use units::time::to_proto;

use crate::domain::checkout::Checkout;
use crate::domain::coupon::HeldCoupon;
use crate::domain::refund::{GivenBack, ToldRefund};

/// What the checkouts read of profiles' log.
pub const CHECKOUT_CONSUMED: [&str; 4] = ["order.refunded", "order.cancelled", mirror::TYPES[0], mirror::TYPES[1]];

/// Types of profiles' log that the checkouts have nothing to do for.
pub const CHECKOUT_IGNORED: [&str; 6] =
    ["profile.changed", "lifecycle.models_changed", "order.created", "order.paid", "order.completed", "user.visited"];

/// A template was published.
pub fn template_published(request: &Request, template: pb::CouponTemplate, at: OffsetDateTime) -> Draft {
    let event_id = derive(request.id.as_str(), request.method, 0);
    Draft::new("", event_id, &pb::CouponTemplatePublished { template: Some(template) }, at)
}

/// A user got a coupon.
pub fn coupon_granted(it: &HeldCoupon) -> Draft {
    let payload = pb::CouponGranted {
        coupon_id: it.coupon_id.clone(),
        template_id: it.template.to_string(),
        campaign_id: it.campaign_id.clone(),
        valid_from: Some(to_proto(it.valid_from)),
        valid_until: Some(to_proto(it.valid_until)),
    };
    of_coupon(it, "granted", "", &payload, it.claimed_at)
}

/// A coupon was used for an order.
pub fn coupon_used(it: &HeldCoupon, discount_minor: i64, at: OffsetDateTime) -> Draft {
    let payload = pb::CouponUsed {
        coupon_id: it.coupon_id.clone(),
        template_id: it.template.to_string(),
        checkout_id: it.checkout_id.clone(),
        order_id: it.order_id.clone(),
        discount_minor,
    };
    of_coupon(it, "used", &it.checkout_id, &payload, at)
}

/// A user has a used coupon again.
pub fn coupon_returned(it: &HeldCoupon, checkout: &Checkout, at: OffsetDateTime) -> Draft {
    let payload = pb::CouponReturned {
        coupon_id: it.coupon_id.clone(),
        template_id: it.template.to_string(),
        order_id: checkout.order_id.clone(),
    };
    of_coupon(it, "returned", &checkout.checkout_id, &payload, at)
}

/// A coupon was taken from its user unused.
pub fn coupon_voided(it: &HeldCoupon, reason: &str, at: OffsetDateTime) -> Draft {
    let payload = pb::CouponVoided {
        coupon_id: it.coupon_id.clone(),
        template_id: it.template.to_string(),
        reason: reason.to_owned(),
    };
    of_coupon(it, "voided", "", &payload, at)
}

/// A coupon's time ended unused.
pub fn coupon_expired(it: &HeldCoupon) -> Draft {
    let payload = pb::CouponExpired { coupon_id: it.coupon_id.clone(), template_id: it.template.to_string() };
    of_coupon(it, "expired", "", &payload, it.valid_until)
}

/// What happens to a coupon once, or once per checkout, has an id of its own.
fn of_coupon<P: EventPayload>(
    it: &HeldCoupon,
    what: &str,
    checkout_id: &str,
    payload: &P,
    at: OffsetDateTime,
) -> Draft {
    let user = it.user.as_str();
    Draft::new(user, derive(user, &format!("coupon/{}/{what}/{checkout_id}", it.coupon_id), 0), payload, at)
}

/// Coupons and points were reserved.
pub fn checkout_reserved(it: &Checkout) -> Draft {
    let payload = pb::CheckoutReserved {
        checkout_id: it.checkout_id.clone(),
        hold_id: it.hold_id.clone(),
        points: it.quote.points,
        expire_time: Some(to_proto(it.expire_time)),
    };
    of_checkout(it, "reserved", &payload, it.create_time)
}

/// The order was paid.
pub fn checkout_confirmed(it: &Checkout, at: OffsetDateTime) -> Draft {
    let payload = pb::CheckoutConfirmed {
        checkout_id: it.checkout_id.clone(),
        order_id: it.order_id.clone(),
        hold_id: it.hold_id.clone(),
        points: it.quote.points,
    };
    of_checkout(it, "confirmed", &payload, at)
}

/// Given up, or not confirmed in time.
pub fn checkout_cancelled(it: &Checkout, at: OffsetDateTime) -> Draft {
    let payload = pb::CheckoutCancelled { checkout_id: it.checkout_id.clone(), hold_id: it.hold_id.clone() };
    of_checkout(it, "cancelled", &payload, at)
}

/// Goods came back: what is given back in all so far.
pub fn checkout_returned(it: &Checkout, back: &GivenBack, at: OffsetDateTime) -> Draft {
    let payload = pb::CheckoutReturned {
        checkout_id: it.checkout_id.clone(),
        order_id: it.order_id.clone(),
        hold_id: it.hold_id.clone(),
        points_returned: back.points,
        refunded_minor: back.cash(),
    };
    // each return takes pieces or money further, so that no two states of a checkout are the same
    let pieces: i64 = back.lines.iter().map(|line| line.pieces).sum();
    let state = format!("returned/{pieces}/{}/{}/{}", back.cash(), back.points, back.coupons.len());
    of_checkout(it, &state, &payload, at)
}

fn of_checkout<P: EventPayload>(it: &Checkout, what: &str, payload: &P, at: OffsetDateTime) -> Draft {
    let user = it.user.as_str();
    Draft::new(user, derive(user, &format!("checkout/{}/{what}", it.checkout_id), 0), payload, at)
}

/// What an event says came back of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Money went back.
    Refunded(ToldRefund),
    /// The order was given up.
    Cancelled,
}

/// An event about an order that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBack {
    /// Whose order, as the event names the user.
    pub user: UserId,
    /// The order.
    pub order_id: String,
    /// What it says.
    pub told: Told,
    /// When it was recorded.
    pub at: OffsetDateTime,
}

/// Reads an event of profiles' log; `None`: it tells of nothing that came back. The error says what is wrong with it,
/// without personal data.
pub fn order_back(event: &Event) -> Result<Option<OrderBack>, String> {
    let (order_id, told) = match event.r#type.as_str() {
        "order.refunded" => refunded(payload(event)?)?,
        "order.cancelled" => {
            let order = payload::<profiles::OrderCancelled>(event)?.order.ok_or("order is missing")?;
            (order.order_id, Told::Cancelled)
        }
        _ => return Ok(None),
    };
    let at = event.recorded_at.as_ref().ok_or("recorded_at is missing")?;
    let at = units::time::from_proto(at).map_err(|fault| format!("recorded_at {fault}"))?;
    let user = UserId::new(event.user_id.as_str()).map_err(|fault| format!("user_id {fault}"))?;
    Ok(Some(OrderBack { user, order_id, told, at }))
}

fn refunded(it: profiles::OrderRefunded) -> Result<(String, Told), String> {
    let refund = it.refund.ok_or("refund is missing")?;
    let lines = refund.lines.iter().map(|line| (line.line_id.clone(), line.quantity));
    let told = ToldRefund {
        lines: lines.collect(),
        amount_minor: minor(refund.amount.as_ref(), "refund.amount")?,
        refunded_minor: minor(it.refunded_total.as_ref(), "refunded_total")?,
        total_minor: minor(it.order_total.as_ref(), "order_total")?,
    };
    Ok((refund.order_id, Told::Refunded(told)))
}

fn payload<P: EventPayload + Default>(event: &Event) -> Result<P, String> {
    P::decode(event.payload.as_slice()).map_err(|_| format!("the payload is no {}", P::NAME))
}

/// In the minor units of its own currency: a tenant has one.
fn minor(money: Option<&Money>, name: &str) -> Result<i64, String> {
    let money = money.ok_or_else(|| format!("{name} is missing"))?;
    units::money::from_proto(money, &money.currency_code).map_err(|fault| format!("{name} {fault}"))
}
