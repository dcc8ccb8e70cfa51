//! The levels service on a real Postgres, and through a real socket.
#![allow(clippy::unwrap_used)]

mod api;
mod api_benefits;
mod api_holds;
mod api_input;
mod api_jobs;
mod api_leaderboards;
mod as_of;
mod backtest;
mod benefits;
mod caps;
mod catalogue;
mod consumer;
mod corrections;
mod dry_run;
mod formulas;
mod gathered;
mod holds;
mod isolation;
mod job_runs;
mod jobs;
mod lanes;
mod leaderboards;
mod ledger;
mod openings;
mod orders;
mod pending;
mod plans;
mod reports;
mod requests;
mod review;
mod rewards;
mod stage;
mod statement;
