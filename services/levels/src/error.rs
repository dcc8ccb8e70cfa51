//! Why calls fail.

use eventlog::{NotReached, TooManyHops};
use page::BadToken;
use pg::{MaybeConflict, StoreError};

use crate::domain::refusal::Refusal;

/// Why a call of levels failed.
#[derive(Debug, thiserror::Error)]
pub enum LevelsError {
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
    /// A list's token does not belong to it.
    #[error("the page token does not belong to this list")]
    PageToken(#[from] BadToken),
    /// A read asked for more than the service has applied.
    #[error("the service has not come as far as asked")]
    NotReached(#[from] NotReached),
    /// Rules set each other off.
    #[error("the chain of causes is too long")]
    TooManyHops(#[from] TooManyHops),
    /// The store failed.
    #[error("the levels store failed")]
    Store(#[from] StoreError),
}

impl From<Refusal> for LevelsError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { refusal, replayed: false }
    }
}

impl MaybeConflict for LevelsError {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Store(error) => error.is_conflict(),
            Self::Refused { .. }
            | Self::RequestIdReused { .. }
            | Self::PageToken(_)
            | Self::NotReached(_)
            | Self::TooManyHops(_) => false,
        }
    }
}
