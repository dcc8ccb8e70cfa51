use std::collections::{BTreeMap, BTreeSet};

use eventlog::{Draft, TooManyHops};
use ids::{EventId, TenantId, UserId};
use pg::{StoreError, Tx};
use time::OffsetDateTime;

use crate::domain::account::Account;
use crate::domain::book::{AccountKey, Programme, What, Written};
use crate::domain::hold::Hold;
use crate::domain::member::Member;
use crate::{events, store};

/// Locks accounts in key order and reads them. Those that there are not yet are opened if `opens` says so. Most calls find all
/// of theirs, in one statement.
pub(super) async fn lock(
    tx: &mut Tx,
    tenant: &TenantId,
    keys: &BTreeSet<AccountKey>,
    opens: impl Fn(&AccountKey) -> bool,
) -> Result<BTreeMap<AccountKey, Account>, StoreError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut accounts = store::account::lock(tx, tenant, keys).await?;
    let missing: Vec<&AccountKey> = keys.iter().filter(|key| !accounts.contains_key(*key) && opens(key)).collect();
    if !missing.is_empty() {
        store::account::open(tx, tenant, missing.iter().copied()).await?;
        accounts.extend(store::account::lock(tx, tenant, missing).await?);
    }
    Ok(accounts)
}

/// The open holds of locked accounts, and the named holds. Most accounts have none, and say so.
pub(super) async fn holds(
    tx: &mut Tx,
    tenant: &TenantId,
    accounts: &BTreeMap<AccountKey, Account>,
    named: &[(&UserId, &EventId)],
) -> Result<Vec<(UserId, Hold)>, StoreError> {
    let holding: Vec<&AccountKey> =
        accounts.iter().filter(|(_, account)| account.held > 0).map(|(key, _)| key).collect();
    store::hold::of_accounts(tx, tenant, &holding, named).await
}

/// When orders were completed, where points can wait for that. After the accounts are locked: whoever completes an order
/// lets go what waits for it in accounts that it has locked, so an order that is open now will find what comes to wait.
pub(super) async fn completed<'a>(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    orders: impl Iterator<Item = (&'a UserId, &'a str)>,
) -> Result<Vec<((UserId, String), OffsetDateTime)>, StoreError> {
    if programme.awaiting_orders().next().is_none() {
        return Ok(Vec::new());
    }
    let orders: BTreeSet<(&str, &str)> = orders.map(|(user, order)| (user.as_str(), order)).collect();
    let courses = store::order::courses(tx, tenant, &orders.into_iter().collect::<Vec<_>>()).await?;
    Ok(courses.into_iter().filter_map(|(key, course)| Some((key, course.completed_at?))).collect())
}

/// The members among the users whose measuring accounts are locked.
pub(super) async fn members(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    accounts: impl IntoIterator<Item = &AccountKey>,
) -> Result<BTreeMap<UserId, Member>, StoreError> {
    let Some(scheme) = &programme.scheme else { return Ok(BTreeMap::new()) };
    let measured = accounts.into_iter().filter(|(_, point_type)| *point_type == scheme.point_type);
    let users: Vec<&str> = measured.map(|(user, _)| user.as_str()).collect();
    if users.is_empty() {
        return Ok(BTreeMap::new());
    }
    store::member::read(tx, tenant, &scheme.id, &users).await
}

/// Stores what was decided: one statement per table, however many rows.
pub(super) async fn write(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    written: &Written,
) -> Result<(), StoreError> {
    if !written.accounts.is_empty() {
        let mut keys = Vec::new();
        let mut posted = Vec::new();
        for effect in &written.effects {
            if let What::Posted { point_type, entry, .. } = &effect.what {
                keys.push((effect.user.clone(), point_type.clone()));
                posted.push(entry);
            }
        }
        let entries: Vec<_> = keys.iter().zip(posted).collect();
        store::entry::insert(tx, tenant, &entries).await?;
        store::account::write(tx, tenant, &written.accounts).await?;
        store::hold::write(tx, tenant, &written.holds).await?;
        store::reversal::write(tx, tenant, &written.reversals).await?;
        store::total::add(tx, tenant, programme, &entries).await?;
    }
    store::cap::write(tx, tenant, &written.caps).await?;
    if let Some(scheme) = &programme.scheme {
        store::member::write(tx, tenant, &scheme.id, &written.members).await?;
        let moves = written.effects.iter().filter_map(|effect| match &effect.what {
            What::Moved(moved) => Some((&effect.user, moved)),
            What::Posted { .. } | What::Held { .. } | What::Rewarded { .. } | What::Capped(_) => None,
        });
        store::member::insert_moves(tx, tenant, &scheme.id, &moves.collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// What the log is told of what was decided by a call, in order.
pub(super) fn told(programme: &Programme, written: &Written) -> Result<Vec<Draft>, TooManyHops> {
    written.effects.iter().map(|effect| events::told(effect, programme.scheme.as_ref(), None)).collect()
}
