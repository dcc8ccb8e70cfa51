//! Refusals as callers see them.

use proto::common::v1::{ErrorReason as Common, JobLineFailure};
use proto::levels::v1::ErrorReason as Reason;
use serde_json::{Map, Value};
use service::Refuse;
use tonic::{Code, Status};

use crate::domain::refusal::Refusal;

impl Refuse for Refusal {
    fn status(&self) -> Status {
        refused(self)
    }
}

fn refused(refusal: &Refusal) -> Status {
    let message = refusal.to_string();
    let told = match kind(refusal) {
        (code, Some(reason)) => status::refuse(code, reason, message),
        (code, None) => status::refuse(code, Common::EtagMismatch, message),
    };
    variables(refusal).fold(told, |told, (name, value)| told.with(name, value)).into()
}

/// The code and the reason; none: the etag is stale, which is a reason of all services.
#[allow(clippy::too_many_lines, reason = "a table: a refusal a line")]
fn kind(refusal: &Refusal) -> (Code, Option<Reason>) {
    let (code, reason) = match refusal {
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
        Refusal::EntryNotFound { .. } => (Code::NotFound, Reason::EntryNotFound),
        Refusal::EntryNotReversible { .. } => (Code::FailedPrecondition, Reason::EntryNotReversible),
        Refusal::ReversalExceeded { .. } => (Code::FailedPrecondition, Reason::ReversalExceeded),
        Refusal::TransfersOff { .. } => (Code::FailedPrecondition, Reason::TransfersOff),
        Refusal::TransferLimit { .. } => (Code::FailedPrecondition, Reason::TransferLimit),
        Refusal::AdjustmentNotFound { .. } => (Code::NotFound, Reason::AdjustmentNotFound),
        Refusal::AdjustmentDecided { .. } => (Code::FailedPrecondition, Reason::AdjustmentDecided),
        Refusal::ApproverIsRequester { .. } => (Code::FailedPrecondition, Reason::ApproverIsRequester),
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
        Refusal::EarningCapped { .. } => (Code::FailedPrecondition, Reason::EarningCapped),
        Refusal::EarningRuleNotFound { .. } => (Code::NotFound, Reason::EarningRuleNotFound),
        Refusal::EventNotFound { .. } => (Code::NotFound, Reason::EventNotFound),
        Refusal::SchemeNotFound { .. } => (Code::NotFound, Reason::SchemeNotFound),
        Refusal::SchemeLimit { .. } => (Code::FailedPrecondition, Reason::SchemeLimit),
        Refusal::PointTypeSpendable { .. } => (Code::FailedPrecondition, Reason::PointTypeSpendable),
        Refusal::LevelGrantNotFound { .. } => (Code::NotFound, Reason::LevelGrantNotFound),
        Refusal::LevelGrantLimit { .. } => (Code::FailedPrecondition, Reason::LevelGrantLimit),
        Refusal::LevelNotLocked => (Code::FailedPrecondition, Reason::LevelNotLocked),
        Refusal::QuestNotFound { .. } => (Code::NotFound, Reason::QuestNotFound),
        Refusal::QuestFixed { .. } => (Code::FailedPrecondition, Reason::QuestFixed),
        Refusal::QuestNotInForce { .. } => (Code::FailedPrecondition, Reason::QuestNotInForce),
        Refusal::QuestNotByUser { .. } => (Code::FailedPrecondition, Reason::QuestNotByUser),
        Refusal::QuestLocked { .. } => (Code::FailedPrecondition, Reason::QuestLocked),
        Refusal::QuestStarted { .. } => (Code::FailedPrecondition, Reason::QuestStarted),
        Refusal::BadgeNotFound { .. } => (Code::NotFound, Reason::BadgeNotFound),
        Refusal::BadgeNotHeld { .. } => (Code::FailedPrecondition, Reason::BadgeNotHeld),
        Refusal::StreakNotFound { .. } => (Code::NotFound, Reason::StreakNotFound),
        Refusal::StreakNotInForce { .. } => (Code::FailedPrecondition, Reason::StreakNotInForce),
        Refusal::CheckedIn { .. } => (Code::FailedPrecondition, Reason::CheckedIn),
        Refusal::MakeUpLimit { .. } => (Code::FailedPrecondition, Reason::MakeUpLimit),
        Refusal::MakeUpDay { .. } => (Code::FailedPrecondition, Reason::MakeUpDay),
        Refusal::DefinitionLimit { .. } => (Code::FailedPrecondition, Reason::DefinitionLimit),
        Refusal::JobNotFound { .. } => (Code::NotFound, Reason::JobNotFound),
        Refusal::JobStateWrong { .. } => (Code::FailedPrecondition, Reason::JobStateWrong),
        Refusal::JobLimit { .. } => (Code::FailedPrecondition, Reason::JobLimit),
        Refusal::JobLineTaken { .. } => (Code::FailedPrecondition, Reason::JobLineTaken),
        Refusal::JobEmpty => (Code::FailedPrecondition, Reason::JobEmpty),
        Refusal::JobNotRecallable => (Code::FailedPrecondition, Reason::JobNotRecallable),
        Refusal::JobApproverIsRequester { .. } => (Code::FailedPrecondition, Reason::ApproverIsRequester),
        Refusal::JobLineBroken => (Code::Internal, Reason::JobLineBroken),
        Refusal::NothingToVoid => (Code::FailedPrecondition, Reason::NothingToVoid),
        Refusal::AccountTouched { .. } => (Code::FailedPrecondition, Reason::AccountTouched),
        Refusal::OpeningExists { .. } => (Code::FailedPrecondition, Reason::OpeningExists),
        Refusal::OpeningLapsed { .. } => (Code::FailedPrecondition, Reason::OpeningLapsed),
        Refusal::OpeningLevelUnsupported { .. } => (Code::FailedPrecondition, Reason::OpeningLevelUnsupported),
        Refusal::EtagMismatch { .. } => return (Code::FailedPrecondition, None),
    };
    (code, Some(reason))
}

/// A refusal as it stands in the outcome of a line.
pub(super) fn failure(refusal: &Refusal) -> JobLineFailure {
    let reason = kind(refusal).1.map_or(Common::EtagMismatch.as_str_name(), |reason| reason.as_str_name());
    let reason = reason.trim_start_matches("ERROR_REASON_").to_owned();
    JobLineFailure { reason, metadata: variables(refusal).collect() }
}

/// Everything that a refusal names, by the names under which it is recorded; not what it leaves open.
fn variables(refusal: &Refusal) -> impl Iterator<Item = (String, String)> {
    let fields = match serde_json::to_value(refusal) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let said = |(name, value): &(String, Value)| name != "refusal" && !value.is_null();
    fields.into_iter().filter(said).map(|(name, value)| match value {
        Value::String(text) => (name, text),
        other => (name, other.to_string()),
    })
}
