//! Benefits through a real socket.

use proto::common::v1::LocalizedText;
use proto::levels::v1 as pb;
use status::{metadata_of, reason_of, violations_of};
use tonic::Code;

use crate::api::{earn, point_type, scheme};
use crate::consumer::{Server, server};

fn text(en: &str) -> Option<LocalizedText> {
    Some(LocalizedText { texts: [("en".to_owned(), en.to_owned())].into(), ..Default::default() })
}

fn lounge(quota: i32) -> pb::Benefit {
    pb::Benefit {
        benefit_id: "lounge".into(),
        display_name: text("lounge"),
        kind: pb::BenefitKind::Service.into(),
        scheme_id: "vip".into(),
        ranges: vec![pb::BenefitRange { first_rank: 1, last_rank: None, quota }],
        period: pb::BenefitPeriod::Month.into(),
        cost_minor: 1_500,
        ..Default::default()
    }
}

fn publish(benefit: pb::Benefit, id: &str) -> pb::PublishBenefitRequest {
    pb::PublishBenefitRequest { request_id: id.to_owned(), benefit: Some(benefit), validate_only: false }
}

fn use_it(count: i32, id: &str) -> pb::UseBenefitRequest {
    pb::UseBenefitRequest {
        request_id: id.to_owned(),
        user_id: "u".into(),
        benefit_id: "lounge".into(),
        count,
        ..Default::default()
    }
}

fn check(count: i32) -> pb::CheckBenefitRequest {
    pb::CheckBenefitRequest { user_id: "u".into(), benefit_id: "lounge".into(), count, ..Default::default() }
}

/// A shop whose user `u` is on level 1, which has the lounge three times a month.
async fn shop() -> Server {
    let server = server().await;
    server.points().create_point_type(point_type("growth", false)).await.unwrap();
    server.levels().publish_scheme(scheme("vip", &[0, 100])).await.unwrap();
    let growth = pb::EarnRequest { point_type_id: "growth".into(), ..earn("u", 100, "in") };
    server.points().earn(growth).await.unwrap();
    server.benefits().publish_benefit(publish(lounge(3), "lounge")).await.unwrap();
    server
}

#[tokio::test]
async fn a_benefit_is_published_used_and_given_back_and_the_log_tells_of_it() {
    let server = shop().await;
    let mut benefits = server.benefits();
    let found = pb::GetBenefitRequest { benefit_id: "lounge".into() };
    let found = benefits.get_benefit(found).await.unwrap().into_inner().benefit.unwrap();
    assert_eq!((found.version, found.publish_time.is_some()), (1, true));
    assert_eq!(pb::Benefit { version: 0, publish_time: None, ..found.clone() }, lounge(3));
    let listed = benefits.list_benefits(pb::ListBenefitsRequest::default()).await.unwrap().into_inner();
    assert_eq!((listed.benefits, listed.next_page_token.as_str()), (vec![found.clone()], ""));

    let first = benefits.use_benefit(use_it(2, "1")).await.unwrap();
    let again = benefits.use_benefit(use_it(2, "1")).await.unwrap();
    assert_eq!(again.metadata().get(rt::REPLAYED_TRAILER).unwrap(), "true");
    let (first, again) = (first.into_inner(), again.into_inner());
    assert_eq!((first.used_after, first.left_after, &first), (2, Some(1), &again));
    let used = first.r#use.unwrap();
    let back = pb::GiveBackBenefitRequest {
        request_id: "b".into(),
        user_id: "u".into(),
        use_id: used.use_id.clone(),
        count: 1,
        reason: "closed".into(),
    };
    let back = benefits.give_back_benefit(back).await.unwrap().into_inner();
    let at_least = vec![back.position.unwrap()];
    let of_user = pb::ListUserBenefitsRequest { user_id: "u".into(), at_least, ..Default::default() };
    let mine = benefits.list_user_benefits(of_user).await.unwrap().into_inner().benefits.remove(0);
    assert_eq!((mine.benefit, mine.held, mine.used, mine.left), (Some(found), true, 1, Some(2)));
    assert_eq!(mine.renew_time, first.renew_time);

    benefits.use_benefit(use_it(1, "2")).await.unwrap();
    let list = pb::ListBenefitUsesRequest {
        user_id: "u".into(),
        benefit_id: "lounge".into(),
        page_size: 1,
        ..Default::default()
    };
    let newest = benefits.list_benefit_uses(list.clone()).await.unwrap().into_inner();
    assert_eq!(newest.uses[0].count, 1);
    let next = pb::ListBenefitUsesRequest { page_token: newest.next_page_token.clone(), ..list.clone() };
    let oldest = benefits.list_benefit_uses(next).await.unwrap().into_inner();
    assert_eq!((&oldest.uses[..], oldest.next_page_token.as_str()), (&[back.r#use.unwrap()][..], ""));
    let foreign = pb::ListBenefitUsesRequest { benefit_id: String::new(), page_token: newest.next_page_token, ..list };
    let refused = benefits.list_benefit_uses(foreign).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("PAGE_TOKEN_INVALID"));

    let told = server.told().await;
    let kinds: Vec<_> = told.iter().filter(|event| event.r#type.starts_with("benefit.")).collect();
    let names: Vec<_> = kinds.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(names, ["benefit.used", "benefit.given_back", "benefit.used"]);
    assert!(kinds[0].facts.as_ref().unwrap().values.contains_key("level.rank"));
    assert_eq!(told.iter().filter(|event| event.r#type == "programme.published").count(), 3);
    server.end().await;
}

#[tokio::test]
async fn a_check_says_what_a_use_would_be_refused_with() {
    let server = shop().await;
    let mut benefits = server.benefits();
    let answer = benefits.check_benefit(check(0)).await.unwrap().into_inner();
    assert_eq!((answer.allowed, answer.reason.as_str()), (true, ""));
    assert_eq!(answer.sentence.unwrap().texts["zh"], "可以使用，本月还剩 3 次");
    let answer = benefits.check_benefit(check(4)).await.unwrap().into_inner();
    assert_eq!((answer.allowed, answer.reason.as_str()), (false, "BENEFIT_QUOTA_SHORT"));
    let refused = benefits.use_benefit(use_it(4, "1")).await.unwrap_err();
    let metadata = metadata_of(&refused);
    assert_eq!((refused.code(), reason_of(&refused)), (Code::FailedPrecondition, Some(answer.reason)));
    assert_eq!((metadata["left"].as_str(), metadata["count"].as_str()), ("3", "4"));
    assert!(metadata["renew_time"].ends_with("T16:00:00Z"), "midnight in Shanghai: {metadata:?}");

    let stranger = pb::CheckBenefitRequest { user_id: "v".into(), ..check(1) };
    let answer = benefits.check_benefit(stranger).await.unwrap().into_inner();
    assert_eq!((answer.reason.as_str(), answer.benefit.unwrap().missing), ("BENEFIT_NOT_HELD", 100));
    let refused = benefits.use_benefit(pb::UseBenefitRequest { user_id: "v".into(), ..use_it(1, "2") }).await;
    assert_eq!(metadata_of(&refused.unwrap_err())["needed_rank"], "1");
    let unknown = pb::CheckBenefitRequest { benefit_id: "nothing".into(), ..check(1) };
    let refused = benefits.check_benefit(unknown).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::NotFound, Some("BENEFIT_NOT_FOUND")));
    server.end().await;
}

#[tokio::test]
async fn a_benefit_is_checked_as_a_whole() {
    let server = shop().await;
    let range = |first_rank, last_rank, quota| pb::BenefitRange { first_rank, last_rank, quota };
    let cosmetic =
        pb::Benefit { kind: pb::BenefitKind::Cosmetic.into(), ranges: vec![range(0, None, 0)], period: 0, ..lounge(0) };
    let cases: Vec<(pb::Benefit, Vec<&str>)> = vec![
        (pb::Benefit { period: 0, ..lounge(1) }, vec!["benefit.period"]),
        (pb::Benefit { ranges: vec![range(0, None, 1)], ..cosmetic.clone() }, vec!["benefit.ranges[0].quota"]),
        (pb::Benefit { period: 2, ..cosmetic.clone() }, vec!["benefit.period"]),
        (
            pb::Benefit { ranges: vec![range(2, Some(1), 1), range(1, None, 1), range(5, None, 1)], ..lounge(1) },
            vec!["benefit.ranges[0].last_rank", "benefit.ranges[1].first_rank", "benefit.ranges[2].first_rank"],
        ),
        (pb::Benefit { scheme_id: String::new(), ..lounge(1) }, vec!["benefit.ranges", "benefit.zone"]),
        (
            pb::Benefit {
                scheme_id: String::new(),
                period: pb::BenefitPeriod::Level.into(),
                ranges: vec![range(0, None, 1)],
                ..lounge(1)
            },
            vec!["benefit.period"],
        ),
        (pb::Benefit { zone: "Mars/Olympus".into(), ..lounge(1) }, vec!["benefit.zone"]),
        (
            pb::Benefit {
                valid_from: Some(prost_types::Timestamp { seconds: 5, nanos: 0 }),
                valid_until: Some(prost_types::Timestamp { seconds: 5, nanos: 0 }),
                ..lounge(1)
            },
            vec!["benefit.valid_until"],
        ),
    ];
    for (benefit, want) in cases {
        let refused = server.benefits().publish_benefit(publish(benefit.clone(), "wrong")).await.unwrap_err();
        let fields: Vec<_> = violations_of(&refused).iter().map(|violation| violation.0.clone()).collect();
        assert_eq!((refused.code(), fields), (Code::InvalidArgument, want.iter().map(ToString::to_string).collect()));
    }
    let asked = pb::PublishBenefitRequest { validate_only: true, ..publish(cosmetic, "free") };
    let told = server.benefits().publish_benefit(asked.clone()).await.unwrap().into_inner();
    assert_eq!((told.benefit, told.position), (asked.benefit, None));
    server.benefits().publish_benefit(publish(lounge(9), "free")).await.unwrap();
    server.end().await;
}
