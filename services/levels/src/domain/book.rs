//! What one transaction decides about accounts and members.

mod capping;
mod due;
mod effect;
mod holding;
mod levelling;

pub use capping::Curtailed;
pub use effect::{Effect, HoldChange, What, Written};

use std::collections::{BTreeMap, BTreeSet};

use ids::{EventId, Key, UserId};
use time::OffsetDateTime;

use super::account::{Account, Occasion};
use super::badge::Badge;
use super::benefit::Benefit;
use super::cap::CapBook;
use super::entry::{Entry, Origin};
use super::expiry::Expiry;
use super::hold::Hold;
use super::leaderboard::Leaderboard;
use super::member::{LevelMove, Member, Terms};
use super::pending::{Landing, Release};
use super::point_type::{Activation, PointType};
use super::quest::Quest;
use super::refusal::Refusal;
use super::reversal::Reversible;
use super::reward::Carried;
use super::scheme::{Figures, Scheme};
use super::streak::Streak;

/// A user's account of a point type; in the order in which accounts are locked.
pub type AccountKey = (UserId, Key);
/// A user's standing in a scheme.
pub type MemberKey = (UserId, Key);

/// What the rules of a tenant's programme say now.
#[derive(Debug, Clone, Default)]
pub struct Programme {
    /// Its point types.
    pub types: BTreeMap<Key, PointType>,
    /// Its schemes, in the newest versions.
    pub schemes: BTreeMap<Key, Scheme>,
    /// Its benefits, in the newest versions.
    pub benefits: BTreeMap<Key, Benefit>,
    /// Its leaderboards, in the newest versions.
    pub leaderboards: BTreeMap<Key, Leaderboard>,
    /// Its quests, in the newest versions.
    pub quests: BTreeMap<Key, Quest>,
    /// Its badges, in the newest versions.
    pub badges: BTreeMap<Key, Badge>,
    /// Its streaks, in the newest versions.
    pub streaks: BTreeMap<Key, Streak>,
}

impl Programme {
    /// The point types whose points wait for orders to be completed.
    pub fn awaiting_orders(&self) -> impl Iterator<Item = &Key> {
        self.types.values().filter(|it| it.activation == Activation::OrderCompleted).map(|it| &it.id)
    }

    /// The scheme that was there first: the one whose ranks rules and events name.
    pub fn main_scheme(&self) -> Option<&Scheme> {
        self.schemes.values().min_by_key(|it| (it.create_time, &it.id))
    }

    /// Accounts with those that are decided about together with them, and which of these are opened: what schemes look at
    /// together is there together, so that whoever decides about a member has locked all of it.
    pub fn with_linked(
        &self,
        keys: &BTreeSet<AccountKey>,
        opens: impl Fn(&AccountKey) -> bool,
    ) -> (BTreeSet<AccountKey>, BTreeSet<AccountKey>) {
        let (mut wide, mut opened) = (keys.clone(), BTreeSet::new());
        for key in keys {
            let opens = opens(key);
            for id in self.linked(&key.1) {
                let linked = (key.0.clone(), id.clone());
                if opens {
                    opened.insert(linked.clone());
                }
                wide.insert(linked);
            }
        }
        (wide, opened)
    }

    /// The members that depend on accounts: users of these accounts in the schemes that look at them.
    pub fn members_of<'a>(&'a self, accounts: impl IntoIterator<Item = &'a AccountKey>) -> Vec<(&'a UserId, &'a Key)> {
        let looking = |key: &'a AccountKey| {
            let schemes = self.schemes.values().filter(|scheme| scheme.measures(&key.1));
            schemes.map(|scheme| (&key.0, &scheme.id))
        };
        let members: BTreeSet<_> = accounts.into_iter().flat_map(looking).collect();
        members.into_iter().collect()
    }

    /// What decides about members of a scheme.
    pub fn terms<'a>(&'a self, scheme: &'a Scheme) -> Option<Terms<'a>> {
        Some(Terms { scheme, zone: &self.types.get(scheme.guard())?.zone })
    }

    /// The point types whose accounts of a user are decided about together with one of this type, as schemes look at them
    /// together; itself among them, in order.
    pub fn linked<'a>(&'a self, point_type: &'a Key) -> Vec<&'a Key> {
        let mut linked = vec![point_type];
        let mut joint: Vec<&Scheme> = self.schemes.values().filter(|it| it.measures.len() > 1).collect();
        while let Some(n) = joint.iter().position(|it| linked.iter().any(|id| it.measures(id))) {
            linked.extend(joint.swap_remove(n).measures.iter().map(|it| &it.point_type));
        }
        linked.sort_unstable();
        linked.dedup();
        linked
    }
}

/// The accounts and members that one transaction has locked, what is decided about them, and what came of it, in order.
#[derive(Debug)]
pub struct Book<'a> {
    pub(super) programme: &'a Programme,
    accounts: BTreeMap<AccountKey, Account>,
    members: BTreeMap<MemberKey, Member>,
    holds: BTreeMap<(UserId, EventId), Hold>,
    completed: BTreeMap<(UserId, String), OffsetDateTime>,
    entries: BTreeMap<(AccountKey, i64), Reversible>,
    reversed: BTreeSet<(AccountKey, i64)>,
    caps: CapBook,
    written: BTreeSet<AccountKey>,
    standing: BTreeSet<MemberKey>,
    resolved: BTreeSet<(UserId, EventId)>,
    effects: Vec<Effect>,
}

impl<'a> Book<'a> {
    /// Opens the book on what was loaded.
    pub fn new(
        programme: &'a Programme,
        accounts: BTreeMap<AccountKey, Account>,
        members: BTreeMap<MemberKey, Member>,
    ) -> Self {
        Self {
            programme,
            accounts,
            members,
            holds: BTreeMap::new(),
            completed: BTreeMap::new(),
            entries: BTreeMap::new(),
            reversed: BTreeSet::new(),
            caps: CapBook::default(),
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

    /// The decision time of the next entry of an account, and of those that are decided about with it.
    pub fn decision_time(&self, key: &AccountKey, clock: OffsetDateTime) -> OffsetDateTime {
        let programme: &'a Programme = self.programme;
        let linked = programme.linked(&key.1).into_iter().map(|id| (key.0.clone(), id.clone()));
        let accounts = linked.filter_map(|key| self.accounts.get(&key));
        accounts.fold(clock, |clock, account| account.decision_time(clock))
    }

    /// With when orders were completed: all that earnings may have to be asked for.
    #[must_use]
    pub fn with_completed(mut self, completed: impl IntoIterator<Item = ((UserId, String), OffsetDateTime)>) -> Self {
        self.completed.extend(completed);
        self
    }

    /// With entries that are to be taken back.
    #[must_use]
    pub fn with_entries(mut self, entries: impl IntoIterator<Item = (AccountKey, Reversible)>) -> Self {
        self.entries.extend(entries.into_iter().map(|(key, it)| ((key, it.entry.seq), it)));
        self
    }

    /// A user's standing in a scheme, and what its measures see.
    pub fn standing(&self, user: &UserId, scheme: &Scheme) -> (Option<&Member>, Vec<Figures>) {
        (self.members.get(&(user.clone(), scheme.id.clone())), self.figures(user, scheme))
    }

    /// The rank in the main scheme that a user holds when an event is applied that was recorded then, after what fell due
    /// before; the lowest where the user has none yet, and `None` where there is no scheme.
    pub fn rank_of(&mut self, user: &UserId, recorded_at: OffsetDateTime) -> Option<i64> {
        self.rank_in(user, None, recorded_at)
    }

    /// As [`Book::rank_of`], in a scheme; `None`: in the main one.
    pub fn rank_in(&mut self, user: &UserId, scheme: Option<&Key>, recorded_at: OffsetDateTime) -> Option<i64> {
        let programme: &'a Programme = self.programme;
        let scheme = scheme.map_or_else(|| programme.main_scheme(), |id| programme.schemes.get(id))?;
        let key = (user.clone(), scheme.guard().clone());
        if self.accounts.contains_key(&key) {
            let at = self.decision_time(&key, recorded_at);
            self.settle(&key, at);
        }
        let rank = self.members.get(&(user.clone(), scheme.id.clone())).map_or(0, |member| member.rank);
        i64::try_from(rank).ok()
    }

    /// The account as it is now; an empty one where there is none.
    pub fn account_of(&self, key: &AccountKey) -> Account {
        self.accounts.get(key).cloned().unwrap_or_default()
    }

    /// Whether there is a point type whose points wait for orders to be completed.
    pub fn awaits_orders(&self) -> bool {
        self.programme.awaiting_orders().next().is_some()
    }

    /// The moves so far, each with its scheme, in order.
    pub fn moves(&self) -> impl Iterator<Item = (&Key, &LevelMove)> {
        self.effects.iter().filter_map(|effect| match &effect.what {
            What::Moved { scheme, moved, .. } => Some((scheme, moved)),
            What::Posted { .. } | What::Held { .. } | What::Rewarded { .. } | What::Capped(_) => None,
        })
    }

    /// What happened so far, in order.
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// Gives points; answers where they went, too.
    pub fn earn(
        &mut self,
        key: &AccountKey,
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<(Entry, Landing), Refusal> {
        let point_type = self.point_type(&key.1)?;
        self.settle(key, at);
        let order = &occasion.origin.order_id;
        let completed = self.completed.get(&(key.0.clone(), order.clone())).copied();
        let mut landing = point_type.landing(&key.0, occasion.occurred_at.unwrap_or(at), order, completed);
        landing.release = landing.release.filter(|it| !matches!(it, Release::At(time) if *time <= at));
        let entry = self.account(key).earn(&key.0, points, &landing, occasion, at)?;
        let (entry, _) = self.posted(key, entry, at);
        Ok((entry, landing))
    }

    /// An order of a user was completed: what waited for it in the accounts that are locked can be used. Said twice, the
    /// earlier time stays.
    pub fn complete_order(
        &mut self,
        user: &UserId,
        order: &str,
        completed_at: OffsetDateTime,
        recorded_at: OffsetDateTime,
    ) {
        let completed = *self.completed.entry((user.clone(), order.to_owned())).or_insert(completed_at);
        let programme: &'a Programme = self.programme;
        let release = Release::Order(order.to_owned());
        let waits = |account: &Account| account.pending.iter().any(|lot| lot.release == release);
        let accounts = self.accounts.iter().filter(|((owner, _), account)| owner == user && waits(account));
        for key in accounts.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            let Some(point_type) = programme.types.get(&key.1) else { continue };
            let at = self.decision_time(&key, recorded_at);
            self.settle(&key, at);
            self.activate(&key, point_type, &release, (completed, order.to_owned()), at);
        }
    }

    fn activate(
        &mut self,
        key: &AccountKey,
        point_type: &PointType,
        release: &Release,
        (active_from, order_id): (OffsetDateTime, String),
        at: OffsetDateTime,
    ) {
        let occasion = Occasion { occurred_at: Some(active_from), origin: Origin { order_id, ..Origin::default() } };
        let expires_at = point_type.lapse_of(active_from);
        if let Some(entry) = self.account(key).activate(&key.0, release, expires_at, occasion, at) {
            self.posted(key, entry, at);
        }
    }

    /// Takes points; answers with what can be spent after it too.
    pub fn spend(
        &mut self,
        key: &AccountKey,
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<(Entry, i64), Refusal> {
        let point_type = self.point_type(&key.1)?;
        if !point_type.spendable {
            return Err(Refusal::PointTypeNotSpendable { point_type_id: key.1.to_string() });
        }
        self.settle(key, at);
        let entry = self.account(key).spend(&key.0, points, point_type.overdraft, occasion, at)?;
        Ok(self.posted(key, entry, at))
    }

    /// Takes back points that were earned.
    pub fn take_back(
        &mut self,
        key: &AccountKey,
        points: i64,
        from: &Landing,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let policy = self.point_type(&key.1)?.reversal;
        self.settle(key, at);
        let entry = self.account(key).take_back(&key.0, points, from, policy, occasion, at);
        self.posted(key, entry, at);
        Ok(())
    }

    /// Notes what came of a reward.
    pub fn rewarded(&mut self, user: &UserId, reward_id: &str, carried: Carried, decided_at: OffsetDateTime) {
        self.push(user, What::Rewarded { reward_id: reward_id.to_owned(), carried, decided_at });
    }

    /// Closes the book.
    pub fn close(mut self) -> Written {
        let accounts = self.written.into_iter().filter_map(|key| self.accounts.remove_entry(&key)).collect();
        let members = self.standing.into_iter().filter_map(|key| self.members.remove_entry(&key)).collect();
        let hold = |key: (UserId, EventId)| Some((key.0.clone(), self.holds.remove(&key)?));
        let holds = self.resolved.into_iter().filter_map(hold).collect();
        let reversal = |id: (AccountKey, i64)| Some((id.0.clone(), id.1, self.entries.remove(&id)?.reversed));
        let reversals = self.reversed.into_iter().filter_map(reversal).collect();
        let caps = self.caps.into_changed();
        Written { accounts, members, holds, reversals, caps, effects: self.effects }
    }

    pub(super) fn account(&mut self, key: &AccountKey) -> &mut Account {
        self.accounts.entry(key.clone()).or_default()
    }

    /// Adds an entry that was made; answers it as it is kept, and what can be spent after it. What shows that the user
    /// takes part moves the date on of points that lapse together.
    pub(super) fn posted(&mut self, key: &AccountKey, mut entry: Entry, at: OffsetDateTime) -> (Entry, i64) {
        if let Some(until) = self.kept_until(key, &entry) {
            entry.lots.extend(self.account(key).renew(until));
        }
        self.written.insert(key.clone());
        let available_after = self.account(key).available(at);
        self.push(&key.0, What::Posted { point_type: key.1.clone(), entry: entry.clone(), available_after });
        (entry, available_after)
    }

    fn kept_until(&self, key: &AccountKey, entry: &Entry) -> Option<OffsetDateTime> {
        let point_type = self.programme.types.get(&key.1)?;
        let renews = matches!(point_type.expiry, Expiry::Inactivity(_)) && entry.kind.is_activity();
        renews.then(|| point_type.lapse_of(entry.occurred_at)).flatten()
    }

    /// An entry, as stored or as made by this transaction, and how much of it was taken back.
    pub(super) fn reversible(&self, key: &AccountKey, entry_seq: i64) -> Option<Reversible> {
        let stored = self.entries.get(&(key.clone(), entry_seq)).cloned();
        let made = self.effects.iter().filter(|effect| effect.user == key.0).find_map(|effect| match &effect.what {
            What::Posted { point_type, entry, .. } if *point_type == key.1 && entry.seq == entry_seq => Some(entry),
            _ => None,
        });
        stored.or_else(|| Some(Reversible { entry: made?.clone(), reversed: 0 }))
    }

    pub(super) fn keep_reversal(&mut self, key: &AccountKey, it: Reversible) {
        let id = (key.clone(), it.entry.seq);
        self.reversed.insert(id.clone());
        self.entries.insert(id, it);
    }

    /// What the measures of a scheme see of a user's accounts.
    fn figures(&self, user: &UserId, scheme: &Scheme) -> Vec<Figures> {
        let seen = |point_type: &Key| {
            let account = self.accounts.get(&(user.clone(), point_type.clone()));
            account.map(Account::figures).unwrap_or_default()
        };
        scheme.measures.iter().map(|measure| seen(&measure.point_type)).collect()
    }

    fn push(&mut self, user: &UserId, what: What) {
        let programme: &'a Programme = self.programme;
        let level = match &what {
            What::Moved { scheme, moved, .. } => Some((scheme.clone(), moved.to_rank)),
            What::Posted { .. } | What::Held { .. } | What::Rewarded { .. } | What::Capped(_) => {
                let of = |scheme: &Scheme| {
                    let key = (user.clone(), scheme.id.clone());
                    Some((key.1.clone(), self.members.get(&key)?.rank))
                };
                programme.main_scheme().and_then(of)
            }
        };
        self.effects.push(Effect { user: user.clone(), what, level });
    }
}
