//! The writes, one file each. A transaction is visible from its begin to its commit: lock, look up the request id, decide
//! in the domain, write, append to the log, record the answer, commit, wake the log's readers.

mod apply_refunds;
mod campaign_cache;
mod campaign_consumers;
mod cancel;
mod claim_coupon;
mod confirm;
mod coupon_rewards;
mod end_penalties;
mod give_back;
mod grant_coupons;
mod impose_penalty;
mod lift_penalty;
mod meet_events;
mod publish_template;
mod put_action;
mod reserve;
mod returning;
mod save_campaign;
mod settle;
mod turn_campaign;
mod update_campaign_settings;
mod void_coupon;

pub use apply_refunds::{CheckoutConsumer, apply_refunds};
pub use campaign_cache::CampaignCache;
pub(crate) use campaign_cache::compile;
pub use campaign_consumers::CampaignConsumer;
pub use cancel::Cancel;
pub use claim_coupon::ClaimCoupon;
pub use confirm::Confirm;
pub use give_back::GiveBack;
pub use grant_coupons::{CouponGrant, CouponSource, grant_coupons, void_coupons};
pub use impose_penalty::ImposePenalty;
pub use lift_penalty::LiftPenalty;
pub use publish_template::PublishTemplate;
pub use put_action::PutAction;
pub use reserve::Reserve;
pub use save_campaign::SaveCampaign;
pub use turn_campaign::{How, TurnAnswer, TurnCampaign};
pub use update_campaign_settings::UpdateCampaignSettings;
pub use void_coupon::VoidCoupon;
