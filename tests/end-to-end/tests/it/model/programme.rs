//! The programme that all users are under.

use end_to_end::harness::Suite;
use serde_json::{Value, json};

/// Growth from which a level is held.
pub(crate) const THRESHOLDS: [i64; 4] = [0, 100, 300, 1_000];

/// Sets the tenant up. Profiles tells the others of the tenant first: `known` waits for that.
pub(crate) async fn publish(suite: &Suite, tenant: &str) {
    let ask = async |method: &str, request: Value| {
        let answer = suite.ask(&format!("/banyan.{method}"), tenant, request).await;
        answer.unwrap_or_else(|status| panic!("{method}: {status:?}"));
    };
    for (id, spendable) in [("points", true), ("growth", false), ("bonus", true)] {
        let policy = if spendable { "MAY_GO_NEGATIVE" } else { "DOWN_TO_ZERO" };
        let it = json!({"pointTypeId": id, "displayName": text(id), "spendable": spendable,
            "expiryPolicy": "EXPIRY_POLICY_NEVER", "reversalPolicy": format!("REVERSAL_POLICY_{policy}"),
            "zone": "Asia/Shanghai"});
        ask("levels.v1.PointsService/CreatePointType", json!({"requestId": id, "pointType": it})).await;
    }
    for (id, event) in [("growth", "order.paid"), ("points", "order.completed")] {
        let rule = json!({"ruleId": id, "pointTypeId": id, "eventType": event, "formula": "order.total_minor / 100"});
        let request = json!({"requestId": format!("rule-{id}"), "rule": rule});
        ask("levels.v1.EarningRuleService/PublishEarningRule", request).await;
    }
    let level = |(rank, threshold)| json!({"rank": rank, "displayName": text("级"), "threshold": threshold});
    let levels: Vec<Value> = THRESHOLDS.iter().enumerate().map(level).collect();
    let scheme = json!({"schemeId": "vip", "displayName": text("会员"), "pointTypeId": "growth", "levels": levels});
    ask("levels.v1.LevelService/PublishScheme", json!({"requestId": "vip", "scheme": scheme})).await;
    for (id, layer, more) in TEMPLATES {
        let mut template = json!({"templateId": id, "displayName": text(id), "layer": layer,
            "amountMin": yuan(if id == "rare" { 100_000 } else { 60 }), "thresholdPrice": "THRESHOLD_PRICE_LIST",
            "amountOff": {"amount": yuan(7)}, "funders": [{"funder": "FUNDER_SHOP", "basisPoints": 10000}],
            "relativeValidity": {"days": 30, "zone": "Asia/Shanghai"}});
        extend(&mut template, serde_json::from_str(more).expect("fields"));
        let request = json!({"requestId": format!("template-{id}"), "template": template});
        ask("incentives.v1.CouponService/PublishCouponTemplate", request).await;
    }
    let settings = json!({"globalHoldoutBasisPoints": 0, "selfApproval": true});
    let request = json!({"requestId": "settings", "settings": settings});
    ask("incentives.v1.CampaignService/UpdateCampaignSettings", request).await;
    for (id, event, condition, more) in campaigns() {
        let mut campaign = json!({"campaignId": id, "displayName": text(id), "eventType": event, "expression": condition,
            "zone": "Asia/Shanghai", "returnPolicy": "RETURN_POLICY_LIMITS_AND_BUDGET", "funder": "FUNDER_SHOP"});
        extend(&mut campaign, more);
        let save = json!({"requestId": format!("save-{id}"), "campaign": campaign});
        ask("incentives.v1.CampaignService/SaveCampaign", save).await;
        let approve = json!({"requestId": format!("approve-{id}"), "campaignId": id});
        ask("incentives.v1.CampaignService/ApproveCampaign", approve).await;
    }
}

const TEMPLATES: [(&str, &str, &str); 4] = [
    ("tea", "COUPON_LAYER_SHOP", r#"{"distribution": "COUPON_DISTRIBUTION_CLAIMABLE", "perUserMax": 1}"#),
    ("thanks", "COUPON_LAYER_PLATFORM", r#"{"distribution": "COUPON_DISTRIBUTION_GRANTED"}"#),
    ("sorry", "COUPON_LAYER_PAYMENT", r#"{"distribution": "COUPON_DISTRIBUTION_GRANTED"}"#),
    ("rare", "COUPON_LAYER_ITEM", r#"{"distribution": "COUPON_DISTRIBUTION_GRANTED", "stock": "60", "perUserMax": 1}"#),
];

/// Campaigns whose grants depend on nobody else: the model knows each of them.
pub(crate) const OWN: [&str; 9] = ["back", "thanks", "up", "climb-1", "climb-2", "climb-3", "lost", "care", "sorry"];

/// Campaigns that give less than is asked for: who gets it depends on who comes first.
pub(crate) const SCARCE: [&str; 4] = ["scarce", "draw", "few", "rare"];

fn campaigns() -> Vec<(&'static str, &'static str, String, Value)> {
    let points = |of: &str, formula: &str| json!({"points": {"pointTypeId": of, "formula": formula}});
    let with = |mut one: Value, more: Value| {
        extend(&mut one, more);
        one
    };
    let times = |most: i32| json!({"userLimits": [{"period": "LIMIT_PERIOD_ALWAYS", "grantsMax": most}]});
    let plenty = json!({"budget": {"points": "100000000"}});
    let own = |reward: Value, more: Value| with(with(reward, plenty.clone()), more);
    let coupon = |template: &str, cost: i64| json!({"coupon": {"templateId": template, "cost": yuan(cost)}});
    let tight = |points: i64| json!({"budget": {"points": points.to_string()}});
    let lifted = |rank: i32| format!("event.site == 'climb' && move.up && move.to_rank >= {rank}");
    let any = |condition: &str| condition.to_owned();
    let money = json!({"budget": {"money": yuan(1_000_000)}});
    let random = json!({"randomPoints": {"pointTypeId": "bonus", "min": "1", "max": "20"}});
    vec![
        (
            "back",
            "order.completed",
            any("order.total_minor >= 10000"),
            own(points("points", "order.total_minor / 1000"), times(2)),
        ),
        ("thanks", "order.paid", any("order.first"), with(coupon("thanks", 5), money.clone())),
        ("up", "level.moved", any("move.up && move.to_rank >= 2"), own(points("points", "50"), times(1))),
        ("climb-1", "level.moved", lifted(1), own(points("growth", "150"), times(1))),
        ("climb-2", "level.moved", lifted(2), own(points("growth", "600"), times(1))),
        ("climb-3", "level.moved", lifted(3), own(points("points", "66"), times(1))),
        ("lost", "order.completed", any("order.total_minor >= 30000"), own(points("nowhere", "30"), json!({}))),
        ("care", "case.resolved", any("case.kind == 'complaint'"), own(points("points", "20"), times(2))),
        ("sorry", "case.rated", any("case.score <= 2"), with(coupon("sorry", 3), money)),
        ("scarce", "order.completed", any("true"), with(points("bonus", "order.total_minor / 100"), tight(3_000))),
        ("draw", "order.paid", any("true"), with(random, tight(2_000))),
        ("few", "order.completed", any("true"), with(points("bonus", "5"), json!({"grantsMax": "100"}))),
        ("rare", "order.paid", any("true"), coupon("rare", 9)),
    ]
}

fn extend(value: &mut Value, more: Value) {
    let fields = more.as_object().expect("fields are an object").clone();
    value.as_object_mut().expect("a message is an object").extend(fields);
}

pub(crate) fn text(zh: &str) -> Value {
    json!({"texts": {"zh": zh}})
}

pub(crate) fn yuan(yuan: i64) -> Value {
    json!({"currencyCode": "CNY", "units": yuan.to_string()})
}
