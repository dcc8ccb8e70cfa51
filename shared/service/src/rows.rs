//! Columns as identifiers: what is stored was checked when it came in.

use ids::{EventId, Key, UserId};
use pg::StoreError;

/// A stored value that the domain does not know: a bug, or a newer release wrote it.
pub fn unreadable(column: &'static str) -> StoreError {
    sqlx::Error::Decode(format!("the column {column} holds a value that this release does not know").into()).into()
}

/// The column `user_id`.
pub fn user(text: String) -> Result<UserId, StoreError> {
    UserId::new(text).map_err(|_| unreadable("user_id"))
}

/// A column that holds the id of a definition.
pub fn key(text: String, column: &'static str) -> Result<Key, StoreError> {
    Key::new(text).map_err(|_| unreadable(column))
}

/// The column `event_id`.
pub fn event(text: String) -> Result<EventId, StoreError> {
    EventId::new(text).map_err(|_| unreadable("event_id"))
}
