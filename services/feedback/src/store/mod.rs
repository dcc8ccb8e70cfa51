//! All SQL. Functions work inside the caller's transaction; each statement names the tenant although row-level security
//! would hold it to the tenant anyway.

pub mod case;
pub mod case_type;
pub mod classification;
pub mod entry;
pub mod figures;
pub mod queue;
pub mod rating;
pub mod sla_policy;
pub mod standing;
pub mod tenant;

mod case_row;
mod rulebook;

use pg::StoreError;

/// A stored value that the domain does not know: a bug, or a newer release wrote it.
fn unreadable(column: &'static str) -> StoreError {
    sqlx::Error::Decode(format!("the column {column} holds a value that this release does not know").into()).into()
}
