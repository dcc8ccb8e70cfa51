//! Points that are voided by hand: those of a lot, what is pending, or all that is there.

use time::OffsetDateTime;

use super::account::{Account, Change, Occasion};
use super::book::{AccountKey, Book};
use super::entry::{Entry, EntryKind};
use super::job::line::VoidScope;
use super::lot::LotChange;
use super::refusal::Refusal;

fn taken(lots: &[LotChange]) -> i64 {
    -lots.iter().map(|change| change.points).sum::<i64>()
}

impl Account {
    /// Takes at most so many points; 0: all. What is held stays, and debt too. Growth falls by what could be used.
    fn void(
        &mut self,
        scope: VoidScope,
        expires_at: Option<OffsetDateTime>,
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Entry, Refusal> {
        let most = if points == 0 { i64::MAX } else { points };
        let lots = match scope {
            VoidScope::All => self.lots.take(most),
            VoidScope::Lot => self.lots.take_at(expires_at, most),
            VoidScope::Pending => Vec::new(),
        };
        let usable = taken(&lots);
        let pending = match scope {
            VoidScope::All | VoidScope::Pending => self.pending.take_first(most - usable),
            VoidScope::Lot => 0,
        };
        if usable + pending == 0 {
            return Err(Refusal::NothingToVoid);
        }
        let change = Change { lots, pending: -pending, growth: -usable.min(self.growth), shortfall: 0 };
        Ok(self.post(EntryKind::Adjust, change, occasion, at))
    }
}

impl Book<'_> {
    /// Voids at most so many points of an account; 0: all that there are of what is named.
    pub fn void(
        &mut self,
        key: &AccountKey,
        (scope, expires_at): (Option<VoidScope>, Option<OffsetDateTime>),
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Entry, Refusal> {
        self.point_type(&key.1)?;
        self.settle(key, at);
        let entry = self.account(key).void(scope.unwrap_or(VoidScope::All), expires_at, points, occasion, at)?;
        Ok(self.posted(key, entry, at).0)
    }
}
