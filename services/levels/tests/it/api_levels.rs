//! Schemes and levels through a real socket.

use proto::levels::v1 as pb;
use status::{reason_of, violations_of};
use tonic::Code;

use crate::api::{earn, point_type, scheme};
use crate::consumer::{Server, server};

async fn shop() -> Server {
    let server = server().await;
    server.points().create_point_type(point_type("growth", false)).await.unwrap();
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    server.levels().publish_scheme(scheme("vip", &[0, 100, 1_000])).await.unwrap();
    let growth = pb::EarnRequest { point_type_id: "growth".into(), ..earn("u", 100, "in") };
    server.points().earn(growth).await.unwrap();
    server
}

fn grant(rank: i32, id: &str) -> pb::GrantLevelRequest {
    pb::GrantLevelRequest {
        request_id: id.to_owned(),
        user_id: "u".into(),
        scheme_id: "vip".into(),
        rank,
        kind: pb::LevelGrantKind::Invitation.into(),
        from_time: None,
        until_time: None,
        reason: "年度贵宾".into(),
    }
}

#[tokio::test]
async fn a_level_is_granted_locked_and_explained() {
    let server = shop().await;
    let granted = server.grants().grant_level(grant(2, "g")).await.unwrap().into_inner();
    assert_eq!(granted.rank_after, 2);
    let lock = pb::LockLevelRequest {
        request_id: "l".into(),
        user_id: "u".into(),
        scheme_id: "vip".into(),
        rank: 1,
        until_time: None,
        reason: "纠纷处理中".into(),
    };
    let locked = server.grants().lock_level(lock).await.unwrap().into_inner();
    let asked = pb::ExplainLevelRequest {
        user_id: "u".into(),
        scheme_id: "vip".into(),
        at_least: locked.position.into_iter().collect(),
    };
    let told = server.levels().explain_level(asked).await.unwrap().into_inner();
    let member = told.member.unwrap();
    assert_eq!((member.level.as_ref().unwrap().rank, member.earned_rank), (1, 1));
    assert_eq!((member.grants.len(), member.lock.as_ref().unwrap().rank), (1, 1));
    assert_eq!(told.last_move.unwrap().cause(), pb::MoveCause::Locked);
    let en: Vec<_> = told.statements.iter().map(|it| it.sentence.as_ref().unwrap().texts["en"].as_str()).collect();
    assert!(en[0].ends_with("what decided it last: it was locked"), "{en:?}");
    assert_eq!(en[1..3], ["Locked on “level” until that is ended", "“level” is granted without an end"]);
    assert_eq!(en[3], "To reach “level”: 900 more growth");
    let unlock = pb::UnlockLevelRequest {
        request_id: "ul".into(),
        user_id: "u".into(),
        scheme_id: "vip".into(),
        reason: "已解决".into(),
    };
    assert_eq!(server.grants().unlock_level(unlock).await.unwrap().into_inner().rank_after, 2);
    let end = pb::EndLevelGrantRequest {
        request_id: "e".into(),
        user_id: "u".into(),
        scheme_id: "vip".into(),
        grant_id: granted.grant.unwrap().grant_id,
        reason: "到期".into(),
    };
    let ended = server.grants().end_level_grant(end.clone()).await.unwrap().into_inner();
    assert_eq!(ended.rank_after, 1);
    assert_eq!(
        server.grants().end_level_grant(end).await.unwrap().into_inner(),
        ended,
        "a repeat has the first answer"
    );
    let asked = pb::ListLevelActsRequest { user_id: "u".into(), scheme_id: "vip".into(), ..Default::default() };
    let acts = server.grants().list_level_acts(asked).await.unwrap().into_inner().acts;
    use pb::LevelActKind::{GrantEnded, Granted, Locked, Unlocked};
    let kinds: Vec<_> = acts.iter().map(|it| (it.kind(), it.reason.as_str())).collect();
    assert_eq!(kinds, [(GrantEnded, "到期"), (Unlocked, "已解决"), (Locked, "纠纷处理中"), (Granted, "年度贵宾")]);
    let told: Vec<_> = server.told().await.into_iter().map(|event| event.r#type).collect();
    assert_eq!(told.iter().filter(|it| *it == "level.acted").count(), 4);
    server.end().await;
}

#[tokio::test]
async fn a_grant_of_a_level_that_there_is_not_or_that_is_over_is_refused() {
    let server = shop().await;
    let refused = server.grants().grant_level(grant(3, "1")).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::NotFound, Some("LEVEL_NOT_FOUND")));
    let other = pb::GrantLevelRequest { scheme_id: "other".into(), ..grant(1, "2") };
    let refused = server.grants().grant_level(other).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::NotFound, Some("SCHEME_NOT_FOUND")));
    let past = Some(prost_types::Timestamp { seconds: 1_600_000_000, nanos: 0 });
    let over = pb::GrantLevelRequest { until_time: past, ..grant(1, "3") };
    let refused = server.grants().grant_level(over.clone()).await.unwrap_err();
    assert_eq!(violations_of(&refused)[0].0, "until_time");
    let mended = pb::GrantLevelRequest { until_time: None, ..over };
    server.grants().grant_level(mended).await.unwrap(); // its id was not used up
    server.end().await;
}

#[tokio::test]
async fn a_scheme_that_contradicts_itself_is_told_all_of_it_at_once() {
    let server = shop().await;
    let mut asked = scheme("odd", &[0, 10]);
    let it = asked.scheme.as_mut().unwrap();
    it.set_basis(pb::MeasureBasis::Period);
    it.further_measures = vec![pb::Measure { point_type_id: "growth".into(), basis: pb::MeasureBasis::Period.into() }];
    it.levels[0].by_invitation = true;
    it.levels[1].further_thresholds = vec![5];
    it.set_upgrade_policy(pb::UpgradePolicy::AtReview);
    it.set_downgrade_policy(pb::DowngradePolicy::AtOnce);
    it.set_validity_rounding(pb::ExpiryRounding::Year);
    it.review_delay_days = 3;
    let refused = server.levels().publish_scheme(asked).await.unwrap_err();
    let mut fields: Vec<String> = violations_of(&refused).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "scheme.downgrade_policy",
            "scheme.further_measures[0]",
            "scheme.levels[0].by_invitation",
            "scheme.levels[0].further_thresholds",
            "scheme.review_delay_days",
            "scheme.upgrade_policy",
            "scheme.validity_rounding",
        ]
    );
    let mut asked = scheme("odd", &[0, 10]);
    let it = asked.scheme.as_mut().unwrap();
    it.point_type_id = "points".into();
    it.set_basis(pb::MeasureBasis::Unexpired);
    let refused = server.levels().publish_scheme(asked).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("POINT_TYPE_SPENDABLE"));
    server.end().await;
}

#[tokio::test]
async fn a_scheme_comes_back_as_it_was_published() {
    let server = shop().await;
    let mut asked = scheme("full", &[0, 10, 20]);
    let it = asked.scheme.as_mut().unwrap();
    it.set_basis(pb::MeasureBasis::Unexpired);
    it.further_measures = vec![pb::Measure { point_type_id: "points".into(), basis: pb::MeasureBasis::Growth.into() }];
    it.any_measure = true;
    for (level, further) in it.levels.iter_mut().zip([0, 5, 9]) {
        level.further_thresholds = vec![further];
    }
    it.levels[2].by_invitation = true;
    it.levels[1].set_purpose(pb::LevelPurpose::Content);
    it.levels[1].target_metric = "每周发帖数".into();
    it.levels[1].guide = it.display_name.clone();
    let task = pb::LevelTask { task_id: "post".into(), title: it.display_name.clone(), link: "app://post".into() };
    it.levels[1].tasks = vec![task];
    it.validity_months = 3;
    it.set_validity_rounding(pb::ExpiryRounding::Quarter);
    it.set_period_end(pb::PeriodEnd::ToFloor);
    it.set_upgrade_policy(pb::UpgradePolicy::AtReview);
    it.set_downgrade_policy(pb::DowngradePolicy::Never);
    it.one_step_down = true;
    (it.grace_days, it.protection_days, it.review_delay_days) = (7, 14, 30);
    let published = server.levels().publish_scheme(asked.clone()).await.unwrap().into_inner().scheme.unwrap();
    let sent = asked.scheme.unwrap();
    let got = pb::Scheme { version: 0, publish_time: None, ..published.clone() };
    assert_eq!(got, sent);
    let read = server.levels().get_scheme(pb::GetSchemeRequest { scheme_id: "full".into() }).await.unwrap();
    assert_eq!(read.into_inner().scheme.unwrap(), published);
    server.end().await;
}
