use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use ids::{Key, TenantId};
use pg::{StoreError, Tx};

use crate::domain::campaign::{Definition, Standing, Turn, Version};
use crate::store;

/// Versions of campaigns held in memory; more than a process meets between two deployments.
const VERSIONS_MAX: usize = 10_000;

type Place = (TenantId, Key, i32);

/// Versions that have been read. A version never changes, so what is held is never stale.
#[derive(Debug, Default)]
pub struct CampaignCache(Mutex<HashMap<Place, Version>>);

impl CampaignCache {
    /// The versions that turns put in force: those not held yet are loaded in one statement.
    pub(super) async fn versions(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        turns: &[Turn],
    ) -> Result<BTreeMap<(Key, i32), Version>, StoreError> {
        let wanted: BTreeSet<(Key, i32)> = turns
            .iter()
            .filter(|turn| turn.standing == Standing::InForce)
            .map(|turn| (turn.campaign_id.clone(), turn.version))
            .collect();
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        for (id, version) in wanted {
            match self.lock().get(&(tenant.clone(), id.clone(), version)) {
                Some(held) => drop(found.insert((id, version), held.clone())),
                None => missing.push((id, version)),
            }
        }
        if !missing.is_empty() {
            for ((id, number), definition) in store::campaign::definitions(tx, tenant, &missing).await? {
                let version = compile(&id, number, definition)?;
                self.hold((tenant.clone(), id.clone(), number), version.clone());
                found.insert((id, number), version);
            }
        }
        Ok(found)
    }

    fn hold(&self, place: Place, version: Version) {
        let mut held = self.lock();
        if held.len() >= VERSIONS_MAX {
            held.clear();
        }
        held.insert(place, version);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Version>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a stored version. One that was readable when it was saved and is not now is a bug, or an older release runs:
/// events wait rather than set nothing off.
pub(crate) fn compile(id: &Key, version: i32, definition: Definition) -> Result<Version, StoreError> {
    let compiled = definition.compile().map_err(|_| {
        tracing::error!(campaign = %id, version, "a saved campaign cannot be read");
        StoreError::Unexpected(sqlx::Error::Decode("a saved campaign cannot be read".into()))
    })?;
    Ok(Version { campaign_id: id.clone(), version, definition: Arc::new(definition), compiled: Arc::new(compiled) })
}
