//! Jobs that run: several runners at once, runners that go, what is stopped, tried again and taken back.

use levels::commands::JobChange;
use levels::domain::entry::Filter;
use levels::domain::job::line::{Line, LineState, VoidScope};
use levels::domain::job::{JobKind, JobState};
use levels::domain::refusal::Refusal;
use proto::levels::v1::EntryKind::{Adjust, Earn, Expire, Return, Reverse};
use time::Duration;

use crate::jobs::{START, line, refusal, shop, users};
use crate::stage::{key, user};

#[tokio::test]
async fn a_runner_that_is_killed_within_a_batch_has_done_nothing_of_it_and_the_next_one_does_it_once() {
    let stage = shop().await;
    stage.earn("用户8", 1, "1").await.unwrap();
    let job = stage.draft(JobKind::Earn, &users(12), "j").await;
    stage.submit_job(&job).await.unwrap();
    // the second batch waits for an account that somebody else holds
    let mut held = stage.db.db(levels::NAME).await.begin(&stage.tenant).await.unwrap();
    let account = [(user("用户8"), key("points"))];
    levels::store::account::lock(&mut held, &stage.tenant, &account).await.unwrap();
    let (runner, counted) = (stage.in_batches_of(5).await, stage.replica().await);
    let work = tokio::spawn(async move { runner.levels.run_jobs().await });
    testkit::eventually(async || counted.get_job(&job).await.counts.done == 5).await;
    stage.waits_for_a_lock().await;
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    held.rollback().await.unwrap();
    assert_eq!(stage.get_job(&job).await.counts.done, 5);
    assert_eq!(stage.statement("用户7", "points").await, []);
    // the connection of the killed one ends, and its locks with it
    testkit::eventually(async || {
        stage.levels.run_jobs().await.unwrap();
        stage.get_job(&job).await.state == JobState::Finished
    })
    .await;
    for n in (1..=12).filter(|n| *n != 8) {
        assert_eq!(stage.statement(&format!("用户{n}"), "points").await, [(Earn, 10)]);
    }
    assert_eq!(stage.statement("用户8", "points").await, [(Earn, 1), (Earn, 10)]);
    stage.audit().await;
}

#[tokio::test]
async fn between_two_batches_a_runner_may_go_and_another_one_goes_on() {
    let stage = shop().await;
    let job = stage.draft(JobKind::Earn, &users(12), "j").await;
    stage.submit_job(&job).await.unwrap();
    let first = stage.in_batches_of(5).await;
    assert_eq!(first.levels.run_job(&stage.tenant, &job).await.unwrap(), 5);
    drop(first);
    assert_eq!((stage.get_job(&job).await.counts.done, stage.get_job(&job).await.progress_percent()), (5, 41));
    let second = stage.in_batches_of(5).await;
    assert_eq!(second.levels.run_jobs().await.unwrap(), 7);
    assert_eq!(stage.get_job(&job).await.state, JobState::Finished);
    stage.audit().await;
}

#[tokio::test]
async fn of_several_runners_at_once_one_does_each_line() {
    let stage = shop().await;
    let lines: Vec<Line> = (1..=60).map(|no| line(no, &format!("u{}", no % 7), 10)).collect();
    let job = stage.draft(JobKind::Earn, &lines, "j").await;
    stage.submit_job(&job).await.unwrap();
    let mut runners = Vec::new();
    for _ in 0..4 {
        runners.push(stage.in_batches_of(3).await);
    }
    while stage.get_job(&job).await.state == JobState::Running {
        let done = futures::future::join_all(runners.iter().map(|it| it.levels.run_jobs())).await;
        assert!(done.iter().all(Result::is_ok), "{done:?}");
    }
    assert_eq!(stage.get_job(&job).await.counts.done, 60);
    let mut given = 0;
    for n in 0..7 {
        given += stage.balance(&format!("u{n}"), "points").await.available;
    }
    assert_eq!(given, 600);
    stage.audit().await;
}

#[tokio::test]
async fn a_job_that_was_cancelled_stays_where_it_is_until_it_is_resumed() {
    let stage = shop().await;
    let job = stage.draft(JobKind::Earn, &users(12), "j").await;
    let stop = || JobChange::Cancel("名单有误".to_owned());
    assert_eq!(stage.change_job(&job, stop(), "小王").await.unwrap(), JobState::Cancelled);
    assert_eq!(stage.change_job(&job, JobChange::Resume, "小王").await.unwrap(), JobState::Draft);
    stage.submit_job(&job).await.unwrap();
    let runner = stage.in_batches_of(5).await;
    runner.levels.run_job(&stage.tenant, &job).await.unwrap();
    assert_eq!(stage.change_job(&job, stop(), "小王").await.unwrap(), JobState::Cancelled);
    assert_eq!(stage.levels.run_jobs().await.unwrap(), 0);
    assert_eq!(stage.get_job(&job).await.counts.done, 5);
    assert_eq!(stage.change_job(&job, JobChange::Resume, "小王").await.unwrap(), JobState::Running);
    assert_eq!(stage.levels.run_jobs().await.unwrap(), 7);
    assert_eq!(stage.get_job(&job).await.state, JobState::Finished);
    stage.audit().await;
}

#[tokio::test]
async fn what_failed_is_tried_again_and_nothing_else() {
    let stage = shop().await;
    stage.earn("rich", 100, "1").await.unwrap();
    let job = stage.draft(JobKind::Adjust, &[line(1, "rich", -30), line(2, "poor", -30)], "j").await;
    stage.submit_job(&job).await.unwrap();
    stage.levels.run_jobs().await.unwrap();
    assert_eq!(stage.states(&job).await, [LineState::Done, LineState::Failed]);
    let failed = stage.lines(&job).await.remove(1);
    assert_eq!(failed.refusal, Some(Refusal::BalanceShort { available: 0, amount: 30 }));
    stage.earn("poor", 50, "2").await.unwrap();
    assert_eq!(stage.change_job(&job, JobChange::Retry, "小王").await.unwrap(), JobState::Running);
    assert_eq!(stage.levels.run_jobs().await.unwrap(), 1);
    assert_eq!(stage.states(&job).await, [LineState::Done, LineState::Done]);
    assert_eq!(stage.statement("rich", "points").await, [(Earn, 100), (Adjust, -30)]);
    assert_eq!(stage.statement("poor", "points").await, [(Earn, 50), (Adjust, -30)]);
    assert_eq!(stage.change_job(&job, JobChange::Retry, "小王").await.unwrap(), JobState::Finished, "nothing is left");
    stage.audit().await;
}

#[tokio::test]
async fn a_recall_takes_back_of_each_line_what_is_left_of_it_once() {
    let stage = shop().await;
    let job = stage.draft(JobKind::Earn, &[line(1, "u", 50), line(2, "v", 50), line(3, "w", 50)], "j").await;
    stage.submit_job(&job).await.unwrap();
    stage.levels.run_jobs().await.unwrap();
    stage.spend("u", 30, "1").await.unwrap();
    stage.reverse("v", 1, 20, "2").await.unwrap();
    let back = JobChange::Recall("发错".to_owned());
    assert_eq!(stage.change_job(&job, back.clone(), "小王").await.unwrap(), JobState::Recalling);
    assert_eq!(stage.levels.run_jobs().await.unwrap(), 3);
    let done = stage.get_job(&job).await;
    assert_eq!((done.state, done.counts.done, done.counts.recalled), (JobState::Recalled, 0, 3));
    assert_eq!(stage.statement("u", "points").await[2], (Reverse, -20), "what was spent is forgiven, by the policy");
    assert_eq!(stage.statement("v", "points").await, [(Earn, 50), (Reverse, -20), (Reverse, -30)]);
    let recalled: Vec<i64> = stage.lines(&job).await.iter().map(|it| it.recalled).collect();
    assert_eq!(recalled, [50, 30, 50]);
    let again = refusal(stage.change_job(&job, back, "小王").await);
    assert_eq!(again, Refusal::JobStateWrong { job_id: job.to_string(), state: "recalled".to_owned() });
    assert_eq!(
        refusal(stage.reverse("w", 1, 1, "3").await),
        Refusal::ReversalExceeded { entry_seq: 1, left: 0, amount: 1 },
        "what a job took back no call takes back again"
    );
    stage.audit().await;
}

#[tokio::test]
async fn a_recall_of_adjustments_gives_back_what_they_took_to_its_lots_with_its_growth() {
    let stage = shop().await;
    stage.earn("u", 40, "1").await.unwrap();
    let before = stage.balance("u", "points").await;
    let job = stage.draft(JobKind::Adjust, &[line(1, "u", -30), line(2, "v", 7)], "j").await;
    stage.submit_job(&job).await.unwrap();
    stage.levels.run_jobs().await.unwrap();
    assert_eq!(stage.balance("u", "points").await.growth, 10);
    stage.at(START + Duration::days(3)).await;
    stage.change_job(&job, JobChange::Recall(String::new()), "小王").await.unwrap();
    stage.levels.run_jobs().await.unwrap();
    let after = stage.balance("u", "points").await;
    assert_eq!((after.available, after.growth, after.expiring), (before.available, before.growth, before.expiring));
    assert_eq!(stage.statement("u", "points").await, [(Earn, 40), (Adjust, -30), (Return, 30)]);
    assert_eq!(stage.balance("v", "points").await.available, 0);
    stage.audit().await;
}

#[tokio::test]
async fn a_running_job_that_is_recalled_carries_out_no_more_and_takes_back_what_it_did() {
    let stage = shop().await;
    let job = stage.draft(JobKind::Earn, &users(10), "j").await;
    stage.submit_job(&job).await.unwrap();
    stage.in_batches_of(4).await.levels.run_job(&stage.tenant, &job).await.unwrap();
    stage.change_job(&job, JobChange::Recall(String::new()), "小王").await.unwrap();
    stage.levels.run_jobs().await.unwrap();
    let counts = stage.get_job(&job).await.counts;
    assert_eq!((counts.recalled, counts.waiting()), (4, 6));
    assert_eq!(stage.statement("用户1", "points").await, [(Earn, 10), (Reverse, -10)]);
    assert_eq!(stage.statement("用户9", "points").await, []);
    stage.audit().await;
}

#[tokio::test]
async fn points_are_voided_by_lot_by_what_is_pending_or_all() {
    let stage = shop().await;
    let until = stage.earn_at("u", 10, "1", START - Duration::days(10)).await.entry.unwrap().lots[0].expires_at;
    let until = units::time::from_proto(&until.unwrap()).unwrap();
    stage.earn("u", 20, "2").await.unwrap();
    stage.earn("v", 30, "3").await.unwrap();
    let lot = Line { void_scope: Some(VoidScope::Lot), expires_at: Some(until), ..line(1, "u", 0) };
    let some = Line { void_scope: Some(VoidScope::All), ..line(2, "v", 12) };
    let pending = Line { void_scope: Some(VoidScope::Pending), ..line(3, "v", 0) };
    let nobody = Line { void_scope: Some(VoidScope::All), ..line(4, "nobody", 0) };
    let job = stage.draft(JobKind::Void, &[lot, some, pending, nobody], "j").await;
    stage.submit_job(&job).await.unwrap();
    stage.change_job(&job, JobChange::Approve, "小李").await.unwrap();
    stage.levels.run_jobs().await.unwrap();
    assert_eq!(stage.statement("u", "points").await, [(Earn, 10), (Earn, 20), (Adjust, -10)]);
    assert_eq!(stage.statement("v", "points").await, [(Earn, 30), (Adjust, -12)]);
    let failed: Vec<_> = stage.lines(&job).await.into_iter().filter_map(|it| it.refusal).collect();
    assert_eq!(failed, [Refusal::NothingToVoid, Refusal::NothingToVoid]);
    let back = refusal(stage.change_job(&job, JobChange::Recall(String::new()), "小王").await);
    assert_eq!(back, Refusal::JobNotRecallable);
    stage.audit().await;
}

#[tokio::test]
async fn a_line_that_breaks_the_store_holds_up_no_other() {
    let stage = shop().await;
    stage
        .execute(
            "create function levels.refuse_bad() returns trigger language plpgsql as
            $$ begin raise exception 'bad'; end $$",
        )
        .await;
    stage
        .execute(
            "create trigger bad before insert on entry for each row when (new.user_id = '用户3')
            execute function levels.refuse_bad()",
        )
        .await;
    let job = stage.draft(JobKind::Earn, &users(5), "j").await;
    stage.submit_job(&job).await.unwrap();
    while stage.get_job(&job).await.state == JobState::Running {
        stage.levels.run_jobs().await.unwrap();
    }
    let failed = stage.lines(&job).await.into_iter().filter_map(|it| Some((it.line.no, it.refusal?)));
    assert_eq!(failed.collect::<Vec<_>>(), [(3, Refusal::JobLineBroken)]);
    assert_eq!(stage.statement("用户5", "points").await, [(Earn, 10)]);
    stage.audit().await;
}

#[tokio::test]
async fn a_sandbox_waits_for_its_jobs_before_its_clock_moves_on_and_lines_have_its_time() {
    let stage = shop().await;
    let job = stage.draft(JobKind::Earn, &users(3), "j").await;
    assert_eq!(stage.levels.next_due(&stage.tenant).await.unwrap(), None);
    stage.submit_job(&job).await.unwrap();
    assert_eq!(stage.levels.next_due(&stage.tenant).await.unwrap(), Some(START));
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 3);
    assert!(stage.levels.next_due(&stage.tenant).await.unwrap() > Some(START), "what is due next is the lapse");
    let (account, every) = ((&user("用户1"), &key("points")), Filter::default());
    let (page, _) = stage.levels.list_entries(&stage.tenant, account, &every, None, 1, &[]).await.unwrap();
    assert_eq!(page.rows[0].recorded_at, START);
    assert_eq!(page.rows[0].origin.cost_centre, "ops");
    stage.at(START + Duration::days(40)).await;
    stage.levels.review().await.unwrap();
    assert_eq!(stage.statement("用户1", "points").await, [(Earn, 10), (Expire, -10)]);
}

#[tokio::test]
async fn a_suspended_tenant_has_no_jobs_carried_out_and_holds_up_no_other() {
    let stage = shop().await;
    let job = stage.draft(JobKind::Earn, &users(3), "j").await;
    stage.submit_job(&job).await.unwrap();
    stage.execute("update tenant_state set suspended = true where tenant_id = 'shop'").await;
    assert_eq!(stage.levels.run_jobs().await.unwrap(), 0);
    stage.execute("update tenant_state set suspended = false").await;
    assert_eq!(stage.levels.run_jobs().await.unwrap(), 3);
}
