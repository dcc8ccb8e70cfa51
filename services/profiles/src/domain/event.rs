//! Reports as they come in, and what they made true.

use std::sync::Arc;

use time::OffsetDateTime;

use super::order::Basket;
use super::refund::Refund;
use super::user::Snapshot;

/// What an event may set in motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Archive, RFM and lifecycle only.
    Facts,
    /// As facts, and points are earned.
    FactsEarn,
    /// Everything.
    Live,
}

impl Mode {
    /// The number stored: the contract's.
    pub fn number(self) -> i16 {
        match self {
            Self::Facts => 1,
            Self::FactsEarn => 2,
            Self::Live => 3,
        }
    }

    /// The mode with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Facts, Self::FactsEarn, Self::Live].into_iter().find(|mode| i32::from(mode.number()) == number)
    }
}

/// What a report says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The reporter's id.
    pub event_id: String,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// What it may set in motion.
    pub mode: Mode,
    /// The app, shop or brand; may be empty.
    pub site: String,
}

/// What a user did, as reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The order was placed.
    OrderCreated(Arc<Basket>),
    /// The order was paid.
    OrderPaid(Arc<Basket>),
    /// The order was received.
    OrderCompleted(Arc<Basket>),
    /// The order with this id was given up.
    OrderCancelled(String),
    /// Money was given back.
    OrderRefunded(Refund),
    /// The user came, for this many seconds; 0: unknown.
    Visit(i32),
}

impl Report {
    /// The order it is about.
    pub fn order_id(&self) -> Option<&str> {
        match self {
            Self::OrderCreated(basket) | Self::OrderPaid(basket) | Self::OrderCompleted(basket) => {
                Some(&basket.order_id)
            }
            Self::OrderCancelled(order_id) => Some(order_id),
            Self::OrderRefunded(refund) => Some(&refund.order_id),
            Self::Visit(_) => None,
        }
    }
}

/// The currencies of a report's amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Currency {
    /// No amount.
    None,
    /// All amounts.
    One(String),
    /// More than one, so at least one is not the tenant's.
    Mixed,
}

impl Currency {
    /// Whether the amounts can be a tenant's.
    pub fn fits(&self, tenant: &str) -> bool {
        match self {
            Self::None => true,
            Self::One(code) => code == tenant,
            Self::Mixed => false,
        }
    }

    /// The same with one more amount.
    #[must_use]
    pub fn and(self, code: &str) -> Self {
        match self {
            Self::None => Self::One(code.to_owned()),
            Self::One(one) if one == code => Self::One(one),
            Self::One(_) | Self::Mixed => Self::Mixed,
        }
    }
}

/// What became true, to be told in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// The user became known.
    UserCreated,
    /// The order was placed.
    OrderCreated(Arc<Basket>),
    /// The order was paid.
    OrderPaid {
        /// The order.
        basket: Arc<Basket>,
        /// Whether it is the user's first.
        first: bool,
    },
    /// The order was completed.
    OrderCompleted {
        /// The order.
        basket: Arc<Basket>,
        /// Whether it is the user's first.
        first: bool,
    },
    /// The order was cancelled.
    OrderCancelled {
        /// The order.
        basket: Arc<Basket>,
        /// What was paid and not yet given back.
        released: i64,
    },
    /// A refund was applied.
    OrderRefunded {
        /// The refund.
        refund: Refund,
        /// All refunds of the order up to this one.
        refunded_total: i64,
        /// What was paid for the order.
        order_total: i64,
    },
    /// The user came.
    Visited {
        /// For how long; 0: unknown.
        seconds: i32,
    },
}

/// One entry for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The report it goes back to; its `event_id` is the entry's own where `implied` is none.
    pub origin: Origin,
    /// What tells the entry's id from the report's where the report implied more than it said.
    pub implied: Option<&'static str>,
    /// What became true.
    pub happened: Happened,
    /// The user right after it.
    pub user: Snapshot,
}

impl Told {
    /// The entry's id in the log.
    pub fn event_id(&self) -> String {
        match self.implied {
            None => self.origin.event_id.clone(),
            Some(suffix) => format!("{}#{suffix}", self.origin.event_id),
        }
    }
}
