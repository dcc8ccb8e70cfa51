//! Every statement finds its rows by an index, and by more of its key than the tenant.

use incentives::commands::grant_coupons;
use incentives::domain::campaign::Definition;
use incentives::domain::period::Period;
use proto::levels::v1::MoveCause;
use testkit::Plans;

use crate::campaign_stage::{completed, per, points};
use crate::stage::{Stage, basket, claim, grant, refunded, reserve, stage, template};
use crate::undone_levels::{for_rises, moved};

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let stage = stage().await;
    stage.publish(template("t", 0, 100), "t").await;
    let claims: Vec<_> = (0..256).map(|n| claim(&format!("u{n}"), "t", "1")).collect();
    let claimed = stage.incentives.claim_coupons(&stage.tenant, &claims).await.unwrap();
    for (n, coupon) in claimed.into_iter().enumerate().take(64) {
        let (who, coupon) = (format!("u{n}"), coupon.unwrap().value.coupon.unwrap().coupon_id);
        let order = basket(&[("a", 1, 1_000)], 0);
        let checkout = stage.reserve(&reserve(&who, "1", order, &[&coupon])).await.unwrap().checkout_id;
        stage.confirm(&who, &checkout, "o").await.unwrap();
    }
    let mut tx = stage.db.db(incentives::NAME).await.begin(&stage.tenant).await.unwrap();
    let grants: Vec<_> = (0..256).map(|n| grant(&format!("u{n}"), "t", "event")).collect();
    assert!(grant_coupons(&mut tx, &stage.tenant, &grants).await.unwrap().iter().all(Result::is_ok));
    tx.commit().await.unwrap();
    campaigns(&stage).await;
    let small = [
        "coupon_template",
        "coupon_stock",
        "coupon_tenant",
        "campaign",
        "campaign_version",
        "campaign_turn",
        "campaign_setting",
        "campaign_figures",
        "campaign_tally",
        "user_action",
    ];
    // the next end is the first of an index that holds nothing else than what is still to end
    let next = ["select valid_until from held_coupon", "select expire_time from checkout", "select min(until)"];
    Plans::of(incentives::NAME).small(&small).whole(&next).check(&stage.db).await;
}

/// Grants, decisions, returns and penalties of many users.
async fn campaigns(stage: &Stage) {
    stage.run("c", Definition { user_limits: per(Period::Day, 1), ..points("100") }).await;
    for n in 0..256 {
        let who = format!("u{n}");
        let part = refunded(&who, "o", &[], 3_000, 3_000, 10_000);
        stage.profiles(&[completed(&who, "o", 10_000), completed(&who, "p", 10_000), part]).await;
        stage.mute(&who).await;
    }
    stage.run("rise", Definition { budget: None, ..for_rises(points("5")) }).await;
    let rises: Vec<_> = (0..256).map(|n| moved(&format!("u{n}"), "rise", 0, 1, MoveCause::Earned)).collect();
    stage.levels(&rises).await;
}
