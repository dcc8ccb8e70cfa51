use ids::{EventId, TenantId};
use pg::Tx;
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use requests::Request;
use service::{Answer, earlier, refuse};
use time::OffsetDateTime;

use crate::domain::book::Programme;
use crate::domain::job::{Job, JobKind};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// What becomes of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobChange {
    /// It is complete.
    Submit,
    /// Somebody else approves it.
    Approve,
    /// It will not be carried out; with the reason.
    Reject(String),
    /// It stops; with the reason.
    Cancel(String),
    /// It goes on where it was stopped.
    Resume,
    /// What failed is tried again.
    Retry,
    /// What it did is taken back; with the reason.
    Recall(String),
}

/// Changes the state of a job.
#[derive(Debug, Clone)]
pub struct ChangeJob {
    /// Makes it idempotent.
    pub request: Request,
    /// The job.
    pub id: EventId,
    /// What becomes of it.
    pub change: JobChange,
    /// The subject of the caller's token.
    pub subject: String,
}

/// The answers to all of these.
pub trait JobAnswer: prost::Message + Default {
    /// Of the job and the place in the log.
    fn of(job: pb::PointsJob, position: Position) -> Self;
}

macro_rules! job_answer {
    ($($answer:ident),*) => {
        $(impl JobAnswer for pb::$answer {
            fn of(job: pb::PointsJob, position: Position) -> Self {
                Self { job: Some(job), position: Some(position) }
            }
        })*
    };
}
job_answer!(
    SubmitJobResponse,
    ApproveJobResponse,
    RejectJobResponse,
    CancelJobResponse,
    ResumeJobResponse,
    RetryJobResponse,
    RecallJobResponse
);

impl Levels {
    /// See `PointsJobService.SubmitJob` and its neighbours.
    pub async fn change_job<A: JobAnswer>(
        &self,
        tenant: &TenantId,
        command: &ChangeJob,
    ) -> Result<Answer<A>, LevelsError> {
        pg::retrying("change_job", || self.change_job_once(tenant, command)).await
    }

    #[tracing::instrument(name = "change_job", skip_all, fields(job = %command.id))]
    async fn change_job_once<A: JobAnswer>(
        &self,
        tenant: &TenantId,
        command: &ChangeJob,
    ) -> Result<Answer<A>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        // waits for the batch under way, which is short
        let found = store::job::lock(&mut tx, tenant, &command.id).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let programme = self.programme.held(&mut tx, tenant).await?;
        let at = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let Some(mut job) = found else {
            let refusal = Refusal::JobNotFound { job_id: command.id.to_string() };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        };
        if let Err(refusal) = change(&mut tx, tenant, &programme, command, &mut job, at).await? {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        job.end(at); // nothing may be left to do
        store::job::put(&mut tx, tenant, &job).await?;
        store::job::set_running(&mut tx, tenant, &job.id, job.state.takes().map(|_| at)).await?;
        let draft = events::job::changed(&job, at);
        let answer = |position| A::of(wire::job::job(&job), position);
        self.core.finish(tx, tenant, &command.request, ("", &[draft]), answer).await
    }
}

/// Changes a locked job, and its lines with it. The inner error refuses it, and nothing was changed.
async fn change(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    command: &ChangeJob,
    job: &mut Job,
    at: OffsetDateTime,
) -> Result<Result<(), Refusal>, LevelsError> {
    let by = command.subject.as_str();
    Ok(match &command.change {
        JobChange::Submit => {
            let costs = store::job_report::costs(tx, tenant, &job.id, job.kind == JobKind::Void).await?;
            let limit = |id| programme.types.get(id).map(|it| it.adjustment_limit);
            let needs_approval = costs.iter().any(|cost| cost.needs_approval(limit(&cost.point_type)));
            job.submit(by, needs_approval, at)
        }
        JobChange::Approve => job.approve(by, at),
        JobChange::Reject(note) => job.reject(by, note, at),
        JobChange::Cancel(note) => job.cancel(note, at),
        JobChange::Resume => job.resume(at),
        JobChange::Retry => match job.retry(at) {
            Ok((from, to)) => {
                let lines = store::job_line::put_back(tx, tenant, &job.id, from, to).await?;
                job.counts.moved(from, to, lines);
                Ok(())
            }
            Err(refusal) => Err(refusal),
        },
        JobChange::Recall(note) => job.recall(note, at),
    })
}
