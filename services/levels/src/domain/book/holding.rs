use ids::{EventId, UserId};
use time::{Duration, OffsetDateTime};

use super::{AccountKey, Book, HoldChange, What};
use crate::domain::account::Occasion;
use crate::domain::entry::{Entry, Origin};
use crate::domain::hold::{HOLDS_MAX, Hold, HoldState};
use crate::domain::refusal::Refusal;

/// A hold, and what can be spent beside it.
type Held = (Hold, i64);

impl Book<'_> {
    /// Sets points aside.
    pub fn hold(
        &mut self,
        key: &AccountKey,
        id: EventId,
        (points, ttl): (i64, Duration),
        origin: Origin,
        at: OffsetDateTime,
    ) -> Result<Held, Refusal> {
        if !self.point_type(&key.1)?.spendable {
            return Err(Refusal::PointTypeNotSpendable { point_type_id: key.1.to_string() });
        }
        self.settle(key, at);
        let of_account = |(owner, _): &&(UserId, EventId), hold: &Hold| {
            *owner == key.0 && hold.point_type == key.1 && hold.state == HoldState::Open
        };
        if self.holds.iter().filter(|(owner, hold)| of_account(owner, hold)).count() >= HOLDS_MAX {
            return Err(Refusal::HoldLimit { limit: HOLDS_MAX });
        }
        let hold = self.account(key).hold((id, key.1.clone()), points, ttl, origin, at)?;
        Ok(self.held(key, hold, HoldChange::Opened, at))
    }

    /// Uses points of an open hold; 0: all of them.
    pub fn capture(
        &mut self,
        key: &AccountKey,
        id: &EventId,
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Held, Refusal> {
        self.settle(key, at);
        let hold = self.named(key, id)?;
        hold.refuse_resolved()?;
        if points > hold.amount {
            return Err(Refusal::HoldExceeded { held: hold.amount, amount: points });
        }
        let points = if points == 0 { hold.amount } else { points };
        self.capture_open(key, hold, (points, points), occasion, at)
    }

    /// Lets the points of an open hold go.
    pub fn release(&mut self, key: &AccountKey, id: &EventId, at: OffsetDateTime) -> Result<Held, Refusal> {
        self.settle(key, at);
        let hold = self.named(key, id)?;
        hold.refuse_resolved()?;
        Ok(self.let_go(key, hold, HoldState::Released, at))
    }

    /// Gives captured points back until `total` are.
    pub fn give_back(
        &mut self,
        key: &AccountKey,
        id: &EventId,
        total: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Held, Refusal> {
        self.settle(key, at);
        let mut hold = self.named(key, id)?;
        hold.refuse_not_captured()?;
        if total > hold.captured {
            return Err(Refusal::GiveBackExceeded { captured: hold.captured, amount: total });
        }
        hold.due_back = hold.due_back.max(total);
        self.give_back_due(key, hold, occasion, at)
    }

    /// A checkout that counted on the hold was confirmed: its points are used, whatever became of the hold. One that was
    /// let go is captured late: its order has gone through with the discount that the points paid for, so what can be spent
    /// is taken, and the rest becomes debt or is lost to the shop by the type's policy.
    pub fn confirm(
        &mut self,
        key: &AccountKey,
        id: &EventId,
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<(), Refusal> {
        self.settle(key, at);
        let hold = self.named(key, id)?;
        let wanted = points.clamp(0, hold.amount);
        match hold.state {
            HoldState::Captured => {}
            HoldState::Open if wanted == 0 => drop(self.let_go(key, hold, HoldState::Released, at)),
            HoldState::Open => drop(self.capture_open(key, hold, (wanted, points), occasion, at)?),
            HoldState::Released | HoldState::Expired if wanted == 0 => {}
            HoldState::Released | HoldState::Expired => {
                self.capture_late(key, hold, (wanted, points), occasion, at)?;
            }
        }
        Ok(())
    }

    /// A checkout that counted on the hold was given up. One that is resolved stays as it is.
    pub fn cancel(&mut self, key: &AccountKey, id: &EventId, at: OffsetDateTime) -> Result<(), Refusal> {
        self.settle(key, at);
        let hold = self.named(key, id)?;
        if hold.state == HoldState::Open {
            self.let_go(key, hold, HoldState::Released, at);
        }
        Ok(())
    }

    /// An order that was paid with the hold came back, with so many points in all. Known before the capture, it is
    /// remembered until then.
    pub fn returned(
        &mut self,
        key: &AccountKey,
        id: &EventId,
        total: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<(), Refusal> {
        self.settle(key, at);
        let mut hold = self.named(key, id)?;
        if total <= hold.due_back {
            return Ok(());
        }
        hold.due_back = total;
        self.give_back_due(key, hold, occasion, at)?;
        Ok(())
    }

    /// The open hold of an account that timed out first by `at`, and when.
    pub(super) fn next_timed_out(&self, key: &AccountKey, at: OffsetDateTime) -> Option<(OffsetDateTime, EventId)> {
        let holds = self.holds.iter().filter(|((owner, _), hold)| *owner == key.0 && hold.point_type == key.1);
        let ended = holds.filter(|(_, hold)| hold.timed_out(at));
        ended.map(|((_, id), hold)| (hold.expires_at, id.clone())).min()
    }

    pub(super) fn time_out(&mut self, key: &AccountKey, id: &EventId, at: OffsetDateTime) {
        if let Ok(hold) = self.named(key, id) {
            self.let_go(key, hold, HoldState::Expired, at);
        }
    }

    fn named(&self, key: &AccountKey, id: &EventId) -> Result<Hold, Refusal> {
        let hold = self.holds.get(&(key.0.clone(), id.clone())).filter(|hold| hold.point_type == key.1);
        hold.cloned().ok_or_else(|| Refusal::HoldNotFound { hold_id: id.to_string() })
    }

    /// Captures `points` of a hold where `wanted` were counted on.
    fn capture_open(
        &mut self,
        key: &AccountKey,
        mut hold: Hold,
        (points, wanted): (i64, i64),
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Held, Refusal> {
        let entries = self.account(key).capture(&key.0, &mut hold, points, occasion.clone(), at);
        let entry_seq = self.post_all(key, entries, at);
        let change = HoldChange::Captured { entry_seq, debt: 0, shortfall: wanted - points };
        let (hold, _) = self.held(key, hold, change, at);
        self.give_back_due(key, hold, occasion, at)
    }

    fn capture_late(
        &mut self,
        key: &AccountKey,
        mut hold: Hold,
        (points, wanted): (i64, i64),
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Held, Refusal> {
        let policy = self.point_type(&key.1)?.reversal;
        let late = self.account(key).capture_late(&key.0, &mut hold, points, policy, occasion.clone(), at);
        let entry_seq = self.post_all(key, late.entry.into_iter().collect(), at);
        let shortfall = late.shortfall + wanted - points;
        let change = HoldChange::Captured { entry_seq, debt: late.debt, shortfall };
        let (hold, _) = self.held(key, hold, change, at);
        self.give_back_due(key, hold, occasion, at)
    }

    fn let_go(&mut self, key: &AccountKey, mut hold: Hold, state: HoldState, at: OffsetDateTime) -> Held {
        let entries = self.account(key).let_go(&key.0, &mut hold, state, at);
        self.post_all(key, entries, at);
        let change = if state == HoldState::Expired { HoldChange::Expired } else { HoldChange::Released };
        self.held(key, hold, change, at)
    }

    /// Gives back what is known to be due of a captured hold; of another one it is only remembered.
    fn give_back_due(
        &mut self,
        key: &AccountKey,
        mut hold: Hold,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Held, Refusal> {
        let (before, fresh) = (hold.given_back, self.point_type(&key.1)?.fresh(at));
        let entries = match hold.state {
            HoldState::Captured => {
                let due = (hold.due_back, fresh);
                self.account(key).give_back(&key.0, &mut hold, due, occasion, at)?
            }
            HoldState::Open | HoldState::Released | HoldState::Expired => Vec::new(),
        };
        if entries.is_empty() {
            self.keep(key, hold.clone());
            let available = self.account(key).available(at);
            return Ok((hold, available));
        }
        let entry_seq = self.post_all(key, entries, at);
        let change = HoldChange::GivenBack { points: hold.given_back - before, entry_seq, at };
        Ok(self.held(key, hold, change, at))
    }

    /// Posts entries; answers the number of the first, or 0.
    fn post_all(&mut self, key: &AccountKey, entries: Vec<Entry>, at: OffsetDateTime) -> i64 {
        let first = entries.first().map_or(0, |entry| entry.seq);
        for entry in entries {
            self.posted(key, entry, at);
        }
        first
    }

    fn held(&mut self, key: &AccountKey, hold: Hold, change: HoldChange, at: OffsetDateTime) -> Held {
        let available_after = self.account(key).available(at);
        self.keep(key, hold.clone());
        self.push(&key.0, What::Held { hold: hold.clone(), change, available_after });
        (hold, available_after)
    }

    /// The hold as it is from now on; its account is written with it.
    fn keep(&mut self, key: &AccountKey, hold: Hold) {
        self.written.insert(key.clone());
        let id = (key.0.clone(), hold.id.clone());
        self.resolved.insert(id.clone());
        self.holds.insert(id, hold);
    }
}
