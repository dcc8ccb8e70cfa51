//! What orders earned, and how much of it refunds take back.

use ids::{EventId, Key};
use time::OffsetDateTime;

use super::entry::Payer;
use super::pending::Landing;

/// What became of an order so far; known even where the order earned nothing yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrderCourse {
    /// Sum of the refunds, in minor units.
    pub refunded_minor: i64,
    /// What was paid.
    pub total_minor: i64,
    /// The whole order was given up.
    pub cancelled: bool,
    /// When it was completed.
    pub completed_at: Option<OffsetDateTime>,
}

impl OrderCourse {
    /// Adds what a refund says. Sums only grow, so refunds in any order end the same.
    pub fn refund(&mut self, refunded_minor: i64, total_minor: i64) {
        self.refunded_minor = self.refunded_minor.max(refunded_minor);
        self.total_minor = self.total_minor.max(total_minor);
    }

    /// Adds that the order was given up.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// How much of what the order earned is to be taken back in all: the share refunded, rounded down; everything once
    /// everything was refunded.
    pub fn due(&self, earned: i64) -> i64 {
        if self.cancelled {
            return earned;
        }
        if self.total_minor <= 0 || self.refunded_minor <= 0 {
            return 0;
        }
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
}

impl Earning {
    /// How much must be taken back now for what is known of the order.
    pub fn outstanding(&self, course: &OrderCourse) -> i64 {
        (course.due(self.earned) - self.taken_back).max(0)
    }
}
