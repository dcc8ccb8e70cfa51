//! The suite seen from outside.

mod access;
mod bad_input;
mod isolation;
mod replay;
