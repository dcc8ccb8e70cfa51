use eventlog::Draft;
use ids::{EventId, TenantId};
use pg::Tx;
use proto::events::v1::EventMode;
use time::OffsetDateTime;

use super::{carry, ledger};
use crate::domain::job::line::{JobLine, LineState};
use crate::domain::job::{Job, JobKind};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events, store};

/// Jobs looked up at once.
const JOBS_STEP: i64 = 100;

impl Levels {
    /// Carries on with the jobs of all tenants, a batch of each in turn, as far as one run may go. Answers how many lines came
    /// to an outcome. Several replicas may do so at once: each passes over a job that another one is at. Whatever is killed,
    /// what a batch has not committed is done again, and nothing of it was done.
    pub async fn run_jobs(&self) -> Result<usize, LevelsError> {
        let mut lines = 0;
        for _ in 0..self.settings.job_batches_max {
            let before = lines;
            let mut after = (String::new(), String::new());
            loop {
                let mut tx = self.core.db.begin_system().await?;
                let jobs = store::job::running(&mut tx, (&after.0, &after.1), JOBS_STEP).await?;
                tx.rollback().await?;
                let Some((tenant, id)) = jobs.last() else { break };
                after = (tenant.to_string(), id.to_string());
                for (tenant, id) in &jobs {
                    lines += match self.run_job(tenant, id).await {
                        Ok(done) => done,
                        Err(LevelsError::TenantSuspended { .. }) => 0,
                        Err(error) => {
                            tracing::warn!(?error, job = %id, "a batch of a job failed and will be tried again");
                            0
                        }
                    };
                }
            }
            if lines == before {
                break;
            }
        }
        Ok(lines)
    }

    /// Carries on with the jobs of one tenant, a batch of each; answers how many lines came to an outcome.
    pub(super) async fn run_jobs_of(&self, tenant: &TenantId) -> Result<usize, LevelsError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let jobs = store::job::running_of(&mut tx, tenant, JOBS_STEP).await?;
        tx.rollback().await?;
        let mut lines = 0;
        for (id, _) in &jobs {
            lines += self.run_job(tenant, id).await?;
        }
        Ok(lines)
    }

    /// Does the next batch of a job. One that fails as a whole is done line by line, so that no line holds up the others.
    pub async fn run_job(&self, tenant: &TenantId, id: &EventId) -> Result<usize, LevelsError> {
        let size = self.settings.job_batch_max.max(1);
        let failed = match pg::retrying("run_job", || self.run_batch(tenant, id, size)).await {
            Err(LevelsError::Store(error)) if !error.passing() => error,
            done => return done,
        };
        tracing::warn!(error = ?failed, job = %id, "a batch of a job failed and is done line by line");
        match pg::retrying("run_job", || self.run_batch(tenant, id, 1)).await {
            Err(LevelsError::Store(error)) if !error.passing() => {
                tracing::error!(?error, job = %id, "a line of a job failed and is left out");
                pg::retrying("leave_out", || self.leave_out(tenant, id)).await
            }
            done => done,
        }
    }

    #[tracing::instrument(name = "run_job", skip_all, fields(tenant = %tenant, job = %id))]
    async fn run_batch(&self, tenant: &TenantId, id: &EventId, size: i64) -> Result<usize, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        // held to the commit: whoever else would do the next batch passes over the job, whoever changes it waits
        let Some(mut job) = store::job::lock_free(&mut tx, tenant, id).await? else { return Ok(0) };
        let Some(state) = job.state.takes() else { return Ok(0) };
        let mut lines = store::job_line::list_in(&mut tx, tenant, id, state, 0, size).await?;
        let programme = self.programme.held(&mut tx, tenant).await?;
        let loaded = carry::load(&mut tx, tenant, &programme, (&job, &lines), true).await?;
        let clock = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let caps = carry::caps_of_lines(&mut tx, tenant, &programme, (&job, &loaded), (clock, true)).await?;
        let (written, opened) = carry::decide(&programme, &job, loaded, caps, (&mut lines, clock));
        ledger::write(&mut tx, tenant, &programme, &written).await?;
        store::opening::write(&mut tx, tenant, id, &opened.iter().collect::<Vec<_>>()).await?;
        let mut drafts = ledger::told(&written)?;
        if job.kind == JobKind::Opening {
            drafts = drafts.into_iter().map(|draft| draft.mode(EventMode::Facts)).collect();
        }
        drafts.extend(self.note(&mut tx, tenant, &mut job, (state, &lines), clock).await?);
        let positions = self.core.log.append(&mut tx, tenant, &drafts).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        Ok(lines.len())
    }

    /// Stores what came of lines that were in a state, and the job with its counts; answers what is told where it ends.
    async fn note(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        job: &mut Job,
        (state, lines): (LineState, &[JobLine]),
        clock: OffsetDateTime,
    ) -> Result<Option<Draft>, LevelsError> {
        store::job_line::write(tx, tenant, &job.id, lines).await?;
        for line in lines {
            job.counts.moved(state, line.state, 1);
        }
        job.end(clock);
        store::job::put(tx, tenant, job).await?;
        if job.state.takes().is_some() {
            return Ok(None);
        }
        store::job::set_running(tx, tenant, &job.id, None).await?;
        Ok(Some(events::job::changed(job, clock)))
    }

    /// Notes that the next line of a job cannot be carried out, whatever the reason: the log of the process has it.
    async fn leave_out(&self, tenant: &TenantId, id: &EventId) -> Result<usize, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let Some(mut job) = store::job::lock_free(&mut tx, tenant, id).await? else { return Ok(0) };
        let Some(state) = job.state.takes() else { return Ok(0) };
        let mut lines = store::job_line::list_in(&mut tx, tenant, id, state, 0, 1).await?;
        let clock = self.core.decide(&mut tx, tenant).await?;
        for line in &mut lines {
            line.refuse(Refusal::JobLineBroken);
        }
        let told = self.note(&mut tx, tenant, &mut job, (state, &lines), clock).await?;
        let positions = self.core.log.append(&mut tx, tenant, told.as_slice()).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        Ok(lines.len())
    }
}
