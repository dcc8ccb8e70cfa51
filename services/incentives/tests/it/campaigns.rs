//! What campaigns grant, hold back, and take back again.

use std::sync::Arc;

use incentives::commands::{CampaignConsumer, How};
use incentives::domain::campaign::{Definition, Returns, Reward, Setting};
use incentives::domain::campaign_refusal::CampaignRefusal as Refusal;
use incentives::domain::period::Period;
use incentives::domain::template::{Distribution, Template};
use proto::events::v1::EventMode;
use proto::feedback::v1 as feedback;
use proto::incentives::v1 as pb;
use proto::levels::v1 as levels;
use proto::profiles::v1 as profiles;
use rules::Written;
use time::Duration;

use crate::campaign_stage::{cancelled, completed, coupon, fulfilled, per, points, refusal, refused};
use crate::stage::{BEGIN, event, refunded, stage, template};

#[tokio::test]
async fn points_of_a_completed_order_go_out_once_and_are_spent_when_levels_posted_them() {
    let stage = stage().await;
    stage.run("spring", Definition { budget: Some(1_000), ..points("order.total_minor / 100") }).await;
    let event = completed("u", "o", 9_900);
    stage.profiles(std::slice::from_ref(&event)).await;
    stage.profiles(&[event]).await;
    let reward = stage.reward("u").await;
    assert_eq!(
        (reward.amount, reward.campaign_id.as_str(), reward.order_id.as_str(), reward.cost_centre.as_str()),
        (99, "spring", "o", "growth")
    );
    assert_eq!(stage.told("u").await, ["reward.granted"]);
    let before = stage.results("spring").await;
    assert_eq!((before.participants, before.granted, before.committed, before.spent), (1, 1, 99, 0));
    stage.levels(&[fulfilled("u", &reward.reward_id, 99)]).await;
    let after = stage.results("spring").await;
    assert_eq!((after.committed, after.released, after.spent), (99, 0, 99));
    stage.audit().await;
}

#[tokio::test]
async fn nothing_is_set_off_by_imports_old_events_and_conditions_that_do_not_hold() {
    let stage = stage().await;
    stage
        .run("big", Definition { condition: Written::Expression("order.total_minor > 5000".into()), ..points("1") })
        .await;
    let mut import = completed("u", "a", 9_900);
    import.mode = EventMode::FactsEarn.into();
    let mut old = completed("u", "b", 9_900);
    old.occurred_at = Some(units::time::to_proto(BEGIN - Duration::hours(25)));
    stage.profiles(&[import, old, completed("u", "c", 5_000)]).await;
    assert_eq!(stage.told("u").await, Vec::<String>::new());
    let outcomes = stage.results("big").await.outcomes;
    assert_eq!(outcomes.len(), 1);
    assert_eq!((outcomes[0].outcome(), outcomes[0].times), (pb::DecisionOutcome::TooOld, 1));
}

#[tokio::test]
async fn a_new_version_a_pause_and_an_end_hold_for_later_events_only() {
    let stage = stage().await;
    let at = |hours| BEGIN + Duration::hours(hours);
    let event = |order: &str, hours| {
        let mut event = completed("u", order, 100);
        event.occurred_at = Some(units::time::to_proto(at(hours)));
        event.recorded_at = event.occurred_at;
        event
    };
    stage.save("c", points("1"), "1").await.unwrap();
    let author = refusal(stage.turn("c", How::Approve, "author").await);
    assert_eq!(author, Refusal::ApproverIsAuthor { campaign_id: "c".into() });
    stage.set_clock(at(1)).await;
    stage.turn("c", How::Approve, "boss").await.unwrap();
    stage.set_clock(at(2)).await;
    stage.save("c", points("2"), "2").await.unwrap();
    stage.set_clock(at(3)).await;
    stage.turn("c", How::Approve, "boss").await.unwrap();
    stage.set_clock(at(4)).await;
    assert_eq!(stage.turn("c", How::Pause, "boss").await.unwrap().state(), pb::CampaignState::Paused);
    stage.set_clock(at(5)).await;
    assert_eq!(stage.turn("c", How::Resume, "boss").await.unwrap().state(), pb::CampaignState::Running);
    stage.set_clock(at(6)).await;
    assert_eq!(stage.turn("c", How::End, "boss").await.unwrap().state(), pb::CampaignState::Ended);
    let events: Vec<_> = (0..7).map(|hour| event(&format!("o{hour}"), hour)).collect();
    stage.profiles(&events).await;
    let granted = stage.payloads::<pb::RewardGranted>("u").await;
    let got: Vec<_> = granted.iter().map(|it| (it.order_id.as_str(), it.amount)).collect();
    assert_eq!(got, [("o1", 1), ("o2", 1), ("o3", 2), ("o5", 2)]);
    assert_eq!(refusal(stage.save("c", points("3"), "3").await), Refusal::CampaignEnded { campaign_id: "c".into() });
}

#[tokio::test]
async fn of_an_exclusion_group_the_highest_priority_that_is_not_held_up_grants() {
    let stage = stage().await;
    let group = |priority, says| Definition { priority, exclusion_group: "g".to_owned(), ..says };
    stage.run("high", group(9, Definition { grants_max: 1, ..points("10") })).await;
    stage.run("low", group(1, points("1"))).await;
    stage.profiles(&[completed("u", "a", 100), completed("u", "b", 100)]).await;
    let granted = stage.payloads::<pb::RewardGranted>("u").await;
    let got: Vec<_> = granted.iter().map(|it| (it.campaign_id.as_str(), it.order_id.as_str())).collect();
    assert_eq!(got, [("high", "a"), ("low", "b")]);
}

#[tokio::test]
async fn the_user_limit_of_a_day_is_shared_by_a_batch_and_resumes_with_the_next_day() {
    let stage = stage().await;
    stage.run("daily", Definition { user_limits: per(Period::Day, 2), ..points("1") }).await;
    let next = |order: &str| {
        let mut event = completed("u", order, 100);
        event.occurred_at = Some(units::time::to_proto(BEGIN + Duration::DAY));
        event.recorded_at = event.occurred_at;
        event
    };
    let today: Vec<_> = ["a", "b", "c"].iter().map(|order| completed("u", order, 100)).collect();
    stage.profiles(&today).await;
    stage.profiles(&[next("d")]).await;
    assert_eq!(stage.payloads::<pb::RewardGranted>("u").await.len(), 3);
    stage.audit().await;
}

#[tokio::test]
async fn holdouts_get_nothing_and_what_they_buy_is_counted_beside_the_treated() {
    let stage = stage().await;
    stage.run("half", Definition { holdout_bp: 5_000, ..points("1") }).await;
    let users: Vec<String> = (0..64).map(|n| format!("u{n}")).collect();
    let events: Vec<_> = users.iter().map(|who| completed(who, "o", 100)).collect();
    stage.profiles(&events).await;
    let later: Vec<_> = users
        .iter()
        .map(|who| {
            let order = proto::profiles::v1::Order {
                order_id: "p".to_owned(),
                total: crate::stage::yuan(700),
                ..Default::default()
            };
            let payload = proto::profiles::v1::OrderPaid { order: Some(order), first_order: false };
            let mut event = crate::stage::event(who, "p/paid", &payload);
            event.occurred_at = Some(units::time::to_proto(BEGIN + Duration::DAY));
            event.recorded_at = event.occurred_at;
            event
        })
        .collect();
    stage.profiles(&later).await;
    let results = stage.results("half").await;
    let (treated, control) = (results.treated.unwrap(), results.control.unwrap());
    assert_eq!(treated.users + control.users, 64);
    assert!((16..=48).contains(&control.users), "{control:?}");
    assert_eq!(
        (results.participants, results.held_out, results.granted),
        (treated.users, control.users, treated.users)
    );
    assert_eq!((control.buyers, control.spend_minor), (control.users, 700 * control.users));
    assert_eq!(treated.orders, treated.users);
    stage.set(Setting { global_holdout_bp: 1_500, self_approval: false, revision: 0 }).await;
}

#[tokio::test]
async fn a_refund_takes_back_the_share_of_points_in_either_order() {
    let stage = stage().await;
    stage.run("c", Definition { budget: Some(1_000), user_limits: per(Period::Always, 1), ..points("100") }).await;
    let part = |who: &str| refunded(who, "o", &[], 3_000, 3_000, 10_000);
    stage.profiles(&[completed("before", "o", 10_000)]).await;
    stage.profiles(&[part("before")]).await;
    stage.profiles(&[part("after")]).await;
    stage.profiles(&[completed("after", "o", 10_000)]).await;
    for who in ["before", "after"] {
        assert_eq!(stage.told(who).await, ["reward.granted", "reward.revoked"], "{who}");
        let revoked = stage.payloads::<pb::RewardRevoked>(who).await.remove(0);
        assert_eq!((revoked.amount, revoked.order_id), (30, "o".to_owned()), "{who}");
    }
    let results = stage.results("c").await;
    assert_eq!((results.committed, results.released, results.standing), (200, 60, 2));
    stage.profiles(&[cancelled("before", "o")]).await;
    let revoked: Vec<_> = stage.payloads::<pb::RewardRevoked>("before").await.iter().map(|it| it.amount).collect();
    assert_eq!(revoked, [30, 100]);
    assert_eq!(stage.results("c").await.standing, 1);
    stage.profiles(&[completed("before", "again", 10_000)]).await;
    assert_eq!(stage.results("c").await.standing, 2, "the slot of a returned order is free again");
    stage.audit().await;
}

#[tokio::test]
async fn an_order_that_was_given_back_whole_before_sets_nothing_off() {
    let stage = stage().await;
    stage.run("c", points("100")).await;
    stage.profiles(&[cancelled("u", "o")]).await;
    stage.profiles(&[completed("u", "o", 10_000)]).await;
    assert_eq!(stage.told("u").await, Vec::<String>::new());
    assert_eq!(stage.results("c").await.outcomes[0].outcome(), pb::DecisionOutcome::OrderReturned);
}

#[tokio::test]
async fn points_that_levels_refuses_return_budget_and_counts_once() {
    let stage = stage().await;
    let says = Definition { budget: Some(100), user_limits: per(Period::Always, 1), ..points("100") };
    stage.run("c", Definition { returns: Returns { limits: false, budget: false }, ..says }).await;
    stage.profiles(&[completed("u", "a", 100)]).await;
    let reward = stage.reward("u").await.reward_id;
    stage.levels(&[refused("u", &reward)]).await;
    stage.levels(&[refused("u", &reward)]).await;
    let results = stage.results("c").await;
    assert_eq!((results.refused, results.standing, results.released), (1, 0, 100));
    stage.profiles(&[completed("u", "b", 100)]).await;
    assert_eq!(stage.results("c").await.standing, 1);
    stage.audit().await;
}

#[tokio::test]
async fn a_random_reward_reserves_the_most_and_releases_the_rest() {
    let stage = stage().await;
    let reward = Reward::RandomPoints { point_type_id: "points".to_owned(), min: 1, max: 50 };
    stage.run("draw", Definition { reward, budget: Some(60), ..points("1") }).await;
    let events: Vec<_> = (0..40).map(|n| completed(&format!("u{n}"), "o", 100)).collect();
    stage.profiles(&events).await;
    let results = stage.results("draw").await;
    let used = results.committed - results.released;
    assert_eq!(results.committed, 50 * results.granted);
    assert!(used > 10 && used <= 60, "{results:?}");
    stage.audit().await;
}

#[tokio::test]
async fn a_coupon_is_issued_and_voided_with_its_order_unless_it_is_used() {
    let stage = stage().await;
    stage.publish(Template { distribution: Distribution::Granted, ..template("ten", 0, 500) }, "t").await;
    stage.run("c", Definition { budget: Some(1_000), ..coupon("ten") }).await;
    stage.profiles(&[completed("u", "a", 100), completed("v", "a", 100), completed("w", "a", 100)]).await;
    assert_eq!(stage.told("u").await, ["coupon.granted"]);
    let granted = stage.payloads::<pb::CouponGranted>("u").await.remove(0);
    assert_eq!((granted.template_id.as_str(), granted.campaign_id.as_str()), ("ten", "c"));
    assert_eq!(stage.results("c").await.coupons_granted, 2, "the third would overrun the budget");
    stage.profiles(&[cancelled("u", "a")]).await;
    assert_eq!(stage.state("u", &granted.coupon_id).await, pb::CouponState::Voided);
    let results = stage.results("c").await;
    assert_eq!((results.committed, results.released, results.standing), (1_000, 500, 1));
    stage.audit().await;
}

#[tokio::test]
async fn a_coupon_that_its_template_refuses_is_no_grant() {
    let stage = stage().await;
    stage.publish(Template { distribution: Distribution::Granted, stock: 1, ..template("ten", 0, 500) }, "t").await;
    stage.run("c", Definition { budget: Some(5_000), ..coupon("ten") }).await;
    stage.profiles(&[completed("u", "a", 100), completed("v", "a", 100)]).await;
    let results = stage.results("c").await;
    assert_eq!((results.granted, results.committed), (1, 500));
    let outcomes: Vec<_> = results.outcomes.iter().map(|it| (it.outcome(), it.times)).collect();
    assert_eq!(outcomes, [(pb::DecisionOutcome::Granted, 1), (pb::DecisionOutcome::CouponRefused, 1)]);
    let missing = refusal(stage.save("d", coupon("none"), "d").await);
    assert_eq!(missing, Refusal::CouponTemplateNotFound { template_id: "none".into() });
    stage.audit().await;
}

#[tokio::test]
async fn a_move_from_stage_to_stage_and_a_level_reached_set_campaigns_off() {
    let stage = stage().await;
    let back = Written::Expression("stage.from == 'dormant' && stage.to == 'repeat'".into());
    stage.run("back", Definition { event_type: "stage.moved".to_owned(), condition: back, ..points("5") }).await;
    let up = Written::Expression("move.up && move.to_rank == 2".into());
    stage.run("up", Definition { event_type: "level.moved".to_owned(), condition: up, ..points("7") }).await;
    let moved = |from: &str, to: &str| profiles::StageMoved {
        model_id: "ecommerce".to_owned(),
        from_stage: from.to_owned(),
        to_stage: to.to_owned(),
    };
    stage.profiles(&[event("u", "1", &moved("new", "dormant")), event("u", "2", &moved("dormant", "repeat"))]).await;
    let level = |from_rank, to_rank| levels::LevelMoved {
        scheme_id: "vip".to_owned(),
        r#move: Some(levels::LevelMove { from_rank, to_rank, ..Default::default() }),
        secondary: false,
    };
    stage.levels(&[event("u", "3", &level(1, 2)), event("u", "4", &level(3, 2))]).await;
    let amounts: Vec<_> = stage.payloads::<pb::RewardGranted>("u").await.iter().map(|it| it.amount).collect();
    assert_eq!(amounts, [5, 7]);
}

#[tokio::test]
async fn a_complaint_that_was_resolved_late_sets_a_care_reward_off() {
    let stage = stage().await;
    let late = Written::Expression("case.kind == 'complaint' && !case.within_sla && case.attempt == 1".into());
    stage.run("care", Definition { event_type: "case.resolved".to_owned(), condition: late, ..points("50") }).await;
    let resolved = |kind: feedback::CaseKind, within_sla| feedback::CaseResolved {
        case_id: "c".to_owned(),
        kind: kind.into(),
        within_sla,
        attempt: 1,
        ..Default::default()
    };
    let events = [
        event("u", "1", &resolved(feedback::CaseKind::Complaint, true)),
        event("u", "2", &resolved(feedback::CaseKind::Suggestion, false)),
        event("u", "3", &resolved(feedback::CaseKind::Complaint, false)),
    ];
    stage.consume(&CampaignConsumer::of_feedback(Arc::clone(&stage.incentives)), &events).await;
    let granted = stage.payloads::<pb::RewardGranted>("u").await;
    assert_eq!(granted.iter().map(|it| it.amount).collect::<Vec<_>>(), [50]);
}
