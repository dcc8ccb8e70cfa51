use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use host::Timers;
use ids::TenantId;
use time::OffsetDateTime;
use tonic::Status;

use crate::domain::case::Dealing;
use crate::error::FeedbackError;
use crate::{Feedback, events, store};

/// Tenants looked up at once.
const TENANTS_STEP: i64 = 100;

/// What comes due for a tenant: deadlines and promises that pass, and cases to put under a new SLA policy.
pub struct DeadlineTimers(pub Arc<Feedback>);

impl Timers for DeadlineTimers {
    fn next<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Option<OffsetDateTime>, Status>> {
        Box::pin(async move { Ok(self.0.next_due(tenant).await?) })
    }

    fn run<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<u64, Status>> {
        Box::pin(async move { Ok(self.0.run_due(tenant).await?) })
    }
}

impl Feedback {
    /// Brings the cases of all tenants up to date, as far as one run may go; answers how many. Several replicas may do it
    /// at once: each passes over what another holds.
    pub async fn look_at_deadlines(&self) -> Result<u64, FeedbackError> {
        let (mut done, mut batches) = (0, self.settings.batches_max);
        let mut after = String::new();
        loop {
            let mut tx = self.core.db.begin_system().await?;
            let tenants = store::tenant::list(&mut tx, &after, TENANTS_STEP).await?;
            tx.rollback().await?;
            let Some(last) = tenants.last() else { return Ok(done) };
            after = last.as_str().to_owned();
            for tenant in &tenants {
                loop {
                    if batches == 0 {
                        return Ok(done);
                    }
                    batches -= 1;
                    match self.run_due(tenant).await? {
                        0 => break,
                        cases => done += cases,
                    }
                }
            }
        }
    }

    /// When the tenant's next deadline or promise passes; in the past where one did, or where a new policy waits to be
    /// applied. `None`: nothing is planned.
    pub async fn next_due(&self, tenant: &TenantId) -> Result<Option<OffsetDateTime>, FeedbackError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let alarm = store::case::next_alarm(&mut tx, tenant).await?;
        let policies = store::sla_policy::current(&mut tx, tenant).await?;
        let stale = store::case::any_stale(&mut tx, tenant, policies.version()).await?;
        tx.rollback().await?;
        let published = policies.current().filter(|_| stale).map(|policy| policy.publish_time);
        Ok([alarm, published].into_iter().flatten().min())
    }

    /// Brings a bounded number of the tenant's cases up to date; answers how many, 0: nothing was due.
    pub async fn run_due(&self, tenant: &TenantId) -> Result<u64, FeedbackError> {
        pg::retrying("look_at_deadlines", || self.run_due_once(tenant)).await
    }

    #[tracing::instrument(name = "look_at_deadlines", skip_all, fields(tenant = %tenant))]
    async fn run_due_once(&self, tenant: &TenantId) -> Result<u64, FeedbackError> {
        let limit = self.settings.batch_max.max(1);
        let mut tx = self.core.db.begin(tenant).await?;
        let clock = pg::clock(&mut tx).await?;
        let version = store::sla_policy::current(&mut tx, tenant).await?.version();
        let mut cases = store::case::lock_due(&mut tx, tenant, clock, limit).await?;
        cases.extend(store::case::lock_stale(&mut tx, tenant, version, limit).await?);
        let cases: BTreeMap<_, _> = cases.into_iter().map(|it| ((it.user.clone(), it.id.clone()), it)).collect();
        let Some(oldest) = cases.values().map(|case| case.sla_version).min() else { return Ok(0) };
        let policies = store::sla_policy::since(&mut tx, tenant, oldest).await?;
        // read again: a version that came in between was published after the first look
        let clock = pg::clock(&mut tx).await?;
        let dealt: Vec<_> = cases.into_values().map(|case| Dealing::take_up(case, &policies, clock).close()).collect();
        super::write(&mut tx, tenant, &dealt.iter().collect::<Vec<_>>()).await?;
        let drafts: Vec<_> = dealt.iter().flat_map(|(case, entries)| events::told(case, entries)).collect();
        let positions = self.core.log.append(&mut tx, tenant, &drafts).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        Ok(dealt.iter().filter(|(_, entries)| !entries.is_empty()).count() as u64)
    }
}
