use std::time::Duration;

use eventlog::{NotReached, TooManyHops};
use lanes::Unserved;
use pg::{MaybeConflict, StoreError};
use proto::common::v1::ErrorReason;
use serde::Serialize;
use serde::de::DeserializeOwned;
use status::Violations;
use tonic::{Code, Status};

/// When a read that was too early is worth repeating.
const NOT_REACHED_RETRY: Duration = Duration::from_millis(200);
/// When a call that found too many others waiting is worth repeating.
const OVERLOADED_RETRY: Duration = Duration::from_millis(500);

/// A service's reasons to refuse a call after looking at what is stored. Recorded with the request of a write, so that a
/// late duplicate gets the same answer: their serialised names are stored and never change.
pub trait Refuse: std::error::Error + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// As the caller sees it.
    fn status(&self) -> Status;
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure<R: std::error::Error + 'static> {
    /// What is stored does not allow it.
    #[error("the call was refused")]
    Refused {
        /// Why.
        #[source]
        refusal: R,
        /// True: decided when the request id was first used.
        replayed: bool,
    },
    /// Fields that are wrong in the light of what is stored; not recorded, so that the call can be corrected.
    #[error("some fields of the request are not valid")]
    Invalid(Violations),
    /// The id was already used for a call with another body.
    #[error("the request id was already used for a different call")]
    RequestIdReused {
        /// The id.
        request_id: String,
    },
    /// The caller's tenant is not registered.
    #[error("the tenant is not registered")]
    TenantUnknown {
        /// The tenant.
        tenant_id: String,
    },
    /// The caller's tenant is suspended.
    #[error("the tenant is suspended")]
    TenantSuspended {
        /// The tenant.
        tenant_id: String,
    },
    /// A read asked for more than the service has applied.
    #[error("the service has not come as far as asked")]
    NotReached(#[from] NotReached),
    /// Rules set each other off.
    #[error("the chain of causes is too long")]
    TooManyHops(#[from] TooManyHops),
    /// Another transaction changed, between two looks, what an id means.
    #[error("lost against a concurrent transaction")]
    Raced,
    /// Another service that the call needs did not do its part; its own reason is passed on.
    #[error("another service refused its part of the call")]
    Peer(Box<Status>),
    /// It was not begun, or what was doing it broke off.
    #[error("the call was not served")]
    Unserved(#[from] Unserved),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl<R: std::error::Error + 'static> Failure<R> {
    /// Whether it says nothing about the call, which was merely there: the store does not answer.
    pub fn is_common(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unavailable(_)))
    }
}

impl<R: std::error::Error + 'static> From<R> for Failure<R>
where
    R: Refuse,
{
    fn from(refusal: R) -> Self {
        Self::Refused { refusal, replayed: false }
    }
}

impl<R: std::error::Error + 'static> MaybeConflict for Failure<R> {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Raced => true,
            Self::Store(error) => error.is_conflict(),
            Self::Refused { .. }
            | Self::Invalid(_)
            | Self::RequestIdReused { .. }
            | Self::TenantUnknown { .. }
            | Self::TenantSuspended { .. }
            | Self::NotReached(_)
            | Self::TooManyHops(_)
            | Self::Unserved(_)
            | Self::Peer(_) => false,
        }
    }
}

/// The one place where failures become statuses; without a wildcard, so that a new one has a code before it compiles.
impl<R: Refuse> From<Failure<R>> for Status {
    fn from(failure: Failure<R>) -> Self {
        let message = failure.to_string();
        let refuse = |code, reason: ErrorReason| status::refuse(code, reason, message.clone());
        match failure {
            Failure::Refused { refusal, replayed: false } => refusal.status(),
            Failure::Refused { refusal, replayed: true } => rt::replayed_status(refusal.status()),
            Failure::Invalid(violations) => violations.into(),
            Failure::RequestIdReused { request_id } => {
                refuse(Code::AlreadyExists, ErrorReason::RequestIdReused).with("request_id", request_id).into()
            }
            Failure::TenantUnknown { tenant_id } => {
                refuse(Code::NotFound, ErrorReason::TenantNotFound).with("tenant_id", tenant_id).into()
            }
            Failure::TenantSuspended { tenant_id } => {
                refuse(Code::FailedPrecondition, ErrorReason::TenantSuspended).with("tenant_id", tenant_id).into()
            }
            Failure::NotReached(NotReached::Late(position)) => {
                refuse(Code::Unavailable, ErrorReason::PositionNotReached)
                    .with("source", &position.source)
                    .with("partition", position.partition)
                    .with("seq", position.seq)
                    .retry_after(NOT_REACHED_RETRY)
                    .into()
            }
            Failure::NotReached(NotReached::Store(source)) | Failure::Store(source) => status::from_store(source),
            Failure::TooManyHops(source) => status::internal(&source),
            Failure::Unserved(Unserved::Full) => {
                refuse(Code::ResourceExhausted, ErrorReason::Overloaded).retry_after(OVERLOADED_RETRY).into()
            }
            Failure::Unserved(Unserved::Late) => Status::deadline_exceeded(message),
            Failure::Unserved(Unserved::Unreached) => {
                refuse(Code::Unavailable, ErrorReason::StoreUnavailable).retry_after(OVERLOADED_RETRY).into()
            }
            Failure::Unserved(source @ Unserved::Broken) => status::internal(&source),
            Failure::Raced => refuse(Code::Aborted, ErrorReason::Conflict).into(),
            Failure::Peer(status) => *status,
        }
    }
}
