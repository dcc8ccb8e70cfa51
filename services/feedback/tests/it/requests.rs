//! Request ids.

use feedback::domain::act::Act;
use feedback::domain::refusal::Refusal;
use proto::feedback::v1 as pb;
use service::Failure;

use crate::stage::{complaint, handling, says, stage, writes};

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_has_no_effect() {
    let stage = stage().await;
    let first = stage.submit(complaint("u", "c", "你好")).await.unwrap();
    let again = stage.submit(complaint("u", "c", "你好")).await.unwrap();
    assert_eq!((first.replayed, again.replayed, &first.value), (false, true, &again.value));
    let command = handling("u", Act::Answer, writes("bob", "您好"), "1");
    let first = stage.handle::<pb::AnswerCaseResponse>(&command).await.unwrap();
    stage.resolve("u", "2").await;
    let again = stage.handle::<pb::AnswerCaseResponse>(&command).await.unwrap();
    assert_eq!((first.replayed, again.replayed, &first.value), (false, true, &again.value));
    assert_eq!(stage.timeline("u").await.len(), 3);
}

#[tokio::test]
async fn the_same_id_with_another_body_is_refused() {
    let stage = stage().await;
    stage.open("u").await;
    stage.answer("u", "1").await;
    let other = handling("u", Act::Answer, writes("bob", "something longer"), "1");
    let reused = stage.handle::<pb::AnswerCaseResponse>(&other).await.unwrap_err();
    assert!(matches!(reused, Failure::RequestIdReused { .. }), "{reused:?}");
    assert_eq!(stage.timeline("u").await.len(), 2);
}

#[tokio::test]
async fn a_refusal_stays_a_refusal_although_the_case_has_changed() {
    let stage = stage().await;
    stage.open("u").await;
    let state = |error: &Failure<Refusal>, replayed| matches!(error, Failure::Refused { refusal: Refusal::CaseState { .. }, replayed: r } if *r == replayed);
    let refused = stage.rate("u", 5, "1").await.unwrap_err();
    assert!(state(&refused, false), "{refused:?}");
    stage.resolve("u", "2").await;
    let again = stage.rate("u", 5, "1").await.unwrap_err();
    assert!(state(&again, true), "{again:?}");
    stage.rate("u", 5, "3").await.unwrap();
    let missing = handling("v", Act::Reply, says("x"), "4");
    assert!(stage.handle::<pb::ReplyToCaseResponse>(&missing).await.is_err());
    stage.open("v").await;
    let again = stage.handle::<pb::ReplyToCaseResponse>(&missing).await.unwrap_err();
    assert!(matches!(again, Failure::Refused { replayed: true, .. }), "{again:?}");
}
