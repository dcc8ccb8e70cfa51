//! A purchase, from its reservation on.

use ids::UserId;
use time::{Duration, OffsetDateTime};

use super::basket::Basket;
use super::refund::Returns;
use super::refusal::Refusal;
use super::waterfall::Quote;

/// How long coupons and points stay reserved where the caller does not say.
pub const TTL_DEFAULT: Duration = Duration::minutes(15);

/// A user and a checkout, or a user and an order.
pub type Key = (UserId, String);

/// What is known of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// The checkout that was confirmed for it; empty: none yet.
    pub checkout_id: String,
    /// What came back.
    pub returns: Returns,
}

/// How far a checkout has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutState {
    /// Coupons and points are reserved.
    Reserved,
    /// Paid.
    Confirmed,
    /// Given up.
    Cancelled,
    /// Not confirmed in time, and that is booked.
    Expired,
}

impl CheckoutState {
    const ALL: [Self; 4] = [Self::Reserved, Self::Confirmed, Self::Cancelled, Self::Expired];

    /// The contract's number.
    pub fn code(self) -> i16 {
        self as i16 + 1
    }

    /// The state of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The contract's name, as it stands in the metadata of errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reserved => "RESERVED",
            Self::Confirmed => "CONFIRMED",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// A checkout, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Whose.
    pub user: UserId,
    /// Unique within the user.
    pub checkout_id: String,
    /// How far it has come, as booked.
    pub state: CheckoutState,
    /// The order; empty until it is known.
    pub order_id: String,
    /// What was bought.
    pub basket: Basket,
    /// What it costs.
    pub quote: Quote,
    /// The points used; empty: none.
    pub point_type_id: String,
    /// The hold in levels; empty: none.
    pub hold_id: String,
    /// When it was made.
    pub create_time: OffsetDateTime,
    /// When it ends unless it is confirmed.
    pub expire_time: OffsetDateTime,
}

impl Checkout {
    /// Its user and its id.
    pub fn key(&self) -> Key {
        (self.user.clone(), self.checkout_id.clone())
    }

    /// The user and the order.
    pub fn order_key(&self) -> Key {
        (self.user.clone(), self.order_id.clone())
    }

    /// What it is at a time, whether or not that is booked.
    pub fn state_at(&self, at: OffsetDateTime) -> CheckoutState {
        match self.state {
            CheckoutState::Reserved if self.expire_time <= at => CheckoutState::Expired,
            state => state,
        }
    }

    /// The coupons in it, in the order in which they apply.
    pub fn coupon_ids(&self) -> Vec<String> {
        self.quote.coupons().map(|step| step.coupon_id.clone()).collect()
    }

    /// Refuses unless it can still be confirmed or cancelled.
    pub fn open_at(&self, at: OffsetDateTime) -> Result<(), Refusal> {
        match self.state_at(at) {
            CheckoutState::Reserved => Ok(()),
            state => {
                let checkout_id = self.checkout_id.clone();
                Err(Refusal::CheckoutNotOpen { checkout_id, state: state.name().to_owned() })
            }
        }
    }

    /// Refuses unless it was confirmed.
    pub fn confirmed_at(&self, at: OffsetDateTime) -> Result<(), Refusal> {
        match self.state_at(at) {
            CheckoutState::Confirmed => Ok(()),
            state => {
                let checkout_id = self.checkout_id.clone();
                Err(Refusal::CheckoutNotConfirmed { checkout_id, state: state.name().to_owned() })
            }
        }
    }
}
