//! Why calls are refused.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Why a call was refused after looking at what is stored. Recorded with the request of a write, so that a late duplicate
/// gets the same answer: the names are stored and never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The user has a case with this id.
    #[error("a case with this id exists")]
    CaseExists {
        /// The case.
        case_id: String,
    },
    /// The user has no such case.
    #[error("there is no such case")]
    CaseNotFound {
        /// The case.
        case_id: String,
    },
    /// The tenant has no such case type.
    #[error("there is no such case type")]
    CaseTypeNotFound {
        /// The type.
        case_type_id: String,
    },
    /// It can't be done in the case's state.
    #[error("the case is in another state")]
    CaseState {
        /// The case.
        case_id: String,
        /// Its state, such as `resolved`.
        state: String,
    },
    /// The time for it is over.
    #[error("the case can no longer be reopened")]
    ReopenWindowOver {
        /// The case.
        case_id: String,
        /// Until when it could be.
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
    },
    /// The user has rated this resolution.
    #[error("this resolution has been rated")]
    CaseRated {
        /// The case.
        case_id: String,
        /// The attempt that it ended.
        attempt: i32,
    },
    /// The promised time has passed already.
    #[error("the promised time is not in the future")]
    PromisePast,
    /// The tenant has published none.
    #[error("there is no SLA policy")]
    SlaPolicyNotFound,
}
