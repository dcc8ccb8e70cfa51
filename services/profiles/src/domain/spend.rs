//! The running summary of what a user has bought.

use time::OffsetDateTime;

use super::order::Order;

/// What a user has bought, net of refunds: kept up to date with every step of an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spend {
    /// Paid orders without those refunded or cancelled whole.
    pub orders: i64,
    /// Paid less refunded, in minor units.
    pub net: i64,
    /// When the first order was paid, whatever became of it.
    pub first_at: Option<OffsetDateTime>,
    /// When the last order was paid, whatever became of it.
    pub last_at: Option<OffsetDateTime>,
}

impl Spend {
    /// Counts the change of one order.
    pub(super) fn follow(&mut self, before: (i64, i64), after: (i64, i64)) {
        self.orders += after.0 - before.0;
        self.net = self.net.saturating_add(after.1 - before.1);
    }

    /// Counts a payment's time.
    pub(super) fn paid_at(&mut self, at: OffsetDateTime) {
        self.first_at = Some(self.first_at.map_or(at, |first| first.min(at)));
        self.last_at = Some(self.last_at.map_or(at, |last| last.max(at)));
    }

    /// The same from a user's orders: what the running figures must equal at any time.
    pub fn of<'a>(orders: impl IntoIterator<Item = &'a Order>) -> Self {
        let mut spend = Self::default();
        for order in orders {
            spend.follow((0, 0), order.counts());
            if let Some(at) = order.paid_at {
                spend.paid_at(at);
            }
        }
        spend
    }
}
