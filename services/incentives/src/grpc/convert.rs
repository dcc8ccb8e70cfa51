//! Requests as commands: whatever the contract's annotations can't say is checked here, all violations at once.

mod basket;
mod template;

use std::collections::BTreeMap;

use ids::{Key, UserId};
use proto::incentives::v1 as pb;
use requests::body_of;
use service::Parse;
use status::Violations;
use time::Duration;

use crate::commands::{Cancel, ClaimCoupon, Confirm, GiveBack, PublishTemplate, Reserve, VoidCoupon};
use crate::domain::basket::Basket;
use crate::domain::checkout::TTL_DEFAULT;
use crate::domain::choice::Choice;
use crate::queries::{Asked, ReturnAsked};

pub(super) use basket::Currency;

/// A user, as reads name it.
pub(super) fn user(user: &str) -> Result<UserId, Violations> {
    let mut parse = Parse::default();
    let user = parse.user(user);
    parse.done(user)
}

/// The id of a template.
pub(super) fn template_id(id: &str) -> Result<Key, Violations> {
    let mut parse = Parse::default();
    let key = parse.key("template_id", id);
    parse.done(key)
}

/// A user, and a basket where there is one.
pub(super) fn user_and_basket(sent: &pb::ListCouponsRequest) -> Result<(UserId, Option<Basket>), Violations> {
    let mut parse = Parse::default();
    let user = parse.user(&sent.user_id);
    let basket = sent.basket.as_ref().map(|it| basket::basket(&mut parse, &mut Currency::default(), it));
    let read = match basket {
        None => user.map(|user| (user, None)),
        Some(basket) => user.zip(basket).map(|(user, basket)| (user, Some(basket))),
    };
    parse.done(read)
}

pub(super) fn publish_template(sent: &pb::PublishCouponTemplateRequest) -> Result<PublishTemplate, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "CouponService/PublishCouponTemplate", &sent.request_id, body_of(sent));
    let it = sent.template.clone().unwrap_or_default();
    let template_id = parse.key("template.template_id", &it.template_id);
    let template = template::template(&mut parse, it);
    let read = (|| Some(PublishTemplate { request: request?, template_id: template_id?, template: template? }))();
    parse.done(read)
}

pub(super) fn claim_coupon(sent: &pb::ClaimCouponRequest) -> Result<ClaimCoupon, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "CouponService/ClaimCoupon", &sent.request_id, body_of(sent));
    let (user, template) = (parse.user(&sent.user_id), parse.key("template_id", &sent.template_id));
    let read = (|| Some(ClaimCoupon { request: request?, user: user?, template: template? }))();
    parse.done(read)
}

pub(super) fn void_coupon(sent: &pb::VoidCouponRequest) -> Result<VoidCoupon, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "CouponService/VoidCoupon", &sent.request_id, body_of(sent));
    let user = parse.user(&sent.user_id);
    let (coupon_id, reason) = (sent.coupon_id.clone(), sent.reason.clone());
    let read = (|| Some(VoidCoupon { request: request?, user: user?, coupon_id, reason }))();
    parse.done(read)
}

pub(super) fn best(sent: &pb::BestForBasketRequest) -> Result<Asked, Violations> {
    let mut parse = Parse::default();
    let user = parse.user(&sent.user_id);
    let basket = basket::basket(&mut parse, &mut Currency::default(), &sent.basket.clone().unwrap_or_default());
    let read = (|| Some(Asked { user: user?, basket: basket?, choice: Choice::Best, points: None }))();
    parse.done(read)
}

pub(super) fn quote(sent: &pb::QuoteRequest) -> Result<Asked, Violations> {
    let mut parse = Parse::default();
    let user = parse.user(&sent.user_id);
    let mut currency = Currency::default();
    let basket = basket::basket(&mut parse, &mut currency, &sent.basket.clone().unwrap_or_default());
    let choice = choice(&mut parse, sent.coupons.as_ref());
    let points = sent.points.as_ref().map(|points| basket::points(&mut parse, &mut currency, points));
    let read = (|| Some(Asked { user: user?, basket: basket?, choice, points: points.unwrap_or_default() }))();
    parse.done(read)
}

pub(super) fn reserve(sent: &pb::ReserveRequest) -> Result<Reserve, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "CheckoutService/Reserve", &sent.request_id, body_of(sent));
    let user = parse.user(&sent.user_id);
    let mut currency = Currency::default();
    let basket = basket::basket(&mut parse, &mut currency, &sent.basket.clone().unwrap_or_default());
    let choice = choice(&mut parse, sent.coupons.as_ref());
    let points = sent.points.as_ref().map(|points| basket::points(&mut parse, &mut currency, points));
    let expected = sent.expected_payable.as_ref().map(|it| currency.amount(&mut parse, "expected_payable", Some(it)));
    let ttl = match sent.ttl_seconds {
        0 => TTL_DEFAULT,
        seconds => Duration::seconds(seconds.into()),
    };
    let (checkout_id, order_id) = (sent.checkout_id.clone(), sent.order_id.clone());
    let (points, expected) = (points.unwrap_or_default(), expected.flatten());
    let read = (|| {
        let (request, user, basket) = (request?, user?, basket?);
        Some(Reserve { request, user, checkout_id, basket, choice, points, expected, order_id, ttl })
    })();
    parse.done(read)
}

fn choice(parse: &mut Parse, sent: Option<&pb::CouponChoice>) -> Choice {
    match sent {
        None => Choice::Named(Vec::new()),
        Some(it) if it.best => {
            parse.require(it.coupon_ids.is_empty(), "coupons.coupon_ids", "must be empty where best is set");
            Choice::Best
        }
        Some(it) => Choice::Named(it.coupon_ids.clone()),
    }
}

pub(super) fn confirm(sent: &pb::ConfirmRequest) -> Result<Confirm, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "CheckoutService/Confirm", &sent.request_id, body_of(sent));
    let user = parse.user(&sent.user_id);
    let (checkout_id, order_id) = (sent.checkout_id.clone(), sent.order_id.clone());
    let read = (|| Some(Confirm { request: request?, user: user?, checkout_id, order_id }))();
    parse.done(read)
}

pub(super) fn cancel(sent: &pb::CancelRequest) -> Result<Cancel, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "CheckoutService/Cancel", &sent.request_id, body_of(sent));
    let user = parse.user(&sent.user_id);
    let checkout_id = sent.checkout_id.clone();
    let read = (|| Some(Cancel { request: request?, user: user?, checkout_id }))();
    parse.done(read)
}

pub(super) fn preview_return(sent: &pb::PreviewReturnRequest) -> Result<ReturnAsked, Violations> {
    let mut parse = Parse::default();
    let user = parse.user(&sent.user_id);
    let lines = lines(&mut parse, &sent.lines);
    let earned = sent.earned.as_ref().map(|earned| (earned.point_type_id.clone(), earned.points));
    let (checkout_id, keep_freight) = (sent.checkout_id.clone(), sent.keep_freight);
    let read = (|| Some(ReturnAsked { user: user?, checkout_id, lines, keep_freight, earned }))();
    parse.done(read)
}

pub(super) fn give_back(sent: &pb::ReturnRequest) -> Result<GiveBack, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "CheckoutService/Return", &sent.request_id, body_of(sent));
    let user = parse.user(&sent.user_id);
    let lines = lines(&mut parse, &sent.lines);
    let (checkout_id, keep_freight) = (sent.checkout_id.clone(), sent.keep_freight);
    let read = (|| Some(GiveBack { request: request?, user: user?, checkout_id, lines, keep_freight }))();
    parse.done(read)
}

fn lines(parse: &mut Parse, sent: &[pb::LineQuantity]) -> BTreeMap<String, i64> {
    let mut lines = BTreeMap::new();
    for (index, line) in sent.iter().enumerate() {
        if lines.insert(line.line_id.clone(), line.quantity).is_some() {
            parse.refuse(format!("lines[{index}].line_id"), "occurs twice");
        }
    }
    lines
}
