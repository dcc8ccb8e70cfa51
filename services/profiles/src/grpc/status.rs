use proto::admin::v1::ErrorReason as Admin;
use proto::common::v1::ErrorReason as Common;
use proto::profiles::v1::ErrorReason as Reason;
use status::{Violations, from_store, refuse};
use tonic::{Code, Status};

use crate::domain::refusal::Refusal;
use crate::error::ProfilesError;
use eventlog::NotReached;

/// How long to wait before asking again for a position that was not reached.
const NOT_REACHED_RETRY: std::time::Duration = std::time::Duration::from_millis(500);

impl From<ProfilesError> for Status {
    fn from(error: ProfilesError) -> Self {
        let text = error.to_string();
        match error {
            ProfilesError::Refused { refusal, replayed: false } => refused(&refusal),
            ProfilesError::Refused { refusal, replayed: true } => rt::replayed_status(refused(&refusal)),
            ProfilesError::RequestIdReused { request_id } => {
                refuse(Code::AlreadyExists, Common::RequestIdReused, text).with("request_id", request_id).into()
            }
            ProfilesError::TenantUnknown { tenant_id } => {
                refuse(Code::NotFound, Common::TenantNotFound, text).with("tenant_id", tenant_id).into()
            }
            ProfilesError::TenantSuspended { tenant_id } => {
                refuse(Code::FailedPrecondition, Common::TenantSuspended, text).with("tenant_id", tenant_id).into()
            }
            ProfilesError::WrongCurrency { currency } => {
                violation("event", &format!("amounts must be in {currency}")) // intake names the fields instead
            }
            ProfilesError::PageToken(source) => {
                refuse(Code::InvalidArgument, Common::PageTokenInvalid, source.to_string()).into()
            }
            ProfilesError::NotReached(NotReached::Late(position)) => {
                refuse(Code::Unavailable, Common::PositionNotReached, text)
                    .with("source", position.source)
                    .with("partition", position.partition)
                    .with("seq", position.seq)
                    .retry_after(NOT_REACHED_RETRY)
                    .into()
            }
            ProfilesError::NotReached(NotReached::Store(source)) => from_store(source),
            ProfilesError::Raced => refuse(Code::Aborted, Common::Conflict, text).into(),
            ProfilesError::Store(source) => from_store(source),
        }
    }
}

fn violation(field: &str, description: &str) -> Status {
    let mut violations = Violations::new();
    violations.add(field, description);
    violations.into()
}

fn refused(refusal: &Refusal) -> Status {
    let precondition = |reason: Reason| refuse(Code::FailedPrecondition, reason, refusal.to_string());
    let not_found = |reason: Reason| refuse(Code::NotFound, reason, refusal.to_string());
    match refusal {
        Refusal::ProfileNotFound { user_id } => not_found(Reason::ProfileNotFound).with("user_id", user_id),
        Refusal::AliasTaken { alias } => precondition(Reason::AliasTaken).with("alias", alias),
        Refusal::EtagMismatch { etag } => {
            refuse(Code::FailedPrecondition, Common::EtagMismatch, refusal.to_string()).with("etag", etag)
        }
        Refusal::AttributesTooMany { max } => {
            return violation("profile.attributes", &format!("must be at most {max}, those there included"));
        }
        Refusal::OrderNotFound { order_id } => not_found(Reason::OrderNotFound).with("order_id", order_id),
        Refusal::OrderDiffers { order_id } => precondition(Reason::OrderDiffers).with("order_id", order_id),
        Refusal::OrderState { order_id, state } => {
            precondition(Reason::OrderState).with("order_id", order_id).with("state", state.as_str())
        }
        Refusal::RefundExceedsPaid { order_id, refund_id, refundable_minor, part } => {
            let refusal = precondition(Reason::RefundExceedsPaid)
                .with("order_id", order_id)
                .with("refund_id", refund_id)
                .with("refundable_minor", refundable_minor);
            match part {
                Some(part) => refusal.with("part", part),
                None => refusal,
            }
        }
        Refusal::RefundDiffers { refund_id } => precondition(Reason::RefundDiffers).with("refund_id", refund_id),
        Refusal::TenantExists { tenant_id } => {
            refuse(Code::AlreadyExists, Admin::TenantExists, refusal.to_string()).with("tenant_id", tenant_id)
        }
        Refusal::TenantNotFound { tenant_id } => {
            refuse(Code::NotFound, Admin::TenantNotFound, refusal.to_string()).with("tenant_id", tenant_id)
        }
    }
    .into()
}
