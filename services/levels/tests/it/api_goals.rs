//! Quests, badges, check-ins and result cards through a real socket.

use eventlog::Draft;
use proto::common::v1::LocalizedText;
use proto::levels::v1 as pb;
use proto::profiles::v1 as profiles;
use status::{metadata_of, reason_of, violations_of};
use time::OffsetDateTime;
use tonic::Code;

use crate::api::{point_type, scheme};
use crate::consumer::{Server, server};
use crate::stage::order;

fn text(zh: &str) -> Option<LocalizedText> {
    Some(LocalizedText { texts: [("zh".to_owned(), zh.to_owned())].into(), fallback: "zh".into() })
}

fn badge() -> pb::Badge {
    pb::Badge {
        badge_id: "runner".into(),
        display_name: text("跑者"),
        description: text("完成任务"),
        icon_url: "https://example.com/runner.png".into(),
        tiers: vec![pb::BadgeTier { display_name: text("铜"), icon_url: String::new() }],
        hidden: true,
        ..Default::default()
    }
}

fn quest() -> pb::Quest {
    let points = vec![pb::BonusPoints { point_type_id: "points".into(), points: 20 }];
    pb::Quest {
        quest_id: "first-order".into(),
        display_name: text("首单"),
        description: text("下一单"),
        steps: vec![pb::QuestStep {
            display_name: text("下单满 1 元"),
            event_type: "order.completed".into(),
            condition: Some(pb::quest_step::Condition::Expression("order.total_minor >= 100".into())),
            formula: "order.total_minor / 100".into(),
            target: 1,
        }],
        period: pb::QuestPeriod::Month.into(),
        zone: "Asia/Shanghai".into(),
        recurrence: pb::QuestRecurrence::Completion.into(),
        rounds_max: 2,
        start: pb::QuestStart::Automatic.into(),
        bonus: Some(pb::Bonus { points, badge_id: "runner".into(), badge_tier: 1 }),
        reversal: pb::QuestReversal::TakeBack.into(),
        cost_centre: "growth".into(),
        funder: 1,
        ..Default::default()
    }
}

fn streak() -> pb::Streak {
    let points = vec![pb::BonusPoints { point_type_id: "points".into(), points: 2 }];
    pb::Streak {
        streak_id: "daily".into(),
        display_name: text("每日签到"),
        zone: "Asia/Shanghai".into(),
        forgiven_days: 1,
        make_ups_per_month: 1,
        make_up_days: 3,
        milestones: vec![pb::Milestone {
            length: 1,
            repeats: true,
            bonus: Some(pb::Bonus { points, ..Default::default() }),
        }],
        ..Default::default()
    }
}

fn publish_quest(quest: pb::Quest, id: &str) -> pb::PublishQuestRequest {
    pb::PublishQuestRequest { request_id: id.to_owned(), quest: Some(quest), validate_only: false }
}

fn publish_streak(streak: pb::Streak, id: &str) -> pb::PublishStreakRequest {
    pb::PublishStreakRequest { request_id: id.to_owned(), streak: Some(streak), validate_only: false }
}

fn check_in(id: &str) -> pb::CheckInRequest {
    pb::CheckInRequest {
        request_id: id.to_owned(),
        user_id: "小林".into(),
        streak_id: "daily".into(),
        zone: "Asia/Tokyo".into(),
    }
}

async fn shop() -> Server {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    let published = pb::PublishBadgeRequest { request_id: "b".into(), badge: Some(badge()), validate_only: false };
    server.badges().publish_badge(published).await.unwrap();
    server.quests().publish_quest(publish_quest(quest(), "q")).await.unwrap();
    server.streaks().publish_streak(publish_streak(streak(), "s")).await.unwrap();
    server
}

#[tokio::test]
async fn an_order_completes_a_quest_and_the_log_tells_of_it_as_its_follow_up() {
    let server = shop().await;
    let found = pb::GetQuestRequest { quest_id: "first-order".into() };
    let found = server.quests().get_quest(found).await.unwrap().into_inner().quest.unwrap();
    assert_eq!((found.version, found.create_time.is_some()), (1, true));
    assert_eq!(pb::Quest { version: 0, create_time: None, publish_time: None, ..found.clone() }, quest());
    let listed = server.quests().list_quests(pb::ListQuestsRequest::default()).await.unwrap().into_inner();
    assert_eq!((listed.quests, listed.next_page_token.as_str()), (vec![found], ""));

    let now = OffsetDateTime::now_utc() + time::Duration::seconds(1);
    let completed = profiles::OrderCompleted { order: order("o", 150), first_order: true };
    let id = ids::EventId::new("o/completed").unwrap();
    let position = server.tell(&[Draft::new("小林", id, &completed, now)]).await;
    let progress = pb::GetQuestProgressRequest {
        user_id: "小林".into(),
        quest_id: "first-order".into(),
        at_least: vec![position.clone()],
    };
    let progress = server.quests().get_quest_progress(progress).await.unwrap().into_inner().progress.unwrap();
    assert_eq!((progress.state(), progress.completions), (pb::QuestState::Open, 1));
    assert!(progress.sentence.unwrap().texts["zh"].starts_with("已完成 1 次，还差 1，"));
    let open = pb::ListQuestProgressRequest {
        user_id: "小林".into(),
        filter: pb::QuestFilter::Open.into(),
        ..Default::default()
    };
    let open = server.quests().list_quest_progress(open).await.unwrap().into_inner().quests;
    assert_eq!(open.len(), 1);

    let mine = pb::ListUserBadgesRequest { user_id: "小林".into(), ..Default::default() };
    let mine = server.badges().list_user_badges(mine).await.unwrap().into_inner().badges.remove(0);
    assert_eq!((mine.tier, mine.reason.as_str()), (1, "quest/first-order"));
    assert_eq!(mine.rarity.unwrap().holders, 1);
    let others = pb::ListUserBadgesRequest { user_id: "v".into(), with_unearned: true, ..Default::default() };
    let others = server.badges().list_user_badges(others).await.unwrap().into_inner().badges;
    assert!(others.is_empty(), "hidden until it is earned: {others:?}");

    let told = server.told().await;
    let of_goals: Vec<_> = told.iter().filter(|event| event.user_id == "小林").collect();
    let types: Vec<_> = of_goals.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(types, ["quest.completed", "badge.awarded", "points.posted"]);
    assert!(of_goals.iter().all(|event| event.root_event_id == "o/completed" && event.hops == 1));
    server.end().await;
}

#[tokio::test]
async fn a_user_checks_in_with_a_token_of_their_own_once_a_day() {
    let server = shop().await;
    let mut mine = server.streaks_of_user("小林");
    let first = mine.check_in(check_in("1")).await.unwrap();
    let again = mine.check_in(check_in("1")).await.unwrap();
    assert_eq!(again.metadata().get(rt::REPLAYED_TRAILER).unwrap(), "true");
    let (first, again) = (first.into_inner(), again.into_inner());
    assert_eq!(first, again);
    assert_eq!((first.run.unwrap().length, first.next_length), (1, 2));
    assert_eq!(first.check_in.unwrap().zone, "Asia/Tokyo");
    let refused = mine.check_in(check_in("2")).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::FailedPrecondition, Some("CHECKED_IN")));
    assert!(metadata_of(&refused)["again_at"].ends_with("T15:00:00Z"), "midnight in Tokyo");
    let foreign = pb::CheckInRequest { user_id: "v".into(), ..check_in("3") };
    assert_eq!(mine.check_in(foreign).await.unwrap_err().code(), Code::PermissionDenied);
    let calendar = pb::GetCalendarRequest {
        user_id: "小林".into(),
        streak_id: "daily".into(),
        zone: "Asia/Tokyo".into(),
        ..Default::default()
    };
    let calendar = server.streaks().get_calendar(calendar).await.unwrap().into_inner();
    assert_eq!((calendar.days.len(), calendar.can_check_in, calendar.make_ups_left), (1, false, 1));
    let card = pb::GetResultCardRequest { user_id: "小林".into(), period: calendar.month, ..Default::default() };
    let card = server.cards().get_result_card(card).await.unwrap().into_inner();
    assert_eq!((card.check_ins, card.points[0].earned), (1, 2));
    server.end().await;
}

#[tokio::test]
async fn definitions_are_checked_as_a_whole() {
    let server = shop().await;
    server.points().create_point_type(point_type("growth", false)).await.unwrap();
    server.levels().publish_scheme(scheme("vip", &[0, 100])).await.unwrap();
    let step = |formula: &str, target| pb::QuestStep { formula: formula.into(), target, ..quest().steps[0].clone() };
    let instant = Some(prost_types::Timestamp { seconds: 5, nanos: 0 });
    let twice = vec![pb::BonusPoints { point_type_id: "points".into(), points: 1 }; 2];
    let cases: Vec<(pb::Quest, Vec<&str>)> = vec![
        (
            pb::Quest { steps: vec![step("order.nothing", 1), step("1 +", 1)], ..quest() },
            vec!["quest.steps[0].formula", "quest.steps[1].formula"],
        ),
        (pb::Quest { period_days: 3, ..quest() }, vec!["quest.period_days"]),
        (pb::Quest { period: pb::QuestPeriod::Days.into(), ..quest() }, vec!["quest.period_days"]),
        (pb::Quest { rounds_max: 0, ..quest() }, vec!["quest.rounds_max"]),
        (
            pb::Quest {
                period: pb::QuestPeriod::Ever.into(),
                recurrence: pb::QuestRecurrence::PeriodEnd.into(),
                rounds_max: 0,
                ..quest()
            },
            vec!["quest.recurrence"],
        ),
        (pb::Quest { start: pb::QuestStart::Scheduled.into(), ..quest() }, vec!["quest.valid_from"]),
        (pb::Quest { valid_from: instant, valid_until: instant, ..quest() }, vec!["quest.valid_until"]),
        (pb::Quest { first_rank: 1, ..quest() }, vec!["quest.first_rank"]),
        (pb::Quest { scheme_id: "vip".into(), first_rank: 1, last_rank: Some(0), ..quest() }, vec!["quest.last_rank"]),
        (pb::Quest { zone: "Mars/Olympus".into(), ..quest() }, vec!["quest.zone"]),
        (
            pb::Quest { bonus: Some(pb::Bonus { points: twice, badge_tier: 1, ..Default::default() }), ..quest() },
            vec!["quest.bonus.badge_tier", "quest.bonus.points[1].point_type_id"],
        ),
    ];
    for (quest, want) in cases {
        let refused = server.quests().publish_quest(publish_quest(quest, "wrong")).await.unwrap_err();
        let mut fields: Vec<_> = violations_of(&refused).iter().map(|violation| violation.0.clone()).collect();
        fields.sort();
        assert_eq!((refused.code(), fields), (Code::InvalidArgument, want.iter().map(ToString::to_string).collect()));
    }
    let milestone = streak().milestones.remove(0);
    let cases = [
        (pb::Streak { make_up_days: 0, ..streak() }, "streak.make_up_days"),
        (pb::Streak { milestones: vec![milestone.clone(), milestone], ..streak() }, "streak.milestones[1].length"),
    ];
    for (streak, want) in cases {
        let refused = server.streaks().publish_streak(publish_streak(streak, "wrong")).await.unwrap_err();
        let fields: Vec<_> = violations_of(&refused).iter().map(|violation| violation.0.clone()).collect();
        assert_eq!((refused.code(), fields), (Code::InvalidArgument, vec![want.to_owned()]));
    }
    let asked = pb::PublishQuestRequest { validate_only: true, ..publish_quest(quest(), "free") };
    let told = server.quests().publish_quest(asked.clone()).await.unwrap().into_inner();
    assert_eq!((told.quest, told.position), (asked.quest, None));
    let period = pb::GetResultCardRequest { user_id: "u".into(), period: "2026-13".into(), ..Default::default() };
    let refused = server.cards().get_result_card(period).await.unwrap_err();
    assert_eq!(violations_of(&refused)[0].0, "period");
    server.end().await;
}
