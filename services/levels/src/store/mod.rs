//! All SQL. Functions work inside the caller's transaction; each statement names the tenant although row-level security
//! would hold it to the tenant anyway.

pub mod account;
pub mod alias;
pub mod earning_rule;
pub mod entry;
pub mod member;
pub mod order;
pub mod point_type;
pub mod scheme;
pub mod total;

use ids::{EventId, Key, UserId};
use pg::StoreError;

/// A stored value that the domain does not know: a bug, or a newer release wrote it.
fn unreadable(column: &'static str) -> StoreError {
    sqlx::Error::Decode(format!("the column {column} holds a value that this release does not know").into()).into()
}

fn user(text: String) -> Result<UserId, StoreError> {
    UserId::new(text).map_err(|_| unreadable("user_id"))
}

fn key(text: String, column: &'static str) -> Result<Key, StoreError> {
    Key::new(text).map_err(|_| unreadable(column))
}

fn event(text: String) -> Result<EventId, StoreError> {
    EventId::new(text).map_err(|_| unreadable("event_id"))
}
