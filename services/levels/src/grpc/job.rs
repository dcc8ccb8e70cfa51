use ids::TenantId;
use proto::levels::v1 as pb;
use proto::levels::v1::points_job_service_server::PointsJobService;
use requests::body_of;
use service::{List, write};
use tonic::{Request, Response, Status};

use super::job_convert::{self, outcome};
use super::{Api, convert};
use crate::commands::{ChangeJob, JobAnswer, JobChange};
use crate::domain::job::JobState;
use crate::domain::job::line::{JobLine, LineState};
use crate::wire;

/// Lines of a page.
const LINES_SIZE: (i64, i64) = (100, 500);
/// Lines that one page of a preview tries.
const TRIED_SIZE: (i64, i64) = (200, 1_000);

impl Api {
    async fn change_job<A: JobAnswer + Send + 'static>(
        &self,
        tenant: TenantId,
        command: ChangeJob,
    ) -> Result<Response<A>, Status> {
        let levels = self.levels.clone();
        write(async move { levels.change_job(&tenant, &command).await }).await
    }
}

#[tonic::async_trait]
impl PointsJobService for Api {
    async fn create_job(
        &self,
        request: Request<pb::CreateJobRequest>,
    ) -> Result<Response<pb::CreateJobResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = job_convert::create_job(request.get_ref(), authn::caller(&request)?.subject.clone())?;
        let levels = self.levels.clone();
        write(async move { levels.create_job(&tenant, &command).await }).await
    }

    async fn add_job_lines(
        &self,
        request: Request<pb::AddJobLinesRequest>,
    ) -> Result<Response<pb::AddJobLinesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = job_convert::add_job_lines(request.get_ref())?;
        let levels = self.levels.clone();
        write(async move { levels.add_job_lines(&tenant, &command).await }).await
    }

    async fn add_job_segment(
        &self,
        request: Request<pb::AddJobSegmentRequest>,
    ) -> Result<Response<pb::AddJobSegmentResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = job_convert::add_job_segment(request.get_ref())?;
        let levels = self.levels.clone();
        write(async move { levels.add_job_segment(&tenant, &command).await }).await
    }

    async fn preview_job(
        &self,
        request: Request<pb::PreviewJobRequest>,
    ) -> Result<Response<pb::PreviewJobResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let id = job_convert::job_id(&sent.job_id)?;
        let list = List::new(&self.pages, "PointsJobService/PreviewJob", &tenant, &[id.as_str()]);
        let after = list.open_number(&sent.page_token)?;
        let size = page::size(sent.page_size, TRIED_SIZE.0, TRIED_SIZE.1);
        let preview = self.levels.preview_job(&tenant, &id, after, size, &sent.at_least).await?;
        let done = || preview.tried.rows.iter().filter(|it| it.state == LineState::Done);
        let bad = preview.tried.rows.iter().filter(|it| it.state != LineState::Done);
        let costs: Vec<pb::JobCost> = preview.costs.iter().map(|(cost, limit)| wire::job::cost(cost, *limit)).collect();
        Ok(Response::new(pb::PreviewJobResponse {
            needs_approval: preview.job.needs_approval || costs.iter().any(|cost| cost.needs_approval),
            costs,
            tried: convert::count(preview.tried.rows.len()),
            would_do: convert::count(done().count()),
            would_move: done().map(|it| it.moved).sum(),
            would_cut: done().map(|it| it.cut).sum(),
            bad_lines: bad.map(outcome).collect(),
            next_page_token: list.next(preview.tried.next.map(|no| vec![no.to_string()])),
            job: Some(wire::job::job(&preview.job)),
        }))
    }

    async fn submit_job(
        &self,
        request: Request<pb::SubmitJobRequest>,
    ) -> Result<Response<pb::SubmitJobResponse>, Status> {
        let sent = request.get_ref();
        let call = ("PointsJobService/SubmitJob", sent.request_id.as_str(), body_of(sent));
        let command = job_convert::change_job(call, &sent.job_id, JobChange::Submit, authn::caller(&request)?)?;
        self.change_job(authn::tenant(&request)?, command).await
    }

    async fn approve_job(
        &self,
        request: Request<pb::ApproveJobRequest>,
    ) -> Result<Response<pb::ApproveJobResponse>, Status> {
        let sent = request.get_ref();
        let call = ("PointsJobService/ApproveJob", sent.request_id.as_str(), body_of(sent));
        let command = job_convert::change_job(call, &sent.job_id, JobChange::Approve, authn::caller(&request)?)?;
        self.change_job(authn::tenant(&request)?, command).await
    }

    async fn reject_job(
        &self,
        request: Request<pb::RejectJobRequest>,
    ) -> Result<Response<pb::RejectJobResponse>, Status> {
        let sent = request.get_ref();
        let call = ("PointsJobService/RejectJob", sent.request_id.as_str(), body_of(sent));
        let command = job_convert::change_job(
            call,
            &sent.job_id,
            JobChange::Reject(sent.note.clone()),
            authn::caller(&request)?,
        )?;
        self.change_job(authn::tenant(&request)?, command).await
    }

    async fn cancel_job(
        &self,
        request: Request<pb::CancelJobRequest>,
    ) -> Result<Response<pb::CancelJobResponse>, Status> {
        let sent = request.get_ref();
        let call = ("PointsJobService/CancelJob", sent.request_id.as_str(), body_of(sent));
        let command = job_convert::change_job(
            call,
            &sent.job_id,
            JobChange::Cancel(sent.note.clone()),
            authn::caller(&request)?,
        )?;
        self.change_job(authn::tenant(&request)?, command).await
    }

    async fn resume_job(
        &self,
        request: Request<pb::ResumeJobRequest>,
    ) -> Result<Response<pb::ResumeJobResponse>, Status> {
        let sent = request.get_ref();
        let call = ("PointsJobService/ResumeJob", sent.request_id.as_str(), body_of(sent));
        let command = job_convert::change_job(call, &sent.job_id, JobChange::Resume, authn::caller(&request)?)?;
        self.change_job(authn::tenant(&request)?, command).await
    }

    async fn retry_job(&self, request: Request<pb::RetryJobRequest>) -> Result<Response<pb::RetryJobResponse>, Status> {
        let sent = request.get_ref();
        let call = ("PointsJobService/RetryJob", sent.request_id.as_str(), body_of(sent));
        let command = job_convert::change_job(call, &sent.job_id, JobChange::Retry, authn::caller(&request)?)?;
        self.change_job(authn::tenant(&request)?, command).await
    }

    async fn recall_job(
        &self,
        request: Request<pb::RecallJobRequest>,
    ) -> Result<Response<pb::RecallJobResponse>, Status> {
        let sent = request.get_ref();
        let call = ("PointsJobService/RecallJob", sent.request_id.as_str(), body_of(sent));
        let command = job_convert::change_job(
            call,
            &sent.job_id,
            JobChange::Recall(sent.note.clone()),
            authn::caller(&request)?,
        )?;
        self.change_job(authn::tenant(&request)?, command).await
    }

    async fn get_job(&self, request: Request<pb::GetJobRequest>) -> Result<Response<pb::GetJobResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let job = self.levels.job(&tenant, &job_convert::job_id(&sent.job_id)?, &sent.at_least).await?;
        Ok(Response::new(pb::GetJobResponse { job: Some(wire::job::job(&job)) }))
    }

    async fn list_jobs(&self, request: Request<pb::ListJobsRequest>) -> Result<Response<pb::ListJobsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let state = i16::try_from(sent.state).ok().and_then(JobState::from_code);
        let arg = sent.state.to_string();
        let list = List::new(&self.pages, "PointsJobService/ListJobs", &tenant, &[arg.as_str()]);
        let before = list.open_time(&sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let page = self.levels.list_jobs(&tenant, state, before, size, &sent.at_least).await?;
        Ok(Response::new(pb::ListJobsResponse {
            jobs: page.rows.iter().map(wire::job::job).collect(),
            next_page_token: list.next_time(page.next),
        }))
    }

    async fn list_job_lines(
        &self,
        request: Request<pb::ListJobLinesRequest>,
    ) -> Result<Response<pb::ListJobLinesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let id = job_convert::job_id(&sent.job_id)?;
        let state = i16::try_from(sent.state).ok().and_then(LineState::from_code);
        let arg = sent.state.to_string();
        let list = List::new(&self.pages, "PointsJobService/ListJobLines", &tenant, &[id.as_str(), arg.as_str()]);
        let after = list.open_number(&sent.page_token)?;
        let size = page::size(sent.page_size, LINES_SIZE.0, LINES_SIZE.1);
        let page = self.levels.list_job_lines(&tenant, &id, (state, after), size, &sent.at_least).await?;
        Ok(Response::new(pb::ListJobLinesResponse {
            lines: outcomes(&page.rows),
            next_page_token: list.next(page.next.map(|no| vec![no.to_string()])),
        }))
    }

    async fn get_reconciliation(
        &self,
        request: Request<pb::GetReconciliationRequest>,
    ) -> Result<Response<pb::GetReconciliationResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let id = job_convert::job_id(&sent.job_id)?;
        let list = List::new(&self.pages, "PointsJobService/GetReconciliation", &tenant, &[id.as_str()]);
        let after = list.open_number(&sent.page_token)?;
        let size = page::size(sent.page_size, LINES_SIZE.0, LINES_SIZE.1);
        let found = self.levels.reconciliation(&tenant, &id, after, size, &sent.at_least).await?;
        Ok(Response::new(pb::GetReconciliationResponse {
            job: Some(wire::job::job(&found.job)),
            matches: found.point_types.iter().all(|it| it.matches()),
            point_types: found.point_types.iter().map(wire::job::reconciled).collect(),
            different_lines: outcomes(&found.different.rows),
            next_page_token: list.next(found.different.next.map(|no| vec![no.to_string()])),
        }))
    }
}

fn outcomes(lines: &[JobLine]) -> Vec<pb::JobLineOutcome> {
    lines.iter().map(outcome).collect()
}
