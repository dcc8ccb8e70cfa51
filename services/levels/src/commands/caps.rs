use std::collections::BTreeMap;

use ids::TenantId;
use pg::{StoreError, Tx};

use crate::domain::cap::{Cap, CapBook, CapKey, Scope};
use crate::store;

/// What caps count, with the caps that count it.
pub(super) type Asked = BTreeMap<CapKey, Vec<Cap>>;

/// Reads what is used of caps, after the accounts are locked, which guard what their users use. What all users use together
/// is locked here, last and in key order, so that no cap is exceeded by two at once; but only where there is room: what is
/// used up stays so, and needs no lock. No caps, no statement.
pub(super) async fn load(tx: &mut Tx, tenant: &TenantId, asked: &Asked) -> Result<CapBook, StoreError> {
    let keys: Vec<&CapKey> = asked.keys().collect();
    let mut used = store::cap::read(tx, tenant, &keys).await?;
    let has_room = |key: &CapKey, caps: &[Cap]| {
        let used = used.get(key).copied().unwrap_or_default();
        caps.iter().any(|cap| cap.scope == Scope::AllUsers && cap.room(used, 1) > 0)
    };
    let contested: Vec<&CapKey> = asked.iter().filter(|(key, caps)| has_room(key, caps)).map(|(key, _)| key).collect();
    if !contested.is_empty() {
        store::cap::lock(tx, tenant, &contested).await?;
        used.extend(store::cap::read(tx, tenant, &contested).await?);
    }
    Ok(CapBook::new(used))
}
