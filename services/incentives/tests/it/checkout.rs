//! Reserving, confirming, cancelling, and what comes back.

use incentives::domain::choice::Choice;
use incentives::domain::refusal::Refusal;
use incentives::domain::template::{Benefit, Distribution, Layer, Template};
use incentives::domain::why_not::WhyNot;
use incentives::queries::{Asked, ReturnAsked};
use proto::incentives::v1 as pb;

use crate::stage::{basket, points, refusal, reserve, stage, template, user, yuan};

#[tokio::test]
async fn an_order_uses_its_coupons_and_points_and_gives_them_back_when_all_of_it_comes_back() {
    let stage = stage().await;
    *stage.purse.has.lock().unwrap() = 50_000;
    let coupon = stage.coupon("u", "200-20", 20_000, 2_000).await;
    let mut command = reserve("u", "r", basket(&[("a", 2, 10_000), ("b", 1, 5_000)], 800), &[&coupon]);
    command.points = Some(points(3_000));
    command.expected = Some(25_000 - 2_000 - 3_000 + 800);
    let checkout = stage.reserve(&command).await.unwrap();
    let hold = stage.purse.holds.lock().unwrap().values().next().unwrap().clone();
    assert_eq!((hold.points, hold.point_type_id.as_str(), hold.ttl_seconds), (3_000, "points", 20 * 60));
    assert_eq!(checkout.quote.as_ref().unwrap().payable, yuan(20_800));
    let id = checkout.checkout_id.as_str();
    let confirmed = stage.confirm("u", id, "order").await.unwrap();
    assert_eq!((confirmed.state(), confirmed.order_id.as_str()), (pb::CheckoutState::Confirmed, "order"));
    let used = stage.payloads::<pb::CouponUsed>("u").await;
    assert_eq!((used[0].discount_minor, used[0].order_id.as_str()), (2_000, "order"));
    let part = stage.give_back("u", id, &[("a", 1)], "1").await.unwrap().outcome.unwrap();
    assert_eq!((part.refund, part.points, part.returned_coupon_ids.len()), (yuan(8_000), 1_200, 0));
    let rest = stage.give_back("u", id, &[], "2").await.unwrap();
    let outcome = rest.outcome.unwrap();
    assert_eq!((outcome.refund, outcome.points, outcome.freight_refund), (yuan(12_800), 1_800, yuan(800)));
    assert_eq!(outcome.returned_coupon_ids, std::slice::from_ref(&coupon));
    assert_eq!(rest.checkout.unwrap().returned.unwrap().refunded, yuan(20_800));
    assert_eq!(stage.state("u", &coupon).await, pb::CouponState::Held);
    let told = stage.payloads::<pb::CheckoutReturned>("u").await;
    assert_eq!(told.iter().map(|it| it.points_returned).collect::<Vec<_>>(), [1_200, 3_000], "in all so far");
    let more = refusal(stage.give_back("u", id, &[("b", 1)], "3").await);
    assert_eq!(more, Refusal::ReturnTooLarge { line_id: "b".to_owned(), left: 0 });
}

#[tokio::test]
async fn a_repeat_of_each_step_gets_the_first_answer() {
    let stage = stage().await;
    let coupon = stage.coupon("u", "t", 0, 1_000).await;
    let command = reserve("u", "r", basket(&[("a", 2, 10_000)], 0), &[&coupon]);
    let first = stage.checkouts.reserve(&stage.tenant, command.clone()).await.unwrap();
    let again = stage.checkouts.reserve(&stage.tenant, command.clone()).await.unwrap();
    assert_eq!((first.replayed, again.replayed, &first.value), (false, true, &again.value));
    let id = first.value.checkout.unwrap().checkout_id;
    assert_eq!(stage.confirm("u", &id, "o").await.unwrap(), stage.confirm("u", &id, "o").await.unwrap());
    let back = stage.give_back("u", &id, &[("a", 1)], "1").await.unwrap();
    assert_eq!(stage.give_back("u", &id, &[("a", 1)], "1").await.unwrap(), back);
    assert_eq!(stage.number("select count(*) from event where type = 'checkout.returned'").await, 1);
}

#[tokio::test]
async fn what_changed_since_it_was_shown_refuses_the_order_and_lets_the_points_go() {
    let stage = stage().await;
    *stage.purse.has.lock().unwrap() = 1_000;
    let order = basket(&[("a", 1, 10_000)], 0);
    let mut command = reserve("u", "1", order.clone(), &[]);
    command.points = Some(points(500));
    command.expected = Some(9_000);
    assert_eq!(refusal(stage.reserve(&command).await), Refusal::QuoteChanged { payable_minor: 9_500 });
    assert_eq!(stage.purse.released.lock().unwrap().len(), 1);
    let mut short = reserve("u", "2", order.clone(), &[]);
    short.points = Some(points(4_000));
    assert_eq!(refusal(stage.reserve(&short).await), Refusal::PointsShort { points: 4_000 });
    *stage.purse.has.lock().unwrap() = 10_000;
    assert_eq!(refusal(stage.reserve(&short).await), Refusal::PointsShort { points: 4_000 }, "it stays refused");
    let unknown = refusal(stage.reserve(&reserve("u", "3", order, &["none"])).await);
    assert_eq!(unknown, Refusal::CouponNotUsable { coupon_id: "none".to_owned(), why_not: WhyNot::NotFound });
    assert_eq!(stage.number("select count(*) from checkout").await, 0);
}

#[tokio::test]
async fn a_cancelled_order_frees_its_coupon_and_cannot_be_confirmed() {
    let stage = stage().await;
    let coupon = stage.coupon("u", "t", 0, 1_000).await;
    let order = basket(&[("a", 1, 10_000)], 0);
    let checkout = stage.reserve(&reserve("u", "1", order.clone(), &[&coupon])).await.unwrap();
    assert_eq!(stage.cancel("u", &checkout.checkout_id).await.unwrap().state(), pb::CheckoutState::Cancelled);
    assert_eq!(stage.state("u", &coupon).await, pb::CouponState::Held);
    let checkout_id = checkout.checkout_id.clone();
    let closed = Refusal::CheckoutNotOpen { checkout_id, state: "CANCELLED".to_owned() };
    assert_eq!(refusal(stage.confirm("u", &checkout.checkout_id, "o").await), closed);
    let back = refusal(stage.give_back("u", &checkout.checkout_id, &[], "r").await);
    let checkout_id = checkout.checkout_id.clone();
    assert_eq!(back, Refusal::CheckoutNotConfirmed { checkout_id, state: "CANCELLED".to_owned() });
    stage.reserve(&reserve("u", "2", order, &[&coupon])).await.unwrap();
}

#[tokio::test]
async fn an_order_has_one_checkout() {
    let stage = stage().await;
    let order = basket(&[("a", 1, 10_000)], 0);
    let first = stage.reserve(&reserve("u", "1", order.clone(), &[])).await.unwrap();
    let second = stage.reserve(&reserve("u", "2", order, &[])).await.unwrap();
    stage.confirm("u", &first.checkout_id, "o").await.unwrap();
    let taken = refusal(stage.confirm("u", &second.checkout_id, "o").await);
    assert_eq!(taken, Refusal::OrderTaken { order_id: "o".to_owned() });
    stage.confirm("u", &second.checkout_id, "o2").await.unwrap();
}

#[tokio::test]
async fn the_best_of_a_users_coupons_is_quoted_and_reserved_over_the_promotions_of_the_time() {
    let stage = stage().await;
    let step = Benefit::StepOff { every: 10_000, amount: 1_000, times_max: 0 };
    let promotion = Template { benefit: step, distribution: Distribution::Automatic, ..template("step", 0, 1) };
    stage.publish(promotion, "step").await;
    stage.coupon("u", "small", 0, 500).await;
    let large = stage.coupon("u", "large", 15_000, 2_500).await;
    stage.publish(Template { layer: Layer::Platform, ..template("platform", 15_500, 1_000) }, "platform").await;
    let platform = stage.claim("u", "platform", "platform").await.unwrap().coupon_id;
    let order = basket(&[("a", 1, 21_000)], 0);
    let asked = Asked { user: user("u"), basket: order.clone(), choice: Choice::Best, points: None };
    let quote = stage.incentives.quote(&stage.tenant, &asked, &[]).await.unwrap();
    // 21,000 - 2,000 = 19,000 - 2,500 = 16,500 - 1,000
    assert_eq!(quote.total(), 15_500);
    let ids: Vec<_> = quote.coupons().map(|step| step.coupon_id.clone()).collect();
    assert_eq!(ids, [large, platform]);
    let mut command = reserve("u", "r", order, &[]);
    command.choice = Choice::Best;
    command.expected = Some(15_500);
    assert_eq!(stage.reserve(&command).await.unwrap().coupon_ids, ids);
}

#[tokio::test]
async fn a_preview_says_what_a_return_will_say_and_how_many_earned_points_are_gone() {
    let stage = stage().await;
    let checkout = stage.reserve(&reserve("u", "1", basket(&[("a", 2, 10_000)], 0), &[])).await.unwrap();
    stage.confirm("u", &checkout.checkout_id, "o").await.unwrap();
    *stage.purse.has.lock().unwrap() = 30;
    let asked = ReturnAsked {
        user: user("u"),
        checkout_id: checkout.checkout_id.clone(),
        lines: [("a".to_owned(), 1)].into(),
        keep_freight: false,
        earned: Some(("points".to_owned(), 200)),
    };
    let preview = stage.incentives.preview_return(&stage.tenant, &asked, &[]).await.unwrap();
    assert_eq!((preview.back.cash(), preview.take_back, preview.shortfall), (10_000, 100, 70));
    let done = stage.give_back("u", &checkout.checkout_id, &[("a", 1)], "r").await.unwrap();
    assert_eq!(done.outcome.unwrap().refund, yuan(preview.back.cash()));
}
