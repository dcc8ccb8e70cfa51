//! Why calls fail.

use crate::domain::refusal::Refusal;

/// Why a call of profiles failed.
pub type ProfilesError = service::Failure<Refusal>;
