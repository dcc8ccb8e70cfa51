use std::collections::{BTreeMap, BTreeSet};

use eventlog::{Draft, TooManyHops};
use ids::{EventId, TenantId, UserId};
use pg::{StoreError, Tx};
use time::OffsetDateTime;

use crate::domain::account::Account;
use crate::domain::book::{AccountKey, MemberKey, Programme, What, Written};
use crate::domain::hold::Hold;
use crate::domain::member::Member;
use crate::{events, store};

/// Locks accounts in key order and reads them, with those that schemes look at together with them. Those that there are not yet
/// are opened if `opens` says so. Most calls find all of theirs, in one statement.
pub(super) async fn lock(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    keys: &BTreeSet<AccountKey>,
    opens: impl Fn(&AccountKey) -> bool,
) -> Result<BTreeMap<AccountKey, Account>, StoreError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (keys, opened) = programme.with_linked(keys, opens);
    let (keys, opens) = (&keys, |key: &AccountKey| opened.contains(key));
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

/// The members of schemes that look at locked accounts.
pub(super) async fn members<'a>(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &'a Programme,
    accounts: impl IntoIterator<Item = &'a AccountKey>,
) -> Result<BTreeMap<MemberKey, Member>, StoreError> {
    store::member::read(tx, tenant, &programme.members_of(accounts)).await
}

/// Stores what was decided: one statement per table, however many rows.
pub(super) async fn write(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    written: &Written,
) -> Result<(), StoreError> {
    write_caused(tx, tenant, programme, written, |_| None).await
}

/// As [`write`], of what events of profiles' log caused: `source` is the number of the event of an effect.
pub(super) async fn write_caused(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    written: &Written,
    source: impl Fn(usize) -> Option<i64>,
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
    store::member::write(tx, tenant, &written.members).await?;
    let moves = written.effects.iter().enumerate().filter_map(|(n, effect)| match &effect.what {
        What::Moved { scheme, moved, .. } => Some((&effect.user, scheme, moved, source(n))),
        What::Posted { .. } | What::Held { .. } | What::Rewarded { .. } | What::Capped(_) => None,
    });
    store::level_move::insert(tx, tenant, &moves.collect::<Vec<_>>()).await
}

/// What the log is told of what was decided by a call, in order.
pub(super) fn told(written: &Written) -> Result<Vec<Draft>, TooManyHops> {
    written.effects.iter().map(|effect| events::told(effect, None)).collect()
}
