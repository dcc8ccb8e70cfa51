//! What a user has, as of a time.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::account::Account;
use super::book::{AccountKey, Book, MemberKey, Programme};
use super::hold::Hold;
use super::member::Member;
use super::pending::Release;

/// What a user has of one point type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    /// What can be spent.
    pub available: i64,
    /// What open holds keep.
    pub held: i64,
    /// Owed after reversals of spent points.
    pub debt: i64,
    /// The measure of levels.
    pub growth: i64,
    /// What can be spent beyond what is available.
    pub overdraft_left: i64,
    /// What lapses next, soonest first.
    pub expiring: Vec<(OffsetDateTime, i64)>,
    /// What cannot be used yet.
    pub pending: i64,
    /// The same by what it waits for, soonest first.
    pub activating: Vec<(Release, i64)>,
}

/// All that is stored of a user's points of one type, and of what is decided about with it.
#[derive(Debug, Clone, Default)]
pub struct Holding {
    /// The account, and those that schemes look at together with it.
    pub accounts: BTreeMap<AccountKey, Account>,
    /// Their open holds.
    pub holds: Vec<Hold>,
    /// The user as a member of the schemes that look at them.
    pub members: BTreeMap<MemberKey, Member>,
}

impl Holding {
    /// The account; an empty one where there is none.
    pub fn account(&self, key: &AccountKey) -> Account {
        self.accounts.get(key).cloned().unwrap_or_default()
    }

    /// The book on it, with all that fell due by a time; and that time, which is never before what is stored.
    pub fn at<'a>(self, programme: &'a Programme, key: &AccountKey, at: OffsetDateTime) -> (Book<'a>, OffsetDateTime) {
        let holds = self.holds.into_iter().map(|hold| (key.0.clone(), hold));
        let mut book = Book::new(programme, self.accounts, self.members).with_holds(holds);
        let due = book.decision_time(key, at);
        book.end_periods(key, due);
        (book, due)
    }
}

/// What was done to an account after an instant: what to take off it to have what it was then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Since {
    /// The change of its sum.
    pub amount: i64,
    /// The change of its growth.
    pub growth: i64,
    /// The changes of its lots with a date after the instant, by date.
    pub lots: Vec<(OffsetDateTime, i64)>,
    /// The changes of what is pending.
    pub pending: Vec<(Release, i64)>,
}

/// What a hold kept at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// How much.
    pub amount: i64,
    /// By date; `None`: what never lapses.
    pub lots: Vec<(Option<OffsetDateTime>, i64)>,
}

/// What an account has at `at`, no earlier than what is stored of it: all that falls due by then is taken as booked. So the
/// answer does not depend on when lapses and time-outs are booked.
pub fn balance(programme: &Programme, key: &AccountKey, holding: Holding, at: OffsetDateTime) -> Balance {
    let (book, due) = holding.at(programme, key, at);
    let account = book.account_of(key);
    let overdraft = programme.types.get(&key.1).map_or(0, |point_type| point_type.overdraft);
    Balance {
        available: account.available(due),
        held: account.held,
        debt: account.debt,
        overdraft_left: (overdraft - account.debt).max(0),
        growth: account.growth,
        expiring: account.lots.expiring(due),
        pending: account.pending.sum(),
        activating: account.pending.by_release(),
    }
}

/// What an account had at `at`, before the last that is stored of it. Whatever fell due by then was booked by a later write,
/// with its own time, so it is not in `since`; and no entry tells of holds, so that what they kept is taken off what was
/// there. While there was debt there were no lots: one figure says both.
///
/// `overdraft` is that of the type as it is.
pub fn balance_then(
    (key, holding, overdraft): (&AccountKey, &Holding, i64),
    since: Since,
    kept: &[Kept],
    at: OffsetDateTime,
) -> Balance {
    let account = holding.account(key);
    let holds = holding.holds.iter().filter(|hold| hold.point_type == key.1);
    let mut activating: BTreeMap<Release, i64> = account.pending.by_release().into_iter().collect();
    for (release, points) in since.pending {
        *activating.entry(release).or_default() -= points;
    }
    let mut expiring: BTreeMap<OffsetDateTime, i64> = account.lots.expiring(at).into_iter().collect();
    let held_now = holds.flat_map(|hold| &hold.lots).map(|lot| (lot.expires_at, lot.points));
    let held_then = kept.iter().flat_map(|it| &it.lots).map(|(date, points)| (*date, -points));
    let undone = since.lots.iter().map(|(date, points)| (Some(*date), -points));
    for (date, points) in held_now.chain(held_then).chain(undone) {
        if let Some(date) = date.filter(|date| *date > at) {
            *expiring.entry(date).or_default() += points;
        }
    }
    let pending: i64 = activating.values().sum();
    let held: i64 = kept.iter().map(|it| it.amount).sum();
    let free = account.balance() - since.amount - held - pending;
    Balance {
        available: free.max(0),
        held,
        debt: (-free).max(0),
        overdraft_left: (overdraft + free.min(0)).max(0),
        growth: account.growth - since.growth,
        expiring: expiring.into_iter().filter(|(_, points)| *points > 0).collect(),
        pending,
        activating: named(activating),
    }
}

/// Pending points by what they waited for. A reward's revocation need not name the order that its points waited for: what
/// it took then stands apart, and comes off the others here.
fn named(activating: BTreeMap<Release, i64>) -> Vec<(Release, i64)> {
    let mut missing = -activating.values().filter(|points| **points < 0).sum::<i64>();
    let mut named: Vec<(Release, i64)> = activating.into_iter().filter(|(_, points)| *points > 0).collect();
    for (_, points) in named.iter_mut().rev() {
        let taken = missing.min(*points);
        *points -= taken;
        missing -= taken;
    }
    named.retain(|(_, points)| *points > 0);
    named
}
