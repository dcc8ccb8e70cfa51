//! Why users got something, or did not.

use incentives::domain::campaign::Definition;
use incentives::domain::period::Period;
use incentives::queries::DryRun;
use proto::incentives::v1 as pb;
use proto::levels::v1::MoveCause;
use rules::Written;

use crate::campaign_stage::{cancelled, completed, per, points};
use crate::stage::{Stage, key, stage, user};
use crate::undone_levels::{for_rises, moved};

async fn explain(stage: &Stage, campaign: &str, event: &str) -> (pb::ExplanationCode, String) {
    let asked = (&user("u"), &key(campaign), event);
    let answer = stage.incentives.explain_decision(&stage.tenant, asked, &[]).await.unwrap();
    (answer.code(), answer.explanation.unwrap().texts["zh"].clone())
}

#[tokio::test]
async fn a_stored_decision_is_told_and_others_are_worked_out_again_from_what_was_kept() {
    let stage = stage().await;
    stage.run("daily", Definition { user_limits: per(Period::Day, 1), ..points("5") }).await;
    let big = Written::Expression("order.total_minor > 100000".into());
    stage.run("big", Definition { condition: big, ..points("1") }).await;
    stage.run("visits", Definition { event_type: "user.visited".to_owned(), ..points("1") }).await;
    stage.save("draft", points("1"), "draft").await.unwrap();
    stage.profiles(&[completed("u", "a", 100), completed("u", "b", 100)]).await;
    use pb::ExplanationCode::{ConditionFalse, Decided, EventUnknown, NotInForce, NotTriggered};
    assert_eq!(explain(&stage, "daily", "a/completed").await, (Decided, "已发放：5 积分".to_owned()));
    let limit = "未发放：今日已达上限 1/1，明天 00:00 恢复".to_owned();
    assert_eq!(explain(&stage, "daily", "b/completed").await, (Decided, limit));
    assert_eq!(explain(&stage, "big", "a/completed").await.0, ConditionFalse);
    assert_eq!(explain(&stage, "visits", "a/completed").await.0, NotTriggered);
    assert_eq!(explain(&stage, "draft", "a/completed").await.0, NotInForce);
    assert_eq!(explain(&stage, "daily", "unheard").await.0, EventUnknown);
}

#[tokio::test]
async fn a_decision_says_what_was_taken_back_of_its_reward_since_and_why() {
    let stage = stage().await;
    stage.run("order", points("50")).await;
    stage.run("rise", for_rises(points("30"))).await;
    stage.profiles(&[completed("u", "a", 100)]).await;
    stage.levels(&[moved("u", "up", 0, 1, MoveCause::Earned)]).await;
    assert_eq!(explain(&stage, "rise", "up").await.1, "已发放：30 积分");
    stage.profiles(&[cancelled("u", "a")]).await;
    stage.levels(&[moved("u", "down", 1, 0, MoveCause::Reversed)]).await;
    assert_eq!(explain(&stage, "order", "a/completed").await.1, "已发放：50 积分；已收回 50：订单已退");
    assert_eq!(explain(&stage, "rise", "up").await.1, "已发放：30 积分；已收回 30：等级已撤销");
    let listed = stage.incentives.list_decisions(&stage.tenant, &user("u"), None, 9, &[]).await.unwrap();
    assert_eq!(listed.rows.iter().map(|it| it.undone.taken_back).sum::<i64>(), 80);
}

#[tokio::test]
async fn decisions_are_listed_newest_first_and_page_by_page() {
    let stage = stage().await;
    stage.run("c", points("1")).await;
    let events: Vec<_> = (0..5).map(|n| completed("u", &format!("o{n}"), 100)).collect();
    stage.profiles(&events).await;
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = stage.incentives.list_decisions(&stage.tenant, &user("u"), before.as_ref(), 2, &[]).await.unwrap();
        seen.extend(page.rows.iter().map(|it| it.source_event.to_string()));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["o4/completed", "o3/completed", "o2/completed", "o1/completed", "o0/completed"]);
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_stores_nothing() {
    let stage = stage().await;
    let big = Written::Expression("order.total_minor > 1000".into());
    stage
        .save("c", Definition { condition: big, budget: Some(10), ..points("order.total_minor / 100") }, "1")
        .await
        .unwrap();
    let run = async |total: i64| {
        let fields = vec![("order.total_minor".to_owned(), rules::Value::Int(total))];
        let run = DryRun { id: key("c"), user: user("u"), occurred_at: None, fields, event_id: String::new() };
        let answer = stage.incentives.dry_run(&stage.tenant, &run).await.unwrap();
        (answer.condition, answer.outcome(), answer.amount)
    };
    assert_eq!(run(900).await, (false, pb::DecisionOutcome::Unspecified, 0));
    assert_eq!(run(1_001).await, (true, pb::DecisionOutcome::Granted, 10));
    assert_eq!(run(1_100).await, (true, pb::DecisionOutcome::Budget, 0));
    let fields = vec![("order.nothing".to_owned(), rules::Value::Int(1))];
    let unknown = DryRun { id: key("c"), user: user("u"), occurred_at: None, fields, event_id: String::new() };
    assert!(stage.incentives.dry_run(&stage.tenant, &unknown).await.is_err());
    assert_eq!(stage.number("select count(*) from decision").await, 0);
}
