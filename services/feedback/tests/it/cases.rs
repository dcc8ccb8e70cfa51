//! What happens to a case, as stored and as told.

use feedback::domain::act::Act;
use feedback::domain::case::CaseState;
use feedback::domain::classification::ClassificationRule;
use feedback::domain::entry::{Attachment, Message, Resolution, What};
use feedback::domain::handling::Correction;
use feedback::domain::refusal::Refusal;
use feedback::domain::submission::Submission;
use feedback::domain::triage::{Emotion, Quadrant, Urgency};
use feedback::error::FeedbackError;
use proto::feedback::v1 as pb;
use service::Failure;
use time::{Duration, OffsetDateTime};

use crate::stage::{case_type, complaint, handling, key, says, stage, user, writes};

fn refusal<T: std::fmt::Debug>(outcome: Result<T, FeedbackError>) -> Refusal {
    match outcome.unwrap_err() {
        Failure::Refused { refusal, .. } => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_case_goes_its_way_and_its_log_tells_of_every_step() {
    let stage = stage().await;
    let submitted = stage.open("u").await;
    assert_eq!(
        submitted.case.as_ref().map(|case| (case.state(), case.triage.is_none())),
        Some((pb::CaseState::New, true))
    );
    assert_eq!(submitted.position.unwrap().source, "feedback");
    let assign = Act::Assign { assignee: "bob".into(), department: "logistics".into() };
    stage.handle::<pb::AssignCaseResponse>(&handling("u", assign, writes("eve", ""), "1")).await.unwrap();
    stage.handle::<pb::AddNoteResponse>(&handling("u", Act::Note, writes("bob", "查物流"), "2")).await.unwrap();
    stage.answer("u", "3").await;
    let until = OffsetDateTime::now_utc() + Duration::days(1);
    let promise = handling("u", Act::Promise { until }, writes("bob", "明天给您答复"), "4");
    stage.handle::<pb::PromiseAnswerResponse>(&promise).await.unwrap();
    stage.handle::<pb::AwaitUserResponse>(&handling("u", Act::AwaitUser, writes("bob", "订单号?"), "5")).await.unwrap();
    assert_eq!(stage.case("u").await.state, CaseState::AwaitingUser);
    stage.handle::<pb::ReplyToCaseResponse>(&handling("u", Act::Reply, says("A-17"), "6")).await.unwrap();
    let resolved = stage.resolve("u", "7").await.case.unwrap();
    assert_eq!((resolved.state(), resolved.resolution()), (pb::CaseState::Resolved, pb::Resolution::Solved));
    stage.rate("u", 2, "8").await.unwrap();
    let reopened = stage.reopen("u", "9").await.case.unwrap();
    assert_eq!((reopened.attempt, reopened.score), (2, 0));

    let kinds: Vec<i16> = stage.timeline("u").await.iter().map(|entry| entry.what.code()).collect();
    assert_eq!(kinds, [1, 3, 4, 5, 6, 7, 8, 9, 11, 10]);
    let told = [
        "case.submitted",
        "case.changed",
        "case.changed",
        "case.answered",
        "case.promised",
        "case.changed",
        "case.changed",
        "case.resolved",
        "case.rated",
        "case.reopened",
    ];
    assert_eq!(stage.told_types().await, told);
    let view = stage.feedback.case(&stage.tenant, (&user("u"), &key("c")), &[]).await.unwrap();
    let messages: Vec<&str> = view.messages.iter().map(|entry| entry.message.text.as_str()).collect();
    assert_eq!(messages, ["快递三天没到", "马上查", "明天给您答复", "订单号?", "A-17", "已补发", "还是没到"]);
}

#[tokio::test]
async fn nothing_that_anybody_wrote_is_in_an_event() {
    let stage = stage().await;
    let secret = "13800138000";
    let message = Message {
        attachments: vec![Attachment { reference: secret.into(), media_type: "image/png".into(), name: secret.into() }],
        ..says(secret)
    };
    stage.submit(Submission { message, ..complaint("u", "c", "") }).await.unwrap();
    for (act, id) in [(Act::Note, "1"), (Act::Answer, "2"), (Act::AwaitUser, "3")] {
        let _ = stage.handle::<pb::AddNoteResponse>(&handling("u", act, writes("bob", secret), id)).await.unwrap();
    }
    stage.handle::<pb::ReplyToCaseResponse>(&handling("u", Act::Reply, says(secret), "4")).await.unwrap();
    let resolve = handling("u", Act::Resolve(Resolution::Solved), writes("bob", secret), "5");
    stage.handle::<pb::ResolveCaseResponse>(&resolve).await.unwrap();
    stage.handle::<pb::RateCaseResponse>(&handling("u", Act::Rate(1), says(secret), "6")).await.unwrap();
    let mut admin = stage.db.admin(feedback::NAME).await;
    let rows: Vec<String> = sqlx::query_scalar("select (event.*)::text || encode(payload, 'escape') from event")
        .fetch_all(&mut admin)
        .await
        .unwrap();
    assert!(rows.len() >= 8 && rows.iter().all(|row| !row.contains(secret)), "{rows:?}");
}

#[tokio::test]
async fn words_decide_type_department_and_urgency_and_the_user_the_importance() {
    let stage = stage().await;
    stage.case_type(case_type("refund"), "type").await;
    let rule = ClassificationRule {
        id: "money".into(),
        any_keywords: vec!["退款".into(), "refund".into()],
        case_type: "refund".into(),
        emotion: Some(Emotion::Upset),
        ..ClassificationRule::default()
    };
    let unknown = ClassificationRule { case_type: "nothing".into(), ..rule.clone() };
    let refused = refusal(stage.rules(vec![unknown], "bad").await);
    assert_eq!(refused, Refusal::CaseTypeNotFound { case_type_id: "nothing".into() });
    assert_eq!(stage.rules(vec![rule], "rules").await.unwrap(), 1);
    stage.execute("insert into case_standing (tenant_id, user_id, rank) values ('shop', 'vip', 3)").await;
    stage.submit(complaint("vip", "c", "我要退款!")).await.unwrap();
    let triage = stage.case("vip").await.triage;
    assert_eq!((triage.case_type.as_str(), triage.department.as_str()), ("refund", "finance"));
    assert_eq!((triage.importance, triage.quadrant), (9, Quadrant::UrgentImportant));
    assert_eq!(triage.emotion, Emotion::Upset);
    stage.submit(complaint("u", "c", "你好")).await.unwrap();
    assert_eq!(stage.case("u").await.triage.quadrant, Quadrant::Neither);
    let given = Submission { case_type: "missing".into(), ..complaint("u", "d", "退款") };
    assert_eq!(refusal(stage.submit(given).await), Refusal::CaseTypeNotFound { case_type_id: "missing".into() });
}

#[tokio::test]
async fn a_correction_keeps_what_the_clocks_have_measured() {
    let stage = stage().await;
    stage.open("u").await;
    stage.pass(1).await;
    let faster = feedback::domain::case_type::CaseType { answer_within_minutes: 90, ..case_type("refund") };
    stage.case_type(faster, "type").await;
    let correction = Correction {
        urgency: Some(Urgency::High),
        importance: Some(9),
        case_type: "refund".into(),
        ..Correction::default()
    };
    let command = handling("u", Act::Correct(correction), writes("bob", "大客户"), "1");
    let case = stage.handle::<pb::CorrectCaseResponse>(&command).await.unwrap().value.case.unwrap();
    let triage = case.triage.unwrap();
    assert_eq!(triage.quadrant(), pb::Quadrant::UrgentImportant);
    let first = triage.first_response.unwrap();
    assert_eq!((first.target_minutes, first.breached, first.running), (90, false, true));
    assert!((3_600..3_660).contains(&first.elapsed_seconds), "{first:?}");
    // the hour that was allowed had passed: told before the correction, and taken back by the new target
    let kinds: Vec<i16> = stage.timeline("u").await.iter().map(|entry| entry.what.code()).collect();
    assert_eq!(kinds, [1, 12, 2]);
    let missing = Correction { case_type: "missing".into(), ..Correction::default() };
    let command = handling("u", Act::Correct(missing), writes("bob", ""), "2");
    let refused = refusal(stage.handle::<pb::CorrectCaseResponse>(&command).await);
    assert_eq!(refused, Refusal::CaseTypeNotFound { case_type_id: "missing".into() });
}

#[tokio::test]
async fn a_resolved_case_carries_what_a_reward_can_be_decided_by() {
    let stage = stage().await;
    stage.open("u").await;
    let resolve = handling("u", Act::Resolve(Resolution::Solved), says(""), "1");
    stage.handle::<pb::ResolveCaseResponse>(&resolve).await.unwrap();
    let (_, payload) = stage.told().await.into_iter().find(|(kind, _)| kind == "case.resolved").unwrap();
    let want = pb::CaseResolved {
        case_id: "c".into(),
        urgency: 2,
        importance: 2,
        quadrant: 4,
        kind: 2,
        within_sla: true,
        attempt: 1,
        resolution: 1,
        ..Default::default()
    };
    assert_eq!(<pb::CaseResolved as prost::Message>::decode(payload.as_slice()).unwrap(), want);
    let mut admin = stage.db.admin(feedback::NAME).await;
    let facts: Vec<u8> =
        sqlx::query_scalar("select facts from event where type = 'case.resolved'").fetch_one(&mut admin).await.unwrap();
    let facts = <proto::events::v1::Facts as prost::Message>::decode(facts.as_slice()).unwrap();
    let names: std::collections::BTreeSet<&str> = facts.values.keys().map(String::as_str).collect();
    let want = [
        "case.attempt",
        "case.emotional",
        "case.importance",
        "case.kind",
        "case.quadrant",
        "case.resolution",
        "case.type",
        "case.urgency",
        "case.within_sla",
    ];
    assert_eq!(names, want.into());
}

#[tokio::test]
async fn what_a_case_does_not_allow_is_refused_with_its_state() {
    let stage = stage().await;
    let missing = refusal(stage.handle::<pb::AnswerCaseResponse>(&handling("u", Act::Answer, says("x"), "0")).await);
    assert_eq!(missing, Refusal::CaseNotFound { case_id: "c".into() });
    stage.open("u").await;
    let again = stage.submit(Submission { message: says("another"), ..complaint("u", "c", "") });
    assert!(matches!(again.await.unwrap_err(), Failure::RequestIdReused { .. }));
    let request = crate::stage::request("u", "CaseService/SubmitCase", "another-id", 1);
    let command = feedback::commands::SubmitCase { request, submission: complaint("u", "c", "again") };
    let exists = refusal(crate::stage::submit(&stage.feedback, &stage.tenant, command).await);
    assert_eq!(exists, Refusal::CaseExists { case_id: "c".into() });
    assert_eq!(refusal(stage.rate("u", 5, "1").await), Refusal::CaseState { case_id: "c".into(), state: "new".into() });
    stage.resolve("u", "2").await;
    stage.rate("u", 5, "3").await.unwrap();
    assert_eq!(refusal(stage.rate("u", 1, "4").await), Refusal::CaseRated { case_id: "c".into(), attempt: 1 });
    stage.pass(24 * 14).await;
    let late = refusal(stage.handle::<pb::ReopenCaseResponse>(&handling("u", Act::Reopen, says("x"), "5")).await);
    assert!(matches!(late, Refusal::ReopenWindowOver { .. }), "{late:?}");
    assert!(stage.timeline("u").await.iter().all(|entry| entry.what != What::Reopened));
}
