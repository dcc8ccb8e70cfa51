//! What is to be bought.

use serde::{Deserialize, Serialize};

/// The most that a basket may cost at list prices, freight included, in minor units.
pub const BASKET_MAX: i64 = 1_000_000_000_000_000;

/// A line of a basket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Unique within the basket.
    pub line_id: String,
    /// What is bought; may be empty.
    pub sku: String,
    /// Its category; may be empty.
    pub category: String,
    /// The app, shop or brand; may be empty.
    pub site: String,
    /// Pieces, at least 1.
    pub quantity: i64,
    /// Price of a piece in minor units.
    pub list_price: i64,
    /// Price of a piece for this member.
    pub member_price: Option<i64>,
}

impl Line {
    /// All pieces at the list price.
    pub fn list_total(&self) -> i64 {
        self.list_price * self.quantity
    }

    /// What the member price takes off all pieces; 0 where it is none.
    pub fn member_cut(&self) -> i64 {
        self.member_price.map_or(0, |price| (self.list_price - price).max(0) * self.quantity)
    }
}

/// What is to be bought: its lines stand in byte order of their ids, so that nothing depends on the order in which they
/// were named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    currency: String,
    lines: Vec<Line>,
    freight: i64,
}

/// Why lines are no basket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BasketFault {
    /// Two lines have the same id.
    #[error("the line {0} occurs twice")]
    LineTwice(String),
    /// It costs more than [`BASKET_MAX`].
    #[error("the basket costs more than {BASKET_MAX} minor units")]
    TooDear,
}

impl Basket {
    /// Of lines whose quantities are positive and whose prices are not negative.
    pub fn new(currency: impl Into<String>, mut lines: Vec<Line>, freight: i64) -> Result<Self, BasketFault> {
        lines.sort_by(|a, b| a.line_id.cmp(&b.line_id));
        if let Some(pair) = lines.windows(2).find(|pair| pair[0].line_id == pair[1].line_id) {
            return Err(BasketFault::LineTwice(pair[0].line_id.clone()));
        }
        let total = |line: &Line| i128::from(line.list_price) * i128::from(line.quantity);
        if lines.iter().map(total).sum::<i128>() + i128::from(freight) > i128::from(BASKET_MAX) {
            return Err(BasketFault::TooDear);
        }
        Ok(Self { currency: currency.into(), lines, freight })
    }

    /// The currency of all amounts.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// The lines, in byte order of their ids.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Freight before discounts.
    pub fn freight(&self) -> i64 {
        self.freight
    }

    /// All goods at list prices.
    pub fn goods(&self) -> i64 {
        self.lines.iter().map(Line::list_total).sum()
    }
}
