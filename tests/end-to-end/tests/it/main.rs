//! The suite seen from outside.
#![allow(clippy::unwrap_used)]

mod access;
mod bad_input;
mod clock;
mod closed_loop;
mod isolation;
mod member;
mod model;
mod programme;
mod programme_year;
mod replay;
mod validate_only;
