//! Programmes, with owners that can be broken at will in the place of the other services.

mod apply;
mod plan;
mod shelf;
mod versions;

use std::sync::Arc;

use profiles::Profiles;
use profiles::commands::{ApplyProgramme, Wanted};
use profiles::domain::programme::course::{Act, Change};
use profiles::domain::programme::{Key, Kind};
use profiles::error::ProfilesError;
use profiles::owners::Owners;
use proto::incentives::v1::{Campaign, CampaignSettings};
use proto::levels::v1 as levels;
use proto::profiles::v1 as pb;
use proto::programme::v1::{ApplyProgrammeResponse, ProgrammeBundle, RollbackProgrammeResponse};
use service::Answer;

use self::shelf::Shelf;
use super::support::{World, kit, request, world};

async fn shop() -> (World, Arc<Shelf>) {
    let world = world().await;
    let shelf = Shelf::new();
    let kit = kit(&world.db).await;
    let owners: Arc<dyn Owners> = shelf.clone();
    let core = service::Core::new(kit.db, kit.log);
    let profiles = Profiles::new(core, kit.peers, kit.settings).with_owners(owners);
    (World { profiles: Arc::new(profiles), ..world }, shelf)
}

fn point_type(id: &str) -> levels::PointType {
    levels::PointType { point_type_id: id.into(), zone: "UTC".into(), ..Default::default() }
}

fn rule(id: &str, formula: &str) -> levels::EarningRule {
    levels::EarningRule {
        rule_id: id.into(),
        point_type_id: "points".into(),
        event_type: "order.completed".into(),
        formula: formula.into(),
        ..Default::default()
    }
}

fn campaign(id: &str, priority: i32) -> Campaign {
    Campaign { campaign_id: id.into(), priority, ..Campaign::default() }
}

fn bundle(thresholds: &[i64]) -> ProgrammeBundle {
    let level = |(rank, threshold): (i32, &i64)| levels::Level { rank, threshold: *threshold, ..Default::default() };
    ProgrammeBundle {
        point_types: vec![point_type("points")],
        earning_rules: vec![rule("a", "1"), rule("b", "2")],
        scheme: Some(levels::Scheme {
            scheme_id: "members".into(),
            point_type_id: "points".into(),
            levels: (0..).zip(thresholds).map(level).collect(),
            ..Default::default()
        }),
        lifecycle_models: Some(models(60)),
        campaign_settings: Some(CampaignSettings::default()),
        classification: Some(proto::feedback::v1::Classification::default()),
        ..ProgrammeBundle::default()
    }
}

fn models(dormant_after_days: i32) -> pb::Models {
    let stage = pb::StageModel { loyal_orders: 5, dormant_after_days, lost_after_days: 180 };
    let rfm = pb::RfmModel {
        method: pb::RfmMethod::Thresholds.into(),
        window_days: 365,
        recency_days: vec![180, 90, 60, 30],
        frequency_orders: vec![2, 3, 5, 8],
        monetary_minor: vec![5_000, 10_000, 20_000, 50_000],
    };
    pb::Models { stage: Some(stage), rfm: Some(rfm), etag: String::new() }
}

fn command(id: &str, bundle: &ProgrammeBundle) -> ApplyProgramme {
    ApplyProgramme {
        request: request("", "ProgrammeService/ApplyProgramme", id, &format!("{bundle:?}")),
        etag: String::new(),
        wanted: Wanted::Bundle(Box::new(bundle.clone())),
        author: "ann".into(),
        note: "because".into(),
    }
}

type Outcome = Result<Answer<ApplyProgrammeResponse>, ProfilesError>;

async fn apply(world: &World, id: &str, bundle: &ProgrammeBundle) -> Outcome {
    world.profiles.apply_programme(&world.shop, &command(id, bundle)).await
}

async fn rollback(world: &World, id: &str, to: i32) -> Result<Answer<RollbackProgrammeResponse>, ProfilesError> {
    let back = ApplyProgramme {
        request: request("", "ProgrammeService/RollbackProgramme", id, &to.to_string()),
        wanted: Wanted::Version(to),
        ..command(id, &ProgrammeBundle::default())
    };
    world.profiles.apply_programme(&world.shop, &back).await
}

/// (kind and id, what happens, paths with what was and what will be) of a plan.
async fn planned(world: &World, bundle: &ProgrammeBundle) -> Vec<(Key, Act, Vec<String>)> {
    let plan = world.profiles.plan_programme(&world.shop, bundle).await.unwrap();
    assert_eq!(plan.violations, []);
    let paths = |change: &Change| change.fields.iter().map(|field| field.path.to_string()).collect();
    plan.changes.iter().map(|change| (change.key.clone(), change.act, paths(change))).collect()
}

fn key(kind: Kind, id: &str) -> Key {
    Key { kind, id: id.into() }
}
