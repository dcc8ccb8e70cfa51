//! What falls due by itself, and the levels that follow.

use ids::{EventId, UserId};
use time::OffsetDateTime;

use super::{AccountKey, Book, Programme};
use crate::domain::member::{Member, MoveCause};
use crate::domain::pending::Release;
use crate::domain::point_type::PointType;
use crate::domain::scheme::Scheme;

/// What falls due by itself.
enum Due<'a> {
    /// The lots with the next date lapse.
    Lapse,
    /// A hold times out.
    TimeOut(EventId),
    /// The validity of a level ends.
    PeriodEnd(&'a Scheme),
    /// Something pending can be used.
    Activation,
}

impl<'a> Book<'a> {
    /// Books what fell due by `at`, in the order in which it did: lots that lapsed, holds and periods that ended, and what
    /// was pending.
    pub fn end_periods(&mut self, key: &AccountKey, at: OffsetDateTime) {
        let programme: &'a Programme = self.programme;
        let Some(point_type) = programme.types.get(&key.1) else { return };
        let scheme = programme.scheme.as_ref().filter(|scheme| scheme.point_type == key.1);
        let since = self.accounts.get(key).and_then(|account| account.decided_at);
        while let Some((time, due)) = self.next_due(key, scheme, at) {
            match due {
                Due::Lapse => {
                    if let Some(entry) = self.account(key).book_lapse(since, at) {
                        self.posted(key, entry, at);
                    }
                }
                Due::TimeOut(id) => self.time_out(key, &id, at),
                Due::PeriodEnd(scheme) => self.end_period(key, point_type, scheme, time, at),
                Due::Activation => {
                    self.activate(key, point_type, &Release::At(time), (time, String::new()), at);
                    self.decide_level_of(&key.0, time, at);
                }
            }
        }
    }

    /// What falls due first by `at`, and when. At one instant a period ends before what is pending can be used, which
    /// belongs to the next.
    fn next_due(
        &self,
        key: &AccountKey,
        scheme: Option<&'a Scheme>,
        at: OffsetDateTime,
    ) -> Option<(OffsetDateTime, Due<'a>)> {
        let account = self.accounts.get(key)?;
        let lapse = account.lots.next_expiry().map(|time| (time, Due::Lapse));
        let time_out = self.next_timed_out(key, at).map(|(time, id)| (time, Due::TimeOut(id)));
        let end = scheme.and_then(|scheme| Some((self.members.get(&key.0)?.valid_until?, Due::PeriodEnd(scheme))));
        let activation = account.pending.next_release().map(|time| (time, Due::Activation));
        let due = [lapse, time_out, end, activation].into_iter().flatten().filter(|(time, _)| *time <= at);
        due.min_by_key(|(time, _)| *time) // of equals the first
    }

    /// Books all that fell due by `at`, in the order in which it did: lots that lapsed, holds and periods that ended, and
    /// then the scheme's new thresholds.
    pub fn settle(&mut self, key: &AccountKey, at: OffsetDateTime) {
        let programme: &'a Programme = self.programme;
        let Some(point_type) = programme.types.get(&key.1) else { return };
        self.end_periods(key, at);
        let scheme = programme.scheme.as_ref().filter(|scheme| scheme.point_type == key.1);
        if let Some(scheme) = scheme {
            let growth = self.account(key).growth;
            if let Some(member) = self.members.get_mut(&key.0).filter(|member| member.scheme_version != scheme.version)
            {
                let moved = member.follow(scheme, &point_type.zone, growth, MoveCause::SchemeChanged, (at, at));
                self.moved(&key.0, moved);
            }
        }
    }

    /// Puts the user on the level that the growth supports, after the entries of one call or event.
    pub fn decide_level(&mut self, user: &UserId, at: OffsetDateTime) {
        self.decide_level_of(user, at, at);
    }

    /// As [`Book::decide_level`], for what happened at a time and is booked at `at`.
    fn decide_level_of(&mut self, user: &UserId, time: OffsetDateTime, at: OffsetDateTime) {
        let programme: &'a Programme = self.programme;
        let Some(scheme) = &programme.scheme else { return };
        let Some(point_type) = programme.types.get(&scheme.point_type) else { return };
        let key = (user.clone(), scheme.point_type.clone());
        let Some(growth) =
            self.accounts.get(&key).filter(|account| account.entry_seq > 0).map(|account| account.growth)
        else {
            return;
        };
        let zone = &point_type.zone;
        if !self.members.contains_key(user) {
            self.members.insert(user.clone(), Member::enrol(scheme, zone, time));
            self.standing.insert(user.clone());
        }
        if let Some(member) = self.members.get_mut(user) {
            let rises = scheme.rank_for(growth) > member.rank;
            let cause = if rises { MoveCause::Earned } else { MoveCause::Reversed };
            let moved = member.follow(scheme, zone, growth, cause, (time, at));
            self.moved(user, moved);
        }
    }

    fn end_period(
        &mut self,
        key: &AccountKey,
        point_type: &PointType,
        scheme: &Scheme,
        end: OffsetDateTime,
        at: OffsetDateTime,
    ) {
        let growth = self.account(key).growth;
        let Some(member) = self.members.get_mut(&key.0) else { return };
        let Some((growth_after, moved)) = member.end_period(scheme, &point_type.zone, growth, at) else { return };
        if let Some(entry) = self.account(key).end_level(growth_after, point_type.spendable, end, at) {
            self.posted(key, entry, at);
        }
        self.moved(&key.0, Some(moved));
    }
}
