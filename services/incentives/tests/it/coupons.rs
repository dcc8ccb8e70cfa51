//! Templates, claims, lists and grants.

use incentives::commands::{CouponGrant, CouponSource, grant_coupons, void_coupons};
use incentives::domain::refusal::Refusal;
use incentives::domain::template::{Distribution, Template, Validity};
use incentives::domain::why_not::WhyNot;
use incentives::queries::AskedCoupons;
use proto::incentives::v1 as pb;
use service::Gather;
use time::Duration;
use time::macros::datetime;

use crate::stage::{BEGIN, Stage, basket, grant, refusal, reserve, stage, template, tenant, user};

#[tokio::test]
async fn a_new_version_changes_nobodys_coupon_and_counts_on() {
    let stage = stage().await;
    let first = stage.publish(Template { stock: 2, ..template("t", 0, 1_000) }, "1").await;
    let before = stage.claim("u", "t", "1").await.unwrap();
    let second = stage.publish(Template { stock: 2, ..template("t", 0, 3_000) }, "2").await;
    let after = stage.claim("u", "t", "2").await.unwrap();
    assert_eq!((first.version, second.version, second.issued), (1, 2, 1));
    assert_eq!((before.template_version, after.template_version), (1, 2));
    let order = basket(&[("a", 1, 10_000)], 0);
    let checkout = stage.reserve(&reserve("u", "1", order, &[&before.coupon_id])).await.unwrap();
    assert_eq!(checkout.quote.unwrap().payable, crate::stage::yuan(9_000));
    let out = refusal(stage.claim("u", "t", "3").await);
    assert_eq!(out, Refusal::CouponOutOfStock { template_id: "t".to_owned() });
}

#[tokio::test]
async fn what_can_be_claimed_says_how_many_are_left_and_why_not() {
    let stage = stage().await;
    stage.publish(Template { stock: 5, per_user_max: 1, ..template("a-open", 0, 100) }, "a").await;
    stage.publish(Template { claim_from: Some(BEGIN + Duration::HOUR), ..template("b-early", 0, 100) }, "b").await;
    stage.publish(Template { paused: true, ..template("c-paused", 0, 100) }, "c").await;
    stage.publish(Template { distribution: Distribution::Granted, ..template("d-granted", 0, 100) }, "d").await;
    let seen = async |who: &str| {
        let page = stage.incentives.list_claimable(&stage.tenant, &user(who), "", 10, &[]).await.unwrap();
        let row = |it: &pb::Claimable| {
            let why_not = it.hindrance.as_ref().map(|it| it.why_not());
            (it.template.as_ref().unwrap().template_id.clone(), why_not, it.claimed, it.left)
        };
        page.rows.iter().map(row).collect::<Vec<_>>()
    };
    let early = ("b-early".to_owned(), Some(pb::WhyNot::ClaimNotBegun), 0, -1);
    let paused = ("c-paused".to_owned(), Some(pb::WhyNot::Paused), 0, -1);
    assert_eq!(seen("u").await, [("a-open".to_owned(), None, 0, 5), early.clone(), paused.clone()]);
    stage.claim("u", "a-open", "1").await.unwrap();
    let reached = ("a-open".to_owned(), Some(pb::WhyNot::LimitReached), 1, 4);
    assert_eq!(seen("u").await, [reached, early.clone(), paused.clone()]);
    assert_eq!(seen("v").await[0], ("a-open".to_owned(), None, 0, 4));
    let granted = refusal(stage.claim("u", "d-granted", "2").await);
    let why_not = WhyNot::GrantedOnly;
    assert_eq!(granted, Refusal::CouponNotClaimable { template_id: "d-granted".to_owned(), why_not });
}

fn of_u() -> AskedCoupons {
    AskedCoupons { user: user("u"), basket: None, closed: false, after: None, size: 50 }
}

async fn listed(stage: &Stage, closed: bool) -> Vec<(String, Option<pb::WhyNot>)> {
    let page = stage.incentives.answer(&stage.tenant, &[], AskedCoupons { closed, ..of_u() }).await.unwrap();
    let row = |it: &pb::ListedCoupon| {
        (it.coupon.as_ref().unwrap().template_id.clone(), it.hindrance.as_ref().map(|it| it.why_not()))
    };
    page.rows.iter().map(row).collect()
}

#[tokio::test]
async fn coupons_are_listed_soonest_end_first_each_usable_or_with_its_reason() {
    let stage = stage().await;
    let relative = |days| Validity::Relative { days };
    stage.publish(Template { validity: relative(0), ..template("today", 0, 100) }, "1").await;
    stage.publish(Template { validity: relative(3), ..template("soon", 0, 100) }, "2").await;
    let later = Validity::Fixed { from: datetime!(2026-12-01 00:00 UTC), until: datetime!(2027-01-01 00:00 UTC) };
    stage.publish(Template { validity: later, ..template("later", 0, 100) }, "3").await;
    let mut ids = Vec::new();
    for id in ["later", "soon", "today"] {
        ids.push(stage.claim("u", id, id).await.unwrap().coupon_id);
    }
    let not_yet = ("later".to_owned(), Some(pb::WhyNot::NotYetValid));
    assert_eq!(listed(&stage, false).await, [("today".into(), None), ("soon".into(), None), not_yet.clone()]);
    stage.set_clock(BEGIN + Duration::DAY).await;
    assert_eq!(listed(&stage, false).await, [("soon".into(), None), not_yet.clone()], "true before it is booked");
    stage.void("u", &ids[1], "v").await.unwrap();
    let (over, void) = (("today".into(), Some(pb::WhyNot::Expired)), ("soon".into(), Some(pb::WhyNot::Voided)));
    assert_eq!(listed(&stage, true).await, [over, void, not_yet]);
    let again = refusal(stage.void("u", &ids[1], "w").await);
    assert_eq!(again, Refusal::CouponNotVoidable { coupon_id: ids[1].clone(), why_not: WhyNot::Voided });
}

#[tokio::test]
async fn a_page_of_coupons_begins_where_the_last_one_ended() {
    let stage = stage().await;
    stage.publish(template("t", 0, 100), "t").await;
    for n in 0..5 {
        stage.claim("u", "t", &format!("{n}")).await.unwrap();
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page =
            stage.incentives.answer(&stage.tenant, &[], AskedCoupons { after, size: 2, ..of_u() }).await.unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.coupon.unwrap().coupon_id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn against_a_basket_a_coupon_says_what_it_saves_or_what_is_missing() {
    let stage = stage().await;
    stage.coupon("u", "small", 5_000, 500).await;
    stage.coupon("u", "large", 20_000, 3_000).await;
    let order = basket(&[("a", 1, 12_000)], 0);
    let asked = AskedCoupons { basket: Some(order), ..of_u() };
    let page = stage.incentives.answer(&stage.tenant, &[], asked).await.unwrap();
    let mut rows: Vec<_> = page
        .rows
        .into_iter()
        .map(|row| (row.coupon.unwrap().template_id, row.saves, row.hindrance.and_then(|it| it.amount_short)))
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let yuan = crate::stage::yuan;
    assert_eq!(rows, [("large".into(), None, yuan(8_000)), ("small".into(), yuan(500), None)]);
}

async fn granted(stage: &Stage, grants: &[CouponGrant]) -> Vec<Result<String, Refusal>> {
    let mut tx = stage.db.db(incentives::NAME).await.begin(&stage.tenant).await.unwrap();
    let outcomes = grant_coupons(&mut tx, &stage.tenant, grants).await.unwrap();
    tx.commit().await.unwrap();
    outcomes.into_iter().map(|outcome| outcome.map(|coupon| coupon.coupon_id)).collect()
}

#[tokio::test]
async fn a_campaign_grants_once_per_user_and_event_within_stock() {
    let stage = stage().await;
    stage.publish(Template { stock: 2, distribution: Distribution::Granted, ..template("gift", 0, 100) }, "t").await;
    let first = granted(
        &stage,
        &[grant("u", "gift", "e1"), grant("u", "gift", "e1"), grant("v", "gift", "e1"), grant("v", "gift", "e2")],
    )
    .await;
    assert_eq!(first[0], first[1]);
    assert_ne!(first[0], first[2]);
    assert_eq!(first[3], Err(Refusal::CouponOutOfStock { template_id: "gift".to_owned() }));
    assert_eq!(granted(&stage, &[grant("u", "gift", "e1")]).await[0], first[0]);
    assert_eq!(stage.number("select issued from coupon_stock").await, 2);
}

#[tokio::test]
async fn a_campaign_takes_back_what_is_unused_and_what_a_checkout_lets_go_later() {
    let stage = stage().await;
    stage.publish(Template { distribution: Distribution::Granted, ..template("gift", 0, 100) }, "t").await;
    let ids =
        granted(&stage, &[grant("u", "gift", "held"), grant("u", "gift", "reserved"), grant("u", "gift", "used")])
            .await;
    let ids: Vec<String> = ids.into_iter().map(Result::unwrap).collect();
    let order = basket(&[("a", 1, 10_000)], 0);
    let reserved = stage.reserve(&reserve("u", "1", order.clone(), &[&ids[1]])).await.unwrap();
    let used = stage.reserve(&reserve("u", "2", order, &[&ids[2]])).await.unwrap();
    stage.confirm("u", &used.checkout_id, "o").await.unwrap();
    let source = |event: &str| CouponSource {
        user: user("u"),
        campaign_id: "campaign".to_owned(),
        source_event_id: event.to_owned(),
    };
    let mut tx = stage.db.db(incentives::NAME).await.begin(&stage.tenant).await.unwrap();
    let sources = [source("held"), source("reserved"), source("used"), source("unknown")];
    let void = void_coupons(&mut tx, &stage.tenant, &sources).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(void.iter().map(|it| it.coupon_id.as_str()).collect::<Vec<_>>(), [ids[0].as_str()]);
    assert_eq!(stage.state("u", &ids[1]).await, pb::CouponState::Reserved);
    stage.cancel("u", &reserved.checkout_id).await.unwrap();
    assert_eq!(stage.state("u", &ids[1]).await, pb::CouponState::Voided);
    assert_eq!(stage.state("u", &ids[2]).await, pb::CouponState::Used);
    stage.give_back("u", &used.checkout_id, &[], "r").await.unwrap();
    assert_eq!(stage.state("u", &ids[2]).await, pb::CouponState::Voided);
}

#[tokio::test]
async fn another_tenant_sees_no_coupon() {
    let stage = stage().await;
    let coupon = stage.coupon("u", "t", 0, 100).await;
    let other = stage.incentives.coupon(&tenant("other"), &user("u"), &coupon, &[]).await;
    assert_eq!(refusal(other), Refusal::CouponNotFound { coupon_id: coupon });
}

#[tokio::test]
async fn lists_asked_for_together_are_those_asked_for_alone() {
    let stage = stage().await;
    stage.publish(template("t", 0, 100), "t").await;
    for n in 0..5 {
        stage.claim(if n % 2 == 0 { "u" } else { "v" }, "t", &format!("{n}")).await.unwrap();
    }
    let first = stage.incentives.answer(&stage.tenant, &[], AskedCoupons { size: 1, ..of_u() }).await.unwrap();
    let asked = [
        of_u(),
        AskedCoupons { user: user("v"), size: 1, ..of_u() },
        AskedCoupons { user: user("nobody"), ..of_u() },
        AskedCoupons { after: first.next, ..of_u() },
        AskedCoupons { basket: Some(basket(&[("a", 1, 12_000)], 0)), closed: true, ..of_u() },
    ];
    let together = stage.incentives.answers(&stage.tenant, &[], &asked).await.unwrap();
    let mut sizes = Vec::new();
    for (asked, together) in asked.into_iter().zip(together) {
        let (together, alone) =
            (together.unwrap(), stage.incentives.answer(&stage.tenant, &[], asked.clone()).await.unwrap());
        assert_eq!((&together.rows, &together.next), (&alone.rows, &alone.next), "{asked:?}");
        sizes.push(together.rows.len());
    }
    assert_eq!(sizes, [3, 1, 0, 2, 3]);
}
