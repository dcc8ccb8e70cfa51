use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ids::TenantId;
use pg::{Moment, StoreError, Tx};
use time::OffsetDateTime;

use crate::{Core, Failure, Refuse};

/// Tenants whose catalogues are kept; past it they are read again.
const TENANTS_MAX: usize = 10_000;

/// What the operators of a tenant published and every call needs, such as its point types: read whole, from tables that are
/// part of the catalogue (`select catalogue('point_type')` in their migration).
pub trait Published: Send + Sync + Sized + 'static {
    /// Reads it.
    fn load(tx: &mut Tx, tenant: &TenantId) -> impl Future<Output = Result<Self, StoreError>> + Send;
}

/// What tenants published, kept in memory. It is never stale: the store counts its changes, and the number comes along when
/// a call looks at its tenant's clock, which it does anyway.
#[derive(Debug)]
pub struct Catalogue<P>(Mutex<HashMap<TenantId, Held<P>>>);

/// A catalogue with the version that it has.
#[derive(Debug)]
pub struct Held<P> {
    version: i64,
    published: Arc<P>,
}

impl<P> Clone for Held<P> {
    fn clone(&self) -> Self {
        Self { version: self.version, published: Arc::clone(&self.published) }
    }
}

impl<P> Deref for Held<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.published
    }
}

impl<P> Default for Catalogue<P> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<P: Published> Catalogue<P> {
    /// The catalogue as this process knows it: for a write, which finds out by [`Catalogue::decide`] whether it has changed.
    pub async fn held(&self, tx: &mut Tx, tenant: &TenantId) -> Result<Held<P>, StoreError> {
        let held = self.lock().get(tenant).cloned();
        match held {
            Some(held) => Ok(held),
            // the number first: what is published between the two statements makes it look older than it is
            None => {
                let Moment { catalogue, .. } = pg::moment(tx).await?;
                self.load(tx, tenant, catalogue).await
            }
        }
    }

    /// The decision time of a write, see [`Core::decide`]. Where the catalogue is not the one that it went by, the attempt
    /// is over, and the next one will read it anew.
    pub async fn decide<R: Refuse>(
        &self,
        core: &Core,
        tx: &mut Tx,
        tenant: &TenantId,
        held: &Held<P>,
    ) -> Result<OffsetDateTime, Failure<R>> {
        let Moment { at, catalogue } = core.moment(tx, tenant).await?;
        if catalogue == held.version {
            return Ok(at);
        }
        self.lock().remove(tenant);
        Err(Failure::Raced)
    }

    /// The catalogue as it is stored now, and the clock: for a read, or for events, which are applied by what is published
    /// when they are.
    pub async fn now(&self, tx: &mut Tx, tenant: &TenantId) -> Result<(Held<P>, OffsetDateTime), StoreError> {
        let Moment { at, catalogue } = pg::moment(tx).await?;
        let held = self.lock().get(tenant).filter(|held| held.version == catalogue).cloned();
        Ok(match held {
            Some(held) => (held, at),
            None => (self.load(tx, tenant, catalogue).await?, at),
        })
    }

    async fn load(&self, tx: &mut Tx, tenant: &TenantId, version: i64) -> Result<Held<P>, StoreError> {
        let loaded = Held { version, published: Arc::new(P::load(tx, tenant).await?) };
        let mut all = self.lock();
        if all.len() >= TENANTS_MAX && !all.contains_key(tenant) {
            all.clear();
        }
        // of two that fill at once the newer stays
        let kept = all.entry(tenant.clone()).or_insert_with(|| loaded.clone());
        if kept.version < version {
            *kept = loaded.clone();
        }
        Ok(loaded)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Held<P>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
