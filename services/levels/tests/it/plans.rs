//! Every statement finds its rows by an index, and by more of its key than the tenant.

use levels::commands::JobChange;
use levels::domain::cap::{Cap, Period, Scope};
use levels::domain::job::JobKind;
use levels::domain::leaderboard::ScoreRule;
use testkit::Plans;

use crate::holds::hold;
use crate::stage::{Events, earn, rule, stage};

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let stage = stage().await;
    stage.scheme(None).await;
    let cap = |scope, period| Cap { scope, period, points: Some(200), times: None };
    let mut capped = rule("r", "points", "order.completed", "1");
    capped.caps = vec![cap(Scope::User, Period::Day), cap(Scope::AllUsers, Period::Ever)];
    stage.publish(capped).await;
    let calls: Vec<_> = (0..256).map(|n| earn(&format!("u{n}"), "growth", 200, "1", None)).collect();
    assert!(stage.levels.post(&stage.tenant, &calls).await.unwrap().iter().all(Result::is_ok));
    let mut events = Events::new();
    let orders = (0..256).flat_map(|n| {
        let who = format!("u{n}");
        let linked = proto::profiles::v1::ProfileAliasLinked { alias: format!("a{n}") };
        let linked = events.of(&who, &format!("{n}/linked"), &linked);
        [events.completed(&who, "o", 100), events.refunded(&who, "o", 50, 100), linked]
    });
    stage.apply(&orders.collect::<Vec<_>>()).await;
    for n in 0..256 {
        stage.reward(&format!("u{n}"), &format!("r{n}"), 100).await;
    }
    let calls: Vec<_> = (0..256).map(|n| hold(&format!("u{n}"), 10, "1")).collect();
    assert!(stage.levels.post(&stage.tenant, &calls).await.unwrap().iter().all(Result::is_ok));
    stage.publish_benefit(crate::benefits::lounge(&[(0, None, 9)]), "lounge").await.unwrap();
    for n in 0..256 {
        let who = format!("u{n}");
        stage.use_it(&who, 1, "1").await.unwrap();
        stage.use_it(&who, 1, "2").await.unwrap();
        stage.granted(&who).await;
    }
    stage.publish_board(crate::leaderboards::coins(ScoreRule::Sum), "coins").await.unwrap();
    for n in 0..256 {
        stage.submit(&format!("u{n}"), (n, None), "1").await.unwrap();
    }
    stage.publish_badge(crate::quests::runner(), "runner").await.unwrap();
    stage.publish_quest(crate::quests::orders(), "orders").await.unwrap();
    stage.publish_streak(crate::check_ins::daily(), "daily").await.unwrap();
    let mut events = Events::new(); // recorded after the quest was published
    let orders = (0..256).flat_map(|n| {
        let who = format!("u{n}");
        [events.completed(&who, "q1", 100), events.completed(&who, "q2", 100), events.refunded(&who, "q1", 5, 100)]
    });
    stage.quest_events(&orders.collect::<Vec<_>>()).await;
    for n in 0..256 {
        stage.check_in(&format!("u{n}"), "1").await.unwrap();
    }
    stage.levels.review().await.unwrap();
    for n in 0..64 {
        let lines: Vec<_> = (1..=8).map(|no| crate::jobs::line(no, &format!("b{n}"), 1)).collect();
        let job = stage.draft(JobKind::Opening, &lines, &format!("j{n}")).await;
        stage.submit_job(&job).await.unwrap();
        stage.change_job(&job, JobChange::Approve, "小李").await.unwrap();
        stage.levels.run_job(&stage.tenant, &job).await.unwrap();
    }
    let small = [
        "badge",
        "badge_holder",
        "benefit",
        "earning_rule",
        "growth_count",
        "growth_quantile",
        "leaderboard",
        "point_type",
        "points_job_run",
        "programme_tenant",
        "quest",
        "scheme",
        "streak",
    ];
    let whole = ["insert into growth_quantile", "insert into growth_count"];
    Plans::of(levels::NAME).small(&small).whole(&whole).check(&stage.db).await;
}
