//! A shop and what one of its users has.

use end_to_end::contract;
use end_to_end::harness::Suite;
use serde_json::{Value, json};

/// Calls a method with a request in its JSON form; answers the answer's.
pub(super) async fn call(suite: &Suite, path: &str, request: Value) -> Value {
    let method = contract::methods().into_iter().find(|method| contract::path(method) == path).expect("a method");
    let request = contract::message(method.input(), &request);
    suite.json(&method, "shop", &request).await.unwrap_or_else(|status| panic!("{path}: {status:?}"))
}

fn name(zh: &str, en: &str) -> Value {
    json!({"texts": {"zh": zh, "en": en}, "fallback": "en"})
}

/// A shop with a programme: points by the order, two levels on them, a welcome coupon. And `u1`, who bought for 80 yuan.
pub(super) async fn shop(suite: &Suite) {
    call(
        suite,
        "/banyan.admin.v1.TenantService/CreateTenant",
        json!({"requestId": "shop", "tenant": {"tenantId": "shop", "displayName": "小店", "zone": "Asia/Shanghai",
            "currency": "CNY", "sandbox": true, "clock": "2026-03-08T04:00:00Z"}}),
    )
    .await;
    for (id, spendable, zh, en) in [("growth", false, "成长值", "growth"), ("points", true, "积分", "points")] {
        call(
            suite,
            "/banyan.levels.v1.PointsService/CreatePointType",
            json!({"requestId": id, "pointType": {"pointTypeId": id, "displayName": name(zh, en), "spendable": spendable,
                "expiryPolicy": "EXPIRY_POLICY_MONTHS", "expiryCount": 1,
                "reversalPolicy": "REVERSAL_POLICY_DOWN_TO_ZERO", "zone": "Asia/Shanghai"}}),
        )
        .await;
    }
    call(
        suite,
        "/banyan.levels.v1.EarningRuleService/PublishEarningRule",
        json!({"requestId": "rule", "rule": {"ruleId": "one-per-yuan", "pointTypeId": "points",
            "eventType": "order.completed", "formula": "order.total_minor / 100"}}),
    )
    .await;
    call(
        suite,
        "/banyan.levels.v1.LevelService/PublishScheme",
        json!({"requestId": "scheme", "scheme": {"schemeId": "member", "displayName": name("会员", "members"),
            "pointTypeId": "points", "levels": [
                {"rank": 0, "displayName": name("普卡", "basic"), "threshold": "0"},
                {"rank": 1, "displayName": name("银卡", "silver"), "threshold": "50"},
                {"rank": 2, "displayName": name("金卡", "gold"), "threshold": "200"}],
            "validityMonths": 12, "periodEnd": "PERIOD_END_KEEP"}}),
    )
    .await;
    call(
        suite,
        "/banyan.profiles.v1.ProfileService/UpsertProfile",
        json!({"requestId": "u1", "profile": {"userId": "u1", "locale": "zh-CN"}}),
    )
    .await;
    call(
        suite,
        "/banyan.profiles.v1.EventService/RecordEvents",
        json!({"mode": "EVENT_MODE_FACTS_EARN", "events": [{"eventId": "e1", "userId": "u1",
            "occurredAt": "2026-03-08T03:00:00Z", "orderCompleted": {"order": {"orderId": "o1",
                "total": {"currencyCode": "CNY", "units": "80"}}}}]}),
    )
    .await;
}

/// Something that silver has, once used, and something that only gold has.
pub(super) async fn benefits(suite: &Suite) {
    let benefit = |benefit: Value| json!({"requestId": benefit["benefitId"], "benefit": benefit});
    let delivery = json!({"benefitId": "delivery", "displayName": name("免邮", "free delivery"),
        "description": name("全场", "for all orders"), "kind": "BENEFIT_KIND_SERVICE", "schemeId": "member",
        "ranges": [{"firstRank": 1, "quota": 2}], "period": "BENEFIT_PERIOD_MONTH"});
    let title = json!({"benefitId": "title", "displayName": name("金牌", "a title"), "kind": "BENEFIT_KIND_COSMETIC",
        "schemeId": "member", "ranges": [{"firstRank": 2}]});
    for definition in [delivery, title] {
        call(suite, "/banyan.levels.v1.BenefitService/PublishBenefit", benefit(definition)).await;
    }
    call(
        suite,
        "/banyan.levels.v1.BenefitService/UseBenefit",
        json!({"requestId": "use", "userId": "u1", "benefitId": "delivery", "count": 1}),
    )
    .await;
}

pub(super) async fn held_points(suite: &Suite) {
    call(
        suite,
        "/banyan.levels.v1.PointsService/HoldPoints",
        json!({"requestId": "hold", "userId": "u1", "pointTypeId": "points", "amount": "30", "ttlSeconds": 900}),
    )
    .await;
}

/// Two coupons of one template, and one that cannot be used yet.
pub(super) async fn coupons(suite: &Suite) {
    let template = |id: &str, zh: &str, from: &str, until: &str| {
        json!({"requestId": id, "template": {"templateId": id, "displayName": name(zh, "a coupon"),
            "layer": "COUPON_LAYER_SHOP", "thresholdPrice": "THRESHOLD_PRICE_LIST",
            "amountOff": {"amount": {"currencyCode": "CNY", "units": "10"}},
            "funders": [{"funder": "FUNDER_SHOP", "basisPoints": 10000}],
            "fixedValidity": {"validFrom": from, "validUntil": until}, "perUserMax": 5,
            "distribution": "COUPON_DISTRIBUTION_CLAIMABLE"}})
    };
    let march = template("march", "三月券", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    let april = template("april", "四月券", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z");
    for template in [march, april] {
        call(suite, "/banyan.incentives.v1.CouponService/PublishCouponTemplate", template).await;
    }
    for (id, template) in [("claim-1", "march"), ("claim-2", "march"), ("claim-3", "april")] {
        call(
            suite,
            "/banyan.incentives.v1.CouponService/ClaimCoupon",
            json!({"requestId": id, "userId": "u1", "templateId": template}),
        )
        .await;
    }
}

/// A case with a promise and one that has ended.
pub(super) async fn cases(suite: &Suite) {
    let cases = "/banyan.feedback.v1.CaseService";
    for (id, text) in [("late", "快递没到"), ("done", "怎么退货")] {
        let submit = json!({"requestId": id, "userId": "u1", "caseId": id, "kind": "CASE_KIND_QUESTION", "text": text});
        call(suite, &format!("{cases}/SubmitCase"), submit).await;
    }
    let promise = json!({"requestId": "promise", "userId": "u1", "caseId": "late", "agentId": "a1", "text": "明天答复",
        "promisedUntil": "2026-03-10T04:00:00Z"});
    call(suite, &format!("{cases}/PromiseAnswer"), promise).await;
    let resolve = json!({"requestId": "resolve", "userId": "u1", "caseId": "done", "agentId": "a1", "text": "已答复",
        "resolution": "RESOLUTION_ANSWERED"});
    call(suite, &format!("{cases}/ResolveCase"), resolve).await;
}

/// Two mutes for spam, the longer one of posting alone, a warning, and a mute that was lifted.
pub(super) async fn penalties(suite: &Suite) {
    let incentives = "/banyan.incentives.v1";
    let spam = json!({"actionId": "spam", "displayName": name("灌水", "spam"), "kind": "ACTION_KIND_HARMFUL"});
    call(suite, &format!("{incentives}.ActionService/PutAction"), json!({"requestId": "spam", "action": spam})).await;
    let penalty = |id: &str, restrictions: &[&str], until: &str| {
        json!({"requestId": id, "penalty": {"penaltyId": id, "userId": "u1", "kind": "PENALTY_KIND_MUTE",
            "restrictions": restrictions, "actionId": "spam", "until": until, "reason": "刷屏"}})
    };
    let short = penalty("short", &["post", "comment"], "2026-03-09T04:00:00Z");
    let long = penalty("long", &["post"], "2026-03-15T04:00:00Z");
    let lifted = penalty("lifted", &["vote"], "2026-03-15T04:00:00Z");
    let warning = json!({"requestId": "warning", "penalty": {"penaltyId": "warning", "userId": "u1",
        "kind": "PENALTY_KIND_WARN", "reason": "口角"}});
    for request in [short, long, lifted, warning] {
        call(suite, &format!("{incentives}.PenaltyService/ImposePenalty"), request).await;
    }
    let lift = json!({"requestId": "lift", "userId": "u1", "penaltyId": "lifted", "reason": "误判"});
    call(suite, &format!("{incentives}.PenaltyService/LiftPenalty"), lift).await;
}
