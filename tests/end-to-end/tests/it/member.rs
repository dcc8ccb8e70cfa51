//! A user's page, over all services.

mod shop;

use std::collections::BTreeMap;

use end_to_end::contract;
use end_to_end::harness::{Suite, reason};
use prost::Message;
use proto::google::rpc;
use proto::profiles::v1::{GetMemberPageResponse, MemberPart};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::{Code, Status};

use self::shop::{benefits, call, cases, coupons, held_points, penalties, shop};

const PAGE: &str = "/banyan.profiles.v1.MemberService/GetMemberPage";
const ALL: [MemberPart; 7] = [
    MemberPart::Profile,
    MemberPart::Levels,
    MemberPart::Points,
    MemberPart::Coupons,
    MemberPart::Cases,
    MemberPart::Restrictions,
    MemberPart::Benefits,
];

async fn page_as(suite: &Suite, token: &str, request: Value) -> Result<GetMemberPageResponse, Status> {
    let method = contract::methods().into_iter().find(|method| contract::path(method) == PAGE).expect("a method");
    let request = contract::message(method.input(), &request).encode_to_vec();
    let answer = suite.call(PAGE, Some(token), request).await?;
    Ok(GetMemberPageResponse::decode(&answer.message[..]).expect("an answer is a valid message"))
}

async fn page(suite: &Suite, request: Value) -> GetMemberPageResponse {
    page_as(suite, &suite.token("shop", "members.read"), request).await.expect("a page is answered")
}

/// Part to code and reason; the reason is empty where the part is there.
fn statuses(page: &GetMemberPageResponse) -> Vec<(MemberPart, Code, String)> {
    let told = page.statuses.iter().map(|it| {
        let status: &rpc::Status = it.status.as_ref().expect("a status is told");
        let code = Code::from(status.code);
        let details = status.encode_to_vec().into();
        let reason = match code {
            Code::Ok => String::new(),
            _ => reason(&Status::with_details(code, status.message.clone(), details)),
        };
        (it.part(), code, reason)
    });
    told.collect()
}

fn fine(parts: &[MemberPart]) -> Vec<(MemberPart, Code, String)> {
    parts.iter().map(|part| (*part, Code::Ok, String::new())).collect()
}

fn as_json(page: &GetMemberPageResponse) -> Value {
    let method = contract::methods().into_iter().find(|method| contract::path(method) == PAGE).expect("a method");
    contract::json(method.output(), &page.encode_to_vec())
}

#[tokio::test]
async fn a_page_shows_all_that_the_services_know_of_a_user_in_the_users_language() {
    let suite = Suite::start().await;
    shop(&suite).await;
    suite.quiet().await;
    held_points(&suite).await;
    coupons(&suite).await;
    cases(&suite).await;
    penalties(&suite).await;
    benefits(&suite).await;
    let found = page(&suite, json!({"userId": "u1"})).await;
    assert_eq!(statuses(&found), fine(&ALL));
    let shown = as_json(&found);
    assert_eq!(shown["locale"], "zh-CN");
    assert_eq!(shown["profile"]["spend"]["netSpend"], json!({"currencyCode": "CNY", "units": "80"}));
    // 80 yuan are 80 points: silver, 120 short of gold
    let mut standing = shown["levels"]["standings"][0].clone();
    for moment in ["since", "validUntil"] {
        assert!(standing.as_object_mut().expect("a standing").remove(moment).is_some(), "{moment} is told");
    }
    let expected = json!({"schemeId": "member", "schemeName": "会员", "rank": 1, "levelName": "银卡", "growth": "80",
        "nextLevelName": "金卡", "nextThreshold": "200", "missing": "120"});
    assert_eq!(standing, expected);
    // a month after 8 March, to the end of the day in Shanghai; growth value is not spendable
    let points = json!({"balances": [{"pointTypeId": "points", "name": "积分", "available": "50", "held": "30",
        "expiring": "50", "expiresAt": "2026-04-08T16:00:00Z"}]});
    assert_eq!(shown["points"], points);
    let mut coupons = shown["coupons"].clone();
    for coupon in coupons["soonest"].as_array_mut().expect("coupons") {
        assert!(coupon.as_object_mut().expect("a coupon").remove("couponId").is_some(), "its id is told");
    }
    let march = json!({"templateId": "march", "name": "三月券", "validUntil": "2026-04-01T00:00:00Z"});
    assert_eq!(coupons, json!({"usable": 2, "soonest": [march, march]}));
    let late = json!({"caseId": "late", "state": "OPEN_CASE_STATE_IN_PROGRESS",
        "submittedAt": "2026-03-08T04:00:00Z", "promisedUntil": "2026-03-10T04:00:00Z"});
    assert_eq!(shown["cases"], json!({"cases": [late]}));
    // what staff wrote as the reason is not shown
    let muted = |what: &str, until: &str| json!({"restriction": what, "kind": "RESTRICTION_KIND_MUTE", "actionId": "spam", "until": until});
    let restrictions = [muted("comment", "2026-03-09T04:00:00Z"), muted("post", "2026-03-15T04:00:00Z")];
    assert_eq!(shown["restrictions"], json!({"restrictions": restrictions}));
    // twice a month with silver, once used; the title is gold's
    let delivery = json!({"benefitId": "delivery", "name": "免邮", "description": "全场", "used": "1", "left": "1",
        "renewTime": "2026-03-31T16:00:00Z"});
    assert_eq!(shown["benefits"], json!({"benefits": [delivery]}));

    let english = page(&suite, json!({"userId": "u1", "locale": "en-GB", "parts": ["MEMBER_PART_LEVELS"]})).await;
    assert_eq!(statuses(&english), fine(&[MemberPart::Levels]));
    let shown = as_json(&english);
    assert_eq!(shown["levels"]["standings"][0]["levelName"], "silver");
    assert_eq!((shown.get("profile"), shown.get("points")), (None, None));
    // a language that no text is in: each text's own fallback
    let points = json!({"userId": "u1", "locale": "fr", "parts": ["MEMBER_PART_POINTS", "MEMBER_PART_POINTS"]});
    let french = page(&suite, points).await;
    assert_eq!(statuses(&french), fine(&[MemberPart::Points]));
    assert_eq!(as_json(&french)["points"]["balances"][0]["name"], "points");
}

#[tokio::test]
async fn a_page_asked_for_with_the_position_of_an_order_shows_the_points_of_the_order() {
    let suite = Suite::start().await;
    shop(&suite).await;
    suite.quiet().await;
    let order = json!({"event": {"eventId": "e2", "userId": "u1", "occurredAt": "2026-03-08T03:30:00Z",
        "orderCompleted": {"order": {"orderId": "o2", "total": {"currencyCode": "CNY", "units": "120"}}}}});
    let taken = call(&suite, "/banyan.profiles.v1.EventService/RecordEvent", order).await;
    let found = page(&suite, json!({"userId": "u1", "atLeast": [taken["position"]]})).await;
    assert_eq!(statuses(&found), fine(&ALL));
    assert_eq!(as_json(&found)["points"]["balances"][0]["available"], "200");
    assert_eq!(as_json(&found)["levels"]["standings"][0]["levelName"], "金卡");
}

#[tokio::test]
async fn a_page_of_a_user_never_seen_has_no_profile_and_all_other_parts() {
    let suite = Suite::start().await;
    shop(&suite).await;
    suite.quiet().await;
    let found = page(&suite, json!({"userId": "nobody", "locale": "zh"})).await;
    let unknown = (MemberPart::Profile, Code::NotFound, "PROFILE_NOT_FOUND".to_owned());
    assert_eq!(statuses(&found), [vec![unknown], fine(&ALL[1..])].concat());
    let shown = as_json(&found);
    assert_eq!(shown["levels"]["standings"][0]["levelName"], "普卡");
    let none = ["coupons", "cases", "restrictions", "benefits"].map(|part| shown[part].clone());
    assert_eq!(none, [json!({}), json!({}), json!({}), json!({})]);
}

#[tokio::test]
async fn a_part_whose_service_is_not_there_has_its_own_status_and_the_rest_is_there() {
    // nothing listens on port 1: the connection is refused
    let elsewhere = BTreeMap::from([("incentives".to_owned(), "http://127.0.0.1:1".to_owned())]);
    let suite = Suite::start_with(&["profiles", "levels", "feedback"], elsewhere).await;
    shop(&suite).await;
    suite.quiet().await;
    cases(&suite).await;
    let found = page(&suite, json!({"userId": "u1"})).await;
    let told = statuses(&found);
    let of_incentives = [MemberPart::Coupons, MemberPart::Restrictions];
    let (missing, there): (Vec<_>, Vec<_>) = told.into_iter().partition(|(part, ..)| of_incentives.contains(part));
    let of_others = ALL.into_iter().filter(|part| !of_incentives.contains(part));
    assert_eq!(there, fine(&of_others.collect::<Vec<_>>()));
    assert_eq!(missing, of_incentives.map(|part| (part, Code::Unavailable, "STORE_UNAVAILABLE".to_owned())));
    let shown = as_json(&found);
    assert_eq!((shown.get("coupons"), shown.get("restrictions")), (None, None));
    assert_eq!(shown["cases"]["cases"][0]["caseId"], "late");
    assert_eq!(shown["points"]["balances"][0]["available"], "80");
}

#[tokio::test]
async fn a_part_whose_service_has_no_address_is_unavailable() {
    let suite = Suite::start_with(&["profiles", "levels"], BTreeMap::new()).await;
    shop(&suite).await;
    suite.quiet().await;
    let found = page(&suite, json!({"userId": "u1", "parts": ["MEMBER_PART_CASES", "MEMBER_PART_LEVELS"]})).await;
    let unreachable = (MemberPart::Cases, Code::Unavailable, "STORE_UNAVAILABLE".to_owned());
    assert_eq!(statuses(&found), [fine(&[MemberPart::Levels]), vec![unreachable]].concat());
}

#[tokio::test]
async fn a_part_whose_service_never_answers_is_left_out_in_time() {
    // takes connections into its backlog and never reads from them
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", silent.local_addr().expect("an address"));
    let elsewhere = BTreeMap::from([("feedback".to_owned(), address)]);
    let suite = Suite::start_with(&["profiles", "levels", "incentives"], elsewhere).await;
    shop(&suite).await;
    suite.quiet().await;
    let found = page(&suite, json!({"userId": "u1"})).await;
    let late = (MemberPart::Cases, Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned());
    assert_eq!(statuses(&found), [fine(&ALL[..4]), vec![late], fine(&ALL[5..])].concat());
    assert_eq!(as_json(&found)["levels"]["standings"][0]["levelName"], "银卡");
}

#[tokio::test]
async fn a_users_token_sees_the_own_page_only() {
    let suite = Suite::start().await;
    shop(&suite).await;
    suite.quiet().await;
    cases(&suite).await;
    let own = suite.user_token("shop", "u1", "members.read");
    let found = page_as(&suite, &own, json!({"userId": "u1"})).await.expect("the own page");
    assert_eq!(statuses(&found), fine(&ALL));
    assert_eq!(as_json(&found)["cases"]["cases"][0]["caseId"], "late");
    let foreign = page_as(&suite, &own, json!({"userId": "u2"})).await.expect_err("another user's page");
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::PermissionDenied, "USER_NOT_ALLOWED"));
    let other = suite.user_token("other", "u1", "members.read");
    let empty = page_as(&suite, &other, json!({"userId": "u1"})).await.expect("a page in another tenant");
    let shown = as_json(&empty);
    assert_eq!((shown.get("profile"), &shown["levels"], &shown["cases"]), (None, &json!({}), &json!({})));
}
