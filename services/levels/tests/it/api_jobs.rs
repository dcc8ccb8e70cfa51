//! Jobs through a real socket: lists, previews, approval, outcomes, reconciliation, access.

use proto::common::v1::{JobLineState, JobState};
use proto::levels::v1 as pb;
use proto::levels::v1::levels_segment::Members;
use status::{metadata_of, reason_of, violations_of};
use tonic::Code;

use crate::api::point_type;
use crate::consumer::{Server, server};

fn create(kind: pb::PointsJobKind, id: &str) -> pb::CreateJobRequest {
    let control = pb::ControlTotal { point_type_id: "points".into(), lines: 2, points: 50, growth: 0 };
    let job = pb::PointsJob {
        kind: kind.into(),
        title: "双十一补发".into(),
        reason: "系统故障补偿".into(),
        controls: vec![control],
        ..Default::default()
    };
    pb::CreateJobRequest { request_id: id.to_owned(), job: Some(job) }
}

fn line(line_no: i64, who: &str, amount: i64) -> pb::JobLine {
    pb::JobLine { line_no, user_id: who.to_owned(), point_type_id: "points".into(), amount, ..Default::default() }
}

fn add(job_id: &str, lines: Vec<pb::JobLine>, id: &str) -> pb::AddJobLinesRequest {
    pb::AddJobLinesRequest { request_id: id.to_owned(), job_id: job_id.to_owned(), lines }
}

fn submit(job_id: &str, id: &str) -> pb::SubmitJobRequest {
    pb::SubmitJobRequest { request_id: id.to_owned(), job_id: job_id.to_owned() }
}

async fn shop() -> Server {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    server
}

impl Server {
    async fn draft(&self, lines: Vec<pb::JobLine>) -> String {
        let created = self.jobs_of("小王").create_job(create(pb::PointsJobKind::Earn, "c")).await.unwrap();
        let job_id = created.into_inner().job.unwrap().job.unwrap().job_id;
        self.jobs_of("小王").add_job_lines(add(&job_id, lines, "a")).await.unwrap();
        job_id
    }

    async fn job(&self, job_id: &str) -> pb::PointsJob {
        let request = pb::GetJobRequest { job_id: job_id.to_owned(), at_least: Vec::new() };
        self.jobs().get_job(request).await.unwrap().into_inner().job.unwrap()
    }

    async fn until(&self, job_id: &str, state: JobState) -> pb::PointsJob {
        testkit::eventually(async || self.job(job_id).await.job.unwrap().state() == state).await;
        self.job(job_id).await
    }
}

#[tokio::test]
async fn a_list_is_previewed_approved_and_carried_out_in_the_background_and_the_log_tells_of_it() {
    let server = shop().await;
    let job_id = server.draft(vec![line(1, "小林", 20), line(2, "小张", 30)]).await;
    let preview = pb::PreviewJobRequest { job_id: job_id.clone(), page_size: 1, ..Default::default() };
    let preview = server.jobs().preview_job(preview).await.unwrap().into_inner();
    assert_eq!((preview.needs_approval, preview.tried, preview.would_do, preview.would_move), (true, 1, 1, 20));
    assert_eq!((preview.costs[0].lines, preview.costs[0].added), (2, 50));
    let more =
        pb::PreviewJobRequest { job_id: job_id.clone(), page_token: preview.next_page_token, ..Default::default() };
    let more = server.jobs().preview_job(more).await.unwrap().into_inner();
    assert_eq!((more.would_move, more.next_page_token.as_str()), (30, ""));

    let submitted = server.jobs_of("小王").submit_job(submit(&job_id, "s")).await.unwrap().into_inner();
    let state = submitted.job.unwrap().job.unwrap();
    assert_eq!((state.state(), state.submitted_by.as_str()), (JobState::AwaitingApproval, "小王"));
    let approve = |id: &str| pb::ApproveJobRequest { request_id: id.to_owned(), job_id: job_id.clone() };
    let own = server.jobs_of("小王").approve_job(approve("1")).await.unwrap_err();
    assert_eq!((own.code(), reason_of(&own).as_deref()), (Code::FailedPrecondition, Some("APPROVER_IS_REQUESTER")));
    let first = server.jobs_of("小李").approve_job(approve("2")).await.unwrap();
    let again = server.jobs_of("小李").approve_job(approve("2")).await.unwrap();
    assert_eq!(again.metadata().get(rt::REPLAYED_TRAILER).unwrap(), "true");
    assert_eq!(first.into_inner(), again.into_inner());

    let done = server.until(&job_id, JobState::Finished).await;
    let job = done.job.unwrap();
    assert_eq!((job.lines, job.done, job.failed, job.progress_percent), (2, 2, 0, 100));
    let lines = pb::ListJobLinesRequest { job_id: job_id.clone(), page_size: 1, ..Default::default() };
    let lines = server.jobs().list_job_lines(lines).await.unwrap().into_inner();
    let first = &lines.lines[0];
    assert_eq!((first.state(), first.entry_seq, first.points), (JobLineState::Done, 1, 20));
    assert!(!lines.next_page_token.is_empty());
    let found = pb::GetReconciliationRequest { job_id: job_id.clone(), ..Default::default() };
    let found = server.jobs().get_reconciliation(found).await.unwrap().into_inner();
    assert_eq!((found.matches, found.different_lines.len()), (false, 0), "amounts match, the growth was not foretold");
    assert_eq!((found.point_types[0].points, found.point_types[0].growth), (50, 50));
    let told: Vec<String> = server.told().await.into_iter().map(|event| event.r#type).collect();
    assert_eq!(told.iter().filter(|name| *name == "points_job.changed").count(), 3);
    assert_eq!(told.iter().filter(|name| *name == "points.posted").count(), 2);

    let recall = pb::RecallJobRequest { request_id: "r".into(), job_id: job_id.clone(), note: "发错".into() };
    server.jobs_of("小王").recall_job(recall).await.unwrap();
    let recalled = server.until(&job_id, JobState::Recalled).await.job.unwrap();
    assert_eq!((recalled.done, recalled.recalled, recalled.note.as_str()), (0, 2, "发错"));
    server.end().await;
}

#[tokio::test]
async fn what_failed_is_listed_with_its_reason_and_what_that_names() {
    let server = shop().await;
    let job_id =
        server.draft(vec![line(1, "u", 5), pb::JobLine { point_type_id: "gems".into(), ..line(2, "u", 5) }]).await;
    server.jobs_of("小王").submit_job(submit(&job_id, "s")).await.unwrap();
    let approve = pb::ApproveJobRequest { request_id: "a".into(), job_id: job_id.clone() };
    server.jobs_of("小李").approve_job(approve).await.unwrap();
    server.until(&job_id, JobState::Finished).await;
    let failed = JobLineState::Failed.into();
    let lines = pb::ListJobLinesRequest { job_id, state: failed, ..Default::default() };
    let lines = server.jobs().list_job_lines(lines).await.unwrap().into_inner().lines;
    let failure = lines[0].failure.clone().unwrap();
    assert_eq!((lines.len(), failure.reason.as_str()), (1, "POINT_TYPE_NOT_FOUND"));
    assert_eq!(failure.metadata["point_type_id"], "gems");
    server.end().await;
}

#[tokio::test]
async fn faults_of_lines_are_told_all_at_once_and_nothing_is_added() {
    let server = shop().await;
    let job_id = server.draft(vec![line(1, "u", 5)]).await;
    let bad = vec![
        line(2, "u", 0),
        pb::JobLine { growth: 5, ..line(3, "u", 5) },
        pb::JobLine { void_scope: pb::VoidScope::All.into(), ..line(4, "u", 5) },
    ];
    let refused = server.jobs_of("小王").add_job_lines(add(&job_id, bad, "b")).await.unwrap_err();
    let fields: Vec<String> = violations_of(&refused).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["lines[0].amount", "lines[1].growth", "lines[2].void_scope"]);
    let twice = vec![line(5, "u", 1), line(5, "v", 1)];
    let refused = server.jobs_of("小王").add_job_lines(add(&job_id, twice, "c")).await.unwrap_err();
    assert_eq!(violations_of(&refused)[0].0, "lines[1].line_no");
    assert_eq!(server.job(&job_id).await.job.unwrap().lines, 1);
    let none = pb::CreateJobRequest { request_id: "n".into(), job: Some(pb::PointsJob::default()) };
    let refused = server.jobs().create_job(none).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    server.end().await;
}

#[tokio::test]
async fn a_segment_fills_a_draft_and_another_tenant_sees_none_of_it() {
    let server = shop().await;
    let job_id = server.draft(vec![line(7, "小林", 5)]).await;
    let holders = pb::HolderSegment { point_type_id: "points".into(), available_min: 1 };
    let template = pb::JobLineTemplate { point_type_id: "points".into(), amount: 3, ..Default::default() };
    let fill = pb::AddJobSegmentRequest {
        request_id: "f".into(),
        job_id: job_id.clone(),
        segment: Some(pb::LevelsSegment { members: Some(Members::Holders(holders)) }),
        line: Some(template),
    };
    server.points().earn(crate::api::earn("小张", 5, "e")).await.unwrap();
    assert_eq!(server.jobs_of("小王").add_job_segment(fill).await.unwrap().into_inner().added, 1);
    let lines = pb::ListJobLinesRequest { job_id: job_id.clone(), ..Default::default() };
    let lines = server.jobs().list_job_lines(lines.clone()).await.unwrap().into_inner().lines;
    let numbers: Vec<_> = lines.iter().map(|it| it.line.clone().unwrap()).map(|it| (it.line_no, it.user_id)).collect();
    assert_eq!(numbers, [(7, "小林".to_owned()), (8, "小张".to_owned())]);
    let listed = server.jobs().list_jobs(pb::ListJobsRequest::default()).await.unwrap().into_inner();
    assert_eq!((listed.jobs.len(), listed.next_page_token.as_str()), (1, ""));
    let elsewhere = server.jobs_elsewhere();
    let listed = elsewhere.clone().list_jobs(pb::ListJobsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.jobs, []);
    let cancel =
        |id: &str| pb::CancelJobRequest { request_id: id.to_owned(), job_id: job_id.clone(), ..Default::default() };
    let foreign = elsewhere.clone().cancel_job(cancel("1")).await.unwrap_err();
    assert_eq!((foreign.code(), reason_of(&foreign).as_deref()), (Code::NotFound, Some("JOB_NOT_FOUND")));
    let stopped = server.jobs_of("小王").cancel_job(cancel("1")).await.unwrap().into_inner().job.unwrap().job.unwrap();
    assert_eq!((stopped.state(), stopped.resumable), (JobState::Cancelled, true));
    let late = server.jobs_of("小王").submit_job(submit(&job_id, "s")).await.unwrap_err();
    assert_eq!(metadata_of(&late)["state"], "cancelled");
    server.end().await;
}
