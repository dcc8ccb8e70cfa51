//! What one transaction decides about accounts and members.

mod holding;

use std::collections::{BTreeMap, BTreeSet};

use ids::{EventId, Key, UserId};
use time::OffsetDateTime;

use super::account::{Account, Occasion};
use super::entry::Entry;
use super::hold::Hold;
use super::member::{LevelMove, Member, MoveCause};
use super::order::Earning;
use super::point_type::PointType;
use super::refusal::Refusal;
use super::reward::Carried;
use super::scheme::Scheme;

/// A user's account of a point type; in the order in which accounts are locked.
pub type AccountKey = (UserId, Key);

/// What the rules of a tenant's programme say now.
#[derive(Debug, Clone, Default)]
pub struct Programme {
    /// Its point types.
    pub types: BTreeMap<Key, PointType>,
    /// Its scheme.
    pub scheme: Option<Scheme>,
}

/// The accounts and members that one transaction has locked, what is decided about them, and what came of it, in order.
#[derive(Debug)]
pub struct Book<'a> {
    programme: &'a Programme,
    accounts: BTreeMap<AccountKey, Account>,
    members: BTreeMap<UserId, Member>,
    holds: BTreeMap<(UserId, EventId), Hold>,
    written: BTreeSet<AccountKey>,
    standing: BTreeSet<UserId>,
    resolved: BTreeSet<(UserId, EventId)>,
    effects: Vec<Effect>,
}

/// Something that happened to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// To whom.
    pub user: UserId,
    /// What.
    pub what: What,
    /// The rank held after it; `None` where the user is on no level yet.
    pub rank: Option<usize>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An entry was made.
    Posted {
        /// In the account of this type.
        point_type: Key,
        /// The entry.
        entry: Entry,
        /// What can be spent after it.
        available_after: i64,
    },
    /// A level changed or was renewed.
    Moved(LevelMove),
    /// A hold was opened or resolved, or something of it was given back.
    Held {
        /// The hold after it.
        hold: Hold,
        /// What was done with it.
        change: HoldChange,
        /// What can be spent after it.
        available_after: i64,
    },
    /// A reward was carried out, or cannot be.
    Rewarded {
        /// The reward.
        reward_id: String,
        /// What came of it.
        carried: Carried,
        /// When that was decided.
        decided_at: OffsetDateTime,
    },
}

/// What was done with a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldChange {
    /// It was opened.
    Opened,
    /// Points of it were used.
    Captured {
        /// Number of the entry; 0 where there was nothing to take.
        entry_seq: i64,
        /// What was taken although it was not there.
        debt: i64,
        /// What was not there and is not taken.
        shortfall: i64,
    },
    /// It was let go.
    Released,
    /// Its time was up.
    Expired,
    /// Points were given back.
    GivenBack {
        /// How many this time.
        points: i64,
        /// Number of the entry.
        entry_seq: i64,
        /// When.
        at: OffsetDateTime,
    },
}

/// What is to be written of a book.
#[derive(Debug)]
pub struct Written {
    /// Accounts with new entries.
    pub accounts: Vec<(AccountKey, Account)>,
    /// Members that are new or changed.
    pub members: Vec<(UserId, Member)>,
    /// Holds that are new or changed.
    pub holds: Vec<(UserId, Hold)>,
    /// What happened, in order.
    pub effects: Vec<Effect>,
}

impl<'a> Book<'a> {
    /// Opens the book on what was loaded.
    pub fn new(
        programme: &'a Programme,
        accounts: BTreeMap<AccountKey, Account>,
        members: BTreeMap<UserId, Member>,
    ) -> Self {
        Self {
            programme,
            accounts,
            members,
            holds: BTreeMap::new(),
            written: BTreeSet::new(),
            standing: BTreeSet::new(),
            resolved: BTreeSet::new(),
            effects: Vec::new(),
        }
    }

    /// With holds of the accounts: all that are open, so that those that time out are seen, and others that are named.
    #[must_use]
    pub fn with_holds(mut self, holds: impl IntoIterator<Item = (UserId, Hold)>) -> Self {
        self.holds.extend(holds.into_iter().map(|(user, hold)| ((user, hold.id.clone()), hold)));
        self
    }

    /// The point type, or the refusal that there is none.
    pub fn point_type(&self, id: &Key) -> Result<&'a PointType, Refusal> {
        let programme: &'a Programme = self.programme;
        programme.types.get(id).ok_or_else(|| Refusal::PointTypeNotFound { point_type_id: id.to_string() })
    }

    /// The decision time of the next entry of an account.
    pub fn decision_time(&self, key: &AccountKey, clock: OffsetDateTime) -> OffsetDateTime {
        self.accounts.get(key).map_or(clock, |account| account.decision_time(clock))
    }

    /// Books the lots that lapsed and ends the holds and periods that ended by `at`, in the order in which they did.
    pub fn end_periods(&mut self, key: &AccountKey, at: OffsetDateTime) {
        let programme: &'a Programme = self.programme;
        let Some(point_type) = programme.types.get(&key.1) else { return };
        let scheme = programme.scheme.as_ref().filter(|scheme| scheme.point_type == key.1);
        loop {
            let lapse = self.account(key).lots.next_expiry().filter(|date| *date <= at);
            let hold = self.next_timed_out(key, at);
            let end = scheme.and_then(|_| self.members.get(&key.0)?.valid_until).filter(|end| *end <= at);
            let first = |time: OffsetDateTime, others: [Option<OffsetDateTime>; 2]| {
                others.into_iter().flatten().all(|other| time <= other)
            };
            match (lapse, hold, end, scheme) {
                (Some(lapse), hold, end, _) if first(lapse, [hold.as_ref().map(|it| it.0), end]) => {
                    if let Some(entry) = self.account(key).book_lapse(at) {
                        self.posted(key, entry, at);
                    }
                }
                (_, Some((time, id)), end, _) if first(time, [end, None]) => self.time_out(key, &id, at),
                (_, _, Some(end), Some(scheme)) => self.end_period(key, point_type, scheme, end, at),
                _ => break,
            }
        }
    }

    /// The member and the growth that an account stands for.
    pub fn standing(&self, key: &AccountKey) -> (Option<&Member>, i64) {
        (self.members.get(&key.0), self.accounts.get(key).map_or(0, |account| account.growth))
    }

    /// The account as it is now; an empty one where there is none.
    pub fn account_of(&self, key: &AccountKey) -> Account {
        self.accounts.get(key).cloned().unwrap_or_default()
    }

    /// What happened so far, in order.
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// Gives points into the lot of their date.
    pub fn earn(
        &mut self,
        key: &AccountKey,
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Entry, Refusal> {
        let point_type = self.point_type(&key.1)?;
        self.settle(key, at);
        let expires_at = point_type.lapse_of(occasion.occurred_at.unwrap_or(at));
        let entry = self.account(key).earn(&key.0, points, expires_at, occasion, at)?;
        self.posted(key, entry.clone(), at);
        Ok(entry)
    }

    /// Takes points; answers with what can be spent after it too.
    pub fn spend(
        &mut self,
        key: &AccountKey,
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<(Entry, i64), Refusal> {
        if !self.point_type(&key.1)?.spendable {
            return Err(Refusal::PointTypeNotSpendable { point_type_id: key.1.to_string() });
        }
        self.settle(key, at);
        let entry = self.account(key).spend(points, occasion, at)?;
        let available = self.posted(key, entry.clone(), at);
        Ok((entry, available))
    }

    /// Takes back points of an earning.
    pub fn take_back(
        &mut self,
        user: &UserId,
        earning: &Earning,
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let key = (user.clone(), earning.point_type.clone());
        self.take_back_from(&key, points, (earning.lot_expires_at, &earning.lot_origin), occasion, at)
    }

    /// Takes back points that went to a lot.
    pub fn take_back_from(
        &mut self,
        key: &AccountKey,
        points: i64,
        lot: (Option<OffsetDateTime>, &UserId),
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let policy = self.point_type(&key.1)?.reversal;
        self.settle(key, at);
        let entry = self.account(key).take_back(&key.0, points, lot, policy, occasion, at);
        self.posted(key, entry, at);
        Ok(())
    }

    /// Notes what came of a reward.
    pub fn rewarded(&mut self, user: &UserId, reward_id: &str, carried: Carried, decided_at: OffsetDateTime) {
        self.push(user, What::Rewarded { reward_id: reward_id.to_owned(), carried, decided_at });
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
                let moved = member.follow(scheme, &point_type.zone, growth, MoveCause::SchemeChanged, at);
                self.moved(&key.0, moved);
            }
        }
    }

    /// Puts the user on the level that the growth supports, after the entries of one call or event.
    pub fn decide_level(&mut self, user: &UserId, at: OffsetDateTime) {
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
            self.members.insert(user.clone(), Member::enrol(scheme, zone, at));
            self.standing.insert(user.clone());
        }
        if let Some(member) = self.members.get_mut(user) {
            let rises = scheme.rank_for(growth) > member.rank;
            let cause = if rises { MoveCause::Earned } else { MoveCause::Reversed };
            let moved = member.follow(scheme, zone, growth, cause, at);
            self.moved(user, moved);
        }
    }

    /// Closes the book.
    pub fn close(mut self) -> Written {
        let accounts = self.written.into_iter().filter_map(|key| self.accounts.remove_entry(&key)).collect();
        let members = self.standing.into_iter().filter_map(|user| self.members.remove_entry(&user)).collect();
        let hold = |key: (UserId, EventId)| Some((key.0.clone(), self.holds.remove(&key)?));
        let holds = self.resolved.into_iter().filter_map(hold).collect();
        Written { accounts, members, holds, effects: self.effects }
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

    fn account(&mut self, key: &AccountKey) -> &mut Account {
        self.accounts.entry(key.clone()).or_default()
    }

    fn posted(&mut self, key: &AccountKey, entry: Entry, at: OffsetDateTime) -> i64 {
        self.written.insert(key.clone());
        let available_after = self.account(key).available(at);
        self.push(&key.0, What::Posted { point_type: key.1.clone(), entry, available_after });
        available_after
    }

    /// A member is written even where the rank stayed: it may have been decided by a newer version of the scheme.
    fn moved(&mut self, user: &UserId, moved: Option<LevelMove>) {
        self.standing.insert(user.clone());
        if let Some(moved) = moved {
            self.push(user, What::Moved(moved));
        }
    }

    fn push(&mut self, user: &UserId, what: What) {
        let rank = self.members.get(user).map(|member| member.rank);
        self.effects.push(Effect { user: user.clone(), what, rank });
    }
}
