//! Why coupons cannot be claimed or used.

use serde::{Deserialize, Serialize};

/// Why a coupon cannot be claimed or used, or was not used. The names are stored and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// The user has no such coupon.
    NotFound,
    /// Its time has not begun.
    NotYetValid,
    /// Its time is over.
    Expired,
    /// Another checkout has it.
    Reserved,
    /// Used.
    Used,
    /// Taken back.
    Voided,
    /// Nothing in the basket counts for it.
    OutOfScope,
    /// The amount is below its least.
    AmountShort,
    /// The number of pieces is below its least.
    QuantityShort,
    /// Others save more.
    Outdone,
    /// It would take nothing off.
    NoEffect,
    /// Its amounts are in another currency.
    OtherCurrency,
    /// Users cannot claim it.
    GrantedOnly,
    /// No more are issued for now.
    Paused,
    /// Claims have not begun.
    ClaimNotBegun,
    /// Claims have ended.
    ClaimEnded,
    /// None are left.
    OutOfStock,
    /// The user has had as many as one user gets.
    LimitReached,
}

impl WhyNot {
    /// The contract's number.
    pub fn code(self) -> i32 {
        self as i32 + 1
    }

    /// The contract's name, as it stands in the metadata of errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::NotYetValid => "NOT_YET_VALID",
            Self::Expired => "EXPIRED",
            Self::Reserved => "RESERVED",
            Self::Used => "USED",
            Self::Voided => "VOIDED",
            Self::OutOfScope => "OUT_OF_SCOPE",
            Self::AmountShort => "AMOUNT_SHORT",
            Self::QuantityShort => "QUANTITY_SHORT",
            Self::Outdone => "OUTDONE",
            Self::NoEffect => "NO_EFFECT",
            Self::OtherCurrency => "OTHER_CURRENCY",
            Self::GrantedOnly => "GRANTED_ONLY",
            Self::Paused => "PAUSED",
            Self::ClaimNotBegun => "CLAIM_NOT_BEGUN",
            Self::ClaimEnded => "CLAIM_ENDED",
            Self::OutOfStock => "OUT_OF_STOCK",
            Self::LimitReached => "LIMIT_REACHED",
        }
    }
}

/// Why not, and how much is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hindrance {
    /// Why.
    pub why_not: WhyNot,
    /// Missing minor units, for [`WhyNot::AmountShort`].
    pub amount_short: i64,
    /// Missing pieces, for [`WhyNot::QuantityShort`].
    pub quantity_short: i64,
}

impl From<WhyNot> for Hindrance {
    fn from(why_not: WhyNot) -> Self {
        Self { why_not, amount_short: 0, quantity_short: 0 }
    }
}
