//! Corrections by hand, and whose approval they need.

use ids::{EventId, Key, UserId};
use time::OffsetDateTime;

use super::account::{Account, Change, Occasion};
use super::book::{AccountKey, Book};
use super::entry::{Entry, EntryKind, Origin};
use super::refusal::Refusal;

/// How far an adjustment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdjustmentState {
    /// Waits for approval.
    Proposed,
    /// Carried out.
    Applied,
    /// Will not be carried out.
    Rejected,
}

impl AdjustmentState {
    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            AdjustmentState::Proposed => 1,
            AdjustmentState::Applied => 2,
            AdjustmentState::Rejected => 3,
        }
    }

    /// The state of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Proposed, Self::Applied, Self::Rejected].into_iter().find(|state| state.code() == code)
    }

    fn name(self) -> &'static str {
        match self {
            AdjustmentState::Proposed => "proposed",
            AdjustmentState::Applied => "applied",
            AdjustmentState::Rejected => "rejected",
        }
    }
}

/// A correction of a user's points by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// Made from the request that asked for it.
    pub id: EventId,
    /// The user, by the id that was canonical when it was asked for.
    pub user: UserId,
    /// Of what.
    pub point_type: Key,
    /// Positive: added.
    pub amount: i64,
    /// Why.
    pub reason: String,
    /// How far it has come.
    pub state: AdjustmentState,
    /// Who asked for it.
    pub requested_by: String,
    /// Who decided; empty while it is proposed.
    pub decided_by: String,
    /// Why it was rejected.
    pub note: String,
    /// Number of its entry; 0: none.
    pub entry_seq: i64,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When it was decided.
    pub decided_at: Option<OffsetDateTime>,
}

impl Adjustment {
    /// The refusal to decide it again.
    fn refuse_decided(&self) -> Result<(), Refusal> {
        match self.state {
            AdjustmentState::Proposed => Ok(()),
            AdjustmentState::Applied | AdjustmentState::Rejected => Err(Refusal::AdjustmentDecided {
                adjustment_id: self.id.to_string(),
                state: self.state.name().to_owned(),
            }),
        }
    }

    /// The refusal of an approval by this subject.
    pub fn refuse_approval(&self, by: &str) -> Result<(), Refusal> {
        self.refuse_decided()?;
        if by == self.requested_by {
            return Err(Refusal::ApproverIsRequester { adjustment_id: self.id.to_string() });
        }
        Ok(())
    }

    /// It will not be carried out.
    pub fn reject(&mut self, by: &str, note: &str, at: OffsetDateTime) -> Result<(), Refusal> {
        self.refuse_decided()?;
        by.clone_into(&mut self.decided_by);
        note.clone_into(&mut self.note);
        (self.state, self.decided_at) = (AdjustmentState::Rejected, Some(at.max(self.created_at)));
        Ok(())
    }
}

impl Account {
    /// Adds points that can be used at once, or takes some as spending does. Growth changes by as much.
    fn adjust(
        &mut self,
        user: &UserId,
        points: i64,
        expires_at: Option<OffsetDateTime>,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Entry, Refusal> {
        let lots = if points > 0 {
            if points > self.room() {
                return Err(Refusal::BalanceOverflow { amount: points });
            }
            self.fill(user, expires_at, user, points)
        } else {
            let available = self.available(at);
            if -points > available {
                return Err(Refusal::BalanceShort { available, amount: -points });
            }
            self.lots.take(-points)
        };
        let growth = points.max(-self.growth);
        Ok(self.post(EntryKind::Adjust, Change { lots, growth, ..Change::default() }, occasion, at))
    }
}

impl Book<'_> {
    /// Adds points by hand, or takes some below 0.
    pub fn correct(
        &mut self,
        key: &AccountKey,
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Entry, Refusal> {
        let point_type = self.point_type(&key.1)?;
        self.settle(key, at);
        let entry = self.account(key).adjust(&key.0, points, point_type.lapse_of(at), occasion, at)?;
        Ok(self.posted(key, entry, at).0)
    }

    /// Carries an adjustment out, as decided by a subject.
    pub fn adjust(
        &mut self,
        key: &AccountKey,
        adjustment: &mut Adjustment,
        by: &str,
        at: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let (reason, adjustment_id) = (adjustment.reason.clone(), adjustment.id.to_string());
        let occasion = Occasion { occurred_at: None, origin: Origin { reason, adjustment_id, ..Origin::default() } };
        let entry = self.correct(key, adjustment.amount, occasion, at)?;
        by.clone_into(&mut adjustment.decided_by);
        (adjustment.state, adjustment.entry_seq) = (AdjustmentState::Applied, entry.seq);
        adjustment.decided_at = Some(at);
        Ok(())
    }
}
