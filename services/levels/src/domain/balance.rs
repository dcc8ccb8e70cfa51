//! What a user has, as of a time.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::account::Account;
use super::book::{AccountKey, Book, Programme, What};
use super::entry::{Entry, EntryKind};
use super::hold::Hold;
use super::pending::Release;
use super::point_type::PointType;

/// What a user has of one point type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// What can be spent.
    pub available: i64,
    /// What open holds keep.
    pub held: i64,
    /// Owed after reversals of spent points.
    pub debt: i64,
    /// The measure of levels.
    pub growth: i64,
    /// What lapses next, soonest first.
    pub expiring: Vec<(OffsetDateTime, i64)>,
    /// What cannot be used yet.
    pub pending: i64,
    /// The same by what it waits for, soonest first.
    pub activating: Vec<(Release, i64)>,
}

/// What entries say of lapses, by the dates of the lots.
pub fn lapses<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> impl Iterator<Item = (OffsetDateTime, i64)> {
    let lapsed = entries.into_iter().filter(|entry| entry.kind == EntryKind::Expire);
    lapsed.flat_map(|entry| &entry.lots).filter_map(|change| Some((change.expires_at?, -change.points)))
}

/// What an account has at `at`, by what is known at `now`. All that falls due by the later of the two is taken as booked;
/// then what lapsed after `at`, booked or not, counts as still there. So the answer does not depend on when lapses and
/// time-outs are booked. `lapsed` is what is booked of lots with a date after `at`; `holds` are those that are open.
pub fn balance(
    point_type: &PointType,
    key: &AccountKey,
    (account, holds): (Account, Vec<Hold>),
    lapsed: impl IntoIterator<Item = (OffsetDateTime, i64)>,
    (at, now): (OffsetDateTime, OffsetDateTime),
) -> Balance {
    let programme = Programme { types: [(key.1.clone(), point_type.clone())].into(), ..Programme::default() };
    let user = key.0.clone();
    let mut book = Book::new(&programme, [(key.clone(), account)].into(), BTreeMap::new())
        .with_holds(holds.into_iter().map(|hold| (user.clone(), hold)));
    let due = book.decision_time(key, at.max(now));
    book.settle(key, due);
    let entries = book.effects().iter().filter_map(|effect| match &effect.what {
        What::Posted { entry, .. } => Some(entry),
        What::Moved(_) | What::Held { .. } | What::Rewarded { .. } => None,
    });
    let undone: Vec<_> = lapses(entries).chain(lapsed).filter(|(date, _)| *date > at).collect();
    let account = book.account_of(key);
    let mut expiring: BTreeMap<OffsetDateTime, i64> = account.lots.expiring(at).into_iter().collect();
    for (date, points) in &undone {
        *expiring.entry(*date).or_default() += points;
    }
    let undone: i64 = undone.iter().map(|(_, points)| points).sum();
    Balance {
        available: (account.lots.available(at) + undone - account.debt).max(0),
        held: account.held,
        debt: account.debt,
        growth: account.growth,
        expiring: expiring.into_iter().collect(),
        pending: account.pending.sum(),
        activating: account.pending.by_release(),
    }
}
