//! What caps leave of what is to be given.

use ids::{EventId, Key, UserId};
use time::OffsetDateTime;

use super::{Book, What};
use crate::domain::cap::{Allowed, CapBook, Capped, Cut};

/// A decision to give less than a rule would have, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curtailed {
    /// The rule.
    pub rule_id: Key,
    /// Its version.
    pub rule_version: i32,
    /// What is earned.
    pub point_type: Key,
    /// The event that the rule counts.
    pub source_event: EventId,
    /// The order; empty where the event is about none.
    pub order_id: String,
    /// What the rule would have given.
    pub asked: i64,
    /// What is given.
    pub given: i64,
    /// The cap that left the least.
    pub cut: Cut,
    /// When the event happened.
    pub occurred_at: OffsetDateTime,
}

impl Book<'_> {
    /// With what is used of the caps that may be met.
    #[must_use]
    pub fn with_caps(mut self, caps: CapBook) -> Self {
        self.caps = caps;
        self
    }

    /// What all these caps together leave of what a user is to get for what happened at `at`.
    pub fn room(&self, capped: &[Capped<'_>], user: &UserId, at: OffsetDateTime, asked: i64) -> Allowed {
        self.caps.room(capped, user, at, asked)
    }

    /// As [`Book::room`]; what is given counts from then on.
    pub fn take_room(&mut self, capped: &[Capped<'_>], user: &UserId, at: OffsetDateTime, asked: i64) -> Allowed {
        self.caps.take(capped, user, at, asked)
    }

    /// Notes that caps left less than a rule would have given.
    pub fn curtailed(&mut self, user: &UserId, curtailed: Curtailed) {
        self.push(user, What::Capped(curtailed));
    }
}
