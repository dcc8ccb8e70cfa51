//! The runtime through a real socket, with a generated service behind it.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod client;
mod deadlines;
mod drain;
mod faults;
mod levels;
mod messages;
mod open;
mod order;
mod pulls;
mod raw;
mod server;
mod trace;
mod writes;
