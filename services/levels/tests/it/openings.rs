//! What users had elsewhere, brought along with its dates, and whether it all arrived.

use levels::commands::{CreateJob, JobChange};
use levels::domain::entry::{EntryKind, Filter};
use levels::domain::expiry::Expiry;
use levels::domain::job::line::{Line, LineState, OpeningLevel};
use levels::domain::job::{Control, JobKind, JobState};
use levels::domain::point_type::ReversalPolicy;
use levels::domain::refusal::Refusal;
use levels::domain::scheme::policy::PeriodEnd;
use proto::events::v1::EventMode;
use proto::levels::v1::EntryKind::{Activate, Earn, Expire, Opening, Reverse};
use time::Duration;

use crate::jobs::{START, line, points, shop_with};
use crate::stage::{Stage, key, months, request, user};

/// With `points`, and `growth` which levels of a year are measured by.
async fn shop() -> Stage {
    let stage = shop_with(points()).await;
    stage.point_type("growth", false, Expiry::Never, ReversalPolicy::DownToZero).await;
    stage.scheme(months(12, PeriodEnd::Keep)).await;
    stage
}

fn lot(no: i64, who: &str, amount: i64, days: i64) -> Line {
    let (occurred_at, expires_at) = (Some(START - Duration::days(90)), Some(START + Duration::days(days)));
    Line { occurred_at, expires_at, ..line(no, who, amount) }
}

fn grown(no: i64, who: &str, growth: i64, rank: Option<usize>) -> Line {
    let since = START - Duration::days(200);
    let level = rank.map(|rank| OpeningLevel { rank, since, valid_until: Some(START + Duration::days(10)) });
    Line { point_type: key("growth"), amount: growth, growth, level, ..line(no, who, 0) }
}

impl Stage {
    /// Brings these lines along; answers their states.
    async fn bring(&self, lines: &[Line], id: &str) -> (ids::EventId, Vec<LineState>) {
        let job = self.draft(JobKind::Opening, lines, id).await;
        if self.submit_job(&job).await.unwrap() == JobState::AwaitingApproval {
            self.change_job(&job, JobChange::Approve, "小李").await.unwrap();
        }
        self.levels.run_jobs().await.unwrap();
        let states = self.lines(&job).await.iter().map(|it| it.state).collect();
        (job, states)
    }

    async fn why(&self, job: &ids::EventId, no: usize) -> Option<Refusal> {
        self.lines(job).await.remove(no - 1).refusal
    }
}

#[tokio::test]
async fn lots_keep_the_dates_that_they_had_and_are_booked_now() {
    let stage = shop().await;
    let never = Line { expires_at: None, ..lot(3, "小林", 5, 0) };
    let pending = Line { activates_at: Some(START + Duration::days(2)), ..line(4, "小林", 8) };
    let (_, states) = stage.bring(&[lot(1, "小林", 30, 20), lot(2, "小林", 20, 5), never, pending], "j").await;
    assert_eq!(states, [LineState::Done; 4]);
    let balance = stage.balance("小林", "points").await;
    assert_eq!((balance.available, balance.pending, balance.growth), (55, 8, 0));
    let dates: Vec<_> = balance.expiring.iter().map(|(at, points)| (*at, *points)).collect();
    assert_eq!(dates, [(START + Duration::days(5), 20), (START + Duration::days(20), 30)]);
    let (account, every) = ((&user("小林"), &key("points")), Filter::default());
    let (page, _) = stage.levels.list_entries(&stage.tenant, account, &every, None, 9, &[]).await.unwrap();
    let first = page.rows.last().unwrap();
    assert_eq!((first.kind, first.recorded_at), (EntryKind::Opening, START));
    assert_eq!(first.occurred_at, START - Duration::days(90));
    let before = stage.balance_at("小林", "points", Some(START - Duration::seconds(1))).await;
    assert_eq!(before.available, 0, "what was elsewhere was not here");
    stage.at(START + Duration::days(8)).await;
    stage.levels.review().await.unwrap();
    let then = stage.statement("小林", "points").await;
    assert_eq!(then[4..], [(Activate, 0), (Expire, -20)]);
    stage.audit().await;
}

#[tokio::test]
async fn a_level_comes_along_with_its_dates_and_ends_at_its_own_time() {
    let stage = shop().await;
    let lines = [grown(1, "甲", 150, Some(1)), grown(2, "乙", 50, Some(1)), grown(3, "丙", 1_200, None)];
    let (job, states) = stage.bring(&lines, "j").await;
    assert_eq!(states, [LineState::Done, LineState::Failed, LineState::Done]);
    let unsupported = Refusal::OpeningLevelUnsupported { rank: 1, supported_rank: Some(0), growth: 50 };
    assert_eq!(stage.why(&job, 2).await, Some(unsupported));
    assert_eq!(stage.statement("乙", "growth").await, [], "refused, it brings no growth either");
    let member = stage.levels.member(&stage.tenant, &user("甲"), &key("vip"), &[]).await.unwrap();
    let since = units::time::from_proto(&member.since.unwrap()).unwrap();
    let until = units::time::from_proto(&member.valid_until.unwrap()).unwrap();
    assert_eq!((member.level.unwrap().rank, since), (1, START - Duration::days(200)));
    assert_eq!(until, START + Duration::days(10));
    assert_eq!(stage.rank("丙").await, 2, "without a level the growth decides, as of now");
    stage.at(START + Duration::days(11)).await;
    stage.levels.review().await.unwrap();
    let moves = stage.levels.list_level_moves(&stage.tenant, (&user("甲"), &key("vip")), None, 9, &[]).await.unwrap();
    let times: Vec<_> = moves.rows.iter().map(|it| it.moved_at).collect();
    assert_eq!(times, [START + Duration::days(10), START - Duration::days(200)]);
}

#[tokio::test]
async fn an_account_is_opened_once_and_not_after_anything_else_happened_in_it() {
    let stage = shop().await;
    stage.earn("used", 1, "1").await.unwrap();
    let (first, _) = stage.bring(&[lot(1, "new", 10, 9)], "first").await;
    let lapsed = lot(3, "late", 10, -1);
    let (second, states) = stage.bring(&[lot(1, "new", 10, 9), lot(2, "used", 10, 9), lapsed], "second").await;
    assert_eq!(states, [LineState::Failed; 3]);
    assert_eq!(stage.why(&second, 1).await, Some(Refusal::OpeningExists { job_id: first.to_string() }));
    assert_eq!(stage.why(&second, 2).await, Some(Refusal::AccountTouched { entries: 1 }));
    let at = START - Duration::days(1);
    assert_eq!(stage.why(&second, 3).await, Some(Refusal::OpeningLapsed { expires_at: at }));
    assert_eq!(stage.statement("new", "points").await, [(Opening, 10)]);
}

#[tokio::test]
async fn two_jobs_that_open_the_same_account_at_once_open_it_once() {
    let stage = shop().await;
    let mut jobs = Vec::new();
    for n in 0..4 {
        let lines: Vec<Line> = (1..=10).map(|no| lot(no, &format!("u{no}"), 10, 9)).collect();
        let job = stage.draft(JobKind::Opening, &lines, &n.to_string()).await;
        stage.submit_job(&job).await.unwrap();
        jobs.push(job);
    }
    let runs = jobs.iter().map(|job| stage.levels.run_job(&stage.tenant, job));
    let done = futures::future::join_all(runs).await;
    assert!(done.iter().all(|it| matches!(it, Ok(10))), "{done:?}");
    for no in 1..=10 {
        assert_eq!(stage.statement(&format!("u{no}"), "points").await, [(Opening, 10)]);
    }
    stage.audit().await;
}

#[tokio::test]
async fn an_opening_that_was_recalled_may_be_made_again() {
    let stage = shop().await;
    let wrong = [lot(1, "u", 99, 9), grown(2, "u", 150, Some(1))];
    let (job, _) = stage.bring(&wrong, "wrong").await;
    stage.spend("u", 9, "s").await.unwrap();
    stage.change_job(&job, JobChange::Recall("导入错误".to_owned()), "小王").await.unwrap();
    stage.levels.run_jobs().await.unwrap();
    assert_eq!(stage.statement("u", "points").await[2], (Reverse, -90));
    assert_eq!((stage.balance("u", "growth").await.growth, stage.rank("u").await), (0, 0));
    let (_, states) = stage.bring(&[lot(1, "u", 20, 9)], "right").await;
    assert_eq!(states, [LineState::Done]);
    assert_eq!(stage.balance("u", "points").await.available, 20);
    stage.audit().await;
}

#[tokio::test]
async fn events_of_an_opening_are_facts_so_that_nothing_rewards_them() {
    let stage = shop().await;
    stage.bring(&[lot(1, "u", 10, 9), grown(2, "u", 150, Some(1))], "j").await;
    let mut admin = stage.db.admin(levels::NAME).await;
    let query = "select type, mode from event where user_id = 'u' order by partition, seq";
    let told: Vec<(String, i16)> = sqlx::query_as(query).fetch_all(&mut admin).await.unwrap();
    let facts = EventMode::Facts as i16;
    let wanted = [("points.posted", facts), ("points.posted", facts), ("level.moved", facts)];
    assert_eq!(told.iter().map(|(name, mode)| (name.as_str(), *mode)).collect::<Vec<_>>(), wanted);
}

#[tokio::test]
async fn the_reconciliation_compares_what_was_said_with_what_the_entries_say_and_names_the_lines_that_differ() {
    let stage = shop().await;
    let control = |id: &str, lines, points, growth| Control { point_type: key(id), lines, points, growth };
    let command = CreateJob {
        request: request("", "PointsJobService/CreateJob", "j", 0),
        kind: JobKind::Opening,
        title: String::new(),
        reason: "期初导入".to_owned(),
        cost_centre: String::new(),
        funder: 0,
        controls: vec![control("points", 3, 60, 0), control("growth", 1, 150, 150), control("gems", 1, 5, 0)],
        subject: "小王".to_owned(),
    };
    let created = stage.levels.create_job(&stage.tenant, &command).await.unwrap().value.job.unwrap().job.unwrap();
    let job = ids::EventId::new(created.job_id).unwrap();
    stage.earn("旧", 1, "1").await.unwrap();
    let lines = [lot(1, "新", 10, 9), lot(2, "旧", 20, 9), lot(3, "新", 30, 20), grown(4, "新", 150, Some(1))];
    stage.add_lines(&job, &lines, "1").await.unwrap();
    stage.submit_job(&job).await.unwrap();
    stage.change_job(&job, JobChange::Approve, "小李").await.unwrap();
    stage.levels.run_jobs().await.unwrap();
    let found = stage.levels.reconciliation(&stage.tenant, &job, None, 10, &[]).await.unwrap();
    let types: Vec<_> = found
        .point_types
        .iter()
        .map(|it| (it.stored.point_type.as_str(), it.stored.done, it.stored.points, it.stored.growth, it.matches()))
        .collect();
    assert_eq!(types, [("gems", 0, 0, 0, false), ("growth", 1, 150, 150, true), ("points", 2, 40, 0, false)]);
    let different: Vec<_> = found.different.rows.iter().map(|it| (it.line.no, it.refusal.clone())).collect();
    assert_eq!(different, [(2, Some(Refusal::AccountTouched { entries: 1 }))]);
    // what is taken back later is another matter
    stage.spend("新", 5, "s").await.unwrap();
    let again = stage.levels.reconciliation(&stage.tenant, &job, None, 10, &[]).await.unwrap();
    assert_eq!(again.point_types, found.point_types);
    assert_eq!(stage.statement("旧", "points").await, [(Earn, 1)]);
}

#[tokio::test]
async fn what_was_brought_along_is_a_liability_of_its_own_in_the_finance_statement() {
    let stage = shop().await;
    stage.bring(&[lot(1, "u", 70, 9)], "j").await;
    stage.spend("u", 20, "s").await.unwrap();
    let circulation = stage.levels.circulation(&stage.tenant, &key("points"), None, &[]).await.unwrap();
    assert_eq!((circulation.opened, circulation.issued, circulation.in_circulation()), (70, 0, 50));
}
