//! Tokens and access as servers meet them.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod access;
mod issuer;
mod keys;
mod support;
mod tls;
mod tokens;
