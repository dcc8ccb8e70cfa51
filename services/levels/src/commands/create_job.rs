use ids::TenantId;
use proto::levels::v1::CreateJobResponse;
use requests::Request;
use service::{Answer, earlier, refuse};
use time::OffsetDateTime;

use crate::domain::job::{Control, Counts, JOBS_MAX, Job, JobKind, JobState};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Creates a job without lines.
#[derive(Debug, Clone)]
pub struct CreateJob {
    /// Makes it idempotent.
    pub request: Request,
    /// What its lines do.
    pub kind: JobKind,
    /// What operators call it.
    pub title: String,
    /// Why.
    pub reason: String,
    /// Who bears the cost.
    pub cost_centre: String,
    /// The contract's number of who pays.
    pub funder: i32,
    /// What it is said to move.
    pub controls: Vec<Control>,
    /// The subject of the caller's token.
    pub subject: String,
}

impl CreateJob {
    fn job(&self, at: OffsetDateTime) -> Job {
        Job {
            id: events::job::job_id(self.request.id.as_str()),
            kind: self.kind,
            title: self.title.clone(),
            reason: self.reason.clone(),
            cost_centre: self.cost_centre.clone(),
            funder: self.funder,
            controls: self.controls.clone(),
            state: JobState::Draft,
            resumes: None,
            counts: Counts::default(),
            created_by: self.subject.clone(),
            submitted_by: String::new(),
            needs_approval: false,
            decided_by: String::new(),
            note: String::new(),
            changes: 0,
            created_at: at,
            started_at: None,
            ended_at: None,
        }
    }
}

impl Levels {
    /// See `PointsJobService.CreateJob`.
    pub async fn create_job(
        &self,
        tenant: &TenantId,
        command: &CreateJob,
    ) -> Result<Answer<CreateJobResponse>, LevelsError> {
        pg::retrying("create_job", || self.create_job_once(tenant, command)).await
    }

    #[tracing::instrument(name = "create_job", skip_all)]
    async fn create_job_once(
        &self,
        tenant: &TenantId,
        command: &CreateJob,
    ) -> Result<Answer<CreateJobResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        store::job::lock_all(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let open = store::job::open_count(&mut tx, tenant).await?;
        let at = self.core.decide(&mut tx, tenant).await?;
        let job = command.job(at);
        // a request id is forgotten after 30 days, the job that it created is not
        if store::job::read(&mut tx, tenant, &job.id).await?.is_some() {
            return Err(LevelsError::RequestIdReused { request_id: command.request.id.to_string() });
        }
        if open >= JOBS_MAX {
            let refusal = Refusal::JobLimit { of: "jobs".to_owned(), limit: JOBS_MAX };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        store::job::put(&mut tx, tenant, &job).await?;
        let answer = |position| CreateJobResponse { job: Some(wire::job::job(&job)), position: Some(position) };
        self.core.finish(tx, tenant, &command.request, ("", &[]), answer).await
    }
}
