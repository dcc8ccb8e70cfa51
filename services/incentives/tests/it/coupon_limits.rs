//! Stock, limits per user and reservations while many come at once.

use std::sync::Arc;

use incentives::commands::Confirm;
use incentives::domain::choice::Choice;
use incentives::domain::refusal::Refusal;
use incentives::domain::template::Template;
use incentives::domain::why_not::WhyNot;
use incentives::error::IncentivesError;
use proto::incentives::v1 as pb;
use time::Duration;
use tokio::sync::Barrier;

use crate::stage::{BEGIN, basket, claim, refusal, request, reserve, stage, template, user};

#[tokio::test]
async fn of_fifty_users_who_claim_the_last_coupon_one_gets_it() {
    let stage = stage().await;
    stage.publish(Template { stock: 1, ..template("last", 0, 100) }, "t").await;
    let calls = (0..50).map(|n| {
        let (incentives, tenant) = (stage.incentives.clone(), stage.tenant.clone());
        tokio::spawn(async move { incentives.claim_coupons(&tenant, &[claim(&format!("u{n}"), "last", "id")]).await })
    });
    let (mut got, mut refused) = (0, 0);
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap().unwrap().remove(0) {
            Ok(_) => got += 1,
            Err(IncentivesError::Refused { refusal: Refusal::CouponOutOfStock { .. }, .. }) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((got, refused), (1, 49));
    assert_eq!(stage.number("select count(*) from held_coupon").await, 1);
    assert_eq!(stage.number("select issued from coupon_stock").await, 1);
}

#[tokio::test]
async fn of_thirty_claims_of_one_user_as_many_succeed_as_the_limit_allows() {
    let stage = stage().await;
    stage.publish(Template { per_user_max: 2, ..template("two", 0, 100) }, "t").await;
    let calls = (0..30).map(|n| {
        let (incentives, tenant) = (stage.incentives.clone(), stage.tenant.clone());
        tokio::spawn(async move { incentives.claim_coupons(&tenant, &[claim("u", "two", &format!("id{n}"))]).await })
    });
    let mut got = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap().unwrap().remove(0) {
            Ok(_) => got += 1,
            Err(IncentivesError::Refused { refusal: Refusal::CouponLimitReached { .. }, .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(got, 2);
    assert_eq!(stage.number("select claimed::bigint from coupon_count").await, 2);
}

#[tokio::test]
async fn a_batch_of_claims_takes_the_stock_once_and_tells_each_its_outcome() {
    let stage = stage().await;
    stage.publish(Template { stock: 3, per_user_max: 1, ..template("three", 0, 100) }, "t").await;
    let mut batch: Vec<_> = (0..3).map(|n| claim(&format!("u{n}"), "three", "id")).collect();
    batch.insert(1, claim("u0", "three", "again"));
    batch.push(claim("u9", "three", "id"));
    batch.push(batch[0].clone());
    batch.push(claim("u0", "none", "id2"));
    let outcomes = stage.incentives.claim_coupons(&stage.tenant, &batch).await.unwrap();
    let names: Vec<String> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(answer) => format!("got {}", answer.replayed),
            Err(IncentivesError::Refused { refusal, .. }) => refusal.to_string(),
            Err(other) => panic!("{other:?}"),
        })
        .collect();
    let limit = "the limit per user is reached";
    let none = "there is no such coupon template";
    assert_eq!(names, ["got false", limit, "got false", "got false", "no coupons are left", "got true", none]);
    assert_eq!(stage.number("select issued from coupon_stock").await, 3);
    let again = stage.incentives.claim_coupons(&stage.tenant, &batch[4..5]).await.unwrap().remove(0);
    assert!(matches!(again, Err(IncentivesError::Refused { replayed: true, .. })), "{again:?}");
}

#[tokio::test]
async fn of_thirty_orders_with_one_coupon_one_gets_it() {
    let stage = stage().await;
    let coupon = stage.coupon("u", "ten", 0, 1_000).await;
    let calls = (0..30).map(|n| {
        let (checkouts, tenant, coupon) = (stage.checkouts.clone(), stage.tenant.clone(), coupon.clone());
        tokio::spawn(async move {
            let command = reserve("u", &format!("id{n}"), basket(&[("a", 1, 10_000)], 0), &[&coupon]);
            checkouts.reserve(&tenant, command).await
        })
    });
    let mut got = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(answer) => {
                got += 1;
                assert_eq!(answer.value.checkout.unwrap().coupon_ids, std::slice::from_ref(&coupon));
            }
            Err(IncentivesError::Refused { refusal, .. }) => {
                let why_not = WhyNot::Reserved;
                assert_eq!(refusal, Refusal::CouponNotUsable { coupon_id: coupon.clone(), why_not });
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(got, 1);
    assert_eq!(stage.number("select count(*) from checkout").await, 1);
}

#[tokio::test]
async fn under_a_limit_of_one_thirty_purchases_at_once_get_one_coupon_and_use_it_once() {
    let stage = stage().await;
    stage.publish(Template { per_user_max: 1, ..template("once", 0, 1_000) }, "t").await;
    let claimed_all = Arc::new(Barrier::new(30));
    let calls = (0..30).map(|n| {
        let (incentives, tenant, claimed_all) = (stage.incentives.clone(), stage.tenant.clone(), claimed_all.clone());
        let checkouts = stage.checkouts.clone();
        tokio::spawn(async move {
            let claims = incentives.claim_coupons(&tenant, &[claim("u", "once", &format!("claim{n}"))]).await.unwrap();
            let claimed = claims.into_iter().filter(Result::is_ok).count();
            claimed_all.wait().await;
            let mut tries = 0;
            let mut command = reserve("u", &format!("id{n}"), basket(&[("a", 1, 10_000)], 0), &[]);
            command.choice = Choice::Best;
            let reserved = loop {
                match checkouts.reserve(&tenant, command.clone()).await {
                    Ok(answer) => break answer.value.checkout.unwrap(),
                    // the coupon that was best went to another purchase meanwhile: the user is shown the new price
                    Err(IncentivesError::Refused { refusal: Refusal::QuoteChanged { .. }, .. }) => {
                        tries += 1;
                        command.request = request("u", "CheckoutService/Reserve", &format!("id{n}-{tries}"), 0);
                    }
                    Err(other) => panic!("{other:?}"),
                }
            };
            let confirm = Confirm {
                request: request("u", "CheckoutService/Confirm", &format!("confirm{n}"), 0),
                user: user("u"),
                checkout_id: reserved.checkout_id,
                order_id: format!("o{n}"),
            };
            let confirmed = checkouts.confirm(&tenant, confirm).await.unwrap().value.checkout.unwrap();
            (claimed, confirmed.coupon_ids.len(), confirmed.quote.unwrap().payable)
        })
    });
    let (mut claimed, mut used, mut paid) = (0, 0, Vec::new());
    for call in calls.collect::<Vec<_>>() {
        let (claims, coupons, payable) = call.await.unwrap();
        claimed += claims;
        used += coupons;
        paid.push(units::money::from_proto(&payable.unwrap(), "CNY").unwrap());
    }
    let told = stage.payloads::<pb::CouponUsed>("u").await.len();
    let paid: i64 = paid.into_iter().sum();
    assert_eq!((claimed, used, told, paid), (1, 1, 1, 30 * 10_000 - 1_000));
    assert_eq!(stage.number("select claimed::bigint from coupon_count").await, 1);
}

#[tokio::test]
async fn an_order_that_races_its_coupons_end_gets_it_or_it_expires_and_never_both() {
    let stage = stage().await;
    let mut coupons = Vec::new();
    for n in 0..20 {
        coupons.push(stage.coupon(&format!("u{n}"), &format!("t{n}"), 0, 1_000).await);
    }
    let end = time::macros::datetime!(2026-12-01 00:00 UTC);
    stage.set_clock(end - Duration::SECOND).await;
    let orders = coupons.iter().enumerate().map(|(n, coupon)| {
        let (checkouts, tenant, coupon) = (stage.checkouts.clone(), stage.tenant.clone(), coupon.clone());
        tokio::spawn(async move {
            let command = reserve(&format!("u{n}"), "id", basket(&[("a", 1, 10_000)], 0), &[&coupon]);
            checkouts.reserve(&tenant, command).await.is_ok()
        })
    });
    let orders: Vec<_> = orders.collect();
    stage.set_clock(end).await;
    stage.incentives.run_due(&stage.tenant).await.unwrap();
    let mut got = Vec::new();
    for order in orders {
        got.push(order.await.unwrap());
    }
    stage.incentives.run_due(&stage.tenant).await.unwrap();
    for (n, coupon) in coupons.iter().enumerate() {
        let want = if got[n] { pb::CouponState::Reserved } else { pb::CouponState::Expired };
        assert_eq!(stage.state(&format!("u{n}"), coupon).await, want, "{n}");
        let expired = stage.payloads::<pb::CouponExpired>(&format!("u{n}")).await;
        assert_eq!(expired.len(), usize::from(!got[n]));
    }
}

#[tokio::test]
async fn an_order_that_waits_for_the_timer_finds_that_its_coupon_has_expired() {
    let stage = stage().await;
    let coupon = stage.coupon("u", "ten", 0, 1_000).await;
    // as the timer does, not committed yet
    let mut timer = stage.db.admin(incentives::NAME).await;
    sqlx::query("begin").execute(&mut timer).await.unwrap();
    sqlx::query("update held_coupon set state = 5").execute(&mut timer).await.unwrap();
    let (checkouts, tenant, id) = (stage.checkouts.clone(), stage.tenant.clone(), coupon.clone());
    let order = tokio::spawn(async move {
        checkouts.reserve(&tenant, reserve("u", "id", basket(&[("a", 1, 10_000)], 0), &[&id])).await
    });
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    testkit::eventually(|| async { stage.number(waiting).await > 0 }).await;
    sqlx::query("commit").execute(&mut timer).await.unwrap();
    let refused = refusal(order.await.unwrap());
    assert_eq!(refused, Refusal::CouponNotUsable { coupon_id: coupon.clone(), why_not: WhyNot::Expired });
    assert_eq!(stage.state("u", &coupon).await, pb::CouponState::Expired);
}

#[tokio::test]
async fn a_coupon_of_an_order_that_ran_out_of_time_is_free_before_that_is_booked() {
    let stage = stage().await;
    let coupon = stage.coupon("u", "ten", 0, 1_000).await;
    let order = basket(&[("a", 1, 10_000)], 0);
    let first = stage.reserve(&reserve("u", "1", order.clone(), &[&coupon])).await.unwrap();
    stage.set_clock(BEGIN + Duration::minutes(15)).await;
    assert_eq!(stage.state("u", &coupon).await, pb::CouponState::Held);
    assert_eq!(stage.checkout("u", &first.checkout_id).await.state(), pb::CheckoutState::Expired);
    let second = stage.reserve(&reserve("u", "2", order, &[&coupon])).await.unwrap();
    let late = stage.confirm("u", &first.checkout_id, "o1").await.unwrap_err();
    assert!(matches!(late, IncentivesError::Refused { refusal: Refusal::CheckoutNotOpen { .. }, .. }), "{late:?}");
    assert_eq!(stage.number("select count(*) from checkout_order").await, 0, "a refused confirmation leaves nothing");
    stage.incentives.run_due(&stage.tenant).await.unwrap();
    assert_eq!(stage.state("u", &coupon).await, pb::CouponState::Reserved, "the second order still has it");
    stage.confirm("u", &second.checkout_id, "o2").await.unwrap();
    assert_eq!(stage.state("u", &coupon).await, pb::CouponState::Used);
    let told = ["coupon.granted", "checkout.reserved", "checkout.reserved", "checkout.cancelled", "checkout.confirmed"];
    assert_eq!(stage.told("u").await[..5], told);
}
