//! Refusals as callers see them.

use proto::admin::v1::ErrorReason as Admin;
use proto::common::v1::ErrorReason as Common;
use proto::profiles::v1::ErrorReason as Reason;
use service::Refuse;
use status::{Violations, refuse};
use tonic::{Code, Status};

use crate::domain::refusal::Refusal;

impl Refuse for Refusal {
    fn status(&self) -> Status {
        refused(self)
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
        Refusal::ProgrammeApplying { version } => precondition(Reason::ProgrammeApplying).with("version", version),
        Refusal::ProgrammeVersionNotFound { version } => {
            not_found(Reason::ProgrammeVersionNotFound).with("version", version)
        }
        Refusal::ProgrammeRefused { version, definition, cause } => precondition(Reason::ProgrammeRefused)
            .with("version", version)
            .with("definition", definition)
            .with("cause", cause),
        Refusal::ProgrammeSuperseded { version } => precondition(Reason::ProgrammeSuperseded).with("version", version),
        Refusal::PresetNotFound { preset_id } => not_found(Reason::PresetNotFound).with("preset_id", preset_id),
        Refusal::TenantExists { tenant_id } => {
            refuse(Code::AlreadyExists, Admin::TenantExists, refusal.to_string()).with("tenant_id", tenant_id)
        }
        Refusal::TenantNotSandbox { tenant_id } => {
            refuse(Code::FailedPrecondition, Admin::TenantNotSandbox, refusal.to_string()).with("tenant_id", tenant_id)
        }
        Refusal::TenantNotFound { tenant_id } => {
            refuse(Code::NotFound, Admin::TenantNotFound, refusal.to_string()).with("tenant_id", tenant_id)
        }
    }
    .into()
}
