//! Refusals as callers see them: `google.rpc.Status` with exactly one `ErrorInfo`, a sentence in Chinese and in English,
//! and, where they help, `RetryInfo` or `BadRequest`.
//!
//! Everything that a status carries travels in HTTP/2 trailers, which common clients bound at 8 KiB; so texts, metadata and
//! the list of violations are cut to fit (see [`limits`]).

mod details;
mod fault;
pub mod limits;
mod reason;
mod refusal;
mod violations;

pub use details::{from_rpc, metadata_of, reason_of, to_rpc, violations_of};
pub use fault::{from_store, internal};
pub use reason::{Reason, label};
pub use refusal::{Refusal, refuse};
pub use violations::{Violation, Violations};

/// The domain of every `ErrorInfo` of the suite.
pub const DOMAIN: &str = "banyan";
