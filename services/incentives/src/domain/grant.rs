//! Rewards that were granted, and what each counts for in the figures of its campaign.

use std::ops::{AddAssign, Sub};

use ids::{EventId, Key, UserId};
use time::OffsetDateTime;

use super::campaign::Returns;
use super::order::Reversal;

/// Which grant: user, campaign and the event that set it off. There is one at most.
pub type GrantKey = (UserId, Key, EventId);

/// A level that a user was lifted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The scheme.
    pub scheme_id: String,
    /// The level's rank.
    pub rank: i32,
}

/// What was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gift {
    /// A coupon of a template.
    Coupon(Key),
    /// Points of a type.
    Points(Key),
}

/// What became of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Points not posted yet; a coupon not used yet.
    Open,
    /// Points posted; a coupon used.
    Spent,
    /// Points that levels refused.
    Refused,
    /// A coupon that expired, or was voided by hand.
    Lapsed,
}

impl Fate {
    /// The number stored.
    pub fn code(self) -> i16 {
        match self {
            Self::Open => 1,
            Self::Spent => 2,
            Self::Refused => 3,
            Self::Lapsed => 4,
        }
    }

    /// Of the number stored.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Open, Self::Spent, Self::Refused, Self::Lapsed].into_iter().find(|it| it.code() == code)
    }
}

/// A reward that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The campaign's version.
    pub version: i32,
    /// The order that set it off; empty where none did.
    pub order_id: String,
    /// The level that set it off, while it may still be undone.
    pub level: Option<Reached>,
    /// The level that set it off was undone.
    pub undone: bool,
    /// What was granted.
    pub gift: Gift,
    /// The reward's or the coupon's id.
    pub gift_id: String,
    /// Points, or 1 coupon.
    pub amount: i64,
    /// What the budget committed.
    pub reserved: i64,
    /// What it costs: not above `reserved`.
    pub cost: i64,
    /// How much of `amount` was taken back.
    pub taken_back: i64,
    /// What became of it.
    pub fate: Fate,
    /// The buckets of limits that it counts in.
    pub buckets: Vec<String>,
    /// What returns when it is taken back.
    pub returns: Returns,
    /// When the event happened.
    pub occurred_at: OffsetDateTime,
    /// When it was decided.
    pub granted_at: OffsetDateTime,
}

/// A campaign's figures: always the sum of what its grants count for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Grants ever made.
    pub granted: i64,
    /// Grants that count for limits.
    pub standing: i64,
    /// Grants refused.
    pub refused: i64,
    /// Committed by the budget.
    pub committed: i64,
    /// Released of it.
    pub released: i64,
    /// Spent of it.
    pub spent: i64,
    /// Coupons ever granted.
    pub coupons: i64,
    /// Coupons that are used.
    pub coupons_used: i64,
}

impl Figures {
    /// What the budget holds committed.
    pub fn used(&self) -> i64 {
        self.committed - self.released
    }

    fn combine(self, other: Self, how: fn(i64, i64) -> i64) -> Self {
        Self {
            granted: how(self.granted, other.granted),
            standing: how(self.standing, other.standing),
            refused: how(self.refused, other.refused),
            committed: how(self.committed, other.committed),
            released: how(self.released, other.released),
            spent: how(self.spent, other.spent),
            coupons: how(self.coupons, other.coupons),
            coupons_used: how(self.coupons_used, other.coupons_used),
        }
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        *self = self.combine(other, i64::saturating_add);
    }
}

impl Sub for Figures {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.combine(other, i64::saturating_sub)
    }
}

impl Grant {
    /// Whether it counts for limits.
    pub fn stands(&self) -> bool {
        self.fate != Fate::Refused && !(self.returns.limits && self.taken_back == self.amount)
    }

    /// What it counts for.
    pub fn figures(&self) -> Figures {
        let coupon = matches!(self.gift, Gift::Coupon(_));
        let returned = if self.returns.budget { self.cost_of(self.taken_back) } else { 0 };
        let (released, spent) = match self.fate {
            Fate::Open => (returned, 0),
            Fate::Spent => (returned, self.cost - returned),
            Fate::Refused | Fate::Lapsed => (self.cost, 0),
        };
        Figures {
            granted: 1,
            standing: i64::from(self.stands()),
            refused: i64::from(self.fate == Fate::Refused),
            committed: self.reserved,
            released: self.reserved - self.cost + released,
            spent,
            coupons: i64::from(coupon),
            coupons_used: i64::from(coupon && self.fate == Fate::Spent),
        }
    }

    /// How much must be taken back now for what is known of what set it off. A coupon is taken back whole, and only while it
    /// is not used; points that levels refused were never there.
    pub fn outstanding(&self, reversal: &Reversal) -> i64 {
        let reachable = match (&self.gift, self.fate) {
            (_, Fate::Refused | Fate::Lapsed) | (Gift::Coupon(_), Fate::Spent) => false,
            (Gift::Points(_), Fate::Open | Fate::Spent) | (Gift::Coupon(_), Fate::Open) => true,
        };
        if reachable { (reversal.due(self.amount) - self.taken_back).max(0) } else { 0 }
    }

    /// The budget's share of an amount.
    fn cost_of(&self, amount: i64) -> i64 {
        match self.gift {
            Gift::Points(_) => amount,
            Gift::Coupon(_) => amount * self.cost,
        }
    }
}
