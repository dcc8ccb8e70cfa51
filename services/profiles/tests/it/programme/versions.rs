//! Versions: going back, and giving way.

use profiles::commands::ApplyProgramme;
use profiles::domain::programme::Kind::PointType;
use profiles::domain::programme::course::Act;
use profiles::domain::refusal::Refusal;
use profiles::error::ProfilesError;
use proto::programme::v1::{ApplyProgrammeResponse, ChangeKind, VersionState};

use super::super::support::{create, refusal, suspend, tenant_id};
use super::shelf::Break;
use super::{apply, bundle, command, key, planned, point_type, rollback, rule, shop};

#[tokio::test]
async fn a_rollback_returns_and_names_what_stays() {
    let (world, shelf) = shop().await;
    apply(&world, "1", &bundle(&[0, 100])).await.unwrap();
    let mut second = bundle(&[0, 300]);
    second.point_types.push(point_type("coins"));
    second.earning_rules.push(rule("c", "3"));
    second.lifecycle_models = None;
    apply(&world, "2", &second).await.unwrap();
    assert_eq!(world.profiles.get_models(&world.shop).await.unwrap().stage.dormant_after_days, 90);
    let back = rollback(&world, "back", 1).await.unwrap().value;
    let version = back.programme.unwrap();
    assert_eq!((version.version, version.restored_version), (3, 1));
    let changes: Vec<_> = back.changes.iter().map(|change| (change.definition_id.as_str(), change.change())).collect();
    let expected = [
        ("coins", ChangeKind::Kept),
        ("c", ChangeKind::Paused),
        ("members", ChangeKind::Changed),
        ("", ChangeKind::Changed),
    ];
    assert_eq!(changes, expected);
    assert_eq!(world.profiles.get_models(&world.shop).await.unwrap().stage.dormant_after_days, 60);
    assert!(shelf.in_force().earning_rules.iter().all(|rule| rule.paused == (rule.rule_id == "c")));
    assert_eq!(planned(&world, &bundle(&[0, 100])).await, [(key(PointType, "coins"), Act::Keep, vec![String::new()])]);
    let nowhere = rollback(&world, "nowhere", 9).await;
    assert_eq!(refusal(nowhere), Refusal::ProgrammeVersionNotFound { version: 9 });
    // what was paused comes back by being wanted again
    rollback(&world, "forth", 2).await.unwrap();
    assert!(shelf.in_force().earning_rules.iter().all(|rule| !rule.paused));
}

#[tokio::test]
async fn a_version_left_alone_gives_way_and_its_own_request_learns_of_it() {
    let (world, shelf) = shop().await;
    shelf.break_at(1, Break::Before);
    apply(&world, "1", &bundle(&[0, 100])).await.unwrap_err();
    assert_eq!(refusal(apply(&world, "2", &bundle(&[0])).await), Refusal::ProgrammeApplying { version: 1 });
    let mut admin = world.db.admin(profiles::NAME).await;
    let age = "update programme_version set touched_at = touched_at - interval '11 minutes'";
    sqlx::query(age).execute(&mut admin).await.unwrap();
    let next = apply(&world, "3", &bundle(&[0])).await.unwrap().value;
    assert_eq!(next.programme.unwrap().version, 2);
    let failed = world.profiles.get_programme(&world.shop, 1).await.unwrap();
    assert_eq!((failed.state(), failed.failure.as_str()), (VersionState::Failed, "left unfinished"));
    let late = apply(&world, "1", &bundle(&[0, 100])).await;
    assert_eq!(refusal(late), Refusal::ProgrammeSuperseded { version: 1 });
    assert_eq!(planned(&world, &bundle(&[0])).await, []);
}

#[tokio::test]
async fn a_stale_etag_a_suspended_tenant_and_another_tenant_get_nothing() {
    let (world, _) = shop().await;
    apply(&world, "1", &bundle(&[0, 100])).await.unwrap();
    let stale = ApplyProgramme { etag: "v0".into(), ..command("2", &bundle(&[0, 200])) };
    let refused = world.profiles.apply_programme::<ApplyProgrammeResponse>(&world.shop, &stale).await;
    assert_eq!(refusal(refused), Refusal::EtagMismatch { etag: "v1".into() });
    let right = ApplyProgramme { etag: "v1".into(), ..command("3", &bundle(&[0, 200])) };
    world.profiles.apply_programme::<ApplyProgrammeResponse>(&world.shop, &right).await.unwrap();
    let other = tenant_id("other");
    world.profiles.create_tenant(&other, &create("CNY", "UTC")).await.unwrap();
    let nothing = world.profiles.get_programme(&other, 1).await;
    assert_eq!(refusal(nothing), Refusal::ProgrammeVersionNotFound { version: 1 });
    world.profiles.update_tenant(&world.shop, &suspend("s", true)).await.unwrap();
    let suspended = apply(&world, "4", &bundle(&[0])).await;
    assert!(matches!(suspended, Err(ProfilesError::TenantSuspended { .. })), "{suspended:?}");
}
