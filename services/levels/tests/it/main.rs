//! The levels service on a real Postgres, and through a real socket.
#![allow(clippy::unwrap_used)]

mod api;
mod api_benefits;
mod api_goals;
mod api_holds;
mod api_input;
mod api_leaderboards;
mod api_levels;
mod as_of;
mod backtest;
mod benefits;
mod caps;
mod catalogue;
mod check_ins;
mod consumer;
mod corrections;
mod dry_run;
mod formulas;
mod gathered;
mod holds;
mod isolation;
mod lanes;
mod leaderboards;
mod ledger;
mod orders;
mod pending;
mod plans;
mod quests;
mod reports;
mod requests;
mod review;
mod rewards;
mod stage;
mod standing;
mod statement;
