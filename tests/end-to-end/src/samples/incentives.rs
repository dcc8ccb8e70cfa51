//! Requests of the incentives service.

use serde_json::{Value, json};

use super::{Names, request_id, text};

/// The id of a user's first coupon of the sample's template: it follows from both.
fn coupon(names: &Names<'_>) -> String {
    eventlog::derive(names.user, "coupon/welcome", 0).as_str().replacen("f-", "c-", 1)
}

fn basket(names: &Names<'_>) -> Value {
    json!({
        "lines": [{"lineId": "1", "sku": names.canary, "category": names.canary, "site": names.canary, "quantity": "2",
            "listPrice": {"currencyCode": "CNY", "units": "60"}, "memberPrice": {"currencyCode": "CNY", "units": "55"}}],
        "freight": {"currencyCode": "CNY", "units": "8"},
    })
}

pub(super) fn checkout_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let paid = format!("paid-{}", names.ids);
    let given_up = format!("given-up-{}", names.ids);
    let reserve = |checkout: &str| {
        json!({"requestId": request_id(names, checkout), "userId": names.user, "checkoutId": checkout,
            "basket": basket(names), "orderId": names.ids})
    };
    let step = |what: &str, checkout: &str| json!({"requestId": request_id(names, what), "userId": names.user, "checkoutId": checkout});
    let mut confirm = step("confirm", &paid);
    confirm["orderId"] = json!(format!("paid-order-{}", names.ids));
    let mut back = step("return", &paid);
    back["lines"] = json!([{"lineId": "1", "quantity": "1"}]);
    vec![
        (
            "/banyan.incentives.v1.CouponService/PublishCouponTemplate",
            json!({
                "requestId": request_id(names, "template"),
                "template": {"templateId": "welcome", "displayName": text(names), "layer": "COUPON_LAYER_SHOP",
                    "amountMin": {"currencyCode": "CNY", "units": "100"}, "thresholdPrice": "THRESHOLD_PRICE_LIST",
                    "amountOff": {"amount": {"currencyCode": "CNY", "units": "10"}},
                    "funders": [{"funder": "FUNDER_SHOP", "basisPoints": 10000}],
                    "relativeValidity": {"days": 7, "zone": "Asia/Shanghai"}, "perUserMax": 5,
                    "distribution": "COUPON_DISTRIBUTION_CLAIMABLE"},
            }),
        ),
        (
            "/banyan.incentives.v1.CouponService/ClaimCoupon",
            json!({"requestId": request_id(names, "claim"), "userId": names.user, "templateId": "welcome"}),
        ),
        (
            "/banyan.incentives.v1.CouponService/VoidCoupon",
            json!({"requestId": request_id(names, "void"), "userId": names.user, "couponId": coupon(names),
                "reason": names.canary}),
        ),
        ("/banyan.incentives.v1.CheckoutService/Reserve", reserve(&paid)),
        ("/banyan.incentives.v1.CheckoutService/Confirm", confirm),
        ("/banyan.incentives.v1.CheckoutService/Return", back),
        ("/banyan.incentives.v1.CheckoutService/Reserve", reserve(&given_up)),
        ("/banyan.incentives.v1.CheckoutService/Cancel", step("cancel", &given_up)),
    ]
}

/// A campaign of these names alone: applying the programme of others pauses it.
fn spring(names: &Names<'_>) -> String {
    format!("spring-{}", names.ids)
}

pub(super) fn campaign_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let (spring, over) = (spring(names), format!("over-{}", names.ids));
    let campaign = |id: &str| {
        json!({
            "requestId": request_id(names, id),
            "campaign": {"campaignId": id, "displayName": text(names), "eventType": "order.completed",
                "expression": "order.total_minor >= 9900", "priority": 10, "exclusionGroup": "welcome",
                "holdoutBasisPoints": 500, "zone": "Asia/Shanghai",
                "userLimits": [{"period": "LIMIT_PERIOD_DAY", "grantsMax": 3}], "budget": {"points": "100000"},
                "returnPolicy": "RETURN_POLICY_LIMITS_AND_BUDGET", "costCentre": names.canary,
                "funder": "FUNDER_PLATFORM", "points": {"pointTypeId": "points", "formula": "order.total_minor / 100"}},
        })
    };
    let turn = |what: &str, id: &str| json!({"requestId": request_id(names, what), "campaignId": id});
    vec![
        (
            "/banyan.incentives.v1.CampaignService/UpdateCampaignSettings",
            json!({"requestId": request_id(names, "campaign-settings"),
                "settings": {"globalHoldoutBasisPoints": 100, "selfApproval": true}}),
        ),
        ("/banyan.incentives.v1.CampaignService/SaveCampaign", campaign(&spring)),
        ("/banyan.incentives.v1.CampaignService/ApproveCampaign", turn("approve", &spring)),
        ("/banyan.incentives.v1.CampaignService/PauseCampaign", turn("pause", &spring)),
        ("/banyan.incentives.v1.CampaignService/ResumeCampaign", turn("resume", &spring)),
        ("/banyan.incentives.v1.CampaignService/SaveCampaign", campaign(&over)),
        ("/banyan.incentives.v1.CampaignService/EndCampaign", turn("end", &over)),
    ]
}

pub(super) fn penalty_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let penalty_id = format!("p-{}", names.ids);
    vec![
        (
            "/banyan.incentives.v1.ActionService/PutAction",
            json!({
                "requestId": request_id(names, "action"),
                "action": {"actionId": "spam", "displayName": text(names), "kind": "ACTION_KIND_HARMFUL",
                    "valueNote": names.canary, "ladder": {"windowDays": 30, "doubles": true, "steps": [
                        {"kind": "PENALTY_KIND_MUTE", "duration": "86400s", "restrictions": ["post"]}]}},
            }),
        ),
        (
            "/banyan.incentives.v1.PenaltyService/ImposePenalty",
            json!({
                "requestId": request_id(names, "impose"),
                "penalty": {"penaltyId": penalty_id, "userId": names.user, "actionId": "spam", "reason": names.canary,
                    "notice": names.canary, "maskedName": "张*"},
            }),
        ),
        (
            "/banyan.incentives.v1.PenaltyService/LiftPenalty",
            json!({"requestId": request_id(names, "lift"), "userId": names.user, "penaltyId": penalty_id,
                "reason": names.canary}),
        ),
    ]
}

pub(super) fn campaign_reads(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let spring = spring(names);
    let (user, campaign) = (json!({"userId": names.user}), json!({"campaignId": spring}));
    vec![
        ("/banyan.incentives.v1.CampaignService/GetCampaign", campaign.clone()),
        ("/banyan.incentives.v1.CampaignService/ListCampaigns", json!({})),
        ("/banyan.incentives.v1.CampaignService/GetCampaignResults", campaign),
        (
            "/banyan.incentives.v1.CampaignService/DryRunCampaign",
            json!({"campaignId": spring, "userId": names.user, "fields": {"order.total_minor": {"number": "19900"}}}),
        ),
        ("/banyan.incentives.v1.CampaignService/GetCampaignSettings", json!({})),
        ("/banyan.incentives.v1.DecisionService/ListDecisions", user.clone()),
        (
            "/banyan.incentives.v1.DecisionService/ExplainDecision",
            json!({"userId": names.user, "campaignId": spring, "sourceEventId": format!("e1-{}", names.ids)}),
        ),
        ("/banyan.incentives.v1.ActionService/ListActions", json!({})),
        ("/banyan.incentives.v1.ActionService/GetGapReport", json!({})),
        ("/banyan.incentives.v1.PenaltyService/ListPenalties", user),
        ("/banyan.incentives.v1.PenaltyService/ListPublicNotices", json!({})),
        (
            "/banyan.incentives.v1.PenaltyService/CheckRestrictions",
            json!({"userId": names.user, "restrictions": ["post", "comment"]}),
        ),
    ]
}

pub(super) fn checkout_reads(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let user = json!({"userId": names.user});
    let with_basket = json!({"userId": names.user, "basket": basket(names)});
    let checkout = json!({"userId": names.user, "checkoutId": format!("paid-{}", names.ids)});
    vec![
        ("/banyan.incentives.v1.CouponService/GetCouponTemplate", json!({"templateId": "welcome"})),
        ("/banyan.incentives.v1.CouponService/ListCouponTemplates", json!({})),
        ("/banyan.incentives.v1.CouponService/ListClaimable", user),
        ("/banyan.incentives.v1.CouponService/GetCoupon", json!({"userId": names.user, "couponId": coupon(names)})),
        ("/banyan.incentives.v1.CouponService/ListCoupons", with_basket.clone()),
        ("/banyan.incentives.v1.CouponService/BestForBasket", with_basket.clone()),
        ("/banyan.incentives.v1.CheckoutService/Quote", with_basket),
        ("/banyan.incentives.v1.CheckoutService/PreviewReturn", checkout.clone()),
        ("/banyan.incentives.v1.CheckoutService/GetCheckout", checkout),
    ]
}
