//! An event of another service as far as campaigns look at it.

use ids::{EventId, UserId};
use time::{Duration, OffsetDateTime};

use super::grant::Reached;
use super::trigger::Happening;

/// An event.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The user, by canonical id.
    pub user: UserId,
    /// The event's id.
    pub event_id: EventId,
    /// Its type.
    pub event_type: String,
    /// The event at the start of the chain of causes.
    pub root_event_id: String,
    /// Whether a follow-up would make the chain too long.
    pub last_hop: bool,
    /// When it happened in the world: decides windows and the buckets of limits.
    pub occurred_at: OffsetDateTime,
    /// When its service took it: the decision time.
    pub recorded_at: OffsetDateTime,
    /// The order that it is about; empty where it is about none.
    pub order_id: String,
    /// What campaigns see of it; `None` where it sets nothing off.
    pub triggers: Option<Happening>,
    /// What it says of an order that is given back.
    pub gives_back: Option<GivesBack>,
    /// How it moved the user's level.
    pub moved: Option<Moved>,
    /// What was paid for an order, in minor units.
    pub bought_minor: Option<i64>,
}

/// How a level moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The scheme.
    pub scheme_id: String,
    /// Rank before.
    pub from_rank: i32,
    /// Rank after.
    pub to_rank: i32,
    /// Growth that had been earned was taken back, as for a returned order.
    pub reversed: bool,
}

impl Moved {
    /// Whether levels were lost.
    pub fn is_fall(&self) -> bool {
        self.to_rank < self.from_rank
    }

    /// The level that it lifted to.
    pub fn reached(&self) -> Option<Reached> {
        let reached = || Reached { scheme_id: self.scheme_id.clone(), rank: self.to_rank };
        (self.to_rank > self.from_rank).then(reached)
    }
}

/// How an order is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivesBack {
    /// Money was.
    Refund {
        /// All refunds up to this one.
        refunded_minor: i64,
        /// What was paid.
        total_minor: i64,
    },
    /// It was given up.
    Cancel,
}

impl Incoming {
    /// How long after it happened it was recorded.
    pub fn age(&self) -> Duration {
        self.recorded_at - self.occurred_at
    }

    /// The order whose return takes back what this event set off. A cancelled order's own campaign is not undone by the
    /// cancellation.
    pub fn returnable_order(&self) -> &str {
        if self.gives_back.is_some() { "" } else { &self.order_id }
    }
}
