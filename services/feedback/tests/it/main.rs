//! The feedback service on a real Postgres, and through a real socket.
#![allow(clippy::unwrap_used)]

mod api;
mod cases;
mod consumers;
mod deadlines;
mod figures;
mod isolation;
mod lanes;
mod plans;
mod races;
mod requests;
mod server;
mod stage;
