//! The loop between the four services: what a user does earns, lifts, rewards, and is answered; what comes back is undone.

use end_to_end::harness::Suite;
use serde_json::{Value, json};

const SHOP: &str = "shop";

/// A shop whose users earn growth by orders and have levels at 0, 100 and 1,000.
struct Shop {
    suite: Suite,
    /// When everything happens.
    now: String,
}

impl Shop {
    async fn open() -> Self {
        let now = time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339);
        let shop = Self { suite: Suite::start().await, now: now.expect("a time can be written") };
        let tenant = json!({"tenantId": SHOP, "displayName": "茶铺", "zone": "Asia/Shanghai", "currency": "CNY"});
        shop.ask("admin.v1.TenantService/CreateTenant", json!({"requestId": "shop", "tenant": tenant})).await;
        for (id, spendable) in [("points", true), ("growth", false)] {
            let it = json!({"pointTypeId": id, "displayName": text(id), "spendable": spendable,
                "expiryPolicy": "EXPIRY_POLICY_NEVER", "reversalPolicy": "REVERSAL_POLICY_DOWN_TO_ZERO",
                "zone": "Asia/Shanghai"});
            shop.ask("levels.v1.PointsService/CreatePointType", json!({"requestId": id, "pointType": it})).await;
        }
        let rule = json!({"ruleId": "growth", "pointTypeId": "growth", "eventType": "order.completed",
            "formula": "order.total_minor / 100"});
        shop.ask("levels.v1.EarningRuleService/PublishEarningRule", json!({"requestId": "rule", "rule": rule})).await;
        let level =
            |(rank, threshold): (i32, i64)| json!({"rank": rank, "displayName": text("级"), "threshold": threshold});
        let levels: Vec<Value> = [(0, 0), (1, 100), (2, 1_000)].into_iter().map(level).collect();
        let scheme = json!({"schemeId": "vip", "displayName": text("会员"), "pointTypeId": "growth", "levels": levels});
        shop.ask("levels.v1.LevelService/PublishScheme", json!({"requestId": "vip", "scheme": scheme})).await;
        let settings = json!({"globalHoldoutBasisPoints": 0, "selfApproval": true});
        let request = json!({"requestId": "settings", "settings": settings});
        shop.ask("incentives.v1.CampaignService/UpdateCampaignSettings", request).await;
        shop
    }

    async fn ask(&self, method: &str, request: Value) -> Value {
        let answer = self.suite.ask(&format!("/banyan.{method}"), SHOP, request).await;
        answer.unwrap_or_else(|status| panic!("{method}: {status:?}"))
    }

    /// A running campaign that gives points.
    async fn campaign(&self, id: &str, event: &str, condition: &str, reward: Value, more: Value) {
        let mut campaign = json!({"campaignId": id, "displayName": text(id), "eventType": event, "expression": condition,
            "zone": "Asia/Shanghai", "budget": {"points": "100000"}, "returnPolicy": "RETURN_POLICY_LIMITS_AND_BUDGET",
            "funder": "FUNDER_SHOP", "points": reward});
        let fields = more.as_object().expect("fields are an object").clone();
        campaign.as_object_mut().expect("a campaign is an object").extend(fields);
        let save = json!({"requestId": format!("save-{id}"), "campaign": campaign});
        self.ask("incentives.v1.CampaignService/SaveCampaign", save).await;
        let approve = json!({"requestId": format!("approve-{id}"), "campaignId": id});
        self.ask("incentives.v1.CampaignService/ApproveCampaign", approve).await;
    }

    /// A live event of the user `u`.
    async fn report(&self, id: &str, report: Value) {
        let mut event = json!({"eventId": id, "userId": "u", "occurredAt": self.now});
        let fields = report.as_object().expect("a report is an object").clone();
        event.as_object_mut().expect("an event is an object").extend(fields);
        self.ask("profiles.v1.EventService/RecordEvent", json!({"event": event})).await;
    }

    async fn completed(&self, order: &str, yuan: i64) {
        let order = json!({"orderId": order, "total": yuan_of(yuan)});
        let id = format!("{}-completed", order["orderId"].as_str().expect("an id"));
        self.report(&id, json!({"orderCompleted": {"order": order}})).await;
    }

    async fn refunded(&self, order: &str, refund: &str, yuan: i64) {
        let refund = json!({"refundId": refund, "orderId": order, "amount": yuan_of(yuan)});
        let id = format!("{order}-{}", refund["refundId"].as_str().expect("an id"));
        self.report(&id, json!({"orderRefunded": {"refund": refund}})).await;
    }

    /// (points that can be spent, growth, rank) of the user `u`, when all is quiet.
    async fn standing(&self) -> (i64, i64, i64) {
        self.suite.quiet().await;
        let balance = |id: &str| json!({"userId": "u", "pointTypeId": id});
        let points = self.ask("levels.v1.PointsService/GetBalance", balance("points")).await;
        let growth = self.ask("levels.v1.PointsService/GetBalance", balance("growth")).await;
        let member = self.ask("levels.v1.LevelService/GetMember", json!({"userId": "u", "schemeId": "vip"})).await;
        (number(&points["available"]), number(&growth["growth"]), number(&member["member"]["level"]["rank"]))
    }

    /// The states of the coupons of the user `u`, in byte order.
    async fn coupon_states(&self) -> Vec<String> {
        let coupons =
            self.ask("incentives.v1.CouponService/ListCoupons", json!({"userId": "u", "includeClosed": true})).await;
        let coupons = coupons["coupons"].as_array().cloned().unwrap_or_default();
        let state = |it: &Value| it["coupon"]["state"].as_str().unwrap_or_default().to_owned();
        let mut states: Vec<String> = coupons.iter().map(state).collect();
        states.sort();
        states
    }

    async fn results(&self, campaign: &str) -> Value {
        let answer =
            self.ask("incentives.v1.CampaignService/GetCampaignResults", json!({"campaignId": campaign})).await;
        answer["results"].clone()
    }

    /// A case of the user `u`, resolved.
    async fn resolved_case(&self, case: &str) {
        let submit = json!({"requestId": format!("submit-{case}"), "userId": "u", "caseId": case,
            "kind": "CASE_KIND_COMPLAINT", "text": "快递三天没到，很着急"});
        self.ask("feedback.v1.CaseService/SubmitCase", submit).await;
        let resolve = json!({"requestId": format!("resolve-{case}"), "userId": "u", "caseId": case, "agentId": "小王",
            "text": "已补发，抱歉让您久等", "resolution": "RESOLUTION_SOLVED"});
        self.ask("feedback.v1.CaseService/ResolveCase", resolve).await;
    }
}

fn text(zh: &str) -> Value {
    json!({"texts": {"zh": zh}})
}

fn yuan_of(yuan: i64) -> Value {
    json!({"currencyCode": "CNY", "units": yuan})
}

/// A number of the contract's JSON: whole numbers of 64 bits are texts in it, zero may be absent.
fn number(value: &Value) -> i64 {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0)
}

fn points(of: &str, formula: &str) -> Value {
    json!({"pointTypeId": of, "formula": formula})
}

#[tokio::test]
async fn an_order_lifts_a_level_whose_reward_lifts_the_next_and_each_happens_once() {
    let shop = Shop::open().await;
    let up_to_one = "move.up && move.to_rank == 1";
    shop.campaign("welcome", "level.moved", up_to_one, points("growth", "900"), json!({})).await;
    shop.campaign("gold", "level.moved", "move.to_rank == 2", points("points", "66"), json!({})).await;
    shop.completed("o1", 150).await;
    assert_eq!(shop.standing().await, (66, 1_050, 2));
    assert_eq!(
        (number(&shop.results("welcome").await["granted"]), number(&shop.results("gold").await["granted"])),
        (1, 1)
    );
    shop.completed("o1", 150).await; // reported again
    assert_eq!(shop.standing().await, (66, 1_050, 2));
}

#[tokio::test]
async fn a_returned_order_takes_back_what_it_set_off_in_parts_and_whole_whether_known_before_or_after() {
    let shop = Shop::open().await;
    shop.campaign(
        "back",
        "order.completed",
        "order.total_minor >= 10000",
        points("points", "order.total_minor / 100"),
        json!({}),
    )
    .await;
    shop.completed("o1", 200).await;
    assert_eq!(shop.standing().await, (200, 200, 1));
    shop.refunded("o1", "r1", 50).await;
    assert_eq!(shop.standing().await, (150, 150, 1));
    shop.refunded("o1", "r2", 150).await;
    assert_eq!(shop.standing().await, (0, 0, 0));
    // all of it known before any service but profiles has looked
    shop.refunded("o2", "r1", 40).await;
    shop.completed("o2", 100).await;
    assert_eq!(shop.standing().await, (60, 60, 0));
    let results = shop.results("back").await;
    let budget = number(&results["committed"]) - number(&results["released"]);
    assert_eq!(budget, 60, "what came back is in the budget again: {results}");
}

#[tokio::test]
async fn a_returned_order_undoes_the_level_that_it_lifted_to_and_what_that_gave() {
    let shop = Shop::open().await;
    let template = json!({"templateId": "gift", "displayName": text("升级礼"), "layer": "COUPON_LAYER_SHOP",
        "thresholdPrice": "THRESHOLD_PRICE_LIST", "amountOff": {"amount": yuan_of(20)},
        "funders": [{"funder": "FUNDER_SHOP", "basisPoints": 10000}], "relativeValidity": {"days": 7, "zone": "Asia/Shanghai"},
        "distribution": "COUPON_DISTRIBUTION_GRANTED"});
    let publish = json!({"requestId": "gift", "template": template});
    shop.ask("incentives.v1.CouponService/PublishCouponTemplate", publish).await;
    let once = json!({"userLimits": [{"period": "LIMIT_PERIOD_ALWAYS", "grantsMax": 1}]});
    shop.campaign("gold", "level.moved", "move.up && move.to_rank == 1", points("points", "66"), once).await;
    let gift = json!({"budget": {"money": yuan_of(1_000)}, "points": null,
        "coupon": {"templateId": "gift", "cost": yuan_of(20)}});
    shop.campaign("gift", "level.moved", "move.up && move.to_rank == 1", Value::Null, gift).await;
    shop.completed("o1", 150).await;
    assert_eq!(shop.standing().await, (66, 150, 1));
    shop.refunded("o1", "r1", 40).await;
    assert_eq!(shop.standing().await, (66, 110, 1), "the level is kept, and with it all that it gave");
    shop.refunded("o1", "r2", 60).await;
    assert_eq!(shop.standing().await, (0, 50, 0));
    assert_eq!(shop.coupon_states().await, ["COUPON_STATE_VOIDED"]);
    for campaign in ["gold", "gift"] {
        let results = shop.results(campaign).await;
        let sums = ["granted", "standing", "committed", "released"].map(|sum| number(&results[sum]));
        assert_eq!((sums[0], sums[1], sums[2] - sums[3]), (1, 0, 0), "{campaign}: {results}");
    }
    // all that another order lifts to, and is returned of, before anybody else has looked
    shop.completed("o2", 100).await;
    shop.refunded("o2", "r1", 100).await;
    assert_eq!(shop.standing().await, (0, 50, 0));
    // the count has come back with the reward: the next rise is rewarded
    shop.completed("o3", 100).await;
    assert_eq!(shop.standing().await, (66, 150, 1));
    let audit = shop.ask("levels.v1.PointsService/VerifyLedger", json!({})).await;
    assert!(audit["mismatches"].as_array().is_none_or(Vec::is_empty), "{audit}");
}

#[tokio::test]
async fn a_resolved_case_brings_a_care_reward_within_its_cap_and_the_reason_can_be_asked() {
    let shop = Shop::open().await;
    let once_a_day = json!({"userLimits": [{"period": "LIMIT_PERIOD_DAY", "grantsMax": 1}]});
    shop.campaign("care", "case.resolved", "case.kind == 'complaint'", points("points", "20"), once_a_day).await;
    shop.resolved_case("c1").await;
    assert_eq!(shop.standing().await.0, 20);
    shop.resolved_case("c2").await;
    assert_eq!(shop.standing().await.0, 20, "the cap holds");
    let decisions = shop.ask("incentives.v1.DecisionService/ListDecisions", json!({"userId": "u"})).await;
    let decisions = decisions["decisions"].as_array().cloned().unwrap_or_default();
    assert_eq!(decisions.len(), 2, "{decisions:?}");
    let mut told = Vec::new();
    for decision in &decisions {
        let asked = json!({"userId": "u", "campaignId": "care", "sourceEventId": decision["sourceEventId"]});
        let answer = shop.ask("incentives.v1.DecisionService/ExplainDecision", asked).await;
        told.push(answer["explanation"]["texts"]["zh"].as_str().unwrap_or_default().to_owned());
    }
    assert!(told.iter().any(|sentence| sentence.contains("1/1")), "{told:?}");
}

#[tokio::test]
async fn a_reward_that_levels_refuses_gives_its_budget_back() {
    let shop = Shop::open().await;
    shop.campaign("lost", "order.completed", "true", points("no-such-type", "30"), json!({})).await;
    shop.completed("o1", 10).await;
    assert_eq!(shop.standing().await, (0, 10, 0));
    let results = shop.results("lost").await;
    assert_eq!((number(&results["refused"]), number(&results["released"])), (1, 30), "{results}");
}

#[tokio::test]
async fn a_checkout_holds_points_in_levels_takes_them_when_confirmed_and_gives_them_back_with_the_goods() {
    let shop = Shop::open().await;
    let earn = json!({"requestId": "gift", "userId": "u", "pointTypeId": "points", "amount": 500, "reason": "开业礼"});
    shop.ask("levels.v1.PointsService/Earn", earn).await;
    // 满100减20, claimed by the user
    let template = json!({"templateId": "tea", "displayName": text("满100减20"), "layer": "COUPON_LAYER_SHOP",
        "amountMin": yuan_of(100), "thresholdPrice": "THRESHOLD_PRICE_LIST", "amountOff": {"amount": yuan_of(20)},
        "funders": [{"funder": "FUNDER_SHOP", "basisPoints": 10000}], "relativeValidity": {"days": 7, "zone": "Asia/Shanghai"},
        "perUserMax": 1, "distribution": "COUPON_DISTRIBUTION_CLAIMABLE"});
    let publish = json!({"requestId": "tea", "template": template});
    shop.ask("incentives.v1.CouponService/PublishCouponTemplate", publish).await;
    shop.ask(
        "incentives.v1.CouponService/ClaimCoupon",
        json!({"requestId": "claim", "userId": "u", "templateId": "tea"}),
    )
    .await;
    let basket = json!({"lines": [{"lineId": "1", "sku": "龙井", "quantity": 2, "listPrice": yuan_of(60)}]});
    let points = json!({"pointTypeId": "points", "pointsMax": 500, "ratePoints": 100, "rateAmount": yuan_of(1),
        "shareMaxBasisPoints": 5000});
    let reserve = json!({"requestId": "reserve", "userId": "u", "checkoutId": "c", "basket": basket,
        "coupons": {"best": true}, "points": points, "ttlSeconds": 600});
    let reserved = shop.ask("incentives.v1.CheckoutService/Reserve", reserve).await;
    let quote = &reserved["checkout"]["quote"];
    assert_eq!((number(&quote["payable"]["units"]), number(&quote["points"])), (95, 500), "{quote}");
    assert_eq!(shop.standing().await.0, 0, "the points are held");
    let confirm = json!({"requestId": "confirm", "userId": "u", "checkoutId": "c", "orderId": "o1"});
    shop.ask("incentives.v1.CheckoutService/Confirm", confirm).await;
    shop.suite.quiet().await;
    let statement = json!({"userId": "u", "pointTypeId": "points"});
    let entries = shop.ask("levels.v1.PointsService/ListEntries", statement.clone()).await;
    assert_eq!(number(&entries["entries"][0]["amount"]), -500, "{entries}");
    // one of the two comes back: half of the money, none of the coupon; then the other, with the coupon and all points
    shop.completed("o1", 95).await;
    shop.refunded("o1", "r1", 47).await;
    let half = shop.standing().await.0;
    shop.refunded("o1", "r2", 48).await;
    assert_eq!((half > 0 && half < 500, shop.standing().await.0), (true, 500), "{half} points after the first half");
    let coupons = shop.ask("incentives.v1.CouponService/ListCoupons", json!({"userId": "u"})).await;
    assert_eq!(coupons["coupons"][0]["coupon"]["state"], "COUPON_STATE_HELD", "{coupons}");
    let audit = shop.ask("levels.v1.PointsService/VerifyLedger", json!({})).await;
    assert!(audit["mismatches"].as_array().is_none_or(Vec::is_empty), "{audit}");
}
