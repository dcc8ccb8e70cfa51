use std::ops::ControlFlow;
use std::time::Duration;

use ids::TenantId;
use proto::admin::v1::AdvanceClockResponse;
use requests::Request;
use service::{Answer, earlier, refuse};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::domain::clock::next_step;
use crate::domain::refusal::Refusal;
use crate::domain::tenant::Tenant;
use crate::error::ProfilesError;
use crate::peers::{Round, Settled};
use crate::{Profiles, events, store, wire};

/// How long a call goes on that has no deadline.
const WORK_MAX: Duration = Duration::from_secs(10);
/// What is kept of a call's time for its last step and its answer, at least; a quarter of it where that is more, since a step
/// takes long on a busy machine.
const ANSWER: Duration = Duration::from_millis(500);

/// Moves a sandbox's clock.
#[derive(Debug, Clone)]
pub struct AdvanceClock {
    /// Makes it idempotent. An id is unique within the tenant that it names.
    pub request: Request,
    /// Where the clock is to stand.
    pub to: OffsetDateTime,
}

impl Profiles {
    /// See `TenantService.AdvanceClock`. Each step is a transaction of its own, and between them other services are
    /// called; a call that ends in the middle is continued by the next one.
    #[tracing::instrument(name = "advance_clock", skip_all)]
    pub async fn advance_clock(
        &self,
        tenant: &TenantId,
        command: &AdvanceClock,
    ) -> Result<Answer<AdvanceClockResponse>, ProfilesError> {
        let mut clock = match pg::retrying("advance_clock", || self.may_advance(tenant, &command.request)).await? {
            ControlFlow::Break(known) => return Ok(known),
            ControlFlow::Continue(clock) => clock,
        };
        let work = rt::remaining().map_or(WORK_MAX, |left| left.saturating_sub(ANSWER.max(left / 4)));
        let round = Round::new(&self.peers, tenant, Instant::now() + work);
        let mut stepped = false; // a sandbox without a manual clock gets one by its first step
        let done = loop {
            let Settled::Until(due) = round.settle(clock).await? else { break false };
            if stepped && clock >= command.to {
                break true;
            }
            clock = pg::retrying("advance_clock", || self.step_clock(tenant, command.to, due)).await?;
            stepped = true;
        };
        pg::retrying("advance_clock", || self.tell_clock(tenant, command, done)).await
    }

    /// What the request id was answered before, or where the clock stands; a refusal where the tenant has none to move.
    async fn may_advance(
        &self,
        tenant: &TenantId,
        request: &Request,
    ) -> Result<ControlFlow<Answer<AdvanceClockResponse>, OffsetDateTime>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let row = store::tenant::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, request).await? {
            return Ok(ControlFlow::Break(answer));
        }
        let tenant_id = tenant.as_str().to_owned();
        match row {
            Some(row) if row.sandbox => Ok(ControlFlow::Continue(pg::clock(&mut tx).await?)),
            Some(_) => Err(refuse(tx, tenant, request, Refusal::TenantNotSandbox { tenant_id }).await),
            None => Err(refuse(tx, tenant, request, Refusal::TenantNotFound { tenant_id }).await),
        }
    }

    /// One step forward; answers where the clock stands then.
    async fn step_clock(
        &self,
        tenant: &TenantId,
        to: OffsetDateTime,
        due: Option<OffsetDateTime>,
    ) -> Result<OffsetDateTime, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let mut row = locked(&mut tx, tenant).await?;
        let before = pg::clock(&mut tx).await?;
        let clock = next_step(before, to, due);
        if row.clock == Some(clock) {
            return Ok(clock);
        }
        row.clock = Some(clock);
        row.version += 1;
        store::tenant::update(&mut tx, &row).await?;
        pg::note_tenant(&mut tx, tenant, None, Some(clock)).await?;
        let draft = events::clock_advanced(wire::tenant(&row), row.version, clock);
        let positions = self.core.log.append(&mut tx, tenant, &[draft]).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        Ok(clock)
    }

    async fn tell_clock(
        &self,
        tenant: &TenantId,
        command: &AdvanceClock,
        done: bool,
    ) -> Result<Answer<AdvanceClockResponse>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let row = locked(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let message = wire::tenant(&row);
        let answer = |position| AdvanceClockResponse { tenant: Some(message), done, position: Some(position) };
        self.core.finish(tx, tenant, &command.request, ("", &[]), answer).await
    }
}

async fn locked(tx: &mut pg::Tx, tenant: &TenantId) -> Result<Tenant, ProfilesError> {
    let row = store::tenant::lock(tx, tenant).await?;
    row.ok_or_else(|| ProfilesError::TenantUnknown { tenant_id: tenant.as_str().to_owned() })
}
