//! The reads, one file each. A read waits for the positions that it was given before it looks.

mod action;
mod campaign;
mod campaign_results;
mod checkout;
mod coupons;
mod decision;
mod dry_run;
mod penalty;
mod quote;
mod templates;

pub use checkout::{Preview, ReturnAsked};
pub use coupons::{AskedCoupons, CouponPlace};
pub use dry_run::DryRun;
pub use penalty::AskedRestrictions;
pub use quote::Asked;

use ids::{TenantId, UserId};
use pg::Tx;

use crate::error::IncentivesError;

/// Whom an id means.
async fn resolve(tx: &mut Tx, tenant: &TenantId, user: &UserId) -> Result<UserId, IncentivesError> {
    Ok(mirror::resolve(tx, tenant, [user]).await?.meant(user))
}
