//! Rules at their limits and one beyond, on the messages of the contracts and on made-up ones.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod contracts;
mod properties;
mod rules;
mod support;
mod unsupported;
