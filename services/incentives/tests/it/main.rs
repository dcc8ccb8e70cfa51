//! The incentives service on a real Postgres, and through a real socket.
#![allow(clippy::unwrap_used)]

mod checkout;
mod checkout_api;
mod coupon_limits;
mod coupons;
mod due;
mod plans;
mod refunds;
mod stage;
