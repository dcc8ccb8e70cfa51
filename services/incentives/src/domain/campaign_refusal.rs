//! Why calls about campaigns, actions and penalties are refused.

use serde::{Deserialize, Serialize};

/// Why a call was refused after looking at what is stored. Recorded with the request of a write, so that a late duplicate
/// gets the same answer: the names are stored and never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum CampaignRefusal {
    /// The tenant has no such campaign.
    #[error("there is no such campaign")]
    CampaignNotFound {
        /// The campaign.
        campaign_id: String,
    },
    /// The campaign was ended.
    #[error("the campaign has ended")]
    CampaignEnded {
        /// The campaign.
        campaign_id: String,
    },
    /// The newest version is in force already.
    #[error("this version is approved already")]
    CampaignApproved {
        /// The campaign.
        campaign_id: String,
        /// The version.
        version: i32,
    },
    /// The campaign's state does not allow it.
    #[error("the campaign's state does not allow it")]
    CampaignState {
        /// The campaign.
        campaign_id: String,
        /// Its state.
        state: String,
    },
    /// The caller saved what is to be approved.
    #[error("the author may not approve")]
    ApproverIsAuthor {
        /// The campaign.
        campaign_id: String,
    },
    /// The coupon's template does not exist.
    #[error("there is no such coupon template")]
    CouponTemplateNotFound {
        /// The template.
        template_id: String,
    },
    /// What was read has changed since.
    #[error("the resource has changed since it was read")]
    EtagMismatch {
        /// The etag of now.
        etag: String,
    },
    /// The catalogue has no such action.
    #[error("there is no such action")]
    ActionNotFound {
        /// The action.
        action_id: String,
    },
    /// The action says nothing of penalties.
    #[error("the action has no ladder")]
    ActionWithoutLadder {
        /// The action.
        action_id: String,
    },
    /// The user has a penalty with this id.
    #[error("a penalty with this id exists")]
    PenaltyExists {
        /// The penalty.
        penalty_id: String,
    },
    /// The user has no such penalty.
    #[error("there is no such penalty")]
    PenaltyNotFound {
        /// The penalty.
        penalty_id: String,
    },
    /// The penalty is over.
    #[error("the penalty is over")]
    PenaltyOver {
        /// The penalty.
        penalty_id: String,
    },
}
