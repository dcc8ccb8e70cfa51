//! Why writes are refused.

use serde::{Deserialize, Serialize};

use super::order::State;

/// Why a write was refused after looking at what is stored. Recorded with the request, so that a late duplicate gets the
/// same answer: the names are stored and never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The tenant is no sandbox.
    #[error("only a sandbox has a manual clock")]
    TenantNotSandbox {
        /// The tenant.
        tenant_id: String,
    },
    /// No user has the id.
    #[error("no user has this id")]
    ProfileNotFound {
        /// As it was sent.
        user_id: String,
    },
    /// The id is a user's own or another user's alias.
    #[error("the id is a user's own or another user's alias")]
    AliasTaken {
        /// The id.
        alias: String,
    },
    /// The resource has changed since it was read.
    #[error("the resource has changed since the etag was read")]
    EtagMismatch {
        /// What it is now.
        etag: String,
    },
    /// The attributes there and those sent are too many together.
    #[error("the user would have more attributes than allowed")]
    AttributesTooMany {
        /// The most.
        max: usize,
    },
    /// The user has no such order.
    #[error("the user has no such order")]
    OrderNotFound {
        /// The order.
        order_id: String,
    },
    /// The order was first reported with other amounts.
    #[error("the order was first reported with other amounts")]
    OrderDiffers {
        /// The order.
        order_id: String,
    },
    /// The report would move the order backwards.
    #[error("the order's state does not allow it")]
    OrderState {
        /// The order.
        order_id: String,
        /// Where it stands.
        state: State,
    },
    /// More than was paid would be given back, for the order or for one line or the freight.
    #[error("the refund exceeds what was paid and not yet given back")]
    RefundExceedsPaid {
        /// The order.
        order_id: String,
        /// The refund.
        refund_id: String,
        /// What remains to be given back.
        refundable_minor: i64,
        /// The part that is exceeded: a line's id or `freight`; absent for the whole order.
        part: Option<String>,
    },
    /// The refund was first reported with another amount.
    #[error("the refund was first reported with another amount")]
    RefundDiffers {
        /// The refund.
        refund_id: String,
    },
    /// The tenant id is taken.
    #[error("a tenant with this id exists")]
    TenantExists {
        /// The tenant.
        tenant_id: String,
    },
    /// No tenant has the id.
    #[error("there is no such tenant")]
    TenantNotFound {
        /// The tenant.
        tenant_id: String,
    },
    /// Another request's version of the programme is under way.
    #[error("another version of the programme is being applied")]
    ProgrammeApplying {
        /// The version.
        version: i32,
    },
    /// There is no such version of the programme, or it never came into force.
    #[error("the programme has no such version that was applied")]
    ProgrammeVersionNotFound {
        /// As it was asked for; 0: the newest.
        version: i32,
    },
    /// A service refused a part of the programme.
    #[error("a part of the programme was refused by the service that owns it")]
    ProgrammeRefused {
        /// The version that failed by it.
        version: i32,
        /// The part.
        definition: String,
        /// The service's reason.
        cause: String,
    },
    /// The version was left unfinished and another took its place.
    #[error("the version was left unfinished and another took its place")]
    ProgrammeSuperseded {
        /// The version that failed by it.
        version: i32,
    },
    /// There is no such preset.
    #[error("there is no such preset")]
    PresetNotFound {
        /// As it was asked for.
        preset_id: String,
    },
}
