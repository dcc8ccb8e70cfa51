//! All SQL. Functions work inside the caller's transaction; each statement names the tenant although row-level security
//! would hold it to the tenant anyway.

pub(crate) mod insight;
pub(crate) mod intake;
pub(crate) mod lifecycle;
pub(crate) mod order;
pub(crate) mod profile;
pub(crate) mod programme;
pub(crate) mod refund;
pub(crate) mod stage_hold;
pub(crate) mod tenant;
pub(crate) mod visit;
