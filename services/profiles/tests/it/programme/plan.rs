//! What a plan tells, and what is wrong with a bundle.

use profiles::domain::programme::Kind::{Campaign as CampaignKind, EarningRule, LifecycleModels, PointType, Scheme};
use profiles::domain::programme::course::Act;
use profiles::domain::refusal::Refusal;
use profiles::error::ProfilesError;
use proto::levels::v1 as levels;
use proto::programme::v1::{Phase, ProgrammeBundle};

use super::super::support::refusal;
use super::{apply, bundle, campaign, key, planned, point_type, rule, shop};

#[tokio::test]
async fn a_plan_shows_exactly_what_differs_and_changes_nothing() {
    let (world, shelf) = shop().await;
    let first = bundle(&[0, 100]);
    let whole = |kind, id| (key(kind, id), Act::Add, vec![String::new()]);
    let models_change = (key(LifecycleModels, ""), Act::Change, vec!["stage.dormant_after_days".to_owned()]);
    let all = [
        whole(PointType, "points"),
        whole(EarningRule, "a"),
        whole(EarningRule, "b"),
        whole(Scheme, "members"),
        models_change,
    ];
    assert_eq!(planned(&world, &first).await, all);
    assert_eq!(shelf.versions(), (0, vec![], None));
    apply(&world, "1", &first).await.unwrap();
    assert_eq!(planned(&world, &first).await, []);
    let mut second = bundle(&[0, 120, 300]);
    second.earning_rules.remove(0);
    let changes = [
        (key(EarningRule, "a"), Act::Pause, vec![String::new()]),
        (key(Scheme, "members"), Act::Change, vec!["levels[1].threshold".into(), "levels[2]".into()]),
    ];
    assert_eq!(planned(&world, &second).await, changes);
    assert_eq!(shelf.versions(), (1, vec![1, 1], Some(1)));
    assert_eq!(world.number("select count(*) from programme_version").await, 1);
}

#[tokio::test]
async fn a_bad_bundle_names_everything_that_is_wrong_and_leaves_nothing_behind() {
    let (world, shelf) = shop().await;
    apply(&world, "1", &bundle(&[0, 100])).await.unwrap();
    let mut bad = bundle(&[0, 100]);
    bad.point_types[0].zone = "Asia/Shanghai".into();
    bad.point_types.push(point_type("points"));
    bad.earning_rules[1] = rule("a", "1 +");
    bad.earning_rules.push(levels::EarningRule { point_type_id: "gems".into(), ..rule("c", "1") });
    bad.scheme.as_mut().unwrap().scheme_id = "others".into();
    bad.lifecycle_models.as_mut().unwrap().stage.as_mut().unwrap().lost_after_days = 10;
    let fields = [
        "bundle.point_types[1].point_type_id",
        "bundle.point_types[0].zone",
        "bundle.earning_rules[1].rule_id",
        "bundle.earning_rules[2].point_type_id",
        "bundle.scheme.scheme_id",
        "bundle.earning_rules[1].formula",
        "bundle.lifecycle_models.stage.lost_after_days",
    ];
    let plan = world.profiles.plan_programme(&world.shop, &bad).await.unwrap();
    assert_eq!(plan.violations.iter().map(|found| found.field.as_str()).collect::<Vec<_>>(), fields);
    let refused = apply(&world, "2", &bad).await;
    let Err(error @ ProfilesError::Invalid(_)) = refused else { panic!("{refused:?}") };
    let named: Vec<String> = status::violations_of(&error.into()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(named, fields);
    assert_eq!(shelf.versions(), (1, vec![1, 1], Some(1)));
    // not recorded: the call can be corrected
    apply(&world, "2", &bundle(&[0, 200])).await.unwrap();
}

#[tokio::test]
async fn a_plan_names_the_campaigns_that_would_await_approval_until_they_are_approved() {
    let (world, shelf) = shop().await;
    let mut wanted = bundle(&[0, 100]);
    wanted.campaigns = vec![campaign("b", 1), campaign("a", 1)];
    let awaiting = async |wanted: &ProgrammeBundle| {
        let plan = world.profiles.plan_programme(&world.shop, wanted).await.unwrap();
        (plan.changes.len(), plan.awaiting.into_iter().collect::<Vec<_>>())
    };
    assert_eq!(awaiting(&wanted).await, (7, vec!["a".to_owned(), "b".to_owned()]));
    let applied = apply(&world, "1", &wanted).await.unwrap().value;
    assert_eq!(applied.awaiting_approval, ["a", "b"]);
    assert_eq!(awaiting(&wanted).await, (0, vec!["a".to_owned(), "b".to_owned()]));
    shelf.approve_all();
    assert_eq!(awaiting(&wanted).await, (0, vec![]));
    wanted.campaigns[0].priority = 2;
    assert_eq!(awaiting(&wanted).await, (1, vec!["b".to_owned()]));
    let changed = [(key(CampaignKind, "b"), Act::Change, vec!["priority".to_owned()])];
    assert_eq!(planned(&world, &wanted).await, changed);
}

#[tokio::test]
async fn presets_are_served_in_the_tenants_zone_and_currency_for_a_phase() {
    let (world, _) = shop().await;
    let all = world.profiles.list_presets();
    assert!(all.iter().all(|preset| preset.bundle.is_none()));
    for preset in all {
        let found = world.profiles.get_preset(&world.shop, &preset.preset_id, Phase::Unspecified).await.unwrap();
        assert_eq!(found.phase(), Phase::Stable);
        let bundle = found.bundle.unwrap();
        assert!(bundle.point_types.iter().all(|it| it.zone == "Asia/Shanghai"));
        assert!(bundle.campaigns.iter().all(|it| it.zone == "Asia/Shanghai"));
        let text = format!("{bundle:?}");
        assert!(text.contains(r#"currency_code: "CNY""#) && !text.contains(r#"currency_code: """#));
        planned(&world, &bundle).await;
        let trial = world.profiles.get_preset(&world.shop, &preset.preset_id, Phase::Trial).await.unwrap();
        let bundle = trial.bundle.unwrap();
        assert_eq!((bundle.campaigns.len(), bundle.case_types.is_empty()), (0, false));
    }
    let none = world.profiles.get_preset(&world.shop, "none", Phase::Unspecified).await;
    assert_eq!(refusal(none), Refusal::PresetNotFound { preset_id: "none".into() });
}
