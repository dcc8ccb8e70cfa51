//! Errors.

use eventlog::NotReached;
use page::BadToken;
use pg::{MaybeConflict, StoreError};

use crate::domain::refusal::Refusal;

/// Why a call of profiles failed.
#[derive(Debug, thiserror::Error)]
pub enum ProfilesError {
    /// What is stored does not allow it.
    #[error("the call was refused")]
    Refused {
        /// Why.
        #[source]
        refusal: Refusal,
        /// True: decided when the request id was first used.
        replayed: bool,
    },
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
    /// An amount of a report is not in the tenant's currency.
    #[error("an amount is not in the tenant's currency")]
    WrongCurrency {
        /// The tenant's.
        currency: String,
    },
    /// A list's token does not belong to it.
    #[error("the page token does not belong to this list")]
    PageToken(#[from] BadToken),
    /// A read asked for more than the service has applied.
    #[error("the service has not come as far as asked")]
    NotReached(#[from] NotReached),
    /// Another transaction changed whom an id means, between two looks.
    #[error("lost against a concurrent transaction")]
    Raced,
    /// The store failed.
    #[error("the profiles store failed")]
    Store(#[from] StoreError),
}

impl From<Refusal> for ProfilesError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { refusal, replayed: false }
    }
}

impl MaybeConflict for ProfilesError {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Raced => true,
            Self::Store(error) => error.is_conflict(),
            Self::Refused { .. }
            | Self::RequestIdReused { .. }
            | Self::TenantUnknown { .. }
            | Self::TenantSuspended { .. }
            | Self::WrongCurrency { .. }
            | Self::PageToken(_)
            | Self::NotReached(_) => false,
        }
    }
}
