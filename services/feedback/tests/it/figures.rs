//! How well cases were handled.

use feedback::domain::act::Act;
use feedback::domain::figures::Figures;
use feedback::domain::triage::Quadrant;
use proto::feedback::v1 as pb;
use service::Failure;
use time::{Duration, OffsetDateTime};

use crate::stage::{handling, stage, writes};

#[tokio::test]
async fn shares_have_the_denominators_that_they_say() {
    let stage = stage().await;
    for who in ["fast", "slow", "waiting", "late", "unrated"] {
        stage.open(who).await;
    }
    stage.answer("fast", "1").await;
    stage.resolve("fast", "2").await;
    stage.rate("fast", 5, "3").await.unwrap();
    stage.resolve("unrated", "1").await;
    stage.handle::<pb::AwaitUserResponse>(&handling("waiting", Act::AwaitUser, writes("b", "?"), "1")).await.unwrap();
    stage.pass(2).await; // an hour to answer has passed for `slow` and `late`
    stage.resolve("slow", "1").await;
    stage.rate("slow", 3, "2").await.unwrap();
    stage.reopen("slow", "3").await;
    stage.resolve("slow", "4").await;
    stage.rate("slow", 4, "5").await.unwrap();
    while stage.feedback.run_due(&stage.tenant).await.unwrap() > 0 {}

    let figures = stage.feedback.case_figures(&stage.tenant, (None, None), "", &[]).await.unwrap();
    let (of, total) = (&figures.quadrants[3], &figures.total);
    assert_eq!((of.0, &of.1), (Quadrant::Neither, total));
    assert_eq!(figures.quadrants[0].1, Figures::default());
    let seconds = |it: i64| (it + 30) / 60 * 60; // the test itself takes a moment
    let want = Figures {
        submitted: 5,
        answered: 4,
        first_answer_median: 0,
        first_answer_mean: 1_800,
        resolved: 3,
        resolution_median: 0,
        resolution_mean: 2_400,
        sla_decided: 4,
        within_sla: 2,
        ratings: 3,
        satisfied: 2,
        ever_resolved: 3,
        reopened: 1,
    };
    let rounded = Figures {
        first_answer_median: seconds(total.first_answer_median),
        first_answer_mean: seconds(total.first_answer_mean),
        resolution_median: seconds(total.resolution_median),
        resolution_mean: seconds(total.resolution_mean),
        ..*total
    };
    assert_eq!(rounded, want);
}

#[tokio::test]
async fn a_period_holds_its_start_and_not_its_end_and_a_department_its_own() {
    let stage = stage().await;
    stage.open("u").await;
    let at = stage.case("u").await.submitted_at;
    let submitted = |from, until, department: &'static str| {
        let stage = &stage;
        async move {
            let period = (Some(from), Some(until));
            stage.feedback.case_figures(&stage.tenant, period, department, &[]).await.unwrap().total.submitted
        }
    };
    let second = Duration::seconds(1);
    assert_eq!(submitted(at, at + second, "").await, 1);
    assert_eq!(submitted(at - second, at, "").await, 0);
    assert_eq!(submitted(at, at + second, "finance").await, 0);
    let now = OffsetDateTime::now_utc();
    for period in [(now, now), (now - Duration::days(401), now)] {
        let refused =
            stage.feedback.case_figures(&stage.tenant, (Some(period.0), Some(period.1)), "", &[]).await.unwrap_err();
        assert!(matches!(refused, Failure::Invalid(_)), "{refused:?}");
    }
}
