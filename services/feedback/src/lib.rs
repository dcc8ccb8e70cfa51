//! What does this user need?

pub mod domain;
