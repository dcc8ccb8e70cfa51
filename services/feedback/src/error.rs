//! Why calls fail.

use crate::domain::refusal::Refusal;

/// Why a call of feedback failed.
pub type FeedbackError = service::Failure<Refusal>;
