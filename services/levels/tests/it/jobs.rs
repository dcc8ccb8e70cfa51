//! Points of many users at once: drafts, approval, runs that break off, retries, recalls.

use std::sync::Arc;

use eventlog::{Log, LogSettings};
use ids::EventId;
use levels::Levels;
use levels::commands::{AddJobLines, AddJobSegment, ChangeJob, CreateJob, JobChange, Segment};
use levels::config::Settings;
use levels::domain::cap::{Cap, Period, Scope};
use levels::domain::expiry::Expiry;
use levels::domain::job::line::{JobLine, Line, LineState, VoidScope};
use levels::domain::job::{Job, JobKind, JobState};
use levels::domain::point_type::PointType;
use levels::domain::refusal::Refusal;
use levels::error::LevelsError;
use proto::levels::v1 as pb;
use proto::levels::v1::EntryKind::Earn;
use service::Core;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::stage::{Stage, define, empty, key, point_type, request, user};

/// When the tests begin: noon in Shanghai.
pub(crate) const START: OffsetDateTime = datetime!(2026-03-01 12:00 +8);

/// With the point type `points`, which lapse after 30 days; up to 1,000 in all need no approval.
pub(crate) async fn shop() -> Stage {
    shop_with(points()).await
}

pub(crate) fn points() -> PointType {
    PointType { expiry: Expiry::Days(30, None), adjustment_limit: 1_000, ..point_type("points") }
}

pub(crate) async fn shop_with(points: PointType) -> Stage {
    let stage = empty().await;
    stage.at(START).await;
    define(&stage.levels, &stage.tenant, points).await;
    stage
}

pub(crate) fn line(no: i64, who: &str, amount: i64) -> Line {
    Line {
        no,
        user: user(who),
        point_type: key("points"),
        amount,
        expires_at: None,
        void_scope: None,
        occurred_at: None,
        activates_at: None,
        growth: 0,
        level: None,
    }
}

pub(crate) fn refusal<T: std::fmt::Debug>(outcome: Result<T, LevelsError>) -> Refusal {
    match outcome {
        Err(LevelsError::Refused { refusal, .. }) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

impl Stage {
    pub(crate) async fn create_job(&self, kind: JobKind, id: &str) -> Result<EventId, LevelsError> {
        let command = CreateJob {
            request: request("", "PointsJobService/CreateJob", id, 0),
            kind,
            title: "双十一".to_owned(),
            reason: "活动补发".to_owned(),
            cost_centre: "ops".to_owned(),
            funder: 2,
            controls: Vec::new(),
            subject: "小王".to_owned(),
        };
        let answer = self.levels.create_job(&self.tenant, &command).await?;
        Ok(EventId::new(answer.value.job.unwrap().job.unwrap().job_id).unwrap())
    }

    pub(crate) async fn add_lines(&self, job: &EventId, lines: &[Line], id: &str) -> Result<i64, LevelsError> {
        let body = u8::try_from(lines.len()).unwrap_or(255);
        let request = request("", "PointsJobService/AddJobLines", id, body);
        let command = AddJobLines { request, id: job.clone(), lines: lines.to_vec() };
        Ok(self.levels.add_job_lines(&self.tenant, &command).await?.value.added)
    }

    pub(crate) async fn draft(&self, kind: JobKind, lines: &[Line], id: &str) -> EventId {
        let job = self.create_job(kind, id).await.unwrap();
        self.add_lines(&job, lines, id).await.unwrap();
        job
    }

    pub(crate) async fn change_job(&self, job: &EventId, change: JobChange, by: &str) -> Result<JobState, LevelsError> {
        // each change of a test is a request of its own
        let request = request("", "PointsJobService/ChangeJob", &format!("{job}/{by}/{}", rand_id()), 0);
        let command = ChangeJob { request, id: job.clone(), change, subject: by.to_owned() };
        let answer = self.levels.change_job::<pb::SubmitJobResponse>(&self.tenant, &command).await?;
        let state = answer.value.job.unwrap().job.unwrap().state;
        Ok(JobState::from_code(i16::try_from(state).unwrap()).unwrap())
    }

    pub(crate) async fn submit_job(&self, job: &EventId) -> Result<JobState, LevelsError> {
        self.change_job(job, JobChange::Submit, "小王").await
    }

    pub(crate) async fn get_job(&self, job: &EventId) -> Job {
        self.levels.job(&self.tenant, job, &[]).await.unwrap()
    }

    pub(crate) async fn lines(&self, job: &EventId) -> Vec<JobLine> {
        self.levels.list_job_lines(&self.tenant, job, (None, None), 1_000, &[]).await.unwrap().rows
    }

    pub(crate) async fn states(&self, job: &EventId) -> Vec<LineState> {
        self.lines(job).await.iter().map(|it| it.state).collect()
    }

    /// Until a statement of the service waits for a row that somebody else holds.
    pub(crate) async fn waits_for_a_lock(&self) {
        let mut admin = self.db.admin(levels::NAME).await;
        let query =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        loop {
            let waiting: i64 = sqlx::query_scalar(query).fetch_one(&mut admin).await.unwrap();
            if waiting > 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// The same service whose jobs go on in batches of so many lines.
    pub(crate) async fn in_batches_of(&self, lines: i64) -> Stage {
        let pool = self.db.db(levels::NAME).await;
        let log = Log::new(pool.clone(), None, LogSettings::default());
        let settings = Settings { job_batch_max: lines, ..Settings::default() };
        let levels = Arc::new(Levels::new(Core::new(pool, Arc::clone(&log)), settings));
        Stage { db: Arc::clone(&self.db), levels, log, tenant: self.tenant.clone() }
    }
}

/// A number that no other has.
fn rand_id() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn users(count: i64) -> Vec<Line> {
    (1..=count).map(|no| line(no, &format!("用户{no}"), 10)).collect()
}

#[tokio::test]
async fn a_job_gives_points_to_all_on_its_list_and_says_of_each_line_what_came_of_it() {
    let stage = shop().await;
    let mut lines = users(3);
    lines.push(Line { point_type: key("gems"), ..line(4, "u", 5) });
    let job = stage.draft(JobKind::Earn, &lines, "j").await;
    assert_eq!(
        stage.submit_job(&job).await.unwrap(),
        JobState::AwaitingApproval,
        "nobody has said what gems are worth"
    );
    assert_eq!(stage.change_job(&job, JobChange::Approve, "小李").await.unwrap(), JobState::Running);
    assert_eq!(stage.levels.run_jobs().await.unwrap(), 4);
    let done = stage.get_job(&job).await;
    assert_eq!((done.state, done.counts.done, done.counts.failed), (JobState::Finished, 3, 1));
    assert_eq!((done.decided_by.as_str(), done.progress_percent()), ("小李", 100));
    let lines = stage.lines(&job).await;
    assert_eq!((lines[0].entry_seq, lines[0].moved, lines[0].account_user.clone()), (1, 10, Some(user("用户1"))));
    assert_eq!(lines[3].refusal, Some(Refusal::PointTypeNotFound { point_type_id: "gems".to_owned() }));
    assert_eq!(stage.statement("用户2", "points").await, [(Earn, 10)]);
    assert_eq!(stage.levels.run_jobs().await.unwrap(), 0);
    stage.audit().await;
}

#[tokio::test]
async fn what_is_larger_than_the_limit_in_all_waits_for_somebody_else() {
    let stage = shop().await;
    let small = stage.draft(JobKind::Earn, &[line(1, "u", 400), line(2, "v", 600)], "small").await;
    assert_eq!(stage.submit_job(&small).await.unwrap(), JobState::Running);
    let large = stage.draft(JobKind::Adjust, &[line(1, "u", 500), line(2, "v", -501)], "large").await;
    assert_eq!(stage.submit_job(&large).await.unwrap(), JobState::AwaitingApproval);
    assert_eq!(stage.levels.run_jobs().await.unwrap(), 2, "what waits for approval does not run");
    let own = refusal(stage.change_job(&large, JobChange::Approve, "小王").await);
    assert_eq!(own, Refusal::JobApproverIsRequester { job_id: large.to_string() });
    let rejected = stage.change_job(&large, JobChange::Reject("重复".to_owned()), "小李").await;
    assert_eq!(rejected.unwrap(), JobState::Rejected);
    let again = refusal(stage.change_job(&large, JobChange::Approve, "小李").await);
    assert_eq!(again, Refusal::JobStateWrong { job_id: large.to_string(), state: "rejected".to_owned() });
    let all = Line { void_scope: Some(VoidScope::All), ..line(1, "u", 0) };
    let void = stage.draft(JobKind::Void, &[all], "void").await;
    assert_eq!(stage.submit_job(&void).await.unwrap(), JobState::AwaitingApproval, "all that there is has no limit");
    let empty = stage.create_job(JobKind::Earn, "empty").await.unwrap();
    assert_eq!(refusal(stage.submit_job(&empty).await), Refusal::JobEmpty);
}

#[tokio::test]
async fn a_line_sent_again_counts_once_and_its_number_stands_for_no_other() {
    let stage = shop().await;
    let job = stage.create_job(JobKind::Earn, "j").await.unwrap();
    assert_eq!(stage.add_lines(&job, &users(2), "1").await.unwrap(), 2);
    assert_eq!(stage.add_lines(&job, &users(3), "2").await.unwrap(), 1, "an upload that broke off is sent as a whole");
    let other = stage.add_lines(&job, &[line(9, "u", 1), line(2, "u", 10)], "3").await;
    assert_eq!(refusal(other), Refusal::JobLineTaken { line_no: 2 });
    assert_eq!(stage.get_job(&job).await.counts.lines, 3, "refused, it adds nothing");
    assert!(matches!(stage.add_lines(&job, &[line(9, "u", 0)], "4").await, Err(LevelsError::Invalid(_))));
    assert_eq!(stage.create_job(JobKind::Earn, "j").await.unwrap(), job, "the same request creates nothing new");
    stage.submit_job(&job).await.unwrap();
    let late = refusal(stage.add_lines(&job, &[line(9, "u", 1)], "5").await);
    assert_eq!(late, Refusal::JobStateWrong { job_id: job.to_string(), state: "running".to_owned() });
    stage.levels.run_jobs().await.unwrap();
    assert_eq!(stage.statement("用户1", "points").await, [(Earn, 10)]);
}

#[tokio::test]
async fn two_uploads_of_the_same_lines_at_once_add_them_once() {
    let stage = shop().await;
    let job = stage.create_job(JobKind::Earn, "j").await.unwrap();
    let lines = users(50);
    let uploads = (0..8).map(|n| {
        let (stage, job, lines) = (&stage, &job, &lines);
        async move { stage.add_lines(job, lines, &n.to_string()).await.unwrap() }
    });
    let added = futures::future::join_all(uploads).await;
    assert_eq!((added.iter().sum::<i64>(), stage.get_job(&job).await.counts.lines), (50, 50));
}

#[tokio::test]
async fn caps_of_the_point_type_cut_lines_as_they_cut_calls() {
    let cap = |scope, points| Cap { scope, period: Period::Day, points: Some(points), times: None };
    let stage = shop_with(PointType { caps: vec![cap(Scope::User, 15), cap(Scope::AllUsers, 40)], ..points() }).await;
    let lines = [line(1, "u", 10), line(2, "u", 10), line(3, "u", 10), line(4, "v", 15), line(5, "w", 15)];
    let job = stage.draft(JobKind::Earn, &lines, "j").await;
    let preview = stage.levels.preview_job(&stage.tenant, &job, None, 100, &[]).await.unwrap();
    let would: Vec<(i64, i64)> = preview.tried.rows.iter().map(|it| (it.moved, it.cut)).collect();
    stage.submit_job(&job).await.unwrap();
    stage.levels.run_jobs().await.unwrap();
    let did: Vec<(i64, i64)> = stage.lines(&job).await.iter().map(|it| (it.moved, it.cut)).collect();
    assert_eq!(did, [(10, 0), (5, 5), (0, 0), (15, 0), (10, 5)]);
    assert_eq!(would, did, "a preview decides as the run does");
    assert!(matches!(stage.lines(&job).await[2].refusal, Some(Refusal::EarningCapped { .. })));
}

#[tokio::test]
async fn a_preview_says_what_it_would_cost_and_which_lines_would_fail_and_changes_nothing() {
    let stage = shop().await;
    stage.earn("u", 100, "1").await.unwrap();
    let lines = [
        line(1, "u", -80),
        line(2, "u", -80),
        line(3, "v", 1_200),
        Line { point_type: key("gems"), ..line(4, "v", 5) },
    ];
    let job = stage.draft(JobKind::Adjust, &lines, "j").await;
    let preview = stage.levels.preview_job(&stage.tenant, &job, None, 2, &[]).await.unwrap();
    let costs: Vec<_> = preview
        .costs
        .iter()
        .map(|(cost, limit)| (cost.point_type.as_str(), cost.lines, cost.added, cost.taken, *limit))
        .collect();
    assert_eq!(costs, [("gems", 1, 5, 0, None), ("points", 3, 1_200, 160, Some(1_000))]);
    let states: Vec<_> = preview.tried.rows.iter().map(|it| it.state).collect();
    assert_eq!((states.as_slice(), preview.tried.next), (&[LineState::Done, LineState::Failed][..], Some(2)));
    let rest = stage.levels.preview_job(&stage.tenant, &job, Some(2), 2, &[]).await.unwrap();
    let states: Vec<_> = rest.tried.rows.iter().map(|it| it.state).collect();
    assert_eq!((states.as_slice(), rest.tried.next), (&[LineState::Done, LineState::Failed][..], None));
    assert_eq!(stage.statement("u", "points").await, [(Earn, 100)]);
    assert_eq!(stage.states(&job).await, [LineState::Waiting; 4]);
    assert_eq!(stage.statement("v", "points").await, []);
}

#[tokio::test]
async fn a_segment_is_whom_levels_knows_by_rank_by_balance_or_by_silence() {
    let stage = shop().await;
    stage.point_type("growth", false, Expiry::Never, levels::domain::point_type::ReversalPolicy::DownToZero).await;
    stage.scheme(None).await;
    for (who, growth, points) in [("甲", 150, 5), ("乙", 2_000, 50), ("丙", 10, 500)] {
        stage.grow(who, growth, "g").await;
        stage.earn(who, points, who).await.unwrap();
    }
    stage.at(START + Duration::days(20)).await;
    stage.spend("乙", 1, "s").await.unwrap();
    let mut found = Vec::new();
    let since = START + Duration::days(10);
    let segments = [
        Segment::Ranks(key("vip"), vec![1, 2]),
        Segment::Holders(key("points"), 49),
        Segment::Inactive(key("points"), since),
    ];
    for (n, segment) in segments.into_iter().enumerate() {
        let job = stage.create_job(JobKind::Earn, &format!("j{n}")).await.unwrap();
        let request = request("", "PointsJobService/AddJobSegment", &n.to_string(), 0);
        let command = AddJobSegment { request, id: job.clone(), segment, line: line(0, "-", 3) };
        let added = stage.levels.add_job_segment(&stage.tenant, &command).await.unwrap().value.added;
        let again = stage.levels.add_job_segment(&stage.tenant, &command).await.unwrap();
        assert!(again.replayed);
        let lines = stage.lines(&job).await;
        assert_eq!(lines.len() as i64, added);
        assert!(lines.iter().zip(1..).all(|(it, no)| it.line.no == no));
        found.push(lines.iter().map(|it| it.line.user.to_string()).collect::<Vec<_>>().concat());
    }
    assert_eq!(found, ["乙甲", "丙乙", "丙甲"]);
    let job = stage.create_job(JobKind::Earn, "none").await.unwrap();
    let request = request("", "PointsJobService/AddJobSegment", "none", 0);
    let segment = Segment::Holders(key("gems"), 1);
    let unknown = AddJobSegment { request, id: job, segment, line: line(0, "-", 3) };
    let unknown = refusal(stage.levels.add_job_segment(&stage.tenant, &unknown).await);
    assert_eq!(unknown, Refusal::PointTypeNotFound { point_type_id: "gems".to_owned() });
}

#[tokio::test]
async fn no_tenant_has_more_than_a_hundred_jobs_that_are_not_over() {
    let stage = shop().await;
    let jobs = (0..105).map(|n| {
        let stage = &stage;
        async move { stage.create_job(JobKind::Earn, &n.to_string()).await }
    });
    let created = futures::future::join_all(jobs).await;
    let refused: Vec<_> = created.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 5);
    assert!(refused.iter().all(|it| matches!(it, LevelsError::Refused { refusal: Refusal::JobLimit { .. }, .. })));
}
