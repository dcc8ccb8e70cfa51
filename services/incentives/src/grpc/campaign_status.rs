//! Refusals about campaigns, actions and penalties as callers see them.

use proto::common::v1::ErrorReason as Common;
use proto::incentives::v1::ErrorReason as Reason;
use service::Refuse;
use tonic::{Code, Status};

use crate::domain::campaign_refusal::CampaignRefusal as Refusal;

impl Refuse for Refusal {
    fn status(&self) -> Status {
        let message = self.to_string();
        let refuse = |code, reason: Reason| status::refuse(code, reason, message.clone());
        match self {
            Self::CampaignNotFound { campaign_id } => {
                refuse(Code::NotFound, Reason::CampaignNotFound).with("campaign_id", campaign_id)
            }
            Self::CampaignEnded { campaign_id } => {
                refuse(Code::FailedPrecondition, Reason::CampaignEnded).with("campaign_id", campaign_id)
            }
            Self::CampaignApproved { campaign_id, version } => {
                refuse(Code::FailedPrecondition, Reason::CampaignApproved)
                    .with("campaign_id", campaign_id)
                    .with("version", version)
            }
            Self::CampaignState { campaign_id, state } => refuse(Code::FailedPrecondition, Reason::CampaignState)
                .with("campaign_id", campaign_id)
                .with("state", state),
            Self::ApproverIsAuthor { campaign_id } => {
                refuse(Code::PermissionDenied, Reason::ApproverIsAuthor).with("campaign_id", campaign_id)
            }
            Self::CouponTemplateNotFound { template_id } => {
                refuse(Code::NotFound, Reason::CouponTemplateNotFound).with("template_id", template_id)
            }
            Self::EtagMismatch { etag } => {
                status::refuse(Code::FailedPrecondition, Common::EtagMismatch, message.clone()).with("etag", etag)
            }
            Self::ActionNotFound { action_id } => {
                refuse(Code::NotFound, Reason::ActionNotFound).with("action_id", action_id)
            }
            Self::ActionWithoutLadder { action_id } => {
                refuse(Code::FailedPrecondition, Reason::ActionWithoutLadder).with("action_id", action_id)
            }
            Self::PenaltyExists { penalty_id } => {
                refuse(Code::AlreadyExists, Reason::PenaltyExists).with("penalty_id", penalty_id)
            }
            Self::PenaltyNotFound { penalty_id } => {
                refuse(Code::NotFound, Reason::PenaltyNotFound).with("penalty_id", penalty_id)
            }
            Self::PenaltyOver { penalty_id } => {
                refuse(Code::FailedPrecondition, Reason::PenaltyOver).with("penalty_id", penalty_id)
            }
        }
        .into()
    }
}
