//! All SQL. Functions work inside the caller's transaction; each statement names the tenant although row-level security
//! would hold it to the tenant anyway.

pub mod action;
pub mod campaign;
pub mod checkout;
pub mod coupon;
pub mod decision;
pub mod figures;
pub mod grant;
pub mod offer;
pub mod penalty;
pub mod template;
