//! The suite seen from outside.

mod access;
mod bad_input;
mod clock;
mod isolation;
mod replay;
