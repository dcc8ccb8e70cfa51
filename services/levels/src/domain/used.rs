//! Points that were used, and how they come back.

use ids::UserId;
use time::OffsetDateTime;

use super::account::{Account, Occasion};
use super::entry::{Entry, EntryKind, Origin};
use super::hold::{points_of, split};
use super::lot::{Lot, LotChange};
use super::point_type::BALANCE_MAX;
use super::refusal::Refusal;

/// When points lapse that come back now.
#[derive(Debug, Clone, Copy)]
pub struct Fresh {
    /// As if they were given now.
    pub lapses: Option<OffsetDateTime>,
    /// Whether all get that date, whatever lot they came from: points that lapse together.
    pub all: bool,
}

/// What a capture or a spending used, as far as it did not come back yet.
#[derive(Debug)]
pub(super) struct Used<'a> {
    /// The lots that it took from, soonest expiry first.
    pub(super) lots: &'a [Lot],
    /// What was not there and became debt.
    pub(super) debt: i64,
    /// How much came back.
    pub(super) given_back: i64,
}

impl Used<'_> {
    /// The next `points` that come back: those used last first, what became debt before all; answered soonest expiry first.
    /// What became debt comes back as if it were given now.
    pub(super) fn coming_back(&self, points: i64, user: &UserId, fresh: Fresh) -> Vec<Lot> {
        let as_debt = Lot { expires_at: fresh.lapses, origin: user.clone(), points: self.debt };
        let (mut skip, mut left) = (self.given_back, points);
        let mut back = Vec::new();
        for lot in [&as_debt].into_iter().chain(self.lots.iter().rev()) {
            let skipped = skip.min(lot.points);
            skip -= skipped;
            let taken = left.min(lot.points - skipped);
            left -= taken;
            if taken > 0 {
                let expires_at = if fresh.all { fresh.lapses } else { lot.expires_at };
                back.push(Lot { points: taken, expires_at, ..lot.clone() });
            }
        }
        back.sort_by_key(|lot| (lot.expires_at.is_none(), lot.expires_at));
        back
    }
}

impl Account {
    /// Points come back: debt is filled first, with those that lapse first; the rest goes to its lots, and lapses at once
    /// where their date has passed. The first entry is the return.
    pub(super) fn put_back(
        &mut self,
        user: &UserId,
        back: Vec<Lot>,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Vec<Entry>, Refusal> {
        let points = points_of(&back);
        if points > BALANCE_MAX - self.balance().max(0) {
            return Err(Refusal::BalanceOverflow { amount: points });
        }
        let lapse = Occasion {
            occurred_at: Some(at),
            origin: Origin {
                order_id: occasion.origin.order_id.clone(),
                hold_id: occasion.origin.hold_id.clone(),
                ..Origin::default()
            },
        };
        let changes = self.take_in(user, back);
        let mut entries = vec![self.post(EntryKind::Return, changes.into(), occasion, at)];
        let mut lapsed = Vec::new();
        while self.lots.next_expiry().is_some_and(|date| date <= at) {
            lapsed.extend(self.lots.take_next_expiry());
        }
        if !lapsed.is_empty() {
            entries.push(self.post(EntryKind::Expire, lapsed.into(), lapse, at));
        }
        Ok(entries)
    }

    /// Lots come to the account: debt is filled first, with those that lapse first.
    pub(super) fn take_in(&mut self, user: &UserId, lots: Vec<Lot>) -> Vec<LotChange> {
        let filled = points_of(&lots).min(self.debt);
        let (_, rest) = split(lots, filled);
        let mut changes = Vec::new();
        if filled > 0 {
            self.debt -= filled;
            changes.push(LotChange { expires_at: None, origin: user.clone(), points: filled });
        }
        changes.extend(rest.iter().map(|lot| self.lots.add(lot.expires_at, &lot.origin, lot.points)));
        changes
    }
}
