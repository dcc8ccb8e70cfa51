//! Why calls fail.

use crate::domain::campaign_refusal::CampaignRefusal;
use crate::domain::refusal::Refusal;

/// Why a call about coupons or checkouts failed.
pub type IncentivesError = service::Failure<Refusal>;

/// Why a call about campaigns, actions or penalties failed.
pub type CampaignError = service::Failure<CampaignRefusal>;
