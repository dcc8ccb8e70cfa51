use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventlog::{Draft, Log};
use ids::TenantId;
use pg::{Db, Moment, Standing, Tx};
use prost::Message;
use proto::common::v1::Position;
use requests::{Keep, Request};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::{Answer, Failure, Refuse};

/// The longest that a read waits for a position, and a write for its tenant to become known here.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// How often a write looks whether its tenant has become known.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Tenants remembered as known; past it they are looked up again.
const KNOWN_MAX: usize = 10_000;

/// What every service stands on: its database and its event log.
pub struct Core {
    /// The pool.
    pub db: Db,
    /// The log.
    pub log: Arc<Log>,
    /// Tenants that were registered once. They are never forgotten by the store, so this is no cache that can be wrong.
    known: Mutex<HashSet<TenantId>>,
}

impl Core {
    /// On a database and its log.
    pub fn new(db: Db, log: Arc<Log>) -> Self {
        Self { db, log, known: Mutex::default() }
    }

    /// Begins a write of a tenant. One that was created a moment ago may not have travelled here yet: it is waited for.
    pub async fn write<R: Refuse>(&self, tenant: &TenantId) -> Result<Tx, Failure<R>> {
        self.meet(tenant).await?;
        Ok(self.db.begin(tenant).await?)
    }

    /// Waits for a tenant that may not have travelled here yet. A call that is going to wait with others does so before,
    /// so that they need not.
    pub async fn meet<R: Refuse>(&self, tenant: &TenantId) -> Result<(), Failure<R>> {
        if self.knows(tenant) { Ok(()) } else { self.await_tenant(tenant).await }
    }

    /// The decision time of a write of a tenant whose writes are served: read after its locks, and after its request id
    /// was looked up.
    pub async fn decide<R: Refuse>(&self, tx: &mut Tx, tenant: &TenantId) -> Result<OffsetDateTime, Failure<R>> {
        Ok(self.moment(tx, tenant).await?.at)
    }

    pub(crate) async fn moment<R: Refuse>(&self, tx: &mut Tx, tenant: &TenantId) -> Result<Moment, Failure<R>> {
        let tenant_id = || tenant.as_str().to_owned();
        match pg::standing(tx).await? {
            Standing::Open(moment) => Ok(moment),
            Standing::Suspended => Err(Failure::TenantSuspended { tenant_id: tenant_id() }),
            Standing::Unknown => Err(Failure::TenantUnknown { tenant_id: tenant_id() }),
        }
    }

    /// Begins a read that shows the effects of these positions.
    pub async fn read<R: Refuse>(&self, tenant: &TenantId, at_least: &[Position]) -> Result<Tx, Failure<R>> {
        self.reach(at_least).await?;
        Ok(self.db.begin_read(tenant).await?)
    }

    /// Waits until the service has come to these positions.
    pub async fn reach<R: Refuse>(&self, at_least: &[Position]) -> Result<(), Failure<R>> {
        Ok(self.log.wait_for(at_least, patience()).await?)
    }

    /// Tells the log, keeps the answer, which names the place in the log, and commits. Without anything to tell, the place
    /// is where the user's partition ends: all that was done before is told up to there.
    pub async fn finish<T: Message + Default, R: Refuse>(
        &self,
        mut tx: Tx,
        tenant: &TenantId,
        request: &Request,
        (user, drafts): (&str, &[Draft]),
        answer: impl FnOnce(Position) -> T + Send,
    ) -> Result<Answer<T>, Failure<R>> {
        let positions = self.log.append(&mut tx, tenant, drafts).await?;
        let place = match positions.last() {
            Some(position) => *position,
            None => self.log.end_of(&mut tx, tenant, user).await?,
        };
        let value = answer(place.into());
        requests::record(&mut tx, tenant, Keep::Days30, &[(request, Ok::<_, &R>(&value))]).await?;
        tx.commit().await?;
        self.log.wake(&positions);
        Ok(Answer { value, replayed: false })
    }

    async fn await_tenant<R: Refuse>(&self, tenant: &TenantId) -> Result<(), Failure<R>> {
        let until = Instant::now() + patience() / 2; // what is left is for the answer
        loop {
            let mut tx = self.db.begin(tenant).await?;
            let standing = pg::standing(&mut tx).await?;
            tx.rollback().await?;
            if standing != Standing::Unknown {
                self.remember(tenant);
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(Failure::TenantUnknown { tenant_id: tenant.as_str().to_owned() });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn knows(&self, tenant: &TenantId) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(tenant)
    }

    fn remember(&self, tenant: &TenantId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(tenant.clone());
    }
}

/// How long the current call may wait.
fn patience() -> Duration {
    rt::remaining().map_or(WAIT_MAX, |left| left.min(WAIT_MAX))
}
