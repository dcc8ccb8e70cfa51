//! The levels that follow from what accounts hold.

use ids::{Key, UserId};
use time::OffsetDateTime;

use super::{AccountKey, Book, MemberKey, Programme, What};
use crate::domain::member::{LevelMove, Member, MemberDue, Shift, Terms};
use crate::domain::scheme::{Basis, Figures, Scheme};

impl<'a> Book<'a> {
    /// Books all that fell due by `at`, in the order in which it did, and then the new thresholds of schemes.
    pub fn settle(&mut self, key: &AccountKey, at: OffsetDateTime) {
        let programme: &'a Programme = self.programme;
        self.end_periods(key, at);
        for scheme in programme.schemes.values().filter(|scheme| scheme.measures(&key.1)) {
            let id = (key.0.clone(), scheme.id.clone());
            if self.members.get(&id).is_some_and(|member| member.scheme_version != scheme.version) {
                self.follow(&id, scheme, Shift::Scheme, at, at);
            }
        }
    }

    /// Puts the user on the levels that the accounts support, after the entries of one call or event.
    pub fn decide_level(&mut self, user: &UserId, at: OffsetDateTime) {
        let programme: &'a Programme = self.programme;
        for scheme in programme.schemes.values() {
            self.booked(user, scheme, at, at);
        }
    }

    /// Makes a user that is on no level yet a member of a scheme.
    pub fn enrol(&mut self, user: &UserId, scheme: &Scheme, at: OffsetDateTime) {
        let id = (user.clone(), scheme.id.clone());
        if self.members.contains_key(&id) {
            return;
        }
        if let Some(terms) = self.programme.terms(scheme) {
            self.members.insert(id.clone(), Member::enrol(terms, at));
            self.standing.insert(id);
        }
    }

    /// Does something to a member for which figures and terms are needed.
    pub fn with_member<T>(
        &mut self,
        user: &UserId,
        scheme: &Scheme,
        act: impl FnOnce(&mut Member, Terms<'_>, &[Figures]) -> T,
    ) -> Option<T> {
        let figures = self.figures(user, scheme);
        let id = (user.clone(), scheme.id.clone());
        let answer = act(self.members.get_mut(&id)?, self.programme.terms(scheme)?, &figures);
        self.standing.insert(id);
        Some(answer)
    }

    /// Tells of a move of a member.
    pub fn tell_move(&mut self, user: &UserId, scheme: &Key, moved: LevelMove) {
        let secondary = self.programme.main_scheme().is_some_and(|main| main.id != *scheme);
        self.push(user, What::Moved { scheme: scheme.clone(), secondary, moved });
    }

    /// An account changed by itself at `time`, which is booked at `at`.
    pub(super) fn shifted(&mut self, key: &AccountKey, shift: Shift, time: OffsetDateTime, at: OffsetDateTime) {
        let programme: &'a Programme = self.programme;
        for scheme in programme.schemes.values() {
            match shift {
                Shift::Booked if scheme.measures(&key.1) => self.booked(&key.0, scheme, time, at),
                Shift::Lapsed if scheme.falls_with(&key.1) => {
                    self.follow(&(key.0.clone(), scheme.id.clone()), scheme, shift, time, at);
                }
                Shift::Booked | Shift::Lapsed | Shift::Scheme => {}
            }
        }
    }

    /// Something of a member fell due at `time`, which is booked at `at`.
    pub(super) fn member_due(
        &mut self,
        user: &UserId,
        scheme: &'a Key,
        due: MemberDue,
        time: OffsetDateTime,
        at: OffsetDateTime,
    ) {
        let programme: &'a Programme = self.programme;
        let Some(scheme) = programme.schemes.get(scheme) else { return };
        let lowered = if due == MemberDue::Review { self.end_growth(user, scheme, time, at) } else { Vec::new() };
        let moved =
            self.with_member(user, scheme, |member, terms, figures| member.come_due(terms, figures, due, (time, at)));
        if let Some(Some(moved)) = moved {
            self.tell_move(user, &scheme.id, moved);
        }
        for key in lowered {
            let others = programme.schemes.values().filter(|it| it.id != scheme.id && it.measures(&key.1));
            for other in others {
                self.follow(&(key.0.clone(), other.id.clone()), other, Shift::Lapsed, time, at);
            }
        }
    }

    /// Does to the growth that a scheme looks at what the end of a validity does; answers the accounts that it changed.
    fn end_growth(
        &mut self,
        user: &UserId,
        scheme: &Scheme,
        ended: OffsetDateTime,
        at: OffsetDateTime,
    ) -> Vec<AccountKey> {
        let programme: &'a Programme = self.programme;
        let Some(validity) = scheme.validity else { return Vec::new() };
        let Some(rank) = self.members.get(&(user.clone(), scheme.id.clone())).map(|it| it.earned.rank) else {
            return Vec::new();
        };
        let mut lowered = Vec::new();
        for (n, measure) in scheme.measures.iter().enumerate().filter(|(_, it)| it.basis == Basis::Growth) {
            let key = (user.clone(), measure.point_type.clone());
            let Some(point_type) = programme.types.get(&key.1) else { continue };
            let Some(account) = self.accounts.get_mut(&key) else { continue };
            let growth_after = validity.end.growth_after(account.growth, scheme.threshold(rank, n));
            if let Some(entry) = account.end_level(growth_after, point_type.spendable, ended, at) {
                self.posted(&key, entry, at);
                lowered.push(key);
            }
        }
        lowered
    }

    /// Something was booked at `time` that a scheme may look at. Whoever has an entry in one of its accounts is a member.
    fn booked(&mut self, user: &UserId, scheme: &'a Scheme, time: OffsetDateTime, at: OffsetDateTime) {
        let account = |point_type: &Key| self.accounts.get(&(user.clone(), point_type.clone()));
        // whose guard is not here has not been decided about in this book
        let locked = account(scheme.guard()).is_some();
        let counts = scheme.measures.iter().filter_map(|it| account(&it.point_type)).any(|it| it.entry_seq > 0);
        if locked && counts {
            self.enrol(user, scheme, time);
            self.follow(&(user.clone(), scheme.id.clone()), scheme, Shift::Booked, time, at);
        }
    }

    /// A member is written even where the rank stayed: it may have been decided by a newer version of the scheme.
    fn follow(&mut self, id: &MemberKey, scheme: &Scheme, shift: Shift, time: OffsetDateTime, at: OffsetDateTime) {
        let followed =
            self.with_member(&id.0, scheme, |member, terms, figures| member.follow(terms, figures, shift, (time, at)));
        if let Some(Some(moved)) = followed {
            self.tell_move(&id.0, &scheme.id, moved);
        }
    }
}
