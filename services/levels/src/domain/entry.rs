//! The lines of an account.

use time::OffsetDateTime;

use super::lot::LotChange;

/// What made an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Given, by call or by rule.
    Earn,
    /// Used.
    Spend,
    /// Lapsed.
    Expire,
    /// Taken back with its order.
    Reverse,
    /// Taken off when a level's validity ended.
    LevelEnd,
    /// Used, and given back.
    Return,
    /// What came free of a hold filled debt.
    DebtFilled,
    /// What was pending can be used.
    Activate,
    /// Added or taken by hand.
    Adjust,
    /// Moved to another user.
    TransferOut,
    /// Moved here from another user.
    TransferIn,
    /// Brought along from elsewhere when the account was opened.
    Opening,
}

impl EntryKind {
    const ALL: [Self; 12] = [
        Self::Earn,
        Self::Spend,
        Self::Expire,
        Self::Reverse,
        Self::LevelEnd,
        Self::Return,
        Self::DebtFilled,
        Self::Activate,
        Self::Adjust,
        Self::TransferOut,
        Self::TransferIn,
        Self::Opening,
    ];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            EntryKind::Earn => 1,
            EntryKind::Spend => 2,
            EntryKind::Expire => 3,
            EntryKind::Reverse => 4,
            EntryKind::LevelEnd => 5,
            EntryKind::Return => 6,
            EntryKind::DebtFilled => 7,
            EntryKind::Activate => 8,
            EntryKind::Adjust => 9,
            EntryKind::TransferOut => 10,
            EntryKind::TransferIn => 11,
            EntryKind::Opening => 12,
        }
    }

    /// The numbers of those that show that the user takes part.
    pub fn activity_codes() -> Vec<i16> {
        Self::ALL.into_iter().filter(|kind| kind.is_activity()).map(Self::code).collect()
    }

    /// The kind of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether it shows that the user takes part: what moves the date on of points that lapse together.
    pub fn is_activity(self) -> bool {
        match self {
            EntryKind::Earn
            | EntryKind::Spend
            | EntryKind::Return
            | EntryKind::Activate
            | EntryKind::TransferOut
            | EntryKind::TransferIn
            | EntryKind::Opening => true,
            EntryKind::Expire
            | EntryKind::Reverse
            | EntryKind::LevelEnd
            | EntryKind::DebtFilled
            | EntryKind::Adjust => false,
        }
    }
}

/// Who pays for points that a rule gives, and for which part of the company.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payer {
    /// Who bears the cost; empty: not said.
    pub cost_centre: String,
    /// The contract's number of who pays; 0: not said.
    pub funder: i32,
}

/// Where an entry comes from and what it is for; all may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// What a person gave as the reason.
    pub reason: String,
    /// The earning rule.
    pub rule_id: String,
    /// The order.
    pub order_id: String,
    /// The hold.
    pub hold_id: String,
    /// The reward of a campaign.
    pub reward_id: String,
    /// The entry that it takes back; 0: none.
    pub reverses_seq: i64,
    /// The adjustment.
    pub adjustment_id: String,
    /// From or to whom points were moved.
    pub counterpart: String,
    /// Who bears the cost; empty: not said.
    pub cost_centre: String,
    /// The contract's number of who pays; 0: not said.
    pub funder: i32,
}

/// One line of an account; never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1 for the account's first entry, then without gaps.
    pub seq: i64,
    /// What made it.
    pub kind: EntryKind,
    /// Positive: to the user.
    pub amount: i64,
    /// Sum of the account's entries after it.
    pub balance_after: i64,
    /// The change of the account's growth.
    pub growth_change: i64,
    /// Where it comes from.
    pub origin: Origin,
    /// The lots touched. Their changes and that of what is pending add up to the amount.
    pub lots: Vec<LotChange>,
    /// The change of what is pending.
    pub pending: i64,
    /// When the points of an earning can be used, where they wait for a time.
    pub activates_at: Option<OffsetDateTime>,
    /// Part of a reversal that was not there to be taken and is forgiven; part of a spending that was not there and became
    /// debt.
    pub shortfall: i64,
    /// When it happened in the world.
    pub occurred_at: OffsetDateTime,
    /// When it was booked.
    pub recorded_at: OffsetDateTime,
}

impl Entry {
    /// The name of the account on the other side, kept per tenant and point type.
    pub fn contra(&self) -> &'static str {
        match self.kind {
            EntryKind::Earn => "issued",
            EntryKind::Spend => "redeemed",
            EntryKind::Expire => "expired",
            EntryKind::Reverse => "reversed",
            EntryKind::LevelEnd | EntryKind::DebtFilled | EntryKind::Activate => "adjusted",
            EntryKind::Return => "returned",
            EntryKind::Adjust if self.amount > 0 => "added",
            EntryKind::Adjust => "taken",
            EntryKind::TransferOut => "sent",
            EntryKind::TransferIn => "received",
            EntryKind::Opening => "opened",
        }
    }

    /// When it took effect on what the user has. What falls due by itself is booked later, with the time at which it
    /// happened: lapses, ends of levels, what comes free of a hold that timed out, and what was pending until a time. All
    /// else counts from when it was booked. The database has a function of this name that says the same.
    pub fn effective_at(&self) -> OffsetDateTime {
        let by_itself = match self.kind {
            EntryKind::Expire | EntryKind::LevelEnd | EntryKind::DebtFilled => true,
            EntryKind::Activate => self.origin.order_id.is_empty(),
            EntryKind::Reverse => !self.origin.hold_id.is_empty(),
            EntryKind::Earn
            | EntryKind::Spend
            | EntryKind::Return
            | EntryKind::Adjust
            | EntryKind::TransferOut
            | EntryKind::TransferIn
            | EntryKind::Opening => false,
        };
        if by_itself { self.occurred_at } else { self.recorded_at }
    }
}

/// Which entries of a statement are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these kinds; empty: of all.
    pub kinds: Vec<EntryKind>,
    /// Booked then or later.
    pub from: Option<OffsetDateTime>,
    /// Booked before.
    pub until: Option<OffsetDateTime>,
}
