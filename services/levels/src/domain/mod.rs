//! What is decided here, as pure functions over loaded state: no clock, no store, no wire format.

pub mod account;
pub mod adjustment;
pub mod backtest;
pub mod balance;
pub mod benefit;
pub mod book;
pub mod cap;
pub mod claim;
pub mod consume;
pub mod earning;
pub mod entry;
pub mod expiring;
pub mod expiry;
pub mod finance;
pub mod group;
pub mod hold;
pub mod job;
pub mod leaderboard;
pub mod line_rate;
pub mod lot;
pub mod member;
pub mod multiplier;
pub mod opening;
pub mod order;
pub mod pending;
pub mod point_type;
pub mod point_type_change;
pub mod refusal;
pub mod reversal;
pub mod reward;
pub mod scheme;
pub mod sentence;
pub mod transfer;
pub mod trial;
pub mod used;
pub mod void;

#[cfg(test)]
mod account_model;
#[cfg(test)]
mod account_properties;
#[cfg(test)]
mod account_run;
#[cfg(test)]
mod benefit_tests;
#[cfg(test)]
mod earning_properties;
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
