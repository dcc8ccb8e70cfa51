//! What is decided here, as pure functions over loaded state: no clock, no store, no wire format.

pub mod account;
pub mod balance;
pub mod benefit;
pub mod book;
pub mod consume;
pub mod earning;
pub mod entry;
pub mod hold;
pub mod leaderboard;
pub mod lot;
pub mod member;
pub mod order;
pub mod pending;
pub mod point_type;
pub mod refusal;
pub mod reward;
pub mod scheme;

#[cfg(test)]
mod account_model;
#[cfg(test)]
mod account_properties;
#[cfg(test)]
mod benefit_tests;
#[cfg(test)]
mod hold_tests;
#[cfg(test)]
mod leaderboard_tests;
#[cfg(test)]
mod member_tests;
#[cfg(test)]
mod order_properties;
#[cfg(test)]
mod reward_properties;
