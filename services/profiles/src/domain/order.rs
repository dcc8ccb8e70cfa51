//! Orders.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Who pays for a discount. The names are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Funder {
    /// The shop that sells.
    Shop,
    /// The platform.
    Platform,
    /// A partner or the brand.
    Partner,
}

/// A discount already taken off a line's paid amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// Who pays for it.
    pub funder: Funder,
    /// The whole line's discount, in minor units.
    pub amount: i64,
}

/// One line of an order. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Unique within the order.
    pub line_id: String,
    /// What was bought; may be empty.
    pub sku: String,
    /// Its category; may be empty.
    pub category: String,
    /// Pieces.
    pub quantity: i64,
    /// Price of one piece before discounts, where known.
    pub list_price: Option<i64>,
    /// What is paid for the whole line.
    pub paid: i64,
    /// Contained in it.
    pub discounts: Vec<Discount>,
}

impl Line {
    fn same_amounts(&self, other: &Self) -> bool {
        self.line_id == other.line_id
            && self.quantity == other.quantity
            && self.list_price == other.list_price
            && self.paid == other.paid
            && self.discounts == other.discounts
    }
}

/// An order as the shop reports it. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    /// Unique within the user.
    pub order_id: String,
    /// The order that this one was split from; may be empty.
    pub parent_order_id: String,
    /// Empty where only the total is known.
    pub lines: Vec<Line>,
    /// Freight paid by the user.
    pub freight: Option<i64>,
    /// Part of the total paid ahead.
    pub deposit: Option<i64>,
    /// Part of the total still to be paid after a deposit.
    pub balance: Option<i64>,
    /// What the user pays in all.
    pub total: i64,
}

impl Basket {
    /// Whether a later report of the order contradicts nothing that this one, the first, said. One that only has the
    /// total is compared by it; one that says more must say the same.
    pub fn agrees_with(&self, later: &Self) -> bool {
        let none = |amount: Option<i64>| amount.unwrap_or(0);
        let parts = |b: &Self| [none(b.freight), none(b.deposit), none(b.balance)];
        let total_only = later.lines.is_empty() && parts(later) == [0; 3];
        let same_lines = || {
            self.lines.len() == later.lines.len()
                && self.lines.iter().zip(&later.lines).all(|(one, other)| one.same_amounts(other))
        };
        self.total == later.total && (total_only || parts(self) == parts(later) && same_lines())
    }

    /// Pieces over all lines.
    pub fn pieces(&self) -> i64 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// What was paid by part: each line's id, and the freight. Empty where only the total is known.
    pub(super) fn paid_by_part(&self) -> BTreeMap<Part<'_>, i64> {
        let lines = self.lines.iter().map(|line| (Part::Line(&line.line_id), line.paid));
        let freight = (Part::Freight, self.freight.unwrap_or(0));
        if self.lines.is_empty() { BTreeMap::new() } else { lines.chain([freight]).collect() }
    }
}

/// What a refund can give back separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part<'a> {
    /// A line.
    Line(&'a str),
    /// The freight.
    Freight,
}

/// How far an order has come. The names are stored in recorded refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Placed.
    Created,
    /// Paid: counts as bought.
    Paid,
    /// Received, the return window is over.
    Completed,
    /// Given up before completion.
    Cancelled,
}

impl State {
    /// The name in events' types and in errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Paid => "paid",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An order and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// As first reported.
    pub basket: Arc<Basket>,
    /// How far it has come.
    pub state: State,
    /// Whether it is the user's first paid order, by arrival.
    pub first: bool,
    /// Sum of the refunds applied, never more than the total.
    pub refunded: i64,
    /// When the first event about it happened.
    pub created_at: OffsetDateTime,
    /// When it was paid.
    pub paid_at: Option<OffsetDateTime>,
    /// When it was completed.
    pub completed_at: Option<OffsetDateTime>,
    /// When it was cancelled.
    pub cancelled_at: Option<OffsetDateTime>,
    /// The app, shop or brand; may be empty.
    pub site: String,
}

impl Order {
    /// An order just placed.
    pub fn created(basket: Arc<Basket>, at: OffsetDateTime, site: &str) -> Self {
        Self {
            basket,
            state: State::Created,
            first: false,
            refunded: 0,
            created_at: at,
            paid_at: None,
            completed_at: None,
            cancelled_at: None,
            site: site.to_owned(),
        }
    }

    /// What can still be given back: nothing before payment and after cancellation, which released it.
    pub fn refundable(&self) -> i64 {
        match self.state {
            State::Paid | State::Completed => self.basket.total - self.refunded,
            State::Created | State::Cancelled => 0,
        }
    }

    /// What it adds to the user's number of orders and net spend. An order given back whole no longer counts; one that
    /// cost nothing does.
    pub fn counts(&self) -> (i64, i64) {
        match self.state {
            State::Created | State::Cancelled => (0, 0),
            State::Paid | State::Completed => {
                let net = self.basket.total - self.refunded;
                (i64::from(self.basket.total == 0 || net > 0), net)
            }
        }
    }
}
