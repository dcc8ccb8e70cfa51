//! Refusals as callers see them.

use proto::levels::v1::ErrorReason as Reason;
use service::Refuse;
use tonic::{Code, Status};
use units::time::to_proto;

use crate::domain::refusal::Refusal;

impl Refuse for Refusal {
    fn status(&self) -> Status {
        refused(self)
    }
}

fn refused(refusal: &Refusal) -> Status {
    let message = refusal.to_string();
    match refusal {
        Refusal::PointTypeExists { point_type_id } => {
            status::refuse(Code::AlreadyExists, Reason::PointTypeExists, message).with("point_type_id", point_type_id)
        }
        Refusal::PointTypeNotFound { point_type_id } => {
            status::refuse(Code::NotFound, Reason::PointTypeNotFound, message).with("point_type_id", point_type_id)
        }
        Refusal::PointTypeNotSpendable { point_type_id } => {
            status::refuse(Code::FailedPrecondition, Reason::PointTypeNotSpendable, message)
                .with("point_type_id", point_type_id)
        }
        Refusal::BalanceShort { available, amount } => {
            status::refuse(Code::FailedPrecondition, Reason::BalanceShort, message)
                .with("available", available)
                .with("amount", amount)
        }
        Refusal::BalanceOverflow { amount } => {
            status::refuse(Code::OutOfRange, Reason::BalanceOverflow, message).with("amount", amount)
        }
        Refusal::HoldNotFound { hold_id } => {
            status::refuse(Code::NotFound, Reason::HoldNotFound, message).with("hold_id", hold_id)
        }
        Refusal::HoldOpen { hold_id } => {
            status::refuse(Code::FailedPrecondition, Reason::HoldOpen, message).with("hold_id", hold_id)
        }
        Refusal::HoldCaptured { hold_id } => {
            status::refuse(Code::FailedPrecondition, Reason::HoldCaptured, message).with("hold_id", hold_id)
        }
        Refusal::HoldReleased { hold_id } => {
            status::refuse(Code::FailedPrecondition, Reason::HoldReleased, message).with("hold_id", hold_id)
        }
        Refusal::HoldExpired { hold_id } => {
            status::refuse(Code::FailedPrecondition, Reason::HoldExpired, message).with("hold_id", hold_id)
        }
        Refusal::HoldExceeded { held, amount } => {
            status::refuse(Code::FailedPrecondition, Reason::HoldExceeded, message)
                .with("held", held)
                .with("amount", amount)
        }
        Refusal::GiveBackExceeded { captured, amount } => {
            status::refuse(Code::FailedPrecondition, Reason::GiveBackExceeded, message)
                .with("captured", captured)
                .with("amount", amount)
        }
        Refusal::HoldLimit { limit } => {
            status::refuse(Code::FailedPrecondition, Reason::HoldLimit, message).with("limit", limit)
        }
        Refusal::BenefitNotFound { benefit_id } => {
            status::refuse(Code::NotFound, Reason::BenefitNotFound, message).with("benefit_id", benefit_id)
        }
        Refusal::LevelNotFound { scheme_id, rank } => status::refuse(Code::NotFound, Reason::LevelNotFound, message)
            .with("scheme_id", scheme_id)
            .with("rank", rank),
        Refusal::BenefitLimit { limit } => {
            status::refuse(Code::FailedPrecondition, Reason::BenefitLimit, message).with("limit", limit)
        }
        Refusal::BenefitNotCounted { benefit_id } => {
            status::refuse(Code::FailedPrecondition, Reason::BenefitNotCounted, message).with("benefit_id", benefit_id)
        }
        Refusal::BenefitNotInForce { benefit_id } => {
            status::refuse(Code::FailedPrecondition, Reason::BenefitNotInForce, message).with("benefit_id", benefit_id)
        }
        Refusal::BenefitNotHeld { benefit_id, needed_rank } => {
            let refused = status::refuse(Code::FailedPrecondition, Reason::BenefitNotHeld, message)
                .with("benefit_id", benefit_id);
            match needed_rank {
                Some(rank) => refused.with("needed_rank", rank),
                None => refused,
            }
        }
        Refusal::BenefitQuotaShort { benefit_id, left, count, renews_at } => {
            let refused = status::refuse(Code::FailedPrecondition, Reason::BenefitQuotaShort, message)
                .with("benefit_id", benefit_id)
                .with("left", left)
                .with("count", count);
            match renews_at {
                Some(time) => refused.with("renew_time", to_proto(*time)),
                None => refused,
            }
        }
        Refusal::BenefitUseNotFound { use_id } => {
            status::refuse(Code::NotFound, Reason::BenefitUseNotFound, message).with("use_id", use_id)
        }
        Refusal::BenefitGiveBackExceeded { used, count } => {
            status::refuse(Code::FailedPrecondition, Reason::BenefitGiveBackExceeded, message)
                .with("used", used)
                .with("count", count)
        }
        Refusal::LeaderboardNotFound { leaderboard_id } => {
            status::refuse(Code::NotFound, Reason::LeaderboardNotFound, message).with("leaderboard_id", leaderboard_id)
        }
        Refusal::LeaderboardLimit { limit } => {
            status::refuse(Code::FailedPrecondition, Reason::LeaderboardLimit, message).with("limit", limit)
        }
        Refusal::LeaderboardFixed { leaderboard_id, field } => {
            status::refuse(Code::FailedPrecondition, Reason::LeaderboardFixed, message)
                .with("leaderboard_id", leaderboard_id)
                .with("field", field)
        }
        Refusal::SeasonNotFound { leaderboard_id, season_id } => {
            status::refuse(Code::NotFound, Reason::SeasonNotFound, message)
                .with("leaderboard_id", leaderboard_id)
                .with("season_id", season_id)
        }
        Refusal::SeasonNotRunning { leaderboard_id } => {
            status::refuse(Code::FailedPrecondition, Reason::SeasonNotRunning, message)
                .with("leaderboard_id", leaderboard_id)
        }
        Refusal::SeasonOver { season_id } => {
            status::refuse(Code::FailedPrecondition, Reason::SeasonOver, message).with("season_id", season_id)
        }
        Refusal::ScoreOverflow => status::refuse(Code::OutOfRange, Reason::ScoreOverflow, message),
        Refusal::EarningRuleNotFound { rule_id } => {
            status::refuse(Code::NotFound, Reason::EarningRuleNotFound, message).with("rule_id", rule_id)
        }
        Refusal::SchemeNotFound { scheme_id } => {
            status::refuse(Code::NotFound, Reason::SchemeNotFound, message).with("scheme_id", scheme_id)
        }
        Refusal::SchemeLimit { scheme_id } => {
            status::refuse(Code::FailedPrecondition, Reason::SchemeLimit, message).with("scheme_id", scheme_id)
        }
    }
    .into()
}
