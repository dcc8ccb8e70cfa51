//! Coupons, checkouts and cases.

use proto::feedback::v1::{CaseKind, SubmitCaseRequest};
use proto::incentives::v1::{
    Basket, BasketLine, CheckoutState, ClaimCouponRequest, ConfirmRequest, ErrorReason, ReserveRequest,
};
use status::Reason as _;
use tonic::Status;

use super::{Done, GONE, Scene, fresh, right};
use crate::client::Client;
use crate::programme::usd;

/// What a user complains about.
const TEXT: &str =
    "昨天下单的咖啡机今天收到，打开包装发现水箱有裂缝，漏水很严重。客服电话一直打不通，麻烦尽快处理，我要求换货。";

/// A new user each time, so that no limit per user is met.
pub(super) async fn claim(client: &Client, template_id: String, number: u64) -> Result<Done, Status> {
    let user_id = format!("claimer-{number}");
    let request = ClaimCouponRequest { request_id: number.to_string(), user_id, template_id: template_id.clone() };
    match client.coupons().claim_coupon(fresh(request)).await {
        Ok(answer) => {
            let coupon = answer.into_inner().coupon.unwrap_or_default();
            right(coupon.template_id == template_id, "another coupon was claimed")?;
            Ok(Done::All(1))
        }
        Err(refused) if status::reason_of(&refused).is_some_and(|it| it == ErrorReason::CouponOutOfStock.name()) => {
            Ok(Done::But(GONE))
        }
        Err(status) => Err(status),
    }
}

pub(super) async fn checkout(client: &Client, scene: &Scene, number: u64) -> Result<Done, Status> {
    let (user_id, checkout_id) = (format!("u{}", scene.user()), format!("checkout-{number}"));
    let line = |line_id: &str, cents, quantity| BasketLine {
        line_id: line_id.to_owned(),
        sku: format!("sku-{cents}"),
        category: "kitchen".to_owned(),
        quantity,
        list_price: usd(cents),
        ..Default::default()
    };
    let basket = Basket { lines: vec![line("1", 4_990, 1), line("2", 1_250, 2)], freight: usd(500) };
    let request = ReserveRequest {
        request_id: format!("{number}-reserve"),
        user_id: user_id.clone(),
        basket: Some(basket),
        checkout_id: checkout_id.clone(),
        ..Default::default()
    };
    let reserved = client.checkouts().reserve(fresh(request)).await?.into_inner().checkout.unwrap_or_default();
    let quote = reserved.quote.unwrap_or_default();
    right(quote.lines.iter().all(|line| line.discounts.len() == 1), "the promotion was not applied")?;
    let order_id = format!("order-{number}");
    let request = ConfirmRequest { request_id: number.to_string(), user_id, checkout_id, order_id };
    let confirmed = client.checkouts().confirm(fresh(request)).await?.into_inner().checkout.unwrap_or_default();
    right(confirmed.state() == CheckoutState::Confirmed, "the checkout was not confirmed")?;
    Ok(Done::All(1))
}

pub(super) async fn submit(client: &Client, scene: &Scene, number: u64) -> Result<Done, Status> {
    let request = SubmitCaseRequest {
        request_id: number.to_string(),
        user_id: format!("u{}", scene.user()),
        kind: CaseKind::Complaint.into(),
        text: TEXT.to_owned(),
        channel: "app".to_owned(),
        ..Default::default()
    };
    let case = client.cases().submit_case(fresh(request)).await?.into_inner().case.unwrap_or_default();
    right(case.kind() == CaseKind::Complaint && !case.case_id.is_empty(), "another case was submitted")?;
    Ok(Done::All(1))
}
