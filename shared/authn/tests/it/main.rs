//! Tokens and access as servers meet them.

mod access;
mod issuer;
mod keys;
mod support;
mod tokens;
