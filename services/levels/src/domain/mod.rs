//! What is decided here, as pure functions over loaded state: no clock, no store, no wire format.

pub mod account;
pub mod adjustment;
pub mod backtest;
pub mod badge;
pub mod balance;
pub mod benefit;
pub mod bonus;
pub mod book;
pub mod cap;
pub mod claim;
pub mod consume;
pub mod earning;
pub mod entry;
pub mod expiring;
pub mod expiry;
pub mod explain_level;
pub mod finance;
pub mod group;
pub mod hold;
pub mod job;
pub mod leaderboard;
pub mod level_act;
pub mod line_rate;
pub mod lot;
pub mod member;
pub mod multiplier;
pub mod opening;
pub mod order;
pub mod parts;
pub mod pending;
pub mod point_type;
pub mod point_type_change;
pub mod quest;
pub mod refusal;
pub mod result_card;
pub mod reversal;
pub mod reward;
pub mod scheme;
pub mod sentence;
pub mod simulation;
pub mod streak;
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
mod field_facts;
#[cfg(test)]
mod hold_tests;
#[cfg(test)]
mod leaderboard_tests;
#[cfg(test)]
mod level_act_tests;
#[cfg(test)]
mod member_tests;
#[cfg(test)]
mod order_properties;
#[cfg(test)]
mod quest_properties;
#[cfg(test)]
mod quest_tests;
#[cfg(test)]
mod reward_properties;
#[cfg(test)]
mod standing_properties;
#[cfg(test)]
mod standing_tests;
#[cfg(test)]
mod streak_tests;
