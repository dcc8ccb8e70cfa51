//! Kinds of problem that a product expects.

use ids::Key;
use time::OffsetDateTime;

use super::triage::{Impact, Urgency};
use units::text::LocalizedText;

/// A kind of problem, and how a case of it is handled unless something else is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseType {
    /// Its id.
    pub id: Key,
    /// The product that it belongs to; empty: all products.
    pub product: String,
    /// What users call it.
    pub display_name: LocalizedText,
    /// Who handles it; may be empty.
    pub department: String,
    /// How much time matters; `None`: not said.
    pub urgency: Option<Urgency>,
    /// How much is in it for the user; `None`: not said.
    pub impact: Option<Impact>,
    /// Working minutes to the first answer, in place of the quadrant's; 0: the quadrant's.
    pub answer_within_minutes: i32,
    /// 1, then one more with each publishing.
    pub version: i32,
    /// When this version was published.
    pub publish_time: OffsetDateTime,
}
