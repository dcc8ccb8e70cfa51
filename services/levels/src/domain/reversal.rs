//! Entries by call that are taken back.

use ids::UserId;
use time::OffsetDateTime;

use super::account::{Account, Change, Occasion};
use super::book::{AccountKey, Book};
use super::entry::{Entry, EntryKind};
use super::hold::lots_of;
use super::lot::{Lot, LotChange};
use super::pending::{Landing, Release};
use super::point_type::{BALANCE_MAX, PointType, ReversalPolicy};
use super::refusal::Refusal;
use super::used::Used;

/// An entry, and how much of it was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversible {
    /// The entry.
    pub entry: Entry,
    /// Taken back so far, forgiven shortfalls included.
    pub reversed: i64,
}

impl Reversible {
    /// What is left of it.
    pub fn left(&self) -> i64 {
        self.entry.amount.abs() - self.reversed
    }

    /// How many points a call takes back that names so many; 0: all that is left.
    fn claimed(&self, points: i64) -> Result<i64, Refusal> {
        let entry_seq = self.entry.seq;
        let not_here = |by: &str| Err(Refusal::EntryNotReversible { entry_seq, by: by.to_owned() });
        let origin = &self.entry.origin;
        match self.entry.kind {
            _ if !origin.hold_id.is_empty() => return not_here("hold"),
            _ if !origin.reward_id.is_empty() => return not_here("reward"),
            _ if !origin.rule_id.is_empty() => return not_here("order"),
            EntryKind::Earn | EntryKind::Spend => {}
            EntryKind::Expire
            | EntryKind::Reverse
            | EntryKind::LevelEnd
            | EntryKind::Return
            | EntryKind::DebtFilled
            | EntryKind::Activate
            | EntryKind::Adjust
            | EntryKind::TransferOut
            | EntryKind::TransferIn
            | EntryKind::Opening => return not_here("none"),
        }
        let left = self.left();
        if points > left || left == 0 {
            return Err(Refusal::ReversalExceeded { entry_seq, left, amount: points });
        }
        Ok(if points == 0 { left } else { points })
    }

    /// Says of which entry something is taken back, and at whose cost it was.
    fn explain(&self, mut occasion: Occasion) -> Occasion {
        let origin = &self.entry.origin;
        occasion.origin.order_id.clone_from(&origin.order_id);
        occasion.origin.cost_centre.clone_from(&origin.cost_centre);
        occasion.origin.funder = origin.funder;
        occasion.origin.reverses_seq = self.entry.seq;
        occasion
    }

    /// Where an earning went.
    fn landing(&self, user: &UserId, point_type: &PointType) -> Landing {
        let Entry { pending, activates_at, origin, lots, .. } = &self.entry;
        let release = || activates_at.map_or_else(|| Release::Order(origin.order_id.clone()), Release::At);
        let into = lots.iter().rev().find(|change| change.points > 0);
        let expires_at = match activates_at {
            Some(time) => point_type.lapse_of(*time),
            None => into.and_then(|change| change.expires_at),
        };
        Landing { release: (*pending > 0).then(release), expires_at, origin: user.clone() }
    }

    /// What a spending took: lots, and what became debt.
    fn used(&self) -> (Vec<Lot>, i64) {
        let debt = self.entry.shortfall;
        let mut spent: Vec<LotChange> = self.entry.lots.iter().filter(|change| change.points < 0).cloned().collect();
        if let Some(owed) = spent.iter_mut().rev().find(|change| change.expires_at.is_none()) {
            owed.points += debt;
        }
        spent.retain(|change| change.points < 0);
        (lots_of(spent), debt)
    }
}

/// What a reversal did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversed {
    /// The entry made.
    pub entry: Entry,
    /// What can be spent after it.
    pub available_after: i64,
    /// What is left of the entry that was taken back.
    pub left: i64,
}

impl Book<'_> {
    /// Takes an earning or a spending by call back; 0 points: all that is left.
    pub fn reverse(
        &mut self,
        key: &AccountKey,
        entry_seq: i64,
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Reversed, Refusal> {
        let point_type = self.point_type(&key.1)?;
        let mut earlier = self.reversible(key, entry_seq).ok_or(Refusal::EntryNotFound { entry_seq })?;
        let points = earlier.claimed(points)?;
        self.settle(key, at);
        let occasion = earlier.explain(occasion);
        let entries = match earlier.entry.kind {
            EntryKind::Spend => {
                let (lots, debt) = earlier.used();
                let used = Used { lots: &lots, debt, given_back: earlier.reversed };
                let back = used.coming_back(points, &key.0, point_type.fresh(at));
                self.account(key).put_back(&key.0, back, occasion, at)?
            }
            _ => {
                let landing = earlier.landing(&key.0, point_type);
                vec![self.account(key).take_back(&key.0, points, &landing, point_type.reversal, occasion, at)]
            }
        };
        earlier.reversed += points;
        let left = earlier.left();
        self.keep_reversal(key, earlier);
        let mut posted = entries.into_iter().map(|entry| self.posted(key, entry, at)).collect::<Vec<_>>();
        let available_after = self.account(key).available(at);
        let (entry, _) = posted.swap_remove(0);
        Ok(Reversed { entry, available_after, left })
    }

    /// Takes back all that is left of what a line of a job did, in the account that it is about now; answers how much that
    /// was. Where points were taken by hand they come back, and so does their growth.
    pub fn undo(
        &mut self,
        key: &AccountKey,
        made_in: &AccountKey,
        entry_seq: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<i64, Refusal> {
        let point_type = self.point_type(&key.1)?;
        let mut earlier = self.reversible(made_in, entry_seq).ok_or(Refusal::EntryNotFound { entry_seq })?;
        let (points, growth) = (earlier.left(), earlier.entry.growth_change);
        if points == 0 && (growth == 0 || earlier.reversed > 0) {
            return Ok(0);
        }
        self.settle(key, at);
        let occasion = earlier.explain(occasion);
        let account = self.account(key);
        let entries = if earlier.entry.amount < 0 {
            let (lots, debt) = earlier.used();
            let used = Used { lots: &lots, debt, given_back: earlier.reversed };
            let mut entries =
                account.put_back(&key.0, used.coming_back(points, &key.0, point_type.fresh(at)), occasion, at)?;
            let restored = (-growth).min(BALANCE_MAX - account.growth).max(0);
            account.growth += restored;
            entries[0].growth_change = restored;
            entries
        } else {
            let landing = earlier.landing(&made_in.0, point_type);
            match earlier.entry.kind {
                EntryKind::Opening => vec![account.close(&key.0, &earlier.entry, &landing, occasion, at)],
                _ => vec![account.take_back(&key.0, points, &landing, point_type.reversal, occasion, at)],
            }
        };
        earlier.reversed += points;
        if points > 0 {
            self.keep_reversal(made_in, earlier);
        }
        for entry in entries {
            self.posted(key, entry, at);
        }
        Ok(points)
    }
}

impl Account {
    /// Takes back what an account was opened with, as far as it is there: what users had elsewhere is a mistake of an import,
    /// and makes no debt.
    fn close(
        &mut self,
        user: &UserId,
        opening: &Entry,
        from: &Landing,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Entry {
        let pending = from.release.as_ref().map_or(0, |it| self.pending.take_from(it, &from.origin, opening.amount));
        let change = self.take_active(user, opening.amount - pending, from, ReversalPolicy::DownToZero);
        let growth = -opening.growth_change.min(self.growth);
        self.post(EntryKind::Reverse, Change { pending: -pending, growth, ..change }, occasion, at)
    }
}
