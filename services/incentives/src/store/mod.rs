//! All SQL. Functions work inside the caller's transaction; each statement names the tenant although row-level security
//! would hold it to the tenant anyway.

pub mod action;
pub mod campaign;
pub mod checkout;
pub mod checkout_order;
pub mod coupon;
pub mod decision;
pub mod figures;
pub mod grant;
pub mod offer;
pub mod penalty;
pub mod template;

use time::OffsetDateTime;
use time::macros::datetime;

/// Later than any row: where lists begin that go back in time. A list compares with a plain parameter, as an index serves
/// no comparison with an expression that stands for "from the start".
const LATEST: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);
