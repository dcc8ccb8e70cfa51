//! Refusals as callers see them.

use proto::levels::v1::ErrorReason as Reason;
use service::Refuse;
use tonic::{Code, Status};
use units::time::to_proto;

use crate::domain::refusal::Refusal;

impl Refuse for Refusal {
    fn status(&self) -> Status {
        let (code, reason) = kind(self);
        let refused = status::refuse(code, reason, self.to_string());
        metadata(self).into_iter().fold(refused, |refused, (name, value)| refused.with(name, value)).into()
    }
}

/// What kind of failure it is to callers, and its name in the contract.
fn kind(refusal: &Refusal) -> (Code, Reason) {
    match refusal {
        Refusal::PointTypeExists { .. } => (Code::AlreadyExists, Reason::PointTypeExists),
        Refusal::PointTypeNotFound { .. } => (Code::NotFound, Reason::PointTypeNotFound),
        Refusal::PointTypeNotSpendable { .. } => (Code::FailedPrecondition, Reason::PointTypeNotSpendable),
        Refusal::BalanceShort { .. } => (Code::FailedPrecondition, Reason::BalanceShort),
        Refusal::BalanceOverflow { .. } => (Code::OutOfRange, Reason::BalanceOverflow),
        Refusal::HoldNotFound { .. } => (Code::NotFound, Reason::HoldNotFound),
        Refusal::HoldOpen { .. } => (Code::FailedPrecondition, Reason::HoldOpen),
        Refusal::HoldCaptured { .. } => (Code::FailedPrecondition, Reason::HoldCaptured),
        Refusal::HoldReleased { .. } => (Code::FailedPrecondition, Reason::HoldReleased),
        Refusal::HoldExpired { .. } => (Code::FailedPrecondition, Reason::HoldExpired),
        Refusal::HoldExceeded { .. } => (Code::FailedPrecondition, Reason::HoldExceeded),
        Refusal::GiveBackExceeded { .. } => (Code::FailedPrecondition, Reason::GiveBackExceeded),
        Refusal::HoldLimit { .. } => (Code::FailedPrecondition, Reason::HoldLimit),
        Refusal::EarningRuleNotFound { .. } => (Code::NotFound, Reason::EarningRuleNotFound),
        Refusal::SchemeNotFound { .. } => (Code::NotFound, Reason::SchemeNotFound),
        Refusal::SchemeLimit { .. } => (Code::FailedPrecondition, Reason::SchemeLimit),
        Refusal::BenefitNotFound { .. } => (Code::NotFound, Reason::BenefitNotFound),
        Refusal::LevelNotFound { .. } => (Code::NotFound, Reason::LevelNotFound),
        Refusal::BenefitLimit { .. } => (Code::FailedPrecondition, Reason::BenefitLimit),
        Refusal::BenefitNotCounted { .. } => (Code::FailedPrecondition, Reason::BenefitNotCounted),
        Refusal::BenefitNotInForce { .. } => (Code::FailedPrecondition, Reason::BenefitNotInForce),
        Refusal::BenefitNotHeld { .. } => (Code::FailedPrecondition, Reason::BenefitNotHeld),
        Refusal::BenefitQuotaShort { .. } => (Code::FailedPrecondition, Reason::BenefitQuotaShort),
        Refusal::BenefitUseNotFound { .. } => (Code::NotFound, Reason::BenefitUseNotFound),
        Refusal::BenefitGiveBackExceeded { .. } => (Code::FailedPrecondition, Reason::BenefitGiveBackExceeded),
        Refusal::LeaderboardNotFound { .. } => (Code::NotFound, Reason::LeaderboardNotFound),
        Refusal::LeaderboardLimit { .. } => (Code::FailedPrecondition, Reason::LeaderboardLimit),
        Refusal::LeaderboardFixed { .. } => (Code::FailedPrecondition, Reason::LeaderboardFixed),
        Refusal::SeasonNotFound { .. } => (Code::NotFound, Reason::SeasonNotFound),
        Refusal::SeasonNotRunning { .. } => (Code::FailedPrecondition, Reason::SeasonNotRunning),
        Refusal::SeasonOver { .. } => (Code::FailedPrecondition, Reason::SeasonOver),
        Refusal::ScoreOverflow => (Code::OutOfRange, Reason::ScoreOverflow),
    }
}

/// What it is about, by the names that the contract gives.
fn metadata(refusal: &Refusal) -> Vec<(&'static str, String)> {
    match refusal {
        Refusal::PointTypeExists { point_type_id }
        | Refusal::PointTypeNotFound { point_type_id }
        | Refusal::PointTypeNotSpendable { point_type_id } => vec![("point_type_id", point_type_id.clone())],
        Refusal::BalanceShort { available, amount } => {
            vec![("available", available.to_string()), ("amount", amount.to_string())]
        }
        Refusal::BalanceOverflow { amount } => vec![("amount", amount.to_string())],
        Refusal::HoldNotFound { hold_id }
        | Refusal::HoldOpen { hold_id }
        | Refusal::HoldCaptured { hold_id }
        | Refusal::HoldReleased { hold_id }
        | Refusal::HoldExpired { hold_id } => vec![("hold_id", hold_id.clone())],
        Refusal::HoldExceeded { held, amount } => vec![("held", held.to_string()), ("amount", amount.to_string())],
        Refusal::GiveBackExceeded { captured, amount } => {
            vec![("captured", captured.to_string()), ("amount", amount.to_string())]
        }
        Refusal::HoldLimit { limit } | Refusal::BenefitLimit { limit } | Refusal::LeaderboardLimit { limit } => {
            vec![("limit", limit.to_string())]
        }
        Refusal::EarningRuleNotFound { rule_id } => vec![("rule_id", rule_id.clone())],
        Refusal::SchemeNotFound { scheme_id } | Refusal::SchemeLimit { scheme_id } => {
            vec![("scheme_id", scheme_id.clone())]
        }
        Refusal::LevelNotFound { scheme_id, rank } => {
            vec![("scheme_id", scheme_id.clone()), ("rank", rank.to_string())]
        }
        Refusal::BenefitNotFound { benefit_id }
        | Refusal::BenefitNotCounted { benefit_id }
        | Refusal::BenefitNotInForce { benefit_id } => vec![("benefit_id", benefit_id.clone())],
        Refusal::BenefitNotHeld { benefit_id, needed_rank } => {
            let needed = needed_rank.map(|rank| ("needed_rank", rank.to_string()));
            [("benefit_id", benefit_id.clone())].into_iter().chain(needed).collect()
        }
        Refusal::BenefitQuotaShort { benefit_id, left, count, renews_at } => {
            let figures =
                [("benefit_id", benefit_id.clone()), ("left", left.to_string()), ("count", count.to_string())];
            let renewal = renews_at.map(|time| ("renew_time", to_proto(time).to_string()));
            figures.into_iter().chain(renewal).collect()
        }
        Refusal::BenefitUseNotFound { use_id } => vec![("use_id", use_id.clone())],
        Refusal::BenefitGiveBackExceeded { used, count } => {
            vec![("used", used.to_string()), ("count", count.to_string())]
        }
        Refusal::LeaderboardNotFound { leaderboard_id } | Refusal::SeasonNotRunning { leaderboard_id } => {
            vec![("leaderboard_id", leaderboard_id.clone())]
        }
        Refusal::LeaderboardFixed { leaderboard_id, field } => {
            vec![("leaderboard_id", leaderboard_id.clone()), ("field", field.clone())]
        }
        Refusal::SeasonNotFound { leaderboard_id, season_id } => {
            vec![("leaderboard_id", leaderboard_id.clone()), ("season_id", season_id.clone())]
        }
        Refusal::SeasonOver { season_id } => vec![("season_id", season_id.clone())],
        Refusal::ScoreOverflow => Vec::new(),
    }
}
