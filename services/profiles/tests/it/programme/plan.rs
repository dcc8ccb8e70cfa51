//! What a plan tells, and what is wrong with a bundle.

use profiles::domain::programme::Kind::{
    Campaign as CampaignKind, EarningRule, Leaderboard, LifecycleModels, PointType, Scheme,
};
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
async fn a_point_type_that_is_there_is_changed_and_the_plan_says_what_that_touches() {
    let (world, shelf) = shop().await;
    let first = bundle(&[0, 100]);
    apply(&world, "1", &first).await.unwrap();
    let mut second = first.clone();
    (second.point_types[0].expiry_policy, second.point_types[0].expiry_count) = (levels::ExpiryPolicy::Days.into(), 30);
    let fields = ["expiry_count", "expiry_policy"].map(str::to_owned).to_vec();
    assert_eq!(planned(&world, &second).await, [(key(PointType, "points"), Act::Change, fields)]);
    let plan = world.profiles.plan_programme(&world.shop, &second).await.unwrap();
    let later =
        levels::ChangedPolicy { field: "expiry_policy".into(), reach: levels::PolicyReach::LaterEarnings.into() };
    assert_eq!(plan.policies, [(key(PointType, "points"), vec![later.clone()])].into());
    let applied = apply(&world, "2", &second).await.unwrap().value;
    assert_eq!(applied.changes[0].policies, [later]);
    assert_eq!(shelf.in_force().point_types[0].expiry_count, 30);
    assert_eq!(planned(&world, &second).await, []);

    let mut refused = second.clone();
    refused.point_types[0].transfers = Some(levels::TransferLimits { max_amount: 1, max_per_day: 1 });
    let plan = world.profiles.plan_programme(&world.shop, &refused).await.unwrap();
    let found = plan.violations.iter().map(|it| (it.field.as_str(), it.why.as_str())).collect::<Vec<_>>();
    assert_eq!(found, [("bundle.point_types[0]", "POINT_TYPE_NOT_SPENDABLE: it only counts")]);
}

#[tokio::test]
async fn what_is_fixed_of_a_leaderboard_is_told_before_anything_is_published() {
    let (world, _) = shop().await;
    let mut wanted = bundle(&[0, 100]);
    let prize = levels::PlacePrize { first_place: 1, last_place: 1, point_type_id: "points".into(), points: 5 };
    let leaderboard = levels::Leaderboard {
        leaderboard_id: "weekly".into(),
        season_rule: levels::SeasonRule::Weekly.into(),
        prizes: vec![prize],
        ..Default::default()
    };
    wanted.leaderboards = vec![leaderboard];
    apply(&world, "1", &wanted).await.unwrap();
    let mut other = wanted.clone();
    other.leaderboards[0].prizes[0].points = 6;
    let changed = vec!["prizes[0].points".to_owned()];
    assert_eq!(planned(&world, &other).await, [(key(Leaderboard, "weekly"), Act::Change, changed)]);
    other.leaderboards[0].season_rule = levels::SeasonRule::Monthly.into();
    other.leaderboards[0].prizes[0].point_type_id = "gems".into();
    let plan = world.profiles.plan_programme(&world.shop, &other).await.unwrap();
    let found: Vec<_> = plan.violations.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(found, ["bundle.leaderboards[0].prizes[0].point_type_id", "bundle.leaderboards[0].season_rule"]);
    assert_eq!(
        planned(&world, &bundle(&[0, 100])).await,
        [(key(Leaderboard, "weekly"), Act::Keep, vec![String::new()])]
    );
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
