//! Points that users move to others.

use ids::UserId;
use time::OffsetDateTime;

use super::account::{Account, Occasion};
use super::book::{AccountKey, Book};
use super::entry::{Entry, EntryKind, Origin};
use super::hold::lots_of;
use super::lot::Lot;
use super::point_type::{BALANCE_MAX, PointType};
use super::refusal::Refusal;

/// What a transfer did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transferred {
    /// The giver's entry.
    pub sent: Entry,
    /// The receiver's.
    pub received: Entry,
    /// What the giver can spend after it.
    pub available_after: i64,
}

/// The refusal to move so many points where `sent_today` were moved in the same day.
fn within_limits(point_type: &PointType, points: i64, sent_today: i64) -> Result<(), Refusal> {
    let point_type_id = || point_type.id.to_string();
    if !point_type.spendable {
        return Err(Refusal::PointTypeNotSpendable { point_type_id: point_type_id() });
    }
    let Some(limits) = point_type.transfers else {
        return Err(Refusal::TransfersOff { point_type_id: point_type_id() });
    };
    let refuse = |period: &str, limit: i64, left: i64| {
        Err(Refusal::TransferLimit { period: period.to_owned(), limit, left, amount: points })
    };
    let left_today = (limits.max_per_day - sent_today).max(0);
    if points > limits.max_amount {
        refuse("transfer", limits.max_amount, limits.max_amount.min(left_today))
    } else if points > left_today {
        refuse("day", limits.max_per_day, left_today)
    } else {
        Ok(())
    }
}

impl Account {
    /// Points go to another user, those that lapse first first.
    fn send(&mut self, points: i64, occasion: Occasion, at: OffsetDateTime) -> Result<Entry, Refusal> {
        let available = self.available(at);
        if points > available {
            return Err(Refusal::BalanceShort { available, amount: points });
        }
        let lots = self.lots.take(points);
        Ok(self.post(EntryKind::TransferOut, lots.into(), occasion, at))
    }

    /// Points come from another user, with their dates.
    fn receive(&mut self, user: &UserId, lots: Vec<Lot>, occasion: Occasion, at: OffsetDateTime) -> Entry {
        let changes = self.take_in(user, lots);
        self.post(EntryKind::TransferIn, changes.into(), occasion, at)
    }
}

impl Book<'_> {
    /// Moves points from one account to another of the same type, at a time that is not before an entry of either.
    pub fn transfer(
        &mut self,
        (from, to): (&AccountKey, &AccountKey),
        points: i64,
        sent_today: i64,
        reason: &str,
        at: OffsetDateTime,
    ) -> Result<Transferred, Refusal> {
        within_limits(self.point_type(&from.1)?, points, sent_today)?;
        self.settle(from, at);
        self.settle(to, at);
        if points > BALANCE_MAX - self.account(to).balance().max(0) {
            return Err(Refusal::BalanceOverflow { amount: points });
        }
        let occasion = |counterpart: &UserId| {
            let (reason, counterpart) = (reason.to_owned(), counterpart.to_string());
            Occasion { occurred_at: None, origin: Origin { reason, counterpart, ..Origin::default() } }
        };
        let sent = self.account(from).send(points, occasion(&to.0), at)?;
        let moved = lots_of(sent.lots.clone()).into_iter().map(|lot| Lot { origin: to.0.clone(), ..lot }).collect();
        let (sent, available_after) = self.posted(from, sent, at);
        let received = self.account(to).receive(&to.0, moved, occasion(&from.0), at);
        let (received, _) = self.posted(to, received, at);
        Ok(Transferred { sent, received, available_after })
    }
}
