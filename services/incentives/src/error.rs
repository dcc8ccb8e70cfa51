//! Why calls fail.

use crate::domain::refusal::Refusal;

/// Why a call of incentives failed.
pub type IncentivesError = service::Failure<Refusal>;
