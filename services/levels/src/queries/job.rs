use ids::{EventId, TenantId};
use pg::Tx;
use proto::common::v1::Position;
use service::Page;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::commands::carry;
use crate::domain::job::line::{JobLine, LineState};
use crate::domain::job::reconcile::{Reconciled, reconcile};
use crate::domain::job::{Cost, Job, JobKind, JobState};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store};

/// After all jobs.
const END: OffsetDateTime = datetime!(9999-12-31 0:00 UTC);

/// What a job would do.
#[derive(Debug)]
pub struct Preview {
    /// The job.
    pub job: Job,
    /// What its lines say by point type, with the limit of the type; `None`: there is none such.
    pub costs: Vec<(Cost, Option<i64>)>,
    /// Lines that were tried, with what would come of them.
    pub tried: Page<JobLine, i64>,
}

/// What a job was said to do, and what it did.
#[derive(Debug)]
pub struct Reconciliation {
    /// The job.
    pub job: Job,
    /// By point type.
    pub point_types: Vec<Reconciled>,
    /// Lines that make the difference.
    pub different: Page<JobLine, i64>,
}

async fn found(tx: &mut Tx, tenant: &TenantId, id: &EventId) -> Result<Job, LevelsError> {
    let job = store::job::read(tx, tenant, id).await?;
    job.ok_or_else(|| Refusal::JobNotFound { job_id: id.to_string() }.into())
}

impl Levels {
    /// See `PointsJobService.GetJob`.
    pub async fn job(&self, tenant: &TenantId, id: &EventId, at_least: &[Position]) -> Result<Job, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let job = found(&mut tx, tenant, id).await?;
        tx.rollback().await?;
        Ok(job)
    }

    /// See `PointsJobService.ListJobs`: those before a place, in a state; `None`: in any.
    pub async fn list_jobs(
        &self,
        tenant: &TenantId,
        state: Option<JobState>,
        before: Option<(OffsetDateTime, String)>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<Job, (OffsetDateTime, String)>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let before = before.as_ref().map_or((END, ""), |(at, id)| (*at, id.as_str()));
        let rows = match state {
            Some(state) => store::job::list_in(&mut tx, tenant, state, before, size + 1).await?,
            None => store::job::list(&mut tx, tenant, before, size + 1).await?,
        };
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it: &Job| (it.created_at, it.id.to_string())))
    }

    /// See `PointsJobService.ListJobLines`: those after a number, in a state; `None`: in any.
    pub async fn list_job_lines(
        &self,
        tenant: &TenantId,
        id: &EventId,
        (state, after): (Option<LineState>, Option<i64>),
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<JobLine, i64>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        found(&mut tx, tenant, id).await?;
        let after = after.unwrap_or(0);
        let rows = match state {
            Some(state) => store::job_line::list_in(&mut tx, tenant, id, state, after, size + 1).await?,
            None => store::job_line::list(&mut tx, tenant, id, after, size + 1).await?,
        };
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it: &JobLine| it.line.no))
    }

    /// See `PointsJobService.PreviewJob`: lines that wait are decided as they would be now, and nothing is written.
    pub async fn preview_job(
        &self,
        tenant: &TenantId,
        id: &EventId,
        after: Option<i64>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Preview, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let job = found(&mut tx, tenant, id).await?;
        let (programme, clock) = self.programme.now(&mut tx, tenant).await?;
        let costs = store::job_report::costs(&mut tx, tenant, id, job.kind == JobKind::Void).await?;
        let (state, after) = (LineState::Waiting, after.unwrap_or(0));
        let lines = store::job_line::list_in(&mut tx, tenant, id, state, after, size + 1).await?;
        let mut tried = Page::of(lines, size, |it: &JobLine| it.line.no);
        let loaded = carry::load(&mut tx, tenant, &programme, (&job, &tried.rows), false).await?;
        let caps = carry::caps_of_lines(&mut tx, tenant, &programme, (&job, &loaded), (clock, false)).await?;
        tx.rollback().await?;
        drop(carry::decide(&programme, &job, loaded, caps, (&mut tried.rows, clock)));
        let limit = |cost: &Cost| programme.types.get(&cost.point_type).map(|it| it.adjustment_limit);
        let costs = costs.into_iter().map(|cost| (cost.clone(), limit(&cost))).collect();
        Ok(Preview { job, costs, tried })
    }

    /// See `PointsJobService.GetReconciliation`.
    pub async fn reconciliation(
        &self,
        tenant: &TenantId,
        id: &EventId,
        after: Option<i64>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Reconciliation, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let job = found(&mut tx, tenant, id).await?;
        let stored = store::job_report::stored(&mut tx, tenant, id).await?;
        let kind = (job.kind == JobKind::Void, job.kind == JobKind::Opening);
        let numbers = store::job_report::different(&mut tx, tenant, id, kind, after.unwrap_or(0), size + 1).await?;
        let lines = store::job_line::numbered(&mut tx, tenant, id, &numbers).await?;
        tx.rollback().await?;
        let point_types = reconcile(&job.controls, stored);
        Ok(Reconciliation { job, point_types, different: Page::of(lines, size, |it: &JobLine| it.line.no) })
    }
}
