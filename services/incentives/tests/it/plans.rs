//! Every statement finds its rows by an index, and by more of its key than the tenant.

use incentives::commands::grant_coupons;
use testkit::Plans;

use crate::stage::{basket, claim, grant, reserve, stage, template};

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
    let small = ["coupon_template", "coupon_stock", "coupon_tenant"];
    // the next end is the first of an index that holds nothing else than what is still to end
    let next = ["select valid_until from held_coupon", "select expire_time from checkout"];
    Plans::of(incentives::NAME).small(&small).whole(&next).check(&stage.db).await;
}
