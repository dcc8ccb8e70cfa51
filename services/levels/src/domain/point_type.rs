//! Currencies of points.

use ids::{Key, UserId};
use rules::Ratio;
use time::OffsetDateTime;
use units::zone::Zone;

use super::pending::{Landing, Release};
use units::text::LocalizedText;

/// The most that an account holds, and the most that it ever counted as growth.
pub const BALANCE_MAX: i64 = (1 << 53) - 1;
/// The most that one entry gives.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// When points lapse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    Never,
    /// At the end of the day so many days after the day of earning.
    Days(u32),
    /// At the end of the day so many months after the day of earning.
    Months(u32),
    /// At the end of the month of earning.
    EndOfMonth,
    /// At the end of the year of earning.
    EndOfYear,
}

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
    /// The zone that decides days, months and expiry.
    pub zone: Zone,
    /// When it was defined.
    pub create_time: OffsetDateTime,
}

impl PointType {
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

    /// The first instant at which points that can be used from `at` on no longer can; `None`: never.
    pub fn lapse_of(&self, at: OffsetDateTime) -> Option<OffsetDateTime> {
        match self.expiry {
            Expiry::Never => None,
            Expiry::Days(days) => Some(self.zone.add_days_end(at, days)),
            Expiry::Months(months) => Some(self.zone.add_months_end(at, months)),
            Expiry::EndOfMonth => Some(self.zone.month_end(at)),
            Expiry::EndOfYear => Some(self.zone.year_end(at)),
        }
    }
}

impl Expiry {
    /// The contract's number of the policy, and its count.
    pub fn code(self) -> (i16, i32) {
        match self {
            Expiry::Never => (1, 0),
            Expiry::Days(count) => (2, count as i32),
            Expiry::Months(count) => (3, count as i32),
            Expiry::EndOfMonth => (4, 0),
            Expiry::EndOfYear => (5, 0),
        }
    }

    /// The policy of a number and count; `None` where there is none such.
    pub fn from_code(code: i16, count: i32) -> Option<Self> {
        let count_within = |max: u32| u32::try_from(count).ok().filter(|count| (1..=max).contains(count));
        match code {
            1 if count == 0 => Some(Expiry::Never),
            2 => count_within(3_650).map(Expiry::Days),
            3 => count_within(120).map(Expiry::Months),
            4 if count == 0 => Some(Expiry::EndOfMonth),
            5 if count == 0 => Some(Expiry::EndOfYear),
            _ => None,
        }
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
    use time::macros::datetime;

    use super::*;

    /// Points that never lapse, in Shanghai.
    pub(in super::super) fn point_type() -> PointType {
        PointType {
            id: Key::new("points").unwrap(),
            display_name: LocalizedText::default(),
            spendable: true,
            activation: Activation::AtOnce,
            expiry: Expiry::Never,
            reversal: ReversalPolicy::DownToZero,
            rounding: Rounding::Down,
            zone: Zone::new("Asia/Shanghai").unwrap(),
            create_time: datetime!(2020-01-01 00:00 UTC),
        }
    }

    fn lapse(expiry: Expiry) -> Option<OffsetDateTime> {
        let point_type = PointType { expiry, ..point_type() };
        point_type.lapse_of(datetime!(2026-01-30 17:00 UTC)) // 31 January, 01:00 in Shanghai
    }

    #[test]
    fn points_lapse_with_a_day_of_the_programmes_zone() {
        assert_eq!(lapse(Expiry::Never), None);
        assert_eq!(lapse(Expiry::Days(1)), Some(datetime!(2026-02-02 00:00 +8)));
        assert_eq!(lapse(Expiry::Months(1)), Some(datetime!(2026-03-01 00:00 +8)));
        assert_eq!(lapse(Expiry::EndOfMonth), Some(datetime!(2026-02-01 00:00 +8)));
        assert_eq!(lapse(Expiry::EndOfYear), Some(datetime!(2027-01-01 00:00 +8)));
    }

    #[test]
    fn an_account_holds_what_points_can_say() {
        assert_eq!(BALANCE_MAX, units::Points::MAX.get());
    }

    #[test]
    fn a_code_and_count_outside_the_contract_is_no_policy() {
        for (code, count) in [(0, 0), (6, 0), (1, 1), (2, 0), (2, 3_651), (3, 121), (3, -1), (4, 1)] {
            assert_eq!(Expiry::from_code(code, count), None, "{code} {count}");
        }
        for expiry in [Expiry::Never, Expiry::Days(3_650), Expiry::Months(1), Expiry::EndOfMonth, Expiry::EndOfYear] {
            let (code, count) = expiry.code();
            assert_eq!(Expiry::from_code(code, count), Some(expiry));
        }
    }
}
