//! Currencies of points.

use ids::{Key, UserId};
use rules::Ratio;
use time::OffsetDateTime;
use units::zone::Zone;

use super::cap::Cap;
use super::expiry::Expiry;
use super::pending::{Landing, Release};
use super::used::Fresh;
use units::text::LocalizedText;

/// The most that an account holds, and the most that it ever counted as growth.
pub const BALANCE_MAX: i64 = (1 << 53) - 1;
/// The most that one entry gives.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// When earned points can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// At once.
    AtOnce,
    /// At the end of the day so many days after the day of earning.
    Days(u32),
    /// With the completion of the order that they were earned for; what was earned for none: at once.
    OrderCompleted,
}

/// What happens when points to be taken back can be used already, or were spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReversalPolicy {
    /// Take what is pending and leave the rest.
    PendingOnly,
    /// Take what is there and forgive the rest.
    DownToZero,
    /// Take all; later earnings fill the debt first.
    MayGoNegative,
}

/// How much users may move to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferLimits {
    /// The most that one transfer moves.
    pub max_amount: i64,
    /// The most that a user moves in a day of the type's zone.
    pub max_per_day: i64,
}

/// How fractions of a point are rounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rounding {
    /// Down.
    #[default]
    Down,
    /// To the nearest, a half up.
    HalfUp,
    /// Up.
    Up,
}

/// A currency of points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointType {
    /// Its id.
    pub id: Key,
    /// What users call it.
    pub display_name: LocalizedText,
    /// False: it only counts.
    pub spendable: bool,
    /// When its points can be used.
    pub activation: Activation,
    /// When its points lapse, counted from when they can be used.
    pub expiry: Expiry,
    /// What happens when spent points are taken back.
    pub reversal: ReversalPolicy,
    /// How fractions are rounded that rules give.
    pub rounding: Rounding,
    /// How far spending may take an account below zero.
    pub overdraft: i64,
    /// The most that is adjusted by hand without somebody else's approval.
    pub adjustment_limit: i64,
    /// How much users may move to others; `None`: nothing.
    pub transfers: Option<TransferLimits>,
    /// The most that rules and calls give.
    pub caps: Vec<Cap>,
    /// The zone that decides days, months and expiry.
    pub zone: Zone,
    /// 1, then one more with each change.
    pub version: i32,
    /// When it was defined.
    pub create_time: OffsetDateTime,
    /// When it was last changed.
    pub update_time: OffsetDateTime,
}

impl PointType {
    /// A type with the plainest policies: its points can be spent, at once and for ever; what was spent is not taken back.
    pub fn new(id: Key, zone: Zone) -> Self {
        Self {
            id,
            display_name: LocalizedText::default(),
            spendable: true,
            activation: Activation::AtOnce,
            expiry: Expiry::Never,
            reversal: ReversalPolicy::DownToZero,
            rounding: Rounding::Down,
            overdraft: 0,
            adjustment_limit: 0,
            transfers: None,
            caps: Vec::new(),
            zone,
            version: 1,
            create_time: OffsetDateTime::UNIX_EPOCH,
            update_time: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// Where points go that a user earns at a time, for an order or for none, of which it is known when it was completed.
    pub fn landing(
        &self,
        user: &UserId,
        at: OffsetDateTime,
        order: &str,
        completed: Option<OffsetDateTime>,
    ) -> Landing {
        let (release, active_from) = match self.activation {
            Activation::Days(days) => {
                let time = self.zone.add_days_end(at, days);
                (Some(Release::At(time)), Some(time))
            }
            Activation::OrderCompleted if !order.is_empty() => match completed {
                None => (Some(Release::Order(order.to_owned())), None),
                Some(completed) => (None, Some(completed.max(at))),
            },
            Activation::OrderCompleted | Activation::AtOnce => (None, Some(at)),
        };
        Landing { release, expires_at: active_from.and_then(|from| self.lapse_of(from)), origin: user.clone() }
    }

    /// When points lapse that come back at `at` and have no date of their own.
    pub fn fresh(&self, at: OffsetDateTime) -> Fresh {
        Fresh { lapses: self.lapse_of(at), all: matches!(self.expiry, Expiry::Inactivity(_)) }
    }

    /// The first instant at which points that can be used from `at` on no longer can; `None`: never.
    pub fn lapse_of(&self, at: OffsetDateTime) -> Option<OffsetDateTime> {
        self.expiry.lapse_of(&self.zone, at)
    }
}

impl Activation {
    /// The contract's number of the policy, and its count.
    pub fn code(self) -> (i16, i32) {
        match self {
            Activation::AtOnce => (1, 0),
            Activation::Days(count) => (2, count as i32),
            Activation::OrderCompleted => (3, 0),
        }
    }

    /// The policy of a number and count; `None` where there is none such.
    pub fn from_code(code: i16, count: i32) -> Option<Self> {
        match code {
            1 if count == 0 => Some(Activation::AtOnce),
            2 => u32::try_from(count).ok().filter(|count| (1..=365).contains(count)).map(Activation::Days),
            3 if count == 0 => Some(Activation::OrderCompleted),
            _ => None,
        }
    }
}

impl ReversalPolicy {
    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            ReversalPolicy::DownToZero => 1,
            ReversalPolicy::MayGoNegative => 2,
            ReversalPolicy::PendingOnly => 3,
        }
    }

    /// The policy of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::DownToZero, Self::MayGoNegative, Self::PendingOnly].into_iter().find(|policy| policy.code() == code)
    }
}

impl Rounding {
    /// The whole number of points.
    pub fn round(self, points: Ratio) -> i128 {
        match self {
            Rounding::Down => points.floor(),
            Rounding::HalfUp => points.half_up(),
            Rounding::Up => points.ceil(),
        }
    }

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            Rounding::Down => 1,
            Rounding::HalfUp => 2,
            Rounding::Up => 3,
        }
    }

    /// The rounding of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Down, Self::HalfUp, Self::Up].into_iter().find(|rounding| rounding.code() == code)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Points that never lapse, in Shanghai.
    pub(in super::super) fn point_type() -> PointType {
        PointType::new(Key::new("points").unwrap(), Zone::new("Asia/Shanghai").unwrap())
    }

    #[test]
    fn an_account_holds_what_points_can_say() {
        assert_eq!(BALANCE_MAX, units::Points::MAX.get());
    }
}
