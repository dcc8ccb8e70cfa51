//! What falls due when the clock moves.

use incentives::domain::template::{Template, Validity};
use proto::incentives::v1 as pb;
use time::Duration;
use time::macros::datetime;

use crate::stage::{BEGIN, basket, points, reserve, stage, template};

#[tokio::test]
async fn the_next_end_is_known_and_what_is_over_is_booked_once_with_the_time_at_which_it_ended() {
    let stage = stage().await;
    assert_eq!(stage.incentives.next_due(&stage.tenant).await.unwrap(), None);
    *stage.purse.has.lock().unwrap() = 5_000;
    let today = Template { validity: Validity::Relative { days: 0 }, ..template("today", 0, 1_000) };
    stage.publish(today, "t").await;
    let coupon = stage.claim("u", "today", "1").await.unwrap().coupon_id;
    let end = datetime!(2026-11-12 00:00 UTC);
    assert_eq!(stage.incentives.next_due(&stage.tenant).await.unwrap(), Some(end));
    let mut command = reserve("u", "r", basket(&[("a", 1, 10_000)], 0), &[&coupon]);
    command.points = Some(points(100));
    let checkout = stage.reserve(&command).await.unwrap();
    let ends = BEGIN + Duration::minutes(15);
    assert_eq!(stage.incentives.next_due(&stage.tenant).await.unwrap(), Some(ends));
    assert_eq!(stage.incentives.run_due(&stage.tenant).await.unwrap(), 0);
    stage.set_clock(end + Duration::HOUR).await;
    assert_eq!(stage.incentives.settle().await.unwrap(), 2);
    assert_eq!(stage.incentives.settle().await.unwrap(), 0);
    assert_eq!(stage.incentives.next_due(&stage.tenant).await.unwrap(), None);
    let told = ["coupon.granted", "checkout.reserved", "checkout.cancelled", "coupon.expired"];
    assert_eq!(stage.told("u").await, told);
    let cancelled = stage.payloads::<pb::CheckoutCancelled>("u").await.remove(0);
    assert_eq!((cancelled.checkout_id, cancelled.hold_id.is_empty()), (checkout.checkout_id, false));
}

#[tokio::test]
async fn a_coupon_that_returns_after_its_end_expires() {
    let stage = stage().await;
    let coupon = stage.coupon("u", "t", 0, 1_000).await;
    let order = basket(&[("a", 1, 10_000)], 0);
    let checkout = stage.reserve(&reserve("u", "r", order, &[&coupon])).await.unwrap().checkout_id;
    stage.confirm("u", &checkout, "o").await.unwrap();
    stage.set_clock(datetime!(2026-12-24 00:00 UTC)).await;
    assert_eq!(stage.incentives.run_due(&stage.tenant).await.unwrap(), 0, "a used coupon does not expire");
    let back = stage.give_back("u", &checkout, &[], "1").await.unwrap().outcome.unwrap();
    assert_eq!(back.returned_coupon_ids, std::slice::from_ref(&coupon));
    assert_eq!(stage.state("u", &coupon).await, pb::CouponState::Expired);
    assert_eq!(stage.incentives.run_due(&stage.tenant).await.unwrap(), 1);
    assert_eq!(stage.payloads::<pb::CouponExpired>("u").await.len(), 1);
}
