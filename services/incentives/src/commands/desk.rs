use std::collections::BTreeSet;

use ids::{TenantId, UserId};
use pg::{StoreError, Tx};

use super::change::{Change, Needs};
use super::returning::coupon_keys;
use crate::domain::checkout::Key;
use crate::domain::desk::{Desk, Written};
use crate::error::IncentivesError;
use crate::store;

/// Locks orders, then checkouts, then coupons, each in key order, and reads them: one statement each, however many calls.
/// Users are by canonical id.
pub(super) async fn lock(
    tx: &mut Tx,
    tenant: &TenantId,
    calls: &[(UserId, &dyn Change)],
) -> Result<Desk, IncentivesError> {
    let (mut checkouts, mut coupons) = (BTreeSet::<Key>::new(), BTreeSet::<Key>::new());
    let (mut opened, mut asked) = (BTreeSet::<Key>::new(), BTreeSet::<Key>::new());
    for (user, call) in calls {
        let key = |id: &str| (user.clone(), id.to_owned());
        checkouts.insert(key(call.checkout_id()));
        match call.needs() {
            Needs::Nothing => {}
            Needs::Coupons(ids) => coupons.extend(ids.iter().map(|id| key(id))),
            Needs::Order(id) => drop(opened.insert(key(id))),
            Needs::ItsOrder => drop(asked.insert(key(call.checkout_id()))),
        }
    }
    // an order's row is locked before its checkout's: which one it is, is looked up first and compared afterwards
    let seen = store::checkout::orders_of(tx, tenant, &list(asked)).await?;
    let its_orders = seen.iter().map(|((user, _), order)| (user.clone(), order.clone()));
    let orders: BTreeSet<Key> = opened.iter().cloned().chain(its_orders).collect();
    store::checkout_order::open(tx, tenant, &list(opened)).await?;
    let orders = store::checkout_order::lock(tx, tenant, &list(orders)).await?;
    let checkouts = store::checkout::lock(tx, tenant, &list(checkouts)).await?;
    if checkouts.iter().any(|it| seen.get(&it.key()).is_some_and(|order| *order != it.order_id)) {
        return Err(IncentivesError::Raced); // confirmed meanwhile, for another order than it was reserved for
    }
    coupons.extend(checkouts.iter().flat_map(coupon_keys));
    let coupons = store::coupon::lock(tx, tenant, &list(coupons)).await?;
    Ok(Desk::new(orders, checkouts, coupons))
}

fn list(keys: BTreeSet<Key>) -> Vec<Key> {
    keys.into_iter().collect()
}

/// Stores what was decided: one statement per table and way, however many rows.
pub(super) async fn write(tx: &mut Tx, tenant: &TenantId, written: Written) -> Result<(), StoreError> {
    store::checkout_order::write(tx, tenant, &written.orders).await?;
    store::checkout_order::forget(tx, tenant, &written.unknown).await?;
    store::checkout::insert(tx, tenant, &written.made).await?;
    store::checkout::write(tx, tenant, &written.checkouts).await?;
    store::coupon::write(tx, tenant, &written.coupons).await?;
    if !written.made.is_empty() {
        store::template::register_tenant(tx, tenant).await?;
    }
    Ok(())
}
