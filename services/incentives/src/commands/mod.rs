//! The writes, one file each. A transaction is visible from its begin to its commit: lock, look up the request id, decide
//! in the domain, write, append to the log, record the answer, commit, wake the log's readers.

mod apply_refunds;
mod cancel;
mod claim_coupon;
mod confirm;
mod give_back;
mod grant_coupons;
mod publish_template;
mod reserve;
mod returning;
mod settle;
mod void_coupon;

pub use apply_refunds::{CheckoutConsumer, apply_refunds};
pub use cancel::Cancel;
pub use claim_coupon::ClaimCoupon;
pub use confirm::Confirm;
pub use give_back::GiveBack;
pub use grant_coupons::{CouponGrant, CouponSource, grant_coupons, void_coupons};
pub use publish_template::PublishTemplate;
pub use reserve::Reserve;
pub use void_coupon::VoidCoupon;
