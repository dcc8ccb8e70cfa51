//! A user's points of one type, and the writes that change them.

use ids::UserId;
use time::OffsetDateTime;

use super::entry::{Entry, EntryKind, Origin};
use super::lot::{LotChange, Lots};
use super::point_type::{BALANCE_MAX, ReversalPolicy};
use super::refusal::Refusal;

/// A user's points of one type. Sum of entries = sum of lots + held - debt; while there is debt there are no lots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// What is there and not held, lapsed lots not yet booked included.
    pub lots: Lots,
    /// What open holds keep: the sum of their lots.
    pub held: i64,
    /// What reversals found missing while so much was held: taken from what comes free of holds, so that nobody keeps
    /// points by holding them. Never more than is held.
    pub claimed: i64,
    /// Owed after reversals of spent points.
    pub debt: i64,
    /// Everything ever earned, less what was taken back and what level ends took off; never below 0. Neither spending
    /// nor lapsing changes it.
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

impl Account {
    /// The sum of all entries.
    pub fn balance(&self) -> i64 {
        self.lots.sum() + self.held - self.debt
    }

    /// What can be spent at a time.
    pub fn available(&self, at: OffsetDateTime) -> i64 {
        (self.lots.available(at) - self.debt).max(0)
    }

    /// The decision time of a write: never before an earlier one.
    pub fn decision_time(&self, clock: OffsetDateTime) -> OffsetDateTime {
        self.decided_at.map_or(clock, |earlier| earlier.max(clock))
    }

    /// Gives points: debt is filled first, the rest goes to the lot of this expiry and user.
    pub fn earn(
        &mut self,
        user: &UserId,
        points: i64,
        expires_at: Option<OffsetDateTime>,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Entry, Refusal> {
        if points > BALANCE_MAX - self.balance().max(0) || points > BALANCE_MAX - self.growth {
            return Err(Refusal::BalanceOverflow { amount: points });
        }
        let filled = points.min(self.debt);
        let mut lots = Vec::new();
        if filled > 0 {
            self.debt -= filled;
            lots.push(LotChange { expires_at: None, origin: user.clone(), points: filled });
        }
        if points > filled {
            lots.push(self.lots.add(expires_at, user, points - filled));
        }
        Ok(self.post(EntryKind::Earn, lots, points, 0, occasion, at))
    }

    /// Takes points, those that lapse first first. Lapsed lots must be booked before.
    pub fn spend(&mut self, points: i64, occasion: Occasion, at: OffsetDateTime) -> Result<Entry, Refusal> {
        let available = self.available(at);
        if points > available {
            return Err(Refusal::BalanceShort { available, amount: points });
        }
        let lots = self.lots.take(points);
        Ok(self.post(EntryKind::Spend, lots, 0, 0, occasion, at))
    }

    /// Takes back points that were earned into a lot: from that lot first, then as spending does; what is missing is
    /// forgiven, as far as holds do not keep it, or becomes debt. Growth falls by all of it, as it rose by all of it.
    pub fn take_back(
        &mut self,
        user: &UserId,
        points: i64,
        from: (Option<OffsetDateTime>, &UserId),
        policy: ReversalPolicy,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Entry {
        let mut lots: Vec<LotChange> = self.lots.take_from(from.0, from.1, points).into_iter().collect();
        let taken = |lots: &[LotChange]| -lots.iter().map(|change| change.points).sum::<i64>();
        lots.extend(self.lots.take(points - taken(&lots)));
        let missing = points - taken(&lots);
        let shortfall = match policy {
            ReversalPolicy::MayGoNegative if missing > 0 => {
                self.debt += missing;
                lots.push(LotChange { expires_at: None, origin: user.clone(), points: -missing });
                0
            }
            ReversalPolicy::MayGoNegative | ReversalPolicy::DownToZero => {
                self.claimed += missing.min(self.held - self.claimed);
                missing
            }
        };
        self.post(EntryKind::Reverse, lots, -points.min(self.growth), shortfall, occasion, at)
    }

    /// Books the lots that lapse next, where that is not after `at`.
    pub fn book_lapse(&mut self, at: OffsetDateTime) -> Option<Entry> {
        let date = self.lots.next_expiry().filter(|date| *date <= at)?;
        let lots = self.lots.take_next_expiry();
        let occasion = Occasion { occurred_at: Some(date), origin: Origin::default() };
        Some(self.post(EntryKind::Expire, lots, 0, 0, occasion, at))
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
        Some(self.post(EntryKind::LevelEnd, lots, -fall, 0, occasion, at))
    }

    /// Adds an entry for what was changed already.
    pub(super) fn post(
        &mut self,
        kind: EntryKind,
        lots: Vec<LotChange>,
        growth_change: i64,
        shortfall: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Entry {
        self.growth += growth_change;
        self.entry_seq += 1;
        self.decided_at = Some(at);
        Entry {
            seq: self.entry_seq,
            kind,
            amount: lots.iter().map(|change| change.points).sum(),
            balance_after: self.balance(),
            growth_change,
            origin: occasion.origin,
            lots,
            shortfall,
            occurred_at: occasion.occurred_at.unwrap_or(at),
            recorded_at: at,
        }
    }
}
