//! The one place where failures become statuses.

use eventlog::NotReached;
use proto::common::v1::ErrorReason as Common;
use proto::levels::v1::ErrorReason as Reason;
use std::time::Duration;
use tonic::{Code, Status};

use crate::domain::refusal::Refusal;
use crate::error::LevelsError;

/// When a read that was too early is worth repeating.
const RETRY: Duration = Duration::from_millis(200);

impl From<LevelsError> for Status {
    fn from(error: LevelsError) -> Self {
        let message = error.to_string();
        match error {
            LevelsError::Refused { refusal, replayed: true } => rt::replayed_status(refused(&refusal)),
            LevelsError::Refused { refusal, replayed: false } => refused(&refusal),
            LevelsError::RequestIdReused { request_id } => {
                status::refuse(Code::AlreadyExists, Common::RequestIdReused, message)
                    .with("request_id", request_id)
                    .into()
            }
            LevelsError::PageToken(bad) => {
                status::refuse(Code::InvalidArgument, Common::PageTokenInvalid, format!("page_token {bad}")).into()
            }
            LevelsError::NotReached(NotReached::Late(position)) => {
                status::refuse(Code::Unavailable, Common::PositionNotReached, message)
                    .with("source", &position.source)
                    .with("partition", position.partition)
                    .with("seq", position.seq)
                    .retry_after(RETRY)
                    .into()
            }
            LevelsError::NotReached(NotReached::Store(source)) | LevelsError::Store(source) => {
                status::from_store(source)
            }
            LevelsError::TooManyHops(source) => status::internal(&source),
        }
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
