//! What happens when nobody does anything.

use feedback::Feedback;
use feedback::config::Settings;
use feedback::domain::act::Act;
use feedback::domain::calendar::WorkingCalendar;
use feedback::domain::clock::CaseClock;
use feedback::domain::entry::What;
use feedback::domain::queue::Filter;
use proto::feedback::v1 as pb;
use service::Core;
use time::{Duration, OffsetDateTime};

use crate::stage::{complaint, empty, handling, never, says, stage, writes};

#[tokio::test]
async fn a_deadline_that_passes_is_told_of_once_at_its_own_time() {
    let stage = stage().await;
    stage.open("u").await;
    let deadline = stage.case("u").await.first_response.deadline;
    assert_eq!(stage.feedback.next_due(&stage.tenant).await.unwrap(), deadline);
    assert_eq!(stage.feedback.run_due(&stage.tenant).await.unwrap(), 0);
    stage.pass(2).await;
    assert_eq!(stage.feedback.run_due(&stage.tenant).await.unwrap(), 1);
    assert_eq!(stage.feedback.run_due(&stage.tenant).await.unwrap(), 0);
    let entry = stage.timeline("u").await.pop().unwrap();
    assert_eq!(entry.what, What::Breached { clock: CaseClock::FirstResponse });
    assert_eq!(Some(entry.occurred_at), deadline.map(|deadline| deadline - Duration::hours(2)));
    assert_eq!(stage.told_types().await, ["case.submitted", "case.breached"]);
    // the resolution is next, two hours from now
    let next = stage.feedback.next_due(&stage.tenant).await.unwrap().unwrap();
    assert!((next - OffsetDateTime::now_utc() - Duration::hours(2)).abs() < Duration::minutes(1), "{next}");
    stage.resolve("u", "1").await;
    assert_eq!(stage.feedback.next_due(&stage.tenant).await.unwrap(), None);
}

#[tokio::test]
async fn a_case_that_waits_for_its_user_is_not_late_and_goes_on_with_the_reply() {
    let stage = stage().await;
    stage.open("u").await;
    stage.handle::<pb::AwaitUserResponse>(&handling("u", Act::AwaitUser, writes("bob", "?"), "1")).await.unwrap();
    stage.pass(100).await;
    assert_eq!(stage.feedback.run_due(&stage.tenant).await.unwrap(), 0);
    stage.handle::<pb::ReplyToCaseResponse>(&handling("u", Act::Reply, says("here"), "2")).await.unwrap();
    let due = stage.case("u").await.resolution.deadline.unwrap();
    assert!((due - OffsetDateTime::now_utc() - Duration::hours(4)).abs() < Duration::minutes(1), "{due}");
}

#[tokio::test]
async fn a_promise_that_passes_is_told_of_once() {
    let stage = stage().await;
    stage.open("u").await;
    let until = OffsetDateTime::now_utc() + Duration::hours(1);
    let promise = handling("u", Act::Promise { until }, writes("bob", "soon"), "1");
    stage.handle::<pb::PromiseAnswerResponse>(&promise).await.unwrap();
    stage.pass(2).await;
    assert_eq!(stage.feedback.look_at_deadlines().await.unwrap(), 1);
    assert_eq!(stage.feedback.look_at_deadlines().await.unwrap(), 0);
    let told = stage.told().await;
    let (_, payload) = told.iter().find(|(kind, _)| kind == "case.breached").unwrap();
    let breached = <pb::CaseBreached as prost::Message>::decode(payload.as_slice()).unwrap();
    assert_eq!(breached.clock(), pb::CaseClock::Promise);
}

#[tokio::test]
async fn a_new_policy_reaches_every_open_case_in_bounded_steps_and_keeps_what_was_measured() {
    let stage = stage().await;
    for n in 0..7 {
        stage.open(&format!("u{n}")).await;
    }
    stage.pass(3).await;
    while stage.feedback.run_due(&stage.tenant).await.unwrap() > 0 {}
    stage.policy(WorkingCalendar::always(), 600, 600, "slower").await;
    let settings = Settings { batch_max: 2, batches_max: 2, ..Settings::default() };
    let core = Core::new(stage.db.db(feedback::NAME).await, stage.log.clone());
    let feedback = Feedback::new(core, settings);
    assert!(feedback.next_due(&stage.tenant).await.unwrap().unwrap() <= OffsetDateTime::now_utc());
    let mut runs = Vec::new();
    while runs.last() != Some(&0) {
        runs.push(feedback.look_at_deadlines().await.unwrap());
    }
    assert_eq!(runs, [4, 3, 0]);
    let case = stage.case("u3").await;
    assert_eq!((case.sla_version, case.within_sla()), (2, true));
    assert!(case.resolution.watch.elapsed >= Duration::hours(3), "{case:?}");
    assert_eq!(feedback.next_due(&stage.tenant).await.unwrap(), case.alarm().min(stage.case("u0").await.alarm()));
}

#[tokio::test]
async fn the_most_urgent_is_first_in_the_queue_and_what_has_no_deadline_last() {
    let stage = empty().await;
    stage.open("without").await;
    stage.policy(WorkingCalendar::always(), 120, 240, "1").await;
    stage.open("later").await;
    stage.policy(WorkingCalendar::always(), 60, 240, "2").await;
    stage.submit(complaint("sooner", "c", "text")).await.unwrap();
    stage.policy(never(), 60, 240, "3").await;
    stage.resolve("later", "r").await;
    let queue = |filter: Filter, after| {
        let stage = &stage;
        async move { stage.feedback.list_queue(&stage.tenant, &filter, after, 1, &[]).await.unwrap().page }
    };
    let first = queue(Filter::default(), None).await;
    assert_eq!(first.rows[0].user.as_str(), "sooner");
    let second = queue(Filter::default(), first.next).await;
    assert_eq!((second.rows[0].user.as_str(), second.next), ("without", None));
    let assign = Act::Assign { assignee: "bob".into(), department: "care".into() };
    stage.handle::<pb::AssignCaseResponse>(&handling("without", assign, writes("eve", ""), "a")).await.unwrap();
    let of = |department: &str, assignee: Option<&str>| Filter {
        department: department.to_owned(),
        assignee: assignee.map(str::to_owned),
        ..Filter::default()
    };
    for (filter, want) in
        [(of("care", None), "without"), (of("", Some("bob")), "without"), (of("", Some("")), "sooner")]
    {
        let page = queue(filter.clone(), None).await;
        assert_eq!((page.rows[0].user.as_str(), &page.next), (want, &None), "{filter:?}");
    }
    assert!(queue(of("finance", Some("bob")), None).await.rows.is_empty());
}
