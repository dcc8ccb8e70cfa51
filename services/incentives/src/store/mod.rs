//! All SQL. Functions work inside the caller's transaction; each statement names the tenant although row-level security
//! would hold it to the tenant anyway.

pub mod checkout;
pub mod coupon;
pub mod offer;
pub mod template;
