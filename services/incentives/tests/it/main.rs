//! The incentives service on a real Postgres, and through a real socket.
#![allow(clippy::unwrap_used)]

mod campaign_races;
mod campaign_stage;
mod campaigns;
mod checkout;
mod checkout_api;
mod coupon_limits;
mod coupons;
mod decisions;
mod due;
mod penalties;
mod plans;
mod refunds;
mod shared_checkouts;
mod stage;
mod undone_levels;
