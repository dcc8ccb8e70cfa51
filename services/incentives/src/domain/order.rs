//! How much of an order was given back, and what that takes back of the rewards that the order set off.

/// How much of an order was given back so far; known even where the order set nothing off yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reversal {
    /// Sum of the refunds, in minor units.
    pub refunded_minor: i64,
    /// What was paid.
    pub total_minor: i64,
    /// The whole order was given up.
    pub cancelled: bool,
}

impl Reversal {
    /// Of what is gone altogether.
    pub fn all() -> Self {
        Self { cancelled: true, ..Self::default() }
    }

    /// Adds what a refund says. Sums only grow, so refunds in any order end the same.
    pub fn refund(&mut self, refunded_minor: i64, total_minor: i64) {
        self.refunded_minor = self.refunded_minor.max(refunded_minor);
        self.total_minor = self.total_minor.max(total_minor);
    }

    /// Adds that the order was given up.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// Whether nothing of the order is left.
    pub fn whole(&self) -> bool {
        self.due(1) == 1
    }

    /// How much of what the order gave is to be taken back in all: the share refunded, rounded down; everything once
    /// everything was refunded.
    pub fn due(&self, given: i64) -> i64 {
        if self.cancelled {
            return given;
        }
        if self.total_minor <= 0 || self.refunded_minor <= 0 {
            return 0;
        }
        let share = i128::from(given) * i128::from(self.refunded_minor.min(self.total_minor));
        i64::try_from(share / i128::from(self.total_minor)).unwrap_or(given)
    }
}
