//! The event log against a real Postgres: no event lost, doubled or out of order, whatever is killed.
#![allow(clippy::unwrap_used)]

mod append;
mod by_hand;
mod checker;
mod dead_letters;
mod exactly_once;
mod kill_points;
mod old_snapshot;
mod order;
mod outcome;
mod pull;
mod replicas;
mod restore;
mod stage;
mod tenants;
mod together;
mod upkeep;
mod wire;
