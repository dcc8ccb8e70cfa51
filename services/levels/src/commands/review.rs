use std::collections::{BTreeMap, BTreeSet};

use ids::TenantId;
use pg::{StoreError, Tx};
use time::OffsetDateTime;

use super::ledger;
use crate::domain::account::Account;
use crate::domain::book::{AccountKey, Book, Programme};
use crate::error::LevelsError;
use crate::{Levels, events, store};

/// Tenants looked up at once.
const TENANTS_STEP: i64 = 100;

impl Levels {
    /// Books lapsed lots and holds that timed out, reviews levels whose validity ended, and closes seasons that are over, of
    /// all tenants, as far as one run may go. Answers how many accounts were settled and seasons closed. Several replicas may review at once: each passes over what another holds.
    pub async fn review(&self) -> Result<usize, LevelsError> {
        let (mut settled, mut batches) = (0, self.settings.review_batches_max);
        let mut after = String::new();
        loop {
            let mut tx = self.core.db.begin_system().await?;
            let tenants = store::point_type::tenants(&mut tx, &after, TENANTS_STEP).await?;
            tx.rollback().await?;
            let Some(last) = tenants.last() else { return Ok(settled) };
            after = last.as_str().to_owned();
            for tenant in &tenants {
                loop {
                    if batches == 0 {
                        return Ok(settled);
                    }
                    batches -= 1;
                    let done = self.settle(tenant).await?;
                    settled += done;
                    if done == 0 {
                        break;
                    }
                }
            }
        }
    }

    /// When the next account of a tenant is due: a lot lapses, points become usable, or a hold times out; or something of a
    /// member; or when a season is over. A job that runs has been due since it was submitted.
    pub async fn next_due(&self, tenant: &TenantId) -> Result<Option<OffsetDateTime>, LevelsError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let account = store::account::next_due(&mut tx, tenant).await?;
        let time_out = store::hold::next_time_out(&mut tx, tenant).await?;
        let season = store::season::next_end(&mut tx, tenant).await?;
        let member = store::member::next_due(&mut tx, tenant).await?;
        let jobs = store::job::running_of(&mut tx, tenant, 1).await?.first().map(|(_, since)| *since);
        tx.rollback().await?;
        Ok([account, time_out, season, jobs, member].into_iter().flatten().min())
    }

    /// Settles a bounded number of a tenant's due accounts, closes a season that is over, and carries on with jobs; answers
    /// how many.
    pub async fn run_due(&self, tenant: &TenantId) -> Result<u64, LevelsError> {
        let jobs = self.run_jobs_of(tenant).await?;
        Ok(u64::try_from(self.settle(tenant).await? + jobs).unwrap_or(u64::MAX))
    }

    async fn settle(&self, tenant: &TenantId) -> Result<usize, LevelsError> {
        pg::retrying("count_growth", || self.count_growth(tenant)).await?;
        let settled = pg::retrying("review", || self.review_batch(tenant)).await?;
        Ok(settled + pg::retrying("close_season", || self.close_season(tenant)).await?)
    }

    /// Settles the accounts of one tenant that have been due for longest; answers how many.
    #[tracing::instrument(name = "review", skip_all, fields(tenant = %tenant))]
    async fn review_batch(&self, tenant: &TenantId) -> Result<usize, LevelsError> {
        let limit = self.settings.review_batch_max.max(1);
        let mut tx = self.core.db.begin(tenant).await?;
        let (programme, clock) = self.programme.now(&mut tx, tenant).await?;
        let mut due: BTreeSet<AccountKey> =
            store::account::due(&mut tx, tenant, clock, limit).await?.into_iter().collect();
        due.extend(store::hold::timed_out(&mut tx, tenant, clock, limit).await?);
        let schemes: Vec<_> = programme.schemes.values().map(|scheme| (&scheme.id, scheme.guard())).collect();
        due.extend(store::member::due(&mut tx, tenant, &schemes, clock, limit).await?);
        if due.is_empty() {
            return Ok(0);
        }
        let accounts = lock_free(&mut tx, tenant, &programme, &due).await?;
        let keys: Vec<AccountKey> = accounts.keys().cloned().collect();
        let members = ledger::members(&mut tx, tenant, &programme, &keys).await?;
        let holds = ledger::holds(&mut tx, tenant, &accounts, &[]).await?;
        // read again: an account that was waited for may have been decided later than the first look
        let clock = pg::clock(&mut tx).await?;
        let mut book = Book::new(&programme, accounts, members).with_holds(holds);
        for key in &keys {
            let at = book.decision_time(key, clock);
            book.settle(key, at);
        }
        let written = book.close();
        if written.effects.is_empty() && written.members.is_empty() {
            return Ok(0);
        }
        ledger::write(&mut tx, tenant, &programme, &written).await?;
        let drafts = written.effects.iter().map(|effect| events::told(effect, None));
        let positions = self.core.log.append(&mut tx, tenant, &drafts.collect::<Result<Vec<_>, _>>()?).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        Ok(keys.len())
    }
}

/// Locks accounts that nobody else has, with those that schemes look at together with them: all of these or none.
async fn lock_free(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    due: &BTreeSet<AccountKey>,
) -> Result<BTreeMap<AccountKey, Account>, StoreError> {
    let (wide, _) = programme.with_linked(due, |_| false);
    let mut accounts = store::account::lock_free(tx, tenant, &wide).await?;
    let missing: BTreeSet<&AccountKey> = wide.iter().filter(|key| !accounts.contains_key(*key)).collect();
    if wide.len() > due.len() && !missing.is_empty() {
        let taken = store::account::read(tx, tenant, missing).await?;
        let free = |key: &AccountKey| {
            !programme.linked(&key.1).into_iter().any(|id| taken.contains_key(&(key.0.clone(), id.clone())))
        };
        accounts.retain(|key, _| free(key));
    }
    Ok(accounts)
}
