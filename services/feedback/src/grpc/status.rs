//! Refusals as callers see them.

use proto::feedback::v1::ErrorReason as Reason;
use service::Refuse;
use time::format_description::well_known::Rfc3339;
use tonic::{Code, Status};

use crate::domain::refusal::Refusal;

impl Refuse for Refusal {
    fn status(&self) -> Status {
        refused(self)
    }
}

fn refused(refusal: &Refusal) -> Status {
    let message = refusal.to_string();
    match refusal {
        Refusal::CaseExists { case_id } => {
            status::refuse(Code::AlreadyExists, Reason::CaseExists, message).with("case_id", case_id)
        }
        Refusal::CaseNotFound { case_id } => {
            status::refuse(Code::NotFound, Reason::CaseNotFound, message).with("case_id", case_id)
        }
        Refusal::CaseTypeNotFound { case_type_id } => {
            status::refuse(Code::NotFound, Reason::CaseTypeNotFound, message).with("case_type_id", case_type_id)
        }
        Refusal::CaseState { case_id, state } => status::refuse(Code::FailedPrecondition, Reason::CaseState, message)
            .with("case_id", case_id)
            .with("state", state),
        Refusal::ReopenWindowOver { case_id, until } => {
            status::refuse(Code::FailedPrecondition, Reason::ReopenWindowOver, message)
                .with("case_id", case_id)
                .with("until", until.format(&Rfc3339).unwrap_or_default())
        }
        Refusal::CaseRated { case_id, attempt } => status::refuse(Code::AlreadyExists, Reason::CaseRated, message)
            .with("case_id", case_id)
            .with("attempt", attempt),
        Refusal::PromisePast => status::refuse(Code::FailedPrecondition, Reason::PromisePast, message),
        Refusal::SlaPolicyNotFound => status::refuse(Code::NotFound, Reason::SlaPolicyNotFound, message),
    }
    .into()
}
