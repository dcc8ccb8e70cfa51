//! The service on a real Postgres: its commands and queries, then its API over a socket.
#![allow(clippy::unwrap_used)]

mod api;
mod insight;
mod intake;
mod lifecycle;
mod plans;
mod profile;
mod programme;
mod race;
mod stages;
mod support;
mod tenant;
