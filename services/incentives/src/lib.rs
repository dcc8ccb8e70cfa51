//! What should this user get, or lose?

pub mod domain;
