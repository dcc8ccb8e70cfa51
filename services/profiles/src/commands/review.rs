use eventlog::Draft;
use ids::TenantId;
use pg::Tx;
use time::OffsetDateTime;

use super::users::{Unknown, claim};
use crate::domain::event::Origin;
use crate::domain::stage_hold::StageHold;
use crate::domain::tenant::Terms;
use crate::domain::user::Snapshot;
use crate::error::ProfilesError;
use crate::{Profiles, events, store, wire};

/// Users moved on in one transaction of the timer.
const STEP: i64 = 200;

/// A user as they are now, and what made them so; `None`: time or a call.
pub(super) type Followed<'a> = (&'a str, Snapshot, Option<&'a Origin>);

/// Notes the stages of users whose rows are locked, and answers the moves as what is to be told. One statement to read and
/// one to write, however many they are; most days of a user's life write nothing.
pub(super) async fn follow(
    tx: &mut Tx,
    tenant: &TenantId,
    terms: &Terms,
    users: &[Followed<'_>],
) -> Result<Vec<Draft>, ProfilesError> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = users.iter().map(|(user, ..)| *user).collect();
    let known = store::stage_hold::read(tx, tenant, &ids).await?;
    let (mut changed, mut told) = (Vec::new(), Vec::new());
    for (user, now, origin) in users {
        let before = known.get(*user).copied();
        let mut hold = before.unwrap_or_else(|| StageHold::new(terms.now));
        let moved = hold.follow(&terms.stage, &terms.zone, now, terms.now);
        if let Some(moved) = moved {
            told.push(events::stage_moved(terms, (user, now), &moved, *origin));
        }
        if moved.is_some() || before.map_or(hold.due_at.is_some(), |before| before != hold) {
            changed.push((*user, hold));
        }
    }
    store::stage_hold::write(tx, tenant, &changed).await?;
    Ok(told)
}

impl Profiles {
    /// When time alone moves the next user of a tenant to another stage.
    pub async fn next_due(&self, tenant: &TenantId) -> Result<Option<OffsetDateTime>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let next = store::stage_hold::next_due(&mut tx, tenant).await?;
        tx.rollback().await?;
        Ok(next)
    }

    /// Moves a bounded number of a tenant's users on whom time has moved; answers how many were looked at.
    pub async fn run_due(&self, tenant: &TenantId) -> Result<u64, ProfilesError> {
        pg::retrying("stages", || self.run_due_once(tenant)).await
    }

    #[tracing::instrument(name = "stages", skip_all, fields(tenant = %tenant))]
    async fn run_due_once(&self, tenant: &TenantId) -> Result<u64, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let Some(terms) = store::tenant::terms(&mut tx, tenant).await? else { return Ok(0) };
        let due = store::stage_hold::due(&mut tx, tenant, terms.now, STEP).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let ids = due.iter().map(String::as_str).collect();
        let claimed = claim(&mut tx, tenant, &ids, Unknown::Skip).await?;
        let users: Vec<Followed<'_>> = claimed.users.iter().map(|(user, now)| (user.as_str(), *now, None)).collect();
        let drafts = follow(&mut tx, tenant, &terms, &users).await?;
        let positions = self.core.log.append(&mut tx, tenant, &drafts).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        Ok(u64::try_from(users.len()).unwrap_or(u64::MAX))
    }

    /// Tells the other services of a tenant that they have not heard of.
    async fn tell_tenant(&self, tenant: &TenantId) -> Result<(), ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        if !store::tenant::tell(&mut tx, tenant).await? {
            return Ok(());
        }
        let Some(row) = store::tenant::read(&mut tx, tenant).await? else { return Ok(()) };
        let draft = events::tenant_told(wire::tenant(&row), row.update_time);
        let positions = self.core.log.append(&mut tx, tenant, &[draft]).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        Ok(())
    }

    /// Goes through all tenants: tells of those that others have not heard of, and moves on whom time has moved. Answers
    /// how many users were looked at.
    pub async fn review(&self) -> Result<u64, ProfilesError> {
        let (mut after, mut looked_at) = (String::new(), 0);
        loop {
            let mut tx = self.core.db.begin_system().await?;
            let tenants = store::tenant::list(&mut tx, &after, STEP).await?;
            tx.rollback().await?;
            let Some(last) = tenants.last() else { return Ok(looked_at) };
            after.clone_from(&last.tenant_id);
            for tenant in &tenants {
                let Ok(tenant) = TenantId::new(tenant.tenant_id.as_str()) else { continue };
                self.tell_tenant(&tenant).await?;
                looked_at += self.run_due(&tenant).await?;
            }
        }
    }
}
