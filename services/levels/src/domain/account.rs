//! A user's points of one type, and the writes that change them.

use ids::UserId;
use time::OffsetDateTime;

use super::entry::{Entry, EntryKind, Origin};
use super::lot::{LotChange, Lots};
use super::pending::{Landing, Pending, PendingLot, Release};
use super::point_type::{BALANCE_MAX, ReversalPolicy};
use super::refusal::Refusal;
use super::scheme::Figures;

/// A user's points of one type. Sum of entries = sum of lots + held + pending - debt; while there is debt there are no
/// lots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// What is there and not held, lapsed lots not yet booked included.
    pub lots: Lots,
    /// What was earned and cannot be used yet.
    pub pending: Pending,
    /// What open holds keep: the sum of their lots.
    pub held: i64,
    /// What reversals found missing while so much was held: taken from what comes free of holds, so that nobody keeps
    /// points by holding them. Never more than is held.
    pub claimed: i64,
    /// Owed after reversals of spent points.
    pub debt: i64,
    /// Everything ever earned that became usable, less what was taken back and what level ends took off; never below 0.
    /// Neither spending nor lapsing changes it.
    pub growth: i64,
    /// Number of the last entry; 0: none yet.
    pub entry_seq: i64,
    /// When the last entry was decided.
    pub decided_at: Option<OffsetDateTime>,
}

/// When and why an entry is made.
#[derive(Debug, Clone, Default)]
pub struct Occasion {
    /// When it happened in the world; `None`: when it is decided.
    pub occurred_at: Option<OffsetDateTime>,
    /// Where it comes from.
    pub origin: Origin,
}

/// What an entry changes; its amount is the sum of the lots' changes and of the pending one.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) lots: Vec<LotChange>,
    pub(super) pending: i64,
    pub(super) growth: i64,
    pub(super) shortfall: i64,
}

impl From<Vec<LotChange>> for Change {
    fn from(lots: Vec<LotChange>) -> Self {
        Self { lots, ..Self::default() }
    }
}

impl Account {
    /// The sum of all entries.
    pub fn balance(&self) -> i64 {
        self.lots.sum() + self.held + self.pending.sum() - self.debt
    }

    /// What levels look at. Lapsed lots must be booked before.
    pub fn figures(&self) -> Figures {
        Figures { growth: self.growth, unexpired: self.lots.sum() - self.debt }
    }

    /// When something happens to it next by itself: a lot lapses, or something pending can be used.
    pub fn next_due(&self) -> Option<OffsetDateTime> {
        self.lots.next_expiry().into_iter().chain(self.pending.next_release()).min()
    }

    /// How much can be given before it holds, or counted as growth, all that an account may.
    pub(super) fn room(&self) -> i64 {
        BALANCE_MAX - self.balance().max(self.growth + self.pending.sum()).max(0)
    }

    /// What can be spent at a time.
    pub fn available(&self, at: OffsetDateTime) -> i64 {
        (self.lots.available(at) - self.debt).max(0)
    }

    /// The decision time of a write: never before an earlier one.
    pub fn decision_time(&self, clock: OffsetDateTime) -> OffsetDateTime {
        self.decided_at.map_or(clock, |earlier| earlier.max(clock))
    }

    /// Gives points: to what is pending, or to their lot, where debt is filled first. Growth counts what can be used.
    pub fn earn(
        &mut self,
        user: &UserId,
        points: i64,
        landing: &Landing,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Entry, Refusal> {
        if points > self.room() {
            return Err(Refusal::BalanceOverflow { amount: points });
        }
        let Some(release) = &landing.release else {
            let lots = self.fill(user, landing.expires_at, &landing.origin, points);
            return Ok(self.post(EntryKind::Earn, Change { lots, growth: points, ..Change::default() }, occasion, at));
        };
        self.pending.add(release, &landing.origin, points);
        let mut entry = self.post(EntryKind::Earn, Change { pending: points, ..Change::default() }, occasion, at);
        if let Release::At(time) = release {
            entry.activates_at = Some(*time);
        }
        Ok(entry)
    }

    /// Books that what waited for this can be used; `expires_at` is when its lot lapses. `None`: nothing waited.
    pub fn activate(
        &mut self,
        user: &UserId,
        release: &Release,
        expires_at: Option<OffsetDateTime>,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Option<Entry> {
        let released = self.pending.take(release);
        let points: i64 = released.iter().map(|lot| lot.points).sum();
        let fill = |PendingLot { origin, points, .. }: &PendingLot| self.fill(user, expires_at, origin, *points);
        let lots: Vec<LotChange> = released.iter().flat_map(fill).collect();
        let change = Change { lots, pending: -points, growth: points, shortfall: 0 };
        (points > 0).then(|| self.post(EntryKind::Activate, change, occasion, at))
    }

    /// Fills debt, then adds the rest to a lot.
    pub(super) fn fill(
        &mut self,
        user: &UserId,
        expires_at: Option<OffsetDateTime>,
        origin: &UserId,
        points: i64,
    ) -> Vec<LotChange> {
        let filled = points.min(self.debt);
        let mut lots = Vec::new();
        if filled > 0 {
            self.debt -= filled;
            lots.push(LotChange { expires_at: None, origin: user.clone(), points: filled });
        }
        if points > filled {
            lots.push(self.lots.add(expires_at, origin, points - filled));
        }
        lots
    }

    /// Takes points, those that lapse first first; what is missing becomes debt, up to the overdraft. Lapsed lots must be
    /// booked before.
    pub fn spend(
        &mut self,
        user: &UserId,
        points: i64,
        overdraft: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Entry, Refusal> {
        let available = self.available(at) + (overdraft - self.debt).max(0);
        if points > available {
            return Err(Refusal::BalanceShort { available, amount: points });
        }
        let mut lots = self.lots.take(points);
        let missing = points + lots.iter().map(|change| change.points).sum::<i64>();
        if missing > 0 {
            self.debt += missing;
            lots.push(LotChange { expires_at: None, origin: user.clone(), points: -missing });
        }
        Ok(self.post(EntryKind::Spend, Change { lots, shortfall: missing, ..Change::default() }, occasion, at))
    }

    /// All points that are not held lapse at the latest date of any of them, or at `until` if that is later: what lapses
    /// together is moved on together.
    pub(super) fn renew(&mut self, until: OffsetDateTime) -> Vec<LotChange> {
        let latest = self.lots.iter().filter_map(|lot| lot.expires_at).max();
        self.lots.move_on(latest.map_or(until, |latest| latest.max(until)))
    }

    /// Takes back points that were earned: from what is still pending of them, then from their lot, then as spending does;
    /// what is missing is forgiven, as far as holds do not keep it, or becomes debt. Growth falls by all that it rose by.
    pub fn take_back(
        &mut self,
        user: &UserId,
        points: i64,
        from: &Landing,
        policy: ReversalPolicy,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Entry {
        let pending = from.release.as_ref().map_or(0, |it| self.pending.take_from(it, &from.origin, points));
        let points = points - pending;
        let mut change = match policy {
            ReversalPolicy::PendingOnly => Change { shortfall: points, ..Change::default() },
            ReversalPolicy::DownToZero | ReversalPolicy::MayGoNegative => self.take_active(user, points, from, policy),
        };
        change.pending = -pending;
        let mut entry = self.post(EntryKind::Reverse, change, occasion, at);
        match &from.release {
            Some(Release::At(time)) if pending > 0 => entry.activates_at = Some(*time),
            Some(Release::Order(order)) if entry.origin.order_id.is_empty() => entry.origin.order_id.clone_from(order),
            _ => {}
        }
        entry
    }

    pub(super) fn take_active(&mut self, user: &UserId, points: i64, from: &Landing, policy: ReversalPolicy) -> Change {
        let mut lots: Vec<LotChange> = match from.release {
            Some(Release::Order(_)) => Vec::new(),
            None | Some(Release::At(_)) => {
                self.lots.take_from(from.expires_at, &from.origin, points).into_iter().collect()
            }
        };
        let taken = |lots: &[LotChange]| -lots.iter().map(|change| change.points).sum::<i64>();
        lots.extend(self.lots.take(points - taken(&lots)));
        let missing = points - taken(&lots);
        let shortfall = match policy {
            ReversalPolicy::MayGoNegative if missing > 0 => {
                self.debt += missing;
                lots.push(LotChange { expires_at: None, origin: user.clone(), points: -missing });
                0
            }
            ReversalPolicy::MayGoNegative | ReversalPolicy::DownToZero | ReversalPolicy::PendingOnly => {
                self.claimed += missing.min(self.held - self.claimed);
                missing
            }
        };
        Change { lots, pending: 0, growth: -points.min(self.growth), shortfall }
    }

    /// Books the lots that lapse next, where that is not after `at`. Those that came too late to be used, after `since`
    /// which was the last write, lapsed when they came.
    pub fn book_lapse(&mut self, since: Option<OffsetDateTime>, at: OffsetDateTime) -> Option<Entry> {
        let date = self.lots.next_expiry().filter(|date| *date <= at)?;
        let lots = self.lots.take_next_expiry();
        let lapsed_at = since.map_or(date, |since| date.max(since));
        let occasion = Occasion { occurred_at: Some(lapsed_at), origin: Origin::default() };
        Some(self.post(EntryKind::Expire, lots.into(), occasion, at))
    }

    /// Lowers growth to what a level's end leaves. Points of a spendable type stay; those that only count go with it.
    pub fn end_level(
        &mut self,
        growth_after: i64,
        spendable: bool,
        ended_at: OffsetDateTime,
        at: OffsetDateTime,
    ) -> Option<Entry> {
        let fall = self.growth - growth_after;
        if fall <= 0 {
            return None;
        }
        let lots = if spendable { Vec::new() } else { self.lots.take(fall) };
        let occasion = Occasion { occurred_at: Some(ended_at), origin: Origin::default() };
        Some(self.post(EntryKind::LevelEnd, Change { lots, growth: -fall, ..Change::default() }, occasion, at))
    }

    /// Adds an entry for what was changed already, but for growth.
    pub(super) fn post(&mut self, kind: EntryKind, change: Change, occasion: Occasion, at: OffsetDateTime) -> Entry {
        let Change { lots, pending, growth, shortfall } = change;
        self.growth += growth;
        self.entry_seq += 1;
        self.decided_at = Some(at);
        Entry {
            seq: self.entry_seq,
            kind,
            amount: lots.iter().map(|change| change.points).sum::<i64>() + pending,
            balance_after: self.balance(),
            growth_change: growth,
            origin: occasion.origin,
            lots,
            pending,
            activates_at: None,
            shortfall,
            occurred_at: occasion.occurred_at.unwrap_or(at),
            recorded_at: at,
        }
    }
}
