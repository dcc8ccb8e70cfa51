//! A programme applied to the services that own its parts.

use end_to_end::harness::{Suite, reason, violations};
use end_to_end::samples::Names;
use prost::Message;
use proto::levels::v1 as levels;
use proto::programme::v1 as pb;
use serde_json::{Value, json};
use tonic::{Code, Status};

const NAMES: Names<'_> = Names { tenant: "shop", user: "u1", ids: "1", canary: "canary" };
const PROGRAMMES: &str = "/banyan.programme.v1.ProgrammeService/";

async fn call<Q: Message, A: Message + Default>(suite: &Suite, path: &str, request: &Q) -> Result<A, Status> {
    let token = suite.token_for(path, NAMES.tenant);
    let answer = suite.call(path, Some(&token), request.encode_to_vec()).await?;
    Ok(A::decode(&answer.message[..]).unwrap())
}

async fn preset(suite: &Suite, id: &str) -> pb::ProgrammeBundle {
    let request = pb::GetPresetRequest { preset_id: id.into(), ..Default::default() };
    let answer: pb::GetPresetResponse = call(suite, &format!("{PROGRAMMES}GetPreset"), &request).await.unwrap();
    answer.preset.unwrap().bundle.unwrap()
}

async fn plan(suite: &Suite, bundle: &pb::ProgrammeBundle) -> pb::PlanProgrammeResponse {
    let request = pb::PlanProgrammeRequest { bundle: Some(bundle.clone()) };
    patiently(suite, &suite.token(NAMES.tenant, "programme.read"), "PlanProgramme", &request).await.unwrap()
}

async fn apply(suite: &Suite, id: &str, bundle: &pb::ProgrammeBundle) -> Result<pb::ApplyProgrammeResponse, Status> {
    apply_as(suite, &suite.token(NAMES.tenant, "programme.write"), id, bundle).await
}

async fn apply_as(
    suite: &Suite,
    token: &str,
    id: &str,
    bundle: &pb::ProgrammeBundle,
) -> Result<pb::ApplyProgrammeResponse, Status> {
    let (request_id, bundle) = (id.to_owned(), Some(bundle.clone()));
    let request = pb::ApplyProgrammeRequest { request_id, bundle, ..Default::default() };
    patiently(suite, token, "ApplyProgramme", &request).await
}

/// What was begun goes on where it stopped, where a slow machine had no time for it at once.
async fn patiently<Q: Message, A: Message + Default>(
    suite: &Suite,
    token: &str,
    method: &str,
    request: &Q,
) -> Result<A, Status> {
    let answer = suite.patiently(&format!("{PROGRAMMES}{method}"), token, &request.encode_to_vec()).await?;
    Ok(A::decode(&answer.message[..]).unwrap())
}

async fn rules(suite: &Suite) -> Vec<(String, i32, bool)> {
    let path = "/banyan.levels.v1.EarningRuleService/ListEarningRules";
    let found: levels::ListEarningRulesResponse =
        call(suite, path, &levels::ListEarningRulesRequest::default()).await.unwrap();
    found.rules.into_iter().map(|rule| (rule.rule_id, rule.version, rule.paused)).collect()
}

/// The suite with a tenant that has nothing.
async fn fresh() -> Suite {
    let suite = Suite::start().await;
    let path = "/banyan.admin.v1.TenantService/CreateTenant";
    let tenant = proto::admin::v1::Tenant {
        tenant_id: NAMES.tenant.into(),
        display_name: "shop".into(),
        zone: "Asia/Shanghai".into(),
        currency: "CNY".into(),
        ..Default::default()
    };
    let request = proto::admin::v1::CreateTenantRequest { request_id: "create".into(), tenant: Some(tenant) };
    let _: proto::admin::v1::CreateTenantResponse = call(&suite, path, &request).await.unwrap();
    suite
}

async fn ask(suite: &Suite, method: &str, request: Value) -> Value {
    let answer = suite.ask(&format!("/banyan.{method}"), NAMES.tenant, request).await;
    answer.unwrap_or_else(|status| panic!("{method}: {status:?}"))
}

async fn rollback(suite: &Suite, id: &str, to_version: i32) -> pb::RollbackProgrammeResponse {
    let request = pb::RollbackProgrammeRequest { request_id: id.into(), to_version, ..Default::default() };
    patiently(suite, &suite.token(NAMES.tenant, "programme.write"), "RollbackProgramme", &request).await.unwrap()
}

/// What kinds of changes there are.
fn acts(changes: &[pb::DefinitionChange]) -> Vec<pb::ChangeKind> {
    let mut acts: Vec<_> = changes.iter().map(|change| change.change()).collect();
    acts.sort_unstable();
    acts.dedup();
    acts
}

#[tokio::test]
async fn a_preset_comes_into_force_in_every_service_and_another_takes_its_place_and_gives_it_back() {
    let suite = fresh().await;
    let (retail, content) = (preset(&suite, "retail").await, preset(&suite, "content").await);
    let planned = plan(&suite, &retail).await;
    assert_eq!((planned.violations.len(), planned.changes.len(), planned.etag.as_str()), (0, 38, "v0"));
    // the classification was there before, with its defaults
    assert_eq!(acts(&planned.changes), [pb::ChangeKind::Added, pb::ChangeKind::Changed]);
    let applied = apply(&suite, "1", &retail).await.unwrap();
    assert_eq!((&applied.changes, &applied.awaiting_approval), (&planned.changes, &planned.awaiting_approval));
    assert_eq!(plan(&suite, &retail).await.changes, []);
    let names = ["first-order-points", "order-growth", "order-points"];
    assert_eq!(rules(&suite).await, names.map(|id| (id.to_owned(), 1, false)));

    apply(&suite, "2", &content).await.unwrap();
    assert_eq!(acts(&plan(&suite, &content).await.changes), [pb::ChangeKind::Kept]);
    let paused: Vec<_> = rules(&suite).await.into_iter().filter(|(_, _, paused)| *paused).collect();
    assert_eq!(paused, names.map(|id| (id.to_owned(), 2, true)));

    assert_eq!(rollback(&suite, "3", 1).await.programme.unwrap().restored_version, 1);
    assert_eq!(acts(&plan(&suite, &retail).await.changes), [pb::ChangeKind::Kept]);
    let running: Vec<_> = rules(&suite).await.into_iter().filter(|(_, _, paused)| !*paused).collect();
    assert_eq!(running, names.map(|id| (id.to_owned(), 3, false)));
}

/// Templates of the coupons that a user got for a first order of 80 yuan.
async fn coupons_of(suite: &Suite, user: &str) -> Vec<String> {
    let now = time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339).unwrap();
    let order = json!({"orderId": format!("order-{user}"), "total": {"currencyCode": "CNY", "units": "80"}});
    let event = json!({"eventId": format!("done-{user}"), "userId": user, "occurredAt": now,
        "orderCompleted": {"order": order}});
    ask(suite, "profiles.v1.EventService/RecordEvent", json!({"event": event})).await;
    suite.quiet().await;
    let found = ask(suite, "incentives.v1.CouponService/ListCoupons", json!({"userId": user})).await;
    let of = |it: &Value| it["coupon"]["templateId"].as_str().unwrap_or_default().to_owned();
    found["coupons"].as_array().into_iter().flatten().map(of).collect()
}

async fn approve(suite: &Suite, id: &str, subject: &str) -> Result<(), Status> {
    let token = suite.token_of(NAMES.tenant, subject, "campaigns.approve");
    let (request_id, campaign_id) = (format!("{subject}-{id}"), id.to_owned());
    let request = proto::incentives::v1::ApproveCampaignRequest { request_id, campaign_id, etag: String::new() };
    let path = "/banyan.incentives.v1.CampaignService/ApproveCampaign";
    suite.call(path, Some(&token), request.encode_to_vec()).await.map(drop)
}

#[tokio::test]
async fn a_campaign_of_a_bundle_grants_once_another_than_who_applied_it_approves_and_is_paused_and_resumed_with_it() {
    let suite = fresh().await;
    let retail = preset(&suite, "retail").await;
    let token = suite.token_of(NAMES.tenant, "安娜", "programme.write");
    let applied = apply_as(&suite, &token, "1", &retail).await.unwrap();
    assert_eq!(applied.awaiting_approval.len(), retail.campaigns.len());
    let campaign = ask(&suite, "incentives.v1.CampaignService/GetCampaign", json!({"campaignId": "care"})).await;
    assert_eq!(campaign["campaign"]["author"], "安娜");
    // saved is not in force
    assert_eq!(coupons_of(&suite, "early").await, [""; 0]);
    let own = approve(&suite, "first-order-freight", "安娜").await.unwrap_err();
    assert_eq!((own.code(), reason(&own)), (Code::PermissionDenied, "APPROVER_IS_AUTHOR".into()));
    approve(&suite, "first-order-freight", "bob").await.unwrap();
    assert_eq!(coupons_of(&suite, "first").await, ["next-order-freight"]);
    let planned = plan(&suite, &retail).await;
    assert_eq!((planned.changes.len(), planned.awaiting_approval.len()), (0, retail.campaigns.len() - 1));

    let mut without = retail.clone();
    without.campaigns.retain(|campaign| campaign.campaign_id != "first-order-freight");
    let paused = apply(&suite, "2", &without).await.unwrap().changes;
    assert_eq!((paused.len(), acts(&paused)), (1, vec![pb::ChangeKind::Paused]));
    assert_eq!(coupons_of(&suite, "second").await, [""; 0]);
    assert_eq!(plan(&suite, &without).await.changes, []);

    // what was approved needs no approval to go on
    let back = rollback(&suite, "3", 1).await;
    assert_eq!((back.changes.len(), acts(&back.changes)), (1, vec![pb::ChangeKind::Changed]));
    assert!(!back.awaiting_approval.contains(&"first-order-freight".to_owned()));
    assert_eq!(coupons_of(&suite, "third").await, ["next-order-freight"]);
    assert_eq!(plan(&suite, &retail).await.changes, []);
}

#[tokio::test]
async fn what_its_owners_find_wrong_with_a_bundle_is_named_all_at_once_and_nothing_is_published() {
    let suite = fresh().await;
    let mut bad = preset(&suite, "retail").await;
    bad.point_types[0].expiry_count = 0;
    bad.earning_rules[0].formula = "order.nothing +".into();
    bad.earning_rules[1].point_type_id = "gems".into();
    bad.scheme.as_mut().unwrap().levels[2].threshold = 1;
    bad.lifecycle_models.as_mut().unwrap().rfm.as_mut().unwrap().recency_days.reverse();
    bad.coupon_templates.remove(1);
    bad.coupon_templates[0].funders[0].basis_points = 9_000;
    bad.campaigns[2].condition = Some(proto::incentives::v1::campaign::Condition::Expression("move.sideways".into()));
    bad.actions[0].ladder = bad.actions[3].ladder.clone();
    bad.case_types[3].case_type_id = "account".into();
    let sla = bad.sla_policy.as_mut().unwrap();
    sla.targets[1].calendar_id = "night".into();
    let classification = bad.classification.as_mut().unwrap();
    classification.rules[1].rule_id = classification.rules[0].rule_id.clone();
    classification.rules[6].case_type_id = "magic".into();
    let fields = [
        "bundle.earning_rules[1].point_type_id",
        "bundle.campaigns[0].coupon.template_id",
        "bundle.case_types[7].case_type_id",
        "bundle.classification.rules[6].case_type_id",
        "bundle.point_types[0].expiry_count",
        "bundle.earning_rules[0].formula",
        "bundle.scheme.levels[2].threshold",
        "bundle.coupon_templates[0].funders",
        "bundle.campaigns[2].expression",
        "bundle.actions[0].ladder",
        "bundle.sla_policy.targets[1].calendar_id",
        "bundle.classification.rules[1].rule_id",
        "bundle.lifecycle_models.rfm.recency_days",
    ];
    let planned = plan(&suite, &bad).await;
    assert_eq!(planned.violations.iter().map(|found| found.field.as_str()).collect::<Vec<_>>(), fields);
    let refused = apply(&suite, "1", &bad).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::InvalidArgument, "FIELDS_INVALID".into()));
    assert_eq!(violations(&refused), fields);
    assert_eq!(rules(&suite).await, []);
    let campaigns = ask(&suite, "incentives.v1.CampaignService/ListCampaigns", json!({})).await;
    assert_eq!(campaigns.get("campaigns"), None);
}

#[tokio::test]
async fn a_point_type_changes_with_the_programme_and_comes_back_with_it_and_a_leaderboard_stays() {
    let suite = fresh().await;
    let retail = preset(&suite, "retail").await;
    apply(&suite, "1", &retail).await.unwrap();
    let boards = ask(&suite, "levels.v1.LeaderboardService/ListLeaderboards", json!({})).await;
    assert_eq!(boards["leaderboards"][0]["displayName"]["texts"]["zh"], "月度评价榜");
    let benefits = ask(&suite, "levels.v1.BenefitService/ListBenefits", json!({})).await;
    assert_eq!(benefits["benefits"].as_array().map(Vec::len), Some(2));

    let mut changed = retail.clone();
    let points = changed.point_types.iter_mut().find(|it| it.point_type_id == "points").unwrap();
    (points.expiry_count, points.overdraft_limit) = (24, 100);
    changed.leaderboards.clear();
    let planned = plan(&suite, &changed).await;
    assert_eq!(planned.violations, []);
    let of = |kind: pb::DefinitionKind| planned.changes.iter().find(|it| it.kind() == kind).unwrap();
    let change = of(pb::DefinitionKind::PointType);
    let fields: Vec<_> =
        change.fields.iter().map(|it| (it.path.as_str(), it.before.as_str(), it.after.as_str())).collect();
    assert_eq!(fields, [("expiry_count", "12", "24"), ("overdraft_limit", "", "100")]);
    let policies: Vec<_> = change.policies.iter().map(|it| (it.field.as_str(), it.reach())).collect();
    use proto::levels::v1::PolicyReach::{LaterDecisions, LaterEarnings};
    assert_eq!(policies, [("expiry_policy", LaterEarnings), ("overdraft_limit", LaterDecisions)]);
    assert_eq!(of(pb::DefinitionKind::Leaderboard).change(), pb::ChangeKind::Kept);

    let applied = apply(&suite, "2", &changed).await.unwrap();
    assert_eq!(applied.changes, planned.changes);
    assert_eq!(apply(&suite, "2", &changed).await.unwrap(), applied, "repeated it is answered as before");
    let stored = async || ask(&suite, "levels.v1.PointsService/GetPointType", json!({"pointTypeId": "points"})).await;
    let now = stored().await["pointType"].clone();
    assert_eq!((&now["expiryCount"], &now["overdraftLimit"], &now["etag"]), (&json!(24), &json!("100"), &json!("v2")));
    rollback(&suite, "3", 1).await;
    let now = stored().await["pointType"].clone();
    assert_eq!((&now["expiryCount"], now.get("overdraftLimit"), &now["etag"]), (&json!(12), None, &json!("v3")));
    assert_eq!(plan(&suite, &retail).await.changes, []);
}
