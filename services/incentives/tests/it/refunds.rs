//! What profiles tells of orders that came back, whatever else happened before, after and meanwhile.

use std::sync::Arc;

use incentives::domain::refusal::Refusal;
use proto::incentives::v1 as pb;

use crate::stage::{Stage, basket, cancelled, points, refunded, refusal, reserve, stage, yuan};

/// A checkout of two pieces of `a` and one of `b` with a coupon and 3,000 points; answers checkout and coupon.
async fn sold(stage: &Stage) -> (String, String) {
    *stage.purse.has.lock().unwrap() = 50_000;
    let coupon = stage.coupon("u", "t", 0, 2_000).await;
    let mut command = reserve("u", "r", basket(&[("a", 2, 10_000), ("b", 1, 5_000)], 0), &[&coupon]);
    command.points = Some(points(3_000));
    (stage.reserve(&command).await.unwrap().checkout_id, coupon)
}

fn so_far(checkout: &pb::Checkout) -> (Option<proto::google::r#type::Money>, i64, usize) {
    let returned = checkout.returned.as_ref().unwrap();
    (returned.refunded.clone(), returned.points, returned.coupon_ids.len())
}

#[tokio::test]
async fn a_refund_that_profiles_tells_of_gives_back_points_and_at_the_end_the_coupon() {
    let stage = stage().await;
    let (checkout, coupon) = sold(&stage).await;
    stage.confirm("u", &checkout, "o").await.unwrap();
    stage.apply(&[refunded("u", "o", &[("a", 1)], 8_000, 8_000, 20_000)]).await;
    assert_eq!(so_far(&stage.checkout("u", &checkout).await), (yuan(8_000), 1_200, 0));
    stage.apply(&[refunded("u", "o", &[("a", 1), ("b", 1)], 12_000, 20_000, 20_000)]).await;
    assert_eq!(so_far(&stage.checkout("u", &checkout).await), (yuan(20_000), 3_000, 1));
    assert_eq!(stage.state("u", &coupon).await, pb::CouponState::Held);
}

#[tokio::test]
async fn pieces_that_both_sides_tell_of_come_back_once_in_either_order() {
    for event_first in [true, false] {
        let stage = stage().await;
        let (checkout, _) = sold(&stage).await;
        stage.confirm("u", &checkout, "o").await.unwrap();
        let event = refunded("u", "o", &[("a", 1)], 8_000, 8_000, 20_000);
        if event_first {
            stage.apply(std::slice::from_ref(&event)).await;
        }
        let back = stage.give_back("u", &checkout, &[("a", 1)], "1").await.unwrap().outcome.unwrap();
        assert_eq!(back.points, if event_first { 0 } else { 1_200 });
        if !event_first {
            stage.apply(std::slice::from_ref(&event)).await;
        }
        assert_eq!(so_far(&stage.checkout("u", &checkout).await), (yuan(8_000), 1_200, 0));
        assert_eq!(stage.payloads::<pb::CheckoutReturned>("u").await.len(), 1);
    }
}

#[tokio::test]
async fn what_is_known_before_the_confirmation_takes_effect_with_it() {
    let stage = stage().await;
    let (checkout, coupon) = sold(&stage).await;
    stage.apply(&[cancelled("u", "o")]).await;
    assert_eq!(stage.state("u", &coupon).await, pb::CouponState::Reserved);
    let confirmed = stage.confirm("u", &checkout, "o").await.unwrap();
    assert_eq!(so_far(&confirmed), (yuan(20_000), 3_000, 1));
    assert_eq!(stage.state("u", &coupon).await, pb::CouponState::Held);
    let told = ["checkout.confirmed", "coupon.used", "checkout.returned", "coupon.returned"];
    assert_eq!(stage.told("u").await[2..], told);
    let again = stage.give_back("u", &checkout, &[], "r").await.unwrap().outcome.unwrap();
    assert_eq!((again.refund, again.points), (yuan(0), 0), "all of it came back before");
}

#[tokio::test]
async fn a_cancellation_that_races_the_confirmation_is_never_missed() {
    for round in 0..12 {
        let stage = stage().await;
        let (checkout, coupon) = sold(&stage).await;
        let stage = Arc::new(stage);
        let (one, other) = (Arc::clone(&stage), Arc::clone(&stage));
        let id = checkout.clone();
        let confirming = tokio::spawn(async move { one.confirm("u", &id, "o").await.unwrap() });
        let cancelling = tokio::spawn(async move { other.apply(&[cancelled("u", "o")]).await });
        confirming.await.unwrap();
        cancelling.await.unwrap();
        assert_eq!(so_far(&stage.checkout("u", &checkout).await), (yuan(20_000), 3_000, 1), "round {round}");
        assert_eq!(stage.state("u", &coupon).await, pb::CouponState::Held, "round {round}");
    }
}

#[tokio::test]
async fn a_refund_that_races_the_confirmation_of_an_order_that_is_known_already_is_never_missed() {
    let stage = Arc::new(stage().await);
    let mut checkouts = Vec::new();
    for n in 0..20 {
        let who = format!("u{n}");
        let command = reserve(&who, "r", basket(&[("a", 2, 10_000)], 0), &[]);
        checkouts.push(stage.reserve(&command).await.unwrap().checkout_id);
        stage.apply(&[refunded(&who, "o", &[("a", 1)], 10_000, 10_000, 20_000)]).await;
    }
    let mut running = Vec::new();
    for (n, checkout) in checkouts.iter().cloned().enumerate() {
        let (one, other, who) = (Arc::clone(&stage), Arc::clone(&stage), format!("u{n}"));
        let event = refunded(&who, "o", &[("a", 1)], 10_000, 20_000, 20_000);
        running.push(tokio::spawn(async move { other.apply(&[event]).await }));
        running.push(tokio::spawn(async move { drop(one.confirm(&who, &checkout, "o").await.unwrap()) }));
    }
    for one in running {
        one.await.unwrap();
    }
    for (n, checkout) in checkouts.iter().enumerate() {
        let checkout = stage.checkout(&format!("u{n}"), checkout).await;
        assert_eq!(so_far(&checkout), (yuan(20_000), 0, 0), "u{n}");
    }
}

#[tokio::test]
async fn twenty_returns_at_once_give_back_each_piece_once() {
    let stage = Arc::new(stage().await);
    let checkout = stage.reserve(&reserve("u", "r", basket(&[("a", 7, 1_001)], 0), &[])).await.unwrap().checkout_id;
    stage.confirm("u", &checkout, "o").await.unwrap();
    let calls = (0..20).map(|n| {
        let (stage, checkout) = (Arc::clone(&stage), checkout.clone());
        tokio::spawn(async move { stage.give_back("u", &checkout, &[("a", 1)], &format!("{n}")).await })
    });
    let (mut refund, mut refused) = (0, 0);
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(back) => {
                let money = back.outcome.unwrap().refund.unwrap();
                refund += units::money::from_proto(&money, "CNY").unwrap();
            }
            outcome => {
                assert_eq!(refusal(outcome), Refusal::ReturnTooLarge { line_id: "a".to_owned(), left: 0 });
                refused += 1;
            }
        }
    }
    assert_eq!((refund, refused), (7_007, 13));
}
