//! What other services tell.

use std::sync::Arc;

use feedback::commands::{RankConsumer, ValueConsumer};
use feedback::domain::case::CaseState;
use proto::events::v1::{Event, fact_value::Value};
use proto::levels::v1::{LevelMove, LevelMoved};
use proto::profiles::v1::{ProfileAliasLinked, UserVisited};

use crate::stage::{Stage, complaint, event, stage};

fn visited(who: &str, id: &str, spend: i64, stage: &str) -> Event {
    let facts = [("user.net_spend_minor", Value::Number(spend)), ("user.stage", Value::Text(stage.to_owned()))];
    event(who, id, &UserVisited { duration_seconds: 1 }, &facts)
}

fn moved(who: &str, id: &str, to_rank: i32) -> Event {
    let r#move = Some(LevelMove { to_rank, ..LevelMove::default() });
    event(who, id, &LevelMoved { scheme_id: "vip".to_owned(), r#move, secondary: false }, &[])
}

fn linked(who: &str, alias: &str) -> Event {
    event(who, alias, &ProfileAliasLinked { alias: alias.to_owned() }, &[])
}

async fn standings(stage: &Stage) -> Vec<(String, i64, String, i16)> {
    let mut admin = stage.db.admin(feedback::NAME).await;
    sqlx::query_as("select user_id, net_spend_minor, stage, rank from case_standing order by user_id")
        .fetch_all(&mut admin)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_batch_that_is_applied_twice_changes_nothing_more() {
    let stage = stage().await;
    let values = [visited("u", "1", 100, "new"), visited("v", "2", 5, "new"), visited("u", "3", 900, "loyal")];
    let ranks = [moved("u", "1", 1), moved("u", "2", 2)];
    for _ in 0..2 {
        stage.apply(&ValueConsumer, &values).await;
        stage.apply(&RankConsumer, &ranks).await;
        let want = [("u".to_owned(), 900, "loyal".to_owned(), 2), ("v".to_owned(), 5, "new".to_owned(), 0)];
        assert_eq!(standings(&stage).await, want);
    }
    stage.open("u").await;
    assert_eq!(stage.case("u").await.triage.user_value, 3);
}

#[tokio::test]
async fn the_two_sources_may_come_in_any_order() {
    let (one, other) = (stage().await, stage().await);
    let (value, rank) = ([visited("u", "1", 100, "new")], [moved("u", "1", 1)]);
    one.apply(&ValueConsumer, &value).await;
    one.apply(&RankConsumer, &rank).await;
    other.apply(&RankConsumer, &rank).await;
    other.apply(&ValueConsumer, &value).await;
    assert_eq!(standings(&one).await, standings(&other).await);
}

#[tokio::test]
async fn an_alias_brings_its_cases_and_what_was_known_of_it() {
    let stage = stage().await;
    stage.apply(&ValueConsumer, &[visited("openid", "1", 900, "loyal")]).await;
    stage.open("openid").await;
    stage.answer("openid", "1").await;
    stage.submit(complaint("u", "d", "another")).await.unwrap();
    for _ in 0..2 {
        stage.apply(&ValueConsumer, &[linked("u", "openid")]).await;
    }
    let case = stage.case("openid").await;
    assert_eq!((case.user.as_str(), case.state), ("u", CaseState::InProgress));
    assert_eq!(stage.timeline("u").await.len(), 2);
    assert_eq!(standings(&stage).await, [("u".to_owned(), 900, "loyal".to_owned(), 0)]);
    stage.resolve("openid", "2").await;
    assert_eq!(stage.case("u").await.state, CaseState::Resolved);
    stage.submit(complaint("openid", "e", "a third")).await.unwrap();
    let page = stage.feedback.list_cases(&stage.tenant, &crate::stage::user("u"), None, 10, &[]).await.unwrap();
    assert_eq!(page.page.rows.len(), 3);
}

#[tokio::test]
async fn a_case_that_comes_in_while_its_user_becomes_an_alias_is_found_under_the_user() {
    let stage = stage().await;
    for round in 0..20 {
        let (alias, case_id) = (format!("alias-{round}"), format!("c-{round}"));
        let (feedback, tenant) = (Arc::clone(&stage.feedback), stage.tenant.clone());
        let request = crate::stage::request(&alias, "CaseService/SubmitCase", "1", 0);
        let command = feedback::commands::SubmitCase { request, submission: complaint(&alias, &case_id, "text") };
        let submitting = tokio::spawn(async move { crate::stage::submit(&feedback, &tenant, command).await });
        let linking = [linked("u", &alias)];
        let (_, submitted) = tokio::join!(stage.apply(&ValueConsumer, &linking), submitting);
        submitted.unwrap().unwrap();
        let place = (&crate::stage::user("u"), &crate::stage::key(&case_id));
        stage.feedback.case(&stage.tenant, place, &[]).await.unwrap();
    }
}
