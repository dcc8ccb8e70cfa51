//! What has this user earned? Points, growth and levels.

pub mod domain;
