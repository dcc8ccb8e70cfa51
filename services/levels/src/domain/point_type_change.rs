//! What may change of a point type, and what a change touches.

use super::point_type::PointType;
use super::refusal::Refusal;

/// A part of a point type that may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What users call it.
    DisplayName,
    /// When points can be used.
    Activation,
    /// When they lapse.
    Expiry,
    /// How fractions are rounded.
    Rounding,
    /// What happens when spent points are taken back.
    Reversal,
    /// How far spending may go below zero.
    Overdraft,
    /// What is adjusted by hand without approval.
    AdjustmentLimit,
    /// What users may move to others.
    Transfers,
    /// The most that is earned.
    Caps,
}

/// What a changed policy touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What is earned from now on.
    LaterEarnings,
    /// Whatever is decided from now on.
    LaterDecisions,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::DisplayName,
        Self::Activation,
        Self::Expiry,
        Self::Rounding,
        Self::Reversal,
        Self::Overdraft,
        Self::AdjustmentLimit,
        Self::Transfers,
        Self::Caps,
    ];

    /// Its name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Part::DisplayName => "display_name",
            Part::Activation => "activation_policy",
            Part::Expiry => "expiry_policy",
            Part::Rounding => "rounding",
            Part::Reversal => "reversal_policy",
            Part::Overdraft => "overdraft_limit",
            Part::AdjustmentLimit => "adjustment_limit",
            Part::Transfers => "transfers",
            Part::Caps => "caps",
        }
    }

    /// What a change of it touches; `None`: it is no policy.
    pub fn reach(self) -> Option<Reach> {
        match self {
            Part::DisplayName => None,
            Part::Activation | Part::Expiry | Part::Rounding | Part::Caps => Some(Reach::LaterEarnings),
            Part::Reversal | Part::Overdraft | Part::AdjustmentLimit | Part::Transfers => Some(Reach::LaterDecisions),
        }
    }
}

impl Reach {
    /// The contract's number.
    pub fn code(self) -> i32 {
        match self {
            Reach::LaterEarnings => 1,
            Reach::LaterDecisions => 2,
        }
    }
}

impl PointType {
    /// Takes parts over from another; answers those that have another value now.
    pub fn change(&mut self, to: &PointType, parts: &[Part]) -> Result<Vec<Part>, Refusal> {
        let before = self.clone();
        for part in parts {
            match part {
                Part::DisplayName => self.display_name.clone_from(&to.display_name),
                Part::Activation => self.activation = to.activation,
                Part::Expiry => self.expiry = to.expiry,
                Part::Rounding => self.rounding = to.rounding,
                Part::Reversal => self.reversal = to.reversal,
                Part::Overdraft => self.overdraft = to.overdraft,
                Part::AdjustmentLimit => self.adjustment_limit = to.adjustment_limit,
                Part::Transfers => self.transfers = to.transfers,
                Part::Caps => self.caps.clone_from(&to.caps),
            }
        }
        if !self.spendable && (self.overdraft > 0 || self.transfers.is_some()) {
            return Err(Refusal::PointTypeNotSpendable { point_type_id: self.id.to_string() });
        }
        let changed = |part: &Part| match part {
            Part::DisplayName => self.display_name != before.display_name,
            Part::Activation => self.activation != before.activation,
            Part::Expiry => self.expiry != before.expiry,
            Part::Rounding => self.rounding != before.rounding,
            Part::Reversal => self.reversal != before.reversal,
            Part::Overdraft => self.overdraft != before.overdraft,
            Part::AdjustmentLimit => self.adjustment_limit != before.adjustment_limit,
            Part::Transfers => self.transfers != before.transfers,
            Part::Caps => self.caps != before.caps,
        };
        Ok(Part::ALL.into_iter().filter(changed).collect())
    }

    /// Changes with every change.
    pub fn etag(&self) -> String {
        format!("v{}", self.version)
    }
}

#[cfg(test)]
mod tests {
    use ids::Key;
    use units::zone::Zone;

    use super::*;
    use crate::domain::expiry::Expiry;
    use crate::domain::point_type::TransferLimits;

    #[test]
    fn only_the_parts_that_are_named_change_and_only_other_values_are_told() {
        let mut stored = PointType::new(Key::new("points").unwrap(), Zone::utc());
        let sent = PointType {
            expiry: Expiry::Days(30, None),
            overdraft: 100,
            adjustment_limit: 0,
            ..PointType::new(Key::new("points").unwrap(), Zone::utc())
        };
        assert_eq!(stored.change(&sent, &[Part::Expiry, Part::AdjustmentLimit]), Ok(vec![Part::Expiry]));
        assert_eq!((stored.expiry, stored.overdraft), (Expiry::Days(30, None), 0));
        assert_eq!(stored.change(&sent, &Part::ALL), Ok(vec![Part::Overdraft]));
        assert_eq!(stored.change(&sent, &Part::ALL), Ok(Vec::new()));
    }

    #[test]
    fn what_only_counts_gets_neither_overdraft_nor_transfers() {
        let id = Key::new("growth").unwrap();
        let mut stored = PointType { spendable: false, ..PointType::new(id.clone(), Zone::utc()) };
        let refused = Err(Refusal::PointTypeNotSpendable { point_type_id: "growth".to_owned() });
        let overdrawn = PointType { overdraft: 1, ..stored.clone() };
        assert_eq!(stored.clone().change(&overdrawn, &Part::ALL), refused);
        let moved = PointType { transfers: Some(TransferLimits { max_amount: 1, max_per_day: 1 }), ..stored.clone() };
        assert_eq!(stored.change(&moved, &Part::ALL), refused);
    }
}
