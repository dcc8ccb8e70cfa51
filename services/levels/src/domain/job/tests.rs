use ids::EventId;
use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::*;

const AT: OffsetDateTime = datetime!(2026-03-01 12:00 +8);

fn job() -> Job {
    Job {
        id: EventId::new("j").unwrap(),
        kind: JobKind::Earn,
        title: String::new(),
        reason: "补发".to_owned(),
        cost_centre: String::new(),
        funder: 0,
        controls: Vec::new(),
        state: JobState::Draft,
        resumes: None,
        counts: Counts { lines: 3, ..Counts::default() },
        created_by: "小王".to_owned(),
        submitted_by: String::new(),
        needs_approval: false,
        decided_by: String::new(),
        note: String::new(),
        changes: 0,
        created_at: AT,
        started_at: None,
        ended_at: None,
    }
}

fn cost(added: i64, taken: i64, unlimited: i64) -> Cost {
    Cost { point_type: Key::new("points").unwrap(), lines: 1, added, taken, growth: 0, unlimited }
}

#[test]
fn approval_is_needed_above_the_limit_in_all_whichever_way_points_move() {
    assert!(!cost(60, 40, 0).needs_approval(Some(100)));
    assert!(cost(60, 41, 0).needs_approval(Some(100)));
    assert!(cost(0, 0, 1).needs_approval(Some(i64::MAX)));
    assert!(cost(1, 0, 0).needs_approval(None));
    assert!(Cost { growth: 101, ..cost(1, 0, 0) }.needs_approval(Some(100)));
}

#[test]
fn neither_who_created_a_job_nor_who_submitted_it_approves_it() {
    let mut it = job();
    it.submit("小张", true, AT).unwrap();
    let refused = Refusal::JobApproverIsRequester { job_id: "j".to_owned() };
    assert_eq!(it.approve("小王", AT), Err(refused.clone()));
    assert_eq!(it.approve("小张", AT), Err(refused));
    assert_eq!(it.approve("小李", AT), Ok(()));
    assert_eq!((it.state, it.started_at), (JobState::Running, Some(AT)));
}

#[test]
fn a_job_goes_on_in_the_state_that_it_was_stopped_in_with_its_first_start() {
    let mut it = job();
    it.submit("小王", false, AT).unwrap();
    it.cancel("停", AT + Duration::HOUR).unwrap();
    assert_eq!((it.state, it.ended_at), (JobState::Cancelled, Some(AT + Duration::HOUR)));
    it.resume(AT + Duration::DAY).unwrap();
    assert_eq!((it.state, it.started_at, it.ended_at), (JobState::Running, Some(AT), None));
    let refused = Refusal::JobStateWrong { job_id: "j".to_owned(), state: "running".to_owned() };
    assert_eq!(it.resume(AT), Err(refused));
}

#[test]
fn a_job_has_no_more_lines_than_it_may() {
    let mut it = job();
    it.counts.lines = LINES_MAX - 1;
    assert_eq!(it.refuse_lines(1), Ok(()));
    assert_eq!(it.refuse_lines(2), Err(Refusal::JobLimit { of: "lines".to_owned(), limit: LINES_MAX }));
}

#[derive(Debug, Clone)]
enum Step {
    Submit(bool),
    Approve,
    Reject,
    Cancel,
    Resume,
    Retry,
    Recall,
    Line(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(Step::Submit),
        Just(Step::Approve),
        Just(Step::Reject),
        Just(Step::Cancel),
        Just(Step::Resume),
        Just(Step::Retry),
        Just(Step::Recall),
        any::<bool>().prop_map(Step::Line),
    ]
}

proptest! {
    /// Whatever is done with a job in whatever order: it ends exactly when nothing is left that it takes, what was refused
    /// changes nothing, and nothing runs that needs approval and has none.
    #[test]
    fn a_job_ends_when_nothing_is_left_and_never_runs_without_the_approval_that_it_needs(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut it = job();
        for step in steps {
            let before = it.clone();
            let outcome = match step {
                Step::Submit(needs) => it.submit("小王", needs, AT),
                Step::Approve => it.approve("小李", AT),
                Step::Reject => it.reject("小李", "", AT),
                Step::Cancel => it.cancel("", AT),
                Step::Resume => it.resume(AT),
                Step::Retry => it.retry(AT).map(|(from, to)| {
                    let lines = if from == LineState::Failed { it.counts.failed } else { it.counts.recall_failed };
                    it.counts.moved(from, to, lines);
                }),
                Step::Recall => it.recall("", AT),
                Step::Line(works) => {
                    if let Some(from) = it.state.takes() {
                        let to = match (from, works) {
                            (LineState::Waiting, true) => LineState::Done,
                            (LineState::Waiting, false) => LineState::Failed,
                            (_, true) => LineState::Recalled,
                            (_, false) => LineState::RecallFailed,
                        };
                        it.counts.moved(from, to, 1);
                    }
                    Ok(())
                }
            };
            if outcome.is_err() {
                prop_assert_eq!(&it, &before);
            }
            it.end(AT);
            let Counts { done, failed, recalled, recall_failed, .. } = it.counts;
            prop_assert!([done, failed, recalled, recall_failed, it.counts.waiting()].iter().all(|count| *count >= 0));
            prop_assert!((0..=100).contains(&it.progress_percent()));
            match it.state {
                JobState::Running => prop_assert!(it.counts.waiting() > 0),
                JobState::Recalling => prop_assert!(done > 0),
                JobState::Finished => prop_assert_eq!(it.counts.waiting(), 0),
                JobState::Recalled => prop_assert_eq!(done, 0),
                _ => {}
            }
            if it.state.takes().is_some() && it.needs_approval {
                prop_assert_eq!(it.decided_by.as_str(), "小李");
            }
        }
    }
}
