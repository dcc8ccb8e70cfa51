//! Why calls fail.

use crate::domain::refusal::Refusal;

/// Why a call of levels failed.
pub type LevelsError = service::Failure<Refusal>;
