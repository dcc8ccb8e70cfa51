//! Several at once.

use std::sync::Arc;

use feedback::commands::SubmitCase;
use feedback::domain::act::Act;
use feedback::domain::entry::{Resolution, What};
use feedback::domain::refusal::Refusal;
use service::{Failure, only};

use crate::stage::{Stage, complaint, handling, request, stage, submit, writes};

/// The same act by many, each under an id of its own: how many succeeded.
async fn at_once(stage: &Stage, act: Act, callers: usize) -> usize {
    let calls = (0..callers).map(|n| {
        let (feedback, tenant) = (Arc::clone(&stage.feedback), stage.tenant.clone());
        let command = handling("u", act.clone(), writes(&format!("agent-{n}"), "text"), &format!("at-once-{n}"));
        tokio::spawn(async move { only(feedback.handle_cases(&tenant, &[command]).await?) })
    });
    let mut succeeded = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(_) => succeeded += 1,
            Err(Failure::Refused { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    succeeded
}

#[tokio::test]
async fn of_two_agents_who_answer_at_once_one_is_first_and_both_are_heard() {
    let stage = stage().await;
    stage.open("u").await;
    assert_eq!(at_once(&stage, Act::Answer, 8).await, 8);
    let entries = stage.timeline("u").await;
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    let firsts = entries.iter().filter(|entry| entry.what == What::Answered { first: true }).count();
    assert_eq!(firsts, 1);
    assert_eq!(stage.told_types().await.iter().filter(|kind| *kind == "case.answered").count(), 1);
}

#[tokio::test]
async fn of_two_agents_who_resolve_at_once_one_does() {
    let stage = stage().await;
    stage.open("u").await;
    assert_eq!(at_once(&stage, Act::Resolve(Resolution::Solved), 8).await, 1);
    assert_eq!(stage.told_types().await, ["case.submitted", "case.answered", "case.resolved"]);
}

#[tokio::test]
async fn of_two_ratings_at_once_one_counts() {
    let stage = stage().await;
    stage.open("u").await;
    stage.resolve("u", "1").await;
    assert_eq!(at_once(&stage, Act::Rate(5), 8).await, 1);
    assert_eq!(stage.told_types().await.iter().filter(|kind| *kind == "case.rated").count(), 1);
    let mut admin = stage.db.admin(feedback::NAME).await;
    let ratings: i64 = sqlx::query_scalar("select count(*) from case_rating").fetch_one(&mut admin).await.unwrap();
    assert_eq!(ratings, 1);
}

#[tokio::test]
async fn of_many_who_submit_the_same_case_at_once_one_does_and_the_others_hear_of_it() {
    let stage = stage().await;
    let calls = (0..20).map(|n| {
        let (feedback, tenant) = (Arc::clone(&stage.feedback), stage.tenant.clone());
        // half of them are one request, half another
        let request = request("u", "CaseService/SubmitCase", &format!("id-{}", n % 2), 0);
        let command = SubmitCase { request, submission: complaint("u", "c", "text") };
        tokio::spawn(async move { submit(&feedback, &tenant, command).await })
    });
    let (mut fresh, mut replayed, mut refused) = (0, 0, 0);
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(answer) if answer.replayed => replayed += 1,
            Ok(_) => fresh += 1,
            Err(Failure::Refused { refusal: Refusal::CaseExists { .. }, .. }) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((fresh, replayed, refused), (1, 9, 10));
    assert_eq!(stage.told_types().await, ["case.submitted"]);
}
