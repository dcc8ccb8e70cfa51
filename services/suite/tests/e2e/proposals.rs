//! What a file of orders proposes, and that the services take it.

use std::fmt::Write as _;

use ids::TenantId;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use proto::programme::v1::programme_service_client::ProgrammeServiceClient;
use proto::programme::v1::{
    ApplyProgrammeRequest, ChangeKind, DefinitionKind, GetProgrammeRequest, PlanProgrammeRequest, ProgrammeBundle,
};
use serde_json::{Value, json};
use suite::folder::Folder;
use tonic::Request;
use tonic::transport::Endpoint;

use crate::run::{Site, Written};

/// 150 buyers, who order one to five times, 10 to 40 days apart, 1 to 5 pieces at 10.00.
fn orders() -> String {
    let mut text = "who,when,paid,pieces\n".to_owned();
    for user in 0..150_u32 {
        let mut day = user % 120;
        for index in 0..=(user * 7 % 5) {
            let pieces = (user * 3 + index) % 5 + 1;
            let (month, date) = (day / 28 + 1, day % 28 + 1);
            let _ = writeln!(text, "u{user},2025-{month:02}-{date:02},{pieces}0.00,{pieces}");
            day += 10 + (user * 11 + index * 13) % 31;
        }
    }
    text
}

fn signed<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

#[tokio::test]
async fn the_proposed_programme_is_taken_by_the_services() {
    let site = Site::new("proposals", &testkit::redis_url()).await;
    let file = site.write("shop.csv", &orders()).display().to_string();
    let columns = ["--user-column", "who", "--time-column", "when", "--amount-column", "paid"];
    let arguments = [&["--orders", &file, "--items-column", "pieces", "--keep"][..], &columns].concat();
    let running = site.start(&arguments);
    let port = running.port;
    let Written { report, measured, .. } = running.end().await;

    let proposals = &report["proposals"];
    assert_eq!(proposals["lacking"], json!([]));
    assert_eq!(proposals["churn"]["buyers"], 150);
    let members = |level: &Value| level["members"].as_i64().unwrap();
    assert_eq!(proposals["levels"].as_array().unwrap().iter().map(members).sum::<i64>(), 150);
    assert_eq!(proposals["steps"]["typical_item"]["text"], "10.00 USD");
    assert_eq!((&proposals["rfm"]["basis"], &proposals["rfm"]["payers"]), (&json!("defaults"), &json!(150)));
    assert_eq!(measured["bundle"]["written"], true);

    let path = site.folder().join("shop-programme.json");
    let text = std::fs::read_to_string(path).unwrap();
    let descriptor = proto::POOL.get_message_by_name("banyan.programme.v1.ProgrammeBundle").unwrap();
    let message = DynamicMessage::deserialize(descriptor, &mut serde_json::Deserializer::from_str(&text)).unwrap();
    let bundle = ProgrammeBundle::decode(message.encode_to_vec().as_slice()).unwrap();

    let folder = Folder::new(Some(site.folder().to_owned()));
    let token = folder.tenant_token(&TenantId::new("shop").unwrap()).unwrap();
    let address = format!("http://127.0.0.1:{port}");
    let channel = Endpoint::from_shared(address).unwrap().connect().await.unwrap();
    let mut programmes = ProgrammeServiceClient::new(channel);
    let plan = PlanProgrammeRequest { bundle: Some(bundle.clone()) };
    let planned = programmes.plan_programme(signed(plan.clone(), &token)).await.unwrap().into_inner();
    assert_eq!(planned.violations, []);
    let changes: Vec<_> = planned.changes.iter().map(|change| (change.kind(), change.change())).collect();
    let steps = proposals["steps"]["steps"].as_array().unwrap().len();
    let mut expected =
        vec![(DefinitionKind::Scheme, ChangeKind::Changed), (DefinitionKind::LifecycleModels, ChangeKind::Changed)];
    expected.extend(vec![(DefinitionKind::CouponTemplate, ChangeKind::Added); steps]);
    assert_eq!(changes, expected);
    let request = ApplyProgrammeRequest {
        request_id: "apply".into(),
        bundle: Some(bundle.clone()),
        etag: planned.etag,
        note: String::new(),
    };
    let applied = programmes.apply_programme(signed(request, &token)).await.unwrap().into_inner();
    assert_eq!((applied.changes, applied.programme.map(|version| version.version)), (planned.changes, Some(2)));
    let kept = GetProgrammeRequest { version: 0 };
    let kept = programmes.get_programme(signed(kept, &token)).await.unwrap().into_inner().programme.unwrap();
    // where the file names none, the version tells the defaults
    let defaults = kept.bundle.clone().unwrap_or_default();
    let (campaign_settings, classification) = (defaults.campaign_settings, defaults.classification);
    assert_eq!(kept.bundle, Some(ProgrammeBundle { campaign_settings, classification, ..bundle }));
    let planned = programmes.plan_programme(signed(plan, &token)).await.unwrap().into_inner();
    assert_eq!((planned.changes, planned.etag.as_str()), (vec![], "v2"));
}
