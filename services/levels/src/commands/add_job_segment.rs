use ids::{EventId, Key, TenantId, UserId};
use pg::Tx;
use proto::levels::v1::AddJobSegmentResponse;
use requests::Request;
use service::{Answer, earlier, refuse};
use status::Violations;
use time::OffsetDateTime;

use crate::domain::book::Programme;
use crate::domain::entry::EntryKind;
use crate::domain::job::line::Line;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// Users read and lines added at once.
const STEP: i64 = 2_000;

/// Users that this service knows by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Members of a scheme on these ranks.
    Ranks(Key, Vec<i16>),
    /// Users who can spend at least so many points.
    Holders(Key, i64),
    /// Users of whom nothing was heard in an account since a time.
    Inactive(Key, OffsetDateTime),
}

impl Segment {
    /// The refusal where there is not what it names.
    fn check(&self, programme: &Programme) -> Result<(), Refusal> {
        match self {
            Self::Ranks(scheme, _) if !programme.schemes.contains_key(scheme) => {
                Err(Refusal::SchemeNotFound { scheme_id: scheme.to_string() })
            }
            Self::Holders(id, _) | Self::Inactive(id, _) if !programme.types.contains_key(id) => {
                Err(Refusal::PointTypeNotFound { point_type_id: id.to_string() })
            }
            Self::Ranks(..) | Self::Holders(..) | Self::Inactive(..) => Ok(()),
        }
    }

    async fn users(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        (after, at): (&str, OffsetDateTime),
    ) -> Result<Vec<UserId>, pg::StoreError> {
        match self {
            Self::Ranks(scheme, ranks) => store::segment::of_ranks(tx, tenant, (scheme, ranks), after, STEP).await,
            Self::Holders(id, least) => store::segment::holders(tx, tenant, (id, *least, at), after, STEP).await,
            Self::Inactive(id, since) => {
                let active = EntryKind::activity_codes();
                store::segment::inactive(tx, tenant, (id, *since, &active), after, STEP).await
            }
        }
    }
}

/// Adds a line for every user of a segment.
#[derive(Debug, Clone)]
pub struct AddJobSegment {
    /// Makes it idempotent.
    pub request: Request,
    /// The job.
    pub id: EventId,
    /// Whom.
    pub segment: Segment,
    /// What each line says, but for its number and user.
    pub line: Line,
}

impl Levels {
    /// See `PointsJobService.AddJobSegment`.
    pub async fn add_job_segment(
        &self,
        tenant: &TenantId,
        command: &AddJobSegment,
    ) -> Result<Answer<AddJobSegmentResponse>, LevelsError> {
        pg::retrying("add_job_segment", || self.add_job_segment_once(tenant, command)).await
    }

    #[tracing::instrument(name = "add_job_segment", skip_all, fields(job = %command.id))]
    async fn add_job_segment_once(
        &self,
        tenant: &TenantId,
        command: &AddJobSegment,
    ) -> Result<Answer<AddJobSegmentResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
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
        let mut violations = Violations::new();
        for (field, why) in command.line.faults(job.kind) {
            violations.add(format!("line.{field}"), why);
        }
        violations.check().map_err(LevelsError::Invalid)?;
        if let Err(refusal) = command.segment.check(&programme).and_then(|()| job.refuse_lines(0)) {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let mut no = store::job_line::last_number(&mut tx, tenant, &job.id).await?;
        let (mut after, mut added) = (String::new(), 0);
        loop {
            let users = command.segment.users(&mut tx, tenant, (&after, at)).await?;
            let Some(last) = users.last() else { break };
            after = last.to_string();
            if let Err(refusal) = job.refuse_lines(i64::try_from(users.len()).unwrap_or(i64::MAX)) {
                // what was added goes with the transaction
                tx.rollback().await?;
                let tx = self.core.write(tenant).await?;
                return Err(refuse(tx, tenant, &command.request, refusal).await);
            }
            let numbered = users.into_iter().zip(no + 1..);
            let lines: Vec<Line> = numbered.map(|(user, no)| Line { no, user, ..command.line.clone() }).collect();
            no += i64::try_from(lines.len()).unwrap_or(i64::MAX);
            let new = store::job_line::add(&mut tx, tenant, &job.id, &lines).await?;
            (added, job.counts.lines) = (added + new, job.counts.lines + new);
        }
        store::job::put(&mut tx, tenant, &job).await?;
        let answer =
            |position| AddJobSegmentResponse { job: Some(wire::job::job(&job)), added, position: Some(position) };
        self.core.finish(tx, tenant, &command.request, ("", &[]), answer).await
    }
}
