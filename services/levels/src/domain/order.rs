//! What orders earned, and how much of it refunds take back.

use ids::{EventId, Key};
use time::OffsetDateTime;

use super::entry::Payer;
use super::parts::{Parts, Returned, ReturnedLine};
use super::pending::Landing;

/// What became of an order so far; known even where the order earned nothing yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderCourse {
    /// Sum of the refunds, in minor units.
    pub refunded_minor: i64,
    /// What was paid.
    pub total_minor: i64,
    /// The whole order was given up.
    pub cancelled: bool,
    /// When it was completed.
    pub completed_at: Option<OffsetDateTime>,
    /// What refunds gave back, by line where they said so.
    pub returned: Returned,
}

/// What a refund says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refund {
    /// Its id in the order.
    pub refund_id: String,
    /// All refunds of the order up to this one, in minor units.
    pub refunded_minor: i64,
    /// What was paid for the order.
    pub total_minor: i64,
    /// What this one gives back.
    pub amount_minor: i64,
    /// What it gives back by line; empty where it names none.
    pub lines: Vec<(String, ReturnedLine)>,
}

impl OrderCourse {
    /// Adds what a refund says. Sums only grow, so refunds in any order end the same.
    pub fn refund(&mut self, it: &Refund) {
        self.refunded_minor = self.refunded_minor.max(it.refunded_minor);
        self.total_minor = self.total_minor.max(it.total_minor);
        self.returned.add(&it.refund_id, it.amount_minor, &it.lines);
    }

    /// Adds that the order was given up.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// How much of what the order earned is to be taken back in all, rounded down: by line where lines gave a part of it,
    /// else the share refunded; everything once everything was refunded.
    pub fn due(&self, earned: i64, parts: Option<&Parts>) -> i64 {
        if self.cancelled || (self.total_minor > 0 && self.refunded_minor >= self.total_minor) {
            return earned;
        }
        if self.total_minor <= 0 || self.refunded_minor <= 0 {
            return 0;
        }
        let by_line = parts.and_then(|it| it.due(earned, &self.returned, self.refunded_minor, self.total_minor));
        by_line.map_or_else(|| self.due_by_money(earned), |due| due.clamp(0, earned))
    }

    fn due_by_money(&self, earned: i64) -> i64 {
        let share = i128::from(earned) * i128::from(self.refunded_minor.min(self.total_minor));
        i64::try_from(share / i128::from(self.total_minor)).unwrap_or(earned)
    }
}

/// What one rule gave for one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earning {
    /// The rule.
    pub rule_id: Key,
    /// Its version.
    pub rule_version: i32,
    /// The event.
    pub source_event: EventId,
    /// What was earned.
    pub point_type: Key,
    /// The order; empty where the event is about none.
    pub order_id: String,
    /// What the rule would have given; caps may have left less.
    pub asked: i64,
    /// How much was given; 0 where caps left nothing.
    pub earned: i64,
    /// How much of it was taken back, forgiven shortfalls included.
    pub taken_back: i64,
    /// Where it went.
    pub landing: Landing,
    /// Who pays for it.
    pub payer: Payer,
    /// What the lines of the order had in it; `None`: refunds take it back by money.
    pub parts: Option<Parts>,
}

impl Earning {
    /// How much must be taken back now for what is known of the order.
    pub fn outstanding(&self, course: &OrderCourse) -> i64 {
        (course.due(self.earned, self.parts.as_ref()) - self.taken_back).max(0)
    }
}
