use std::collections::BTreeMap;

use ids::{EventId, TenantId};
use pg::Tx;
use proto::levels::v1::AddJobLinesResponse;
use requests::Request;
use service::{Answer, earlier, refuse};
use status::Violations;

use crate::domain::job::Job;
use crate::domain::job::line::Line;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// Adds lines to a draft.
#[derive(Debug, Clone)]
pub struct AddJobLines {
    /// Makes it idempotent.
    pub request: Request,
    /// The job.
    pub id: EventId,
    /// The lines, checked for the kind of job that they were read for; no number twice.
    pub lines: Vec<Line>,
}

impl Levels {
    /// See `PointsJobService.AddJobLines`.
    pub async fn add_job_lines(
        &self,
        tenant: &TenantId,
        command: &AddJobLines,
    ) -> Result<Answer<AddJobLinesResponse>, LevelsError> {
        pg::retrying("add_job_lines", || self.add_job_lines_once(tenant, command)).await
    }

    #[tracing::instrument(name = "add_job_lines", skip_all, fields(job = %command.id))]
    async fn add_job_lines_once(
        &self,
        tenant: &TenantId,
        command: &AddJobLines,
    ) -> Result<Answer<AddJobLinesResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let found = store::job::lock(&mut tx, tenant, &command.id).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        self.core.decide(&mut tx, tenant).await?;
        let Some(mut job) = found else {
            let refusal = Refusal::JobNotFound { job_id: command.id.to_string() };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        };
        let mut violations = Violations::new();
        for (place, line) in command.lines.iter().enumerate() {
            for (field, why) in line.faults(job.kind) {
                violations.add(format!("lines[{place}].{field}"), why);
            }
        }
        violations.check().map_err(LevelsError::Invalid)?;
        let fresh = match fresh(&mut tx, tenant, &job, &command.lines).await? {
            Ok(fresh) => fresh,
            Err(refusal) => return Err(refuse(tx, tenant, &command.request, refusal).await),
        };
        let added = store::job_line::add(&mut tx, tenant, &job.id, &fresh).await?;
        job.counts.lines += added;
        store::job::put(&mut tx, tenant, &job).await?;
        let answer =
            |position| AddJobLinesResponse { job: Some(wire::job::job(&job)), added, position: Some(position) };
        self.core.finish(tx, tenant, &command.request, ("", &[]), answer).await
    }
}

/// The lines that a locked job does not have yet. The inner error refuses all of them.
async fn fresh(
    tx: &mut Tx,
    tenant: &TenantId,
    job: &Job,
    lines: &[Line],
) -> Result<Result<Vec<Line>, Refusal>, LevelsError> {
    let numbers: Vec<i64> = lines.iter().map(|line| line.no).collect();
    let known = store::job_line::numbered(tx, tenant, &job.id, &numbers).await?;
    let known: BTreeMap<i64, Line> = known.into_iter().map(|it| (it.line.no, it.line)).collect();
    let taken = lines.iter().find(|line| known.get(&line.no).is_some_and(|other| other != *line));
    if let Some(line) = taken {
        return Ok(Err(Refusal::JobLineTaken { line_no: line.no }));
    }
    let fresh: Vec<Line> = lines.iter().filter(|line| !known.contains_key(&line.no)).cloned().collect();
    Ok(job.refuse_lines(i64::try_from(fresh.len()).unwrap_or(i64::MAX)).map(|()| fresh))
}
