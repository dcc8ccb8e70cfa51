//! A programme applied to the services that own its parts.

use end_to_end::harness::{Suite, reason, violations};
use end_to_end::samples::Names;
use prost::Message;
use proto::levels::v1 as levels;
use proto::programme::v1 as pb;
use tonic::{Code, Status};

const NAMES: Names<'_> = Names { tenant: "shop", user: "u1", ids: "1", canary: "canary" };
const PROGRAMMES: &str = "/banyan.programme.v1.ProgrammeService/";

async fn call<Q: Message, A: Message + Default>(suite: &Suite, path: &str, request: &Q) -> Result<A, Status> {
    let token = suite.token_for(path, NAMES.tenant);
    let answer = suite.call(path, Some(&token), request.encode_to_vec()).await?;
    Ok(A::decode(&answer.message[..]).unwrap())
}

async fn preset(suite: &Suite, id: &str) -> pb::ProgrammeBundle {
    let request = pb::GetPresetRequest { preset_id: id.into() };
    let answer: pb::GetPresetResponse = call(suite, &format!("{PROGRAMMES}GetPreset"), &request).await.unwrap();
    answer.preset.unwrap().bundle.unwrap()
}

async fn plan(suite: &Suite, bundle: &pb::ProgrammeBundle) -> pb::PlanProgrammeResponse {
    let request = pb::PlanProgrammeRequest { bundle: Some(bundle.clone()) };
    call(suite, &format!("{PROGRAMMES}PlanProgramme"), &request).await.unwrap()
}

async fn apply(suite: &Suite, id: &str, bundle: &pb::ProgrammeBundle) -> Result<pb::ApplyProgrammeResponse, Status> {
    let (request_id, bundle) = (id.to_owned(), Some(bundle.clone()));
    let request = pb::ApplyProgrammeRequest { request_id, bundle, ..Default::default() };
    call(suite, &format!("{PROGRAMMES}ApplyProgramme"), &request).await
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

#[tokio::test]
async fn a_preset_comes_into_force_in_every_service_and_another_takes_its_place_and_gives_it_back() {
    let suite = fresh().await;
    let (retail, content) = (preset(&suite, "retail").await, preset(&suite, "content").await);
    let planned = plan(&suite, &retail).await;
    assert_eq!((planned.violations.len(), planned.changes.len(), planned.etag.as_str()), (0, 6, "v0"));
    let applied = apply(&suite, "1", &retail).await.unwrap();
    assert_eq!(applied.changes, planned.changes);
    assert_eq!(plan(&suite, &retail).await.changes, []);
    let names = ["first-order-points", "order-growth", "order-points"];
    assert_eq!(rules(&suite).await, names.map(|id| (id.to_owned(), 1, false)));

    apply(&suite, "2", &content).await.unwrap();
    let kept = plan(&suite, &content).await.changes;
    assert_eq!(kept.iter().map(|change| change.change()).collect::<Vec<_>>(), [pb::ChangeKind::Kept]);
    let paused: Vec<_> = rules(&suite).await.into_iter().filter(|(_, _, paused)| *paused).collect();
    assert_eq!(paused, names.map(|id| (id.to_owned(), 2, true)));

    let request = pb::RollbackProgrammeRequest { request_id: "3".into(), to_version: 1, ..Default::default() };
    let path = format!("{PROGRAMMES}RollbackProgramme");
    let back: pb::RollbackProgrammeResponse = call(&suite, &path, &request).await.unwrap();
    assert_eq!(back.programme.unwrap().restored_version, 1);
    let left = plan(&suite, &retail).await.changes;
    assert_eq!(left.iter().map(|change| change.definition_id.as_str()).collect::<Vec<_>>(), ["coins"]);
    let running: Vec<_> = rules(&suite).await.into_iter().filter(|(_, _, paused)| !*paused).collect();
    assert_eq!(running, names.map(|id| (id.to_owned(), 3, false)));
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
    let fields = [
        "bundle.earning_rules[1].point_type_id",
        "bundle.point_types[0].expiry_count",
        "bundle.earning_rules[0].formula",
        "bundle.scheme.levels[2].threshold",
        "bundle.lifecycle_models.rfm.recency_days",
    ];
    let planned = plan(&suite, &bad).await;
    assert_eq!(planned.violations.iter().map(|found| found.field.as_str()).collect::<Vec<_>>(), fields);
    assert_eq!(planned.changes.len(), 7);
    let refused = apply(&suite, "1", &bad).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::InvalidArgument, "FIELDS_INVALID".into()));
    assert_eq!(violations(&refused), fields);
    assert_eq!(rules(&suite).await, []);
}
