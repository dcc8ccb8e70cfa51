//! What falls due by itself.

use ids::{EventId, Key, UserId};
use time::OffsetDateTime;

use super::{AccountKey, Book, Programme};
use crate::domain::member::{MemberDue, Shift};
use crate::domain::pending::Release;

/// What falls due by itself, in the order in which it is done at one instant: what counts when a period ends is what was there
/// before anything lapses with it, and what becomes usable belongs to the next.
enum Due<'a> {
    /// Something of a member of this scheme.
    Member(&'a Key, MemberDue),
    /// The lots of an account with the next date lapse.
    Lapse(AccountKey),
    /// A hold of an account times out.
    TimeOut(AccountKey, EventId),
    /// Something pending in an account can be used.
    Activation(AccountKey),
}

impl<'a> Book<'a> {
    /// Books what fell due by `at`, in the order in which it did, of an account and of those that are decided about with it.
    pub fn end_periods(&mut self, key: &AccountKey, at: OffsetDateTime) {
        let programme: &'a Programme = self.programme;
        if !programme.types.contains_key(&key.1) {
            return;
        }
        let linked = programme.linked(&key.1).into_iter().map(|id| (key.0.clone(), id.clone()));
        let keys: Vec<AccountKey> = linked.filter(|key| self.accounts.contains_key(key)).collect();
        let decided = |key: &AccountKey| self.accounts.get(key).and_then(|account| account.decided_at);
        let since: Vec<Option<OffsetDateTime>> = keys.iter().map(decided).collect();
        let since = |key: &AccountKey| keys.iter().position(|it| it == key).and_then(|n| since[n]);
        while let Some((time, due)) = self.next_due(&key.0, &keys, at) {
            match due {
                Due::Member(scheme, due) => self.member_due(&key.0, scheme, due, time, at),
                Due::Lapse(key) => {
                    if let Some(entry) = self.account(&key).book_lapse(since(&key), at) {
                        let lapsed_at = entry.occurred_at;
                        self.posted(&key, entry, at);
                        self.shifted(&key, Shift::Lapsed, lapsed_at, at);
                    }
                }
                Due::TimeOut(key, id) => self.time_out(&key, &id, at),
                Due::Activation(key) => {
                    if let Some(point_type) = programme.types.get(&key.1) {
                        self.activate(&key, point_type, &Release::At(time), (time, String::new()), at);
                        self.shifted(&key, Shift::Booked, time, at);
                    }
                }
            }
        }
    }

    /// What falls due first by `at` of a user's accounts and of the schemes that look at them, and when.
    fn next_due(&self, user: &UserId, keys: &[AccountKey], at: OffsetDateTime) -> Option<(OffsetDateTime, Due<'a>)> {
        let programme: &'a Programme = self.programme;
        let looking = programme.schemes.values().filter(|scheme| keys.iter().any(|key| scheme.measures(&key.1)));
        let members = looking.filter_map(|scheme| {
            let member = self.members.get(&(user.clone(), scheme.id.clone()))?;
            let (time, due) = member.next_due()?;
            Some((time, Due::Member(&scheme.id, due)))
        });
        let accounts = || keys.iter().filter_map(|key| Some((key, self.accounts.get(key)?)));
        let lapses = accounts().filter_map(|(key, it)| Some((it.lots.next_expiry()?, Due::Lapse(key.clone()))));
        let time_outs = keys.iter().filter_map(|key| {
            let (time, id) = self.next_timed_out(key, at)?;
            Some((time, Due::TimeOut(key.clone(), id)))
        });
        let activations =
            accounts().filter_map(|(key, it)| Some((it.pending.next_release()?, Due::Activation(key.clone()))));
        let due = members.chain(lapses).chain(time_outs).chain(activations).filter(|(time, _)| *time <= at);
        due.min_by_key(|(time, _)| *time) // of equals the first
    }
}
